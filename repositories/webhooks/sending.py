"""One request of a delivery, and what is kept of it. No database here: nothing waits inside a transaction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.kit import http
from repositories.webhooks import placeholders, signing
from repositories.webhooks.models import Delivery
from repositories.webhooks.placeholders import MASK

DEADLINE = 10.0  # seconds for name, connection, TLS and answer together
MOST_ANSWER = 65536  # bytes of the answer that are kept
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
_OUR_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent", "x-hub-signature", "x-hub-signature-256"),
    }
)
_OUR_PREFIXES = ("webhook-", "x-moorage-")
MOST_HEADERS = 20
MOST_HEADER_CHARACTERS = 8192
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e]+")  # RFC 9110, 5.5, without what it calls obsolete
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt records. `status` is None without an answer, and `error` then says why."""

    url: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    truncated: bool = False
    error: str = ""
    duration_ms: int = 0
    timings: dict[str, int] = field(default_factory=dict)
    address: str = ""
    retry_after: str = ""
    """The header, as it came."""
    shows_back: bool = False
    """A redirect that is no failure: see `_shows_back`."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and (200 <= self.status < 300 or self.shows_back) and not self.error

    @property
    def gone(self) -> bool:
        """The receiver wants to hear no more."""
        return self.status == 410


def allowed_networks() -> tuple[http.Network, ...]:
    """Networks besides the public internet that the operator opened to webhooks. ValueError for a bad setting."""
    return _parsed(tuple(settings.WEBHOOK_NETWORKS))


@lru_cache(maxsize=4)
def _parsed(listed: tuple[str, ...]) -> tuple[http.Network, ...]:
    return http.parse_networks(listed)


@lru_cache(maxsize=4)
def _own(doors: tuple[http.Endpoint, ...], inner: tuple[http.Endpoint, ...]) -> http.Own:
    return http.Own(doors, inner)


def own() -> http.Own:
    """The portal itself, and the parts behind it: nobody makes it call itself, whichever networks are open."""
    public = urlsplit(settings.PUBLIC_URL)
    port = _port(public)
    doors = [(public.hostname or "", port)]
    doors += [(split.hostname or "", split.port or port) for split in map(_authority, settings.EXTRA_HOSTS)]
    doors += [(host, 80) for host, each in doors if each == 443]  # where the door redirects
    inner = [
        (split.hostname or "", _port(split)) for split in map(urlsplit, (settings.REGISTRY_URL, settings.REDIS_URL))
    ]
    inner += [(split.hostname or "", split.port or 0) for split in map(_authority, settings.INNER_ADDRESSES)]
    database = settings.DATABASES["default"]
    if database.get("HOST"):
        inner.append((database["HOST"], int(database.get("PORT") or 5432)))
    return _own(tuple(doors), tuple(inner))


def _authority(text: str) -> SplitResult:
    return urlsplit(f"//{text}")


def _port(split: SplitResult) -> int:
    return split.port or {"http": 80, "https": 443, "redis": 6379}.get(split.scheme, 0)


def send(delivery: Delivery) -> Outcome:
    """Send the delivery once. Takes DEADLINE seconds at most, and fails by an outcome, never by an exception."""
    described = _described(delivery)
    try:
        template = delivery.webhook.url
        headers = described | _secret_headers(delivery, timezone.now())
        shown_headers = recorded_headers(delivery, headers)
    except ValueError:
        words = _("The webhook's URL, headers or secret cannot be decrypted: enter them again.")
        return Outcome(request_headers=described, error=words)
    values = placeholder_values(delivery)
    shown = _storable(placeholders.shown(template, values))
    try:
        answer = http.send(
            "POST",
            placeholders.fill(template, values),
            body=bytes(delivery.body),
            headers=headers,
            deadline=DEADLINE,
            max_answer=MOST_ANSWER,
            allowed_networks=allowed_networks(),
            own=own(),
            ca_file=settings.WEBHOOK_CA_FILE or None,
        )
    except http.Refused as refusal:
        return Outcome(url=shown, request_headers=shown_headers, error=_storable(str(refusal))[:_LONGEST_ERROR])
    except http.Failed as failure:
        return _outcome(
            shown, shown_headers, failure.answer, failure.timing, address=failure.address, error=str(failure)
        )
    taken = _shows_back(answer, placeholders.fill(template, values))
    error = "" if taken else _redirect(answer)
    outcome = _outcome(shown, shown_headers, answer, answer.timing, address=answer.address, error=error)
    return replace(outcome, shows_back=taken)


def check_url_template(url: str) -> None:
    """A URL as people write it, with or without placeholders. Raises Refused."""
    http.check_url(placeholders.check(url), allowed_networks=allowed_networks(), own=own())


def check_headers(headers: Mapping[str, str]) -> None:
    """An owner's headers. Raises Refused, with a sentence, for one that may not be set."""
    if len(headers) > MOST_HEADERS:
        raise http.Refused(_("A webhook may have %(most)d headers of its own.") % {"most": MOST_HEADERS})
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEADER_CHARACTERS:
        raise http.Refused(_("The headers may have %(most)d characters together.") % {"most": MOST_HEADER_CHARACTERS})
    seen: set[str] = set()
    for name, value in headers.items():
        _check_header(name, value.strip())
        if name.lower() in seen:
            raise http.Refused(_("The header %(name)s is there twice.") % {"name": name})
        seen.add(name.lower())


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise http.Refused(
            _("%(name)s is no name of a header: letters, digits and - are, as in X-Api-Key.") % {"name": repr(name)}
        )
    if _is_ours(name):
        raise http.Refused(_("The header %(name)s is set by Moorage.") % {"name": name})
    if not value:
        raise http.Refused(_("The header %(name)s has no value.") % {"name": name})
    if not _VALUE.fullmatch(value):
        raise http.Refused(
            _("The value of the header %(name)s holds a character that headers cannot carry: use plain ASCII.")
            % {"name": name}
        )


