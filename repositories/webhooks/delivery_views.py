"""The log of a webhook, of a repository or (`name` is empty then) of a namespace; and what went over the wire."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.accounts.pages import answer, is_partial, seen, sign_in_first
from portal.kit.errors import Conflict
from portal.kit.paging import keyset
from repositories.webhooks import actions, curl, placeholders
from repositories.webhooks.access import DeliveryFilter, fetch_delivery, fetch_webhook, place_of, visible_deliveries
from repositories.webhooks.delivery_reads import (
    COUNTED,
    behind_another,
    blocker,
    count_up_to,
    held_count,
    related,
)
from repositories.webhooks.log_forms import EXACT_FORMAT, LogForm
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.pages import address, webhook_frame
from repositories.webhooks.sending import placeholder_values, recorded_headers, request_headers
from repositories.webhooks.shown import event_label, icon, phrase, pretty, shown_attempt, tone, why_failed, why_waits

PAGE_SIZE = 25
POLLED_EVERY = 3
SEARCH_POLLED_EVERY = 15
"""Seconds. Only the state has an index: a search for anything else reads row after row."""


# -- the log ----------------------------------------------------------------------------------------------------------


@require_safe
@sign_in_first
def webhook(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    """The webhook and its deliveries, newest first. Ten queries at most. htmx asks again for the deliveries alone."""
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    form = LogForm(request.GET)
    context = webhook_frame(request, row) | {"form": form}
    if form.is_valid():
        context |= _log(request, row, form.wanted())
    return answer(request, "webhooks/webhook_detail.html", "webhooks/delivery_results.html", context)


def _log(request: PortalRequest, webhook: Webhook, wanted: DeliveryFilter) -> dict[str, Any]:
    found = visible_deliveries(request.actor, webhook, wanted)
    page = keyset(found, by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    rows = [(row.pk, row.state, row.attempt_count, row.next_attempt_at) for row in page.rows]
    mark = seen(rows, [webhook.is_active, webhook.disabled_by, webhook.failing_since, webhook.not_before])
    context: dict[str, Any] = {
        "page": page,
        "seen": mark,
        "is_filtered": bool(wanted),
        "polled_every": POLLED_EVERY if wanted == DeliveryFilter(state=wanted.state) else SEARCH_POLLED_EVERY,
        "counted": COUNTED,
    }
    if is_partial(request) and request.GET.get("seen") == mark:
        return context  # it is answered with nothing
    behind, now = behind_another(page.rows), timezone.now()
    context["deliveries"] = [_shown(row, webhook, now, is_behind=row.pk in behind) for row in page.rows]
    context["count"] = count_up_to(found)
    context["held"] = held_count(webhook) if webhook.is_paused else 0
    return context


def _shown(delivery: Delivery, webhook: Webhook, now: datetime, *, is_behind: bool) -> dict[str, Any]:
    """For a row of the log. `next` says when it is sent, `note` why not sooner."""
    state, note, at = delivery.state, "", None
    if state == Delivery.State.HELD:
        note = _("until the webhook is resumed")
    elif state == Delivery.State.WAITING and is_behind:
        note = _("behind an earlier one")
    elif state == Delivery.State.WAITING:
        at = max(filter(None, [delivery.next_attempt_at, webhook.not_before]), default=None)
        at = at if at and at > now else None
        note = _("next try") if at else _("due now")
    return {
        "row": delivery,
        "event": event_label(delivery.event_type),
        "tone": tone(state),
        "icon": icon(state),
        "phrase": phrase(delivery.last_status),
        "note": note,
        "next": at,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def redeliver_many(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    """Asks, with the number, before what the filter shows is sent again; then does it. Six queries to ask."""
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    form = LogForm(request.POST if request.method == "POST" else request.GET)
    back = address(place_of(row), "webhook", row.pk)
    if not form.is_valid():
        messages.error(request, _("This filter is broken. Set it anew."))
        return redirect(back)
    if request.method == "POST":
        return _redeliver_many(request, row, form, back)
    # What arrives after somebody saw the number is not sent again.
    query = form.typed()
    context = webhook_frame(request, row) | {
        "typed": {"to": timezone.now().strftime(EXACT_FORMAT)} | query,
        "described": form.described(),
        "back_url": f"{back}?{urlencode(query)}" if query else back,
        "most": actions.REDELIVERED_AT_ONCE,
        "count": actions.count_to_repeat(row, form.wanted()),
    }
    return render(request, "webhooks/delivery_redeliver.html", context)


def _redeliver_many(request: PortalRequest, webhook: Webhook, form: LogForm, back: str) -> HttpResponse:
    try:
        count = actions.redeliver_many(actor=request.actor, webhook=webhook, wanted=form.wanted())
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect(back)
    if not count:
        messages.info(request, _("There was nothing to send again."))
    else:
        told = ngettext("%(count)d delivery is being sent again.", "%(count)d deliveries are being sent again.", count)
        messages.success(request, told % {"count": count})
    return redirect(back)


# -- one delivery -----------------------------------------------------------------------------------------------------


@require_safe
@sign_in_first
def delivery(request: PortalRequest, namespace: str, webhook_id: int, delivery_id: str, name: str = "") -> HttpResponse:
    """What was sent and every answer to it. Eight queries at most. htmx asks every 3 s until it has ended."""
    found = fetch_delivery(request.actor, namespace, name, webhook_id, delivery_id)
    attempts = list(reversed(found.attempts.all()))
    last, now, body = attempts[0] if attempts else None, timezone.now(), bytes(found.body)
    waits = why_waits(found, found.webhook, blocker(found), now)
    context = webhook_frame(request, found.webhook) | {
        "delivery": found,
        "event": event_label(found.event_type),
        "tone": tone(found.state),
        "icon": icon(found.state),
        "attempts": [shown_attempt(attempt) for attempt in attempts],
        "payload": pretty(body.decode("utf-8", "replace")),
        "size": len(body),
        "curl": _curl(found, last, body) if body else "",
        "waits": waits,
        "failure": why_failed(found, last),
        "related": [_shown(row, found.webhook, now, is_behind=False) for row in related(found)],
        "is_open": found.state in {Delivery.State.WAITING, Delivery.State.SENDING, Delivery.State.HELD},
        "seen": seen([found.state, found.attempt_count, found.next_attempt_at, waits and str(waits.text)]),
    }
    return answer(request, "webhooks/delivery_detail.html", "webhooks/delivery_state.html", context)


def _curl(delivery: Delivery, last: Attempt | None, body: bytes) -> str:
    hook = delivery.webhook
    try:
        url = hook.url
        headers = recorded_headers(delivery, request_headers(delivery, timezone.now()))
    except ValueError:  # they have to be entered again; what was sent before is recorded
        url, headers = "", {}
    is_recorded = last is not None and bool(last.request_url)
    return curl.command(
        curl.Sent(
            url=last.request_url if last and is_recorded else placeholders.shown(url, placeholder_values(delivery)),
            has_query="?" in url,
            headers=last.request_headers if last and is_recorded else headers,
            body=body,
            webhook_id=delivery.event_id,
            signs=bool(hook.encrypted_secret),
            github=hook.github_signature and bool(hook.encrypted_secret),
        )
    )


@require_POST
def redeliver(
    request: PortalRequest, namespace: str, webhook_id: int, delivery_id: str, name: str = ""
) -> HttpResponse:
    """Leads to the delivery that will be sent: a new one, or the same when it still waited."""
    found = fetch_delivery(request.actor, namespace, name, webhook_id, delivery_id)
    try:
        sent = actions.redeliver(actor=request.actor, delivery=found)
    except Conflict as error:
        messages.error(request, str(error.message))
        sent = found
    else:
        messages.success(request, _("It is being sent again."))
    return redirect(address(place_of(found.webhook), "delivery", webhook_id, sent.public_id))
