"""What a webhook would send next, while it is being set up. Nothing is saved, and nothing is sent."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.accounts.http import PortalRequest
from portal.kit.errors import Text
from repositories.webhooks import catalog, formats, previews
from repositories.webhooks.access import Place, fetch_place
from repositories.webhooks.forms import WebhookForm
from repositories.webhooks.models import Webhook
from repositories.webhooks.shown import pretty


@dataclass(frozen=True, slots=True)
class ShownPreview:
    events: list[tuple[str, Text, bool]]
    """To choose from: name, label, whether it is the one that is shown."""
    body: str = ""
    content_type: str = ""
    is_example: bool = False
    problem: str = ""


@never_cache
@require_POST
@sensitive_post_parameters()
def preview(request: PortalRequest, namespace: str, name: str = "") -> HttpResponse:
    """The part of the form's page that htmx swaps, while somebody types."""
    place = fetch_place(request.actor, namespace, name)
    form = WebhookForm(request.POST, place=place)
    context = {"preview": shown_preview(form.typed(), place, request.POST.get("preview_event", "")), "place": place}
    return render(request, "webhooks/form_preview.html", context)


def shown_preview(typed: dict[str, Any], place: Place, event: str = "") -> ShownPreview:
    """Of a form as it was typed, whatever is wrong with it. Costs what `previews.preview` costs."""
    known = catalog.by_name()
    hook = Webhook(format=typed.get("format") or Webhook.Format.DOCKERHUB, template=typed.get("template") or "")
    hook.repository_pattern = typed.get("repository_pattern") or "*"
    hook.tag_patterns = [line.strip() for line in (typed.get("tag_patterns") or "").splitlines() if line.strip()]
    told = formats.events_of(hook.format)
    hook.events = [name for name in typed.get("events") or () if name in known and (told is None or name in told)]
    shown = event if event in hook.events else next(iter(hook.events), "")
    offered = [(name, known[name].label, name == shown) for name in hook.events]
    if hook.format not in Webhook.Format.values or not shown:
        return ShownPreview(offered)
    try:
        found = previews.preview(hook, place, shown)
    except formats.NotRendered as error:
        return ShownPreview(offered, problem=str(error))
    body = pretty(found.body.decode("utf-8", "replace"))
    return ShownPreview(offered, body, found.content_type, is_example=found.is_example)