def _is_ours(name: str) -> bool:
    return name.lower() in _OUR_HEADERS or name.lower().startswith(_OUR_PREFIXES)


def placeholder_values(delivery: Delivery) -> dict[str, str]:
    """What placeholders in the URL stand for."""
    return {name: str(value) for name, value in delivery.values.items()} | {"delivery": delivery.public_id}


def request_headers(delivery: Delivery, now: datetime) -> dict[str, str]:
    """All that we send by ourselves, secrets and signatures included. Raises ValueError when no key decrypts them."""
    return _described(delivery) | _secret_headers(delivery, now)


def _described(delivery: Delivery) -> dict[str, str]:
    """The same at every attempt. `Webhook-Id` is the event's: whoever gets it twice got the same thing twice."""
    return {
        "Content-Type": delivery.content_type,
        "User-Agent": f"Moorage-Webhook/{settings.VERSION}",
        "Webhook-Id": delivery.event_id,
        "X-Moorage-Delivery": delivery.public_id,
        "X-Moorage-Event": delivery.event_type,
    }


def _secret_headers(delivery: Delivery, now: datetime) -> dict[str, str]:
    """This attempt's time and signatures, and the owner's own headers, which may replace `Content-Type`."""
    hook, body = delivery.webhook, bytes(delivery.body)
    timestamp = int(now.timestamp())
    made = {"Webhook-Timestamp": str(timestamp)}
    secrets = hook.signing_secrets(now)
    if secrets:
        made["Webhook-Signature"] = signing.signature(
            secrets, webhook_id=delivery.event_id, timestamp=timestamp, body=body
        )
    if secrets and hook.github_signature:
        # It carries one signature only. Whoever rotates gives the receiver the new secret next, and what fails until
        # then is tried again; with the old one everything would fail from then on.
        made["X-Hub-Signature-256"] = signing.github_signature(secrets[0], body)
    own_headers = {name: value.strip() for name, value in hook.headers.items() if not _is_ours(name)}
    return made | _as_named(own_headers)


def _as_named(own_headers: Mapping[str, str]) -> dict[str, str]:
    """One that replaces a header of ours has our spelling of it, so that it is there once."""
    return {"Content-Type" if name.lower() == "content-type" else name: value for name, value in own_headers.items()}


def recorded_headers(delivery: Delivery, headers: Mapping[str, str]) -> dict[str, str]:
    """Without secrets. Signatures stay: no secret can be had from them, and who compares them with the receiver's own
    finds out why they differ. Raises ValueError when no key decrypts which are the owner's.
    """
    hidden = {name.lower() for name in delivery.webhook.headers} | _SECRET_HEADERS
    shown = {name: MASK if name.lower() in hidden else value for name, value in headers.items()}
    if placeholders.has_user(delivery.webhook.url) and "authorization" not in {name.lower() for name in shown}:
        shown["Authorization"] = MASK
    return shown


def _shows_back(answer: http.Answer, url: str) -> bool:
    """Whether the receiver took it, and shows a browser the way back to a page above: 302 or 303, never followed.

    Jenkins' plugin for Docker Hub answers `302 ../` to whatever it has queued a build for; trying again for a day would
    build a dozen times. A sign-in page, another host, the site's root or the same page over https is not above it.
    """
    if answer.status not in {302, 303} or not answer.location:
        return False
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, answer.location))
        above = there.path.rstrip("/")
        return bool(above) and here.hostname == there.hostname and here.path.startswith(f"{above}/")
    except ValueError:
        return False


def _redirect(answer: http.Answer) -> str:
    if answer.status // 100 == 3 and answer.location:
        return _("Redirects are not followed; this one leads to %(location)s") % {"location": answer.location}
    return ""


def _outcome(
    shown: str, headers: dict[str, str], answer: http.Answer | None, timing: http.Timing, *, address: str, error: str
) -> Outcome:
    steps = {"dns": timing.dns, "connect": timing.connect, "tls": timing.tls, "first_byte": timing.first_byte}
    return Outcome(
        url=shown,
        request_headers=headers,
        status=answer.status if answer else None,
        response_headers=_kept_headers(answer) if answer else {},
        response_body=_storable(answer.body.decode("utf-8", "replace")) if answer else "",
        truncated=answer.truncated if answer else False,
        error=_storable(error)[:_LONGEST_ERROR],
        duration_ms=timing.total,
        timings={name: took for name, took in steps.items() if took is not None},
        address=address,
        retry_after=next((value for name, value in answer.headers if name.lower() == "retry-after"), "")
        if answer
        else "",
    )


def _kept_headers(answer: http.Answer) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in answer.headers:
        shown = MASK if name.lower() in _SECRET_HEADERS else _storable(value)
        kept[_storable(name)] = f"{kept[name]}, {shown}" if name in kept else shown
    return kept


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, neither in text nor in JSON; nor a lone surrogate."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
