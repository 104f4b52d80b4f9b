"""The payload's `callback_url`: a receiver's POST to it becomes the pushed tag's build status.

Whoever has the URL may report: it is signed, and told to the webhook's receiver alone. The body is as Docker Hub had
it, whose own address has answered 404 since 2026.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.core.exceptions import TooManyFieldsSent
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.events.models import Event
from portal.kit.errors import Invalid, NotFound
from repositories.models import Repository
from repositories.webhooks import catalog
from repositories.webhooks.models import BuildStatus, Delivery

MOST_BYTES = 16_384
MOST_CONTEXTS = 20
"""Of one tag and image: whoever reports under ever new names is refused."""
FORM = "application/x-www-form-urlencoded"
_SALT = "repositories.webhooks.callback"
_LENGTHS = {"context": 100, "description": 255, "target_url": 2000}
_NOT_FOUND = _("Nothing is waiting for a report at this address.")


@dataclass(frozen=True, slots=True)
class Report:
    state: str
    context: str = ""
    description: str = ""
    target_url: str = ""


def callback_url(delivery: Delivery) -> str:
    """Whoever has it may report; empty for what is about no repository. Costs no query."""
    if not delivery.repository_name:
        return ""
    return f"{settings.PUBLIC_URL}/{delivery.repository_name}/-/webhooks/callback/{_signer().sign(delivery.public_id)}"


def fetch_reported(full_name: str, signed: str) -> Delivery:
    """The delivery whose callback_url this is, with `webhook`. One query, none for a signature that is not ours.

    Raises NotFound.
    """
    try:
        public_id = _signer().unsign(signed)
    except signing.BadSignature as error:
        raise NotFound(_NOT_FOUND) from error
    rows = Delivery.objects.filter(public_id=public_id, repository_name=full_name)
    delivery = rows.select_related("webhook").defer("body").first()
    if delivery is None or not (is_ping(delivery) or all(_told(delivery))):
        raise NotFound(_NOT_FOUND)
    return delivery


def is_ping(delivery: Delivery) -> bool:
    """Whoever tries a webhook may try its callback, too: what is reported is read, and not kept."""
    return delivery.event_type == catalog.PING


def read_report(body: bytes, content_type: str) -> Report:
    """JSON, or a form, as Docker Hub took it. Raises Invalid with a sentence for whoever debugs a receiver."""
    given = _fields(body, content_type)
    state = given.get("state")
    if not isinstance(state, str) or state.strip().lower() not in BuildStatus.State.values:
        offered = {"states": ", ".join(BuildStatus.State.values)}
        raise Invalid.field("state", _("“state” is needed, and one of: %(states)s.") % offered)
    texts = {name: _text(given, name) for name in _LENGTHS}
    if _is_relative(texts["target_url"]):
        texts["target_url"] = ""
    _check_link(texts["target_url"])
    return Report(state=state.strip().lower(), **texts)


def record_report(delivery: Delivery, report: Report) -> BuildStatus:
    """Keep what was reported of the delivery's tag and image; the same context again replaces what it said before.

    It is no event of the audit log: nobody of ours did anything, a pipeline says many times a day how it gets on, and
    nothing but the shown status changes.

    Raises NotFound when the repository is gone, Invalid for one context too many.
    """
    tag, digest = _told(delivery)
    with transaction.atomic():
        # Held, so that two reports at once are counted one after the other.
        repository = _repository(delivery).select_for_update(no_key=True, of=("self",)).first()
        if repository is None:
            raise NotFound(_NOT_FOUND)
        # A receiver that names no context is told from others by the webhook that called it.
        context = report.context or delivery.webhook.name
        same = BuildStatus.objects.filter(repository=repository, tag=tag, digest=digest)
        if same.exclude(context=context).count() >= MOST_CONTEXTS:
            raise Invalid.field("context", _("There are %(most)d contexts already.") % {"most": MOST_CONTEXTS})
        status, _created = same.update_or_create(
            repository=repository,
            tag=tag,
            digest=digest,
            context=context,
            defaults={
                "state": report.state,
                "description": report.description,
                "target_url": report.target_url,
                "webhook_name": delivery.webhook.name,
                "reported_at": timezone.now(),
            },
        )
    return status


def _repository(delivery: Delivery) -> QuerySet[Repository]:
    """The event's, not another that has got its name since."""
    return Repository.objects.filter(pk__in=Event.objects.filter(public_id=delivery.event_id).values("repository_id"))


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT, sep=".")


def _told(delivery: Delivery) -> tuple[str, str]:
    """The tag and the digest that it was about; empty for an event that has none."""
    return str(delivery.values.get("tag") or ""), str(delivery.values.get("digest") or "")


def _fields(body: bytes, content_type: str) -> Mapping[str, Any]:
    try:
        if content_type.partition(";")[0].strip().lower() == FORM:
            return QueryDict(body, encoding="utf-8").dict()
        given = json.loads(body)
    except (ValueError, RecursionError, TooManyFieldsSent, LookupError) as error:
        raise Invalid(_("This is no JSON. Send an object such as {“state”: “success”}, or a form.")) from error
    if not isinstance(given, dict):
        raise Invalid(_("Send a JSON object, such as {“state”: “success”}."))
    return given


def _text(given: Mapping[str, Any], name: str) -> str:
    """A description that is too long is cut: a receiver passes on what its build printed."""
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid.field(name, _("“%(name)s” has to be text.") % {"name": name})
    text = _storable(value).strip()
    if name == "description":
        return text[: _LENGTHS[name]]
    if len(text) > _LENGTHS[name]:
        told = {"name": name, "most": _LENGTHS[name]}
        raise Invalid.field(name, _("“%(name)s” may have %(most)d characters.") % told)
    return text


def _is_relative(url: str) -> bool:
    """A Jenkins that was not told its own address reports `job/api/17/`: that says nothing here, the state does."""
    return bool(url) and ":" not in url and not url.startswith("//")


def _check_link(url: str) -> None:
    """It is shown as a link: nothing that a browser would run."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isprintable() and " " not in url
    except ValueError:
        fits = False
    if url and not fits:
        raise Invalid.field("target_url", _("“target_url” has to be an http or https address."))


def _storable(text: str) -> str:
    """PostgreSQL takes neither a NUL nor a lone surrogate, which JSON can hold."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
