"""The log of a webhook, and what went over the wire at each delivery."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import Conflict
from portal.kit.paging import keyset
from repositories.pages import answer, frame, seen, sign_in_first
from repositories.webhooks import actions
from repositories.webhooks.access import fetch_delivery, fetch_webhook, visible_deliveries
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.shown import icon, phrase, pretty, shown_attempt, tone

PAGE_SIZE = 25


def _frame(request: PortalRequest, webhook: Webhook) -> dict[str, Any]:
    assert webhook.repository is not None  # noqa: S101  found below it
    return frame(request, webhook.repository, "repository_webhooks") | {"webhook": webhook}


@require_safe
@sign_in_first
def webhook(request: PortalRequest, namespace: str, name: str, webhook_id: int) -> HttpResponse:
    """The webhook and its deliveries, newest first. Five queries. htmx asks every 3 s for the deliveries alone."""
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    found = visible_deliveries(request.actor, row)
    page = keyset(found, by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = _frame(request, row)
    context |= {"page": page, "deliveries": [_shown(delivery) for delivery in page.rows]}
    context["seen"] = seen([(one.pk, one.state, one.attempt_count, one.next_attempt_at) for one in page.rows])
    return answer(request, "webhooks/webhook_detail.html", "webhooks/delivery_results.html", context)


def _shown(delivery: Delivery) -> dict[str, Any]:
    state = delivery.state
    return {"row": delivery, "tone": tone(state), "icon": icon(state), "phrase": phrase(delivery.last_status)}


def _fetch_delivery(request: PortalRequest, namespace: str, name: str, webhook_id: int, delivery_id: str) -> Delivery:
    """One address for each delivery: it is found below its own webhook only."""
    return fetch_delivery(request.actor, namespace, name, webhook_id, delivery_id)


@require_safe
@sign_in_first
def delivery(request: PortalRequest, namespace: str, name: str, webhook_id: int, delivery_id: str) -> HttpResponse:
    """What was sent and every answer to it. htmx asks every 3 s until it has ended."""
    found = _fetch_delivery(request, namespace, name, webhook_id, delivery_id)
    attempts = [shown_attempt(attempt) for attempt in reversed(found.attempts.all())]
    context = _frame(request, found.webhook)
    context |= {
        "delivery": found,
        "tone": tone(found.state),
        "icon": icon(found.state),
        "attempts": attempts,
        "payload": pretty(bytes(found.body).decode("utf-8", "replace")),
        "is_open": found.state in {Delivery.State.WAITING, Delivery.State.SENDING},
        "is_sending": found.state == Delivery.State.SENDING,
        "seen": seen([found.state, found.attempt_count, found.next_attempt_at]),
    }
    return answer(request, "webhooks/delivery_detail.html", "webhooks/delivery_state.html", context)


@require_POST
def redeliver(request: PortalRequest, namespace: str, name: str, webhook_id: int, delivery_id: str) -> HttpResponse:
    """Leads to the delivery that will be sent: a new one, or the same when it still waited."""
    found = _fetch_delivery(request, namespace, name, webhook_id, delivery_id)
    try:
        again = actions.redeliver(actor=request.actor, delivery=found)
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect("repository_delivery", namespace, name, webhook_id, found.public_id)
    messages.success(request, _("It is being sent again."))
    return redirect("repository_delivery", namespace, name, webhook_id, again.public_id)
