"""One request of a delivery, and what is kept of it. No database here: nothing waits inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from portal.kit import http
from repositories.webhooks.models import Delivery

DEADLINE = 10.0  # seconds for name, connection, TLS and answer together
MOST_ANSWER = 65536  # bytes of the answer that are kept
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
_OUR_HEADERS = frozenset(
    {"connection", "content-length", "host", "transfer-encoding", "upgrade", "x-hub-signature-256"}
)
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

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error

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


def send(delivery: Delivery) -> Outcome:
    """Send the delivery once. Takes DEADLINE seconds at most, and fails by an outcome, never by an exception."""
    headers = request_headers(delivery)
    try:
        url = delivery.webhook.url
    except ValueError:
        return Outcome(request_headers=headers, error=_("The webhook's URL cannot be decrypted: enter it again."))
    try:
        answer = http.send(
            "POST",
            url,
            body=bytes(delivery.body),
            headers=headers,
            deadline=DEADLINE,
            max_answer=MOST_ANSWER,
            allowed_networks=allowed_networks(),
        )
    except http.Refused as refusal:
        return Outcome(url=shown_url(url), request_headers=headers, error=str(refusal)[:_LONGEST_ERROR])
    except http.Failed as failure:
        return _outcome(url, headers, failure.answer, failure.timing, address=failure.address, error=str(failure))
    return _outcome(url, headers, answer, answer.timing, address=answer.address, error=_redirect(answer))


def check_url_template(url: str) -> None:
    """A URL as people write it. Raises Refused."""
    http.check_url(url, allowed_networks=allowed_networks())


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises Refused for one that may not be set."""
    for name in headers:
        if name.lower() in _OUR_HEADERS or name.lower().startswith(("webhook-", "x-moorage-")):
            raise http.Refused(_("The header %(name)s is set by Moorage.") % {"name": name})


def request_headers(delivery: Delivery) -> dict[str, str]:
    """The same at every attempt. `webhook-id` is the event's: whoever gets it twice got the same thing twice."""
    return {
        "Content-Type": delivery.content_type,
        "User-Agent": f"Moorage-Webhook/{settings.VERSION}",
        "Webhook-Id": delivery.event_id,
        "X-Moorage-Delivery": delivery.public_id,
        "X-Moorage-Event": delivery.event_action,
    }


def shown_url(url: str) -> str:
    """For the record: without password and query, where secrets are."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _redirect(answer: http.Answer) -> str:
    if answer.status // 100 == 3 and answer.location:
        return _("Redirects are not followed; this one leads to %(location)s") % {"location": answer.location}
    return ""


def _outcome(
    url: str, headers: dict[str, str], answer: http.Answer | None, timing: http.Timing, *, address: str, error: str
) -> Outcome:
    steps = {"dns": timing.dns, "connect": timing.connect, "tls": timing.tls, "first_byte": timing.first_byte}
    return Outcome(
        url=shown_url(url),
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
        shown = "…" if name.lower() in _SECRET_HEADERS else _storable(value)
        kept[_storable(name)] = f"{kept[name]}, {shown}" if name in kept else shown
    return kept


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, neither in text nor in JSON; nor a lone surrogate."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
