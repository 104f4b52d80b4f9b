"""A repository's webhooks."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.http import PortalRequest
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Invalid
from repositories.access import Permission, fetch_repository
from repositories.pages import frame, sign_in_first
from repositories.webhooks import actions
from repositories.webhooks.access import fetch_webhook, visible_webhooks
from repositories.webhooks.forms import WebhookForm
from repositories.webhooks.models import Webhook


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def webhooks(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """All webhooks (`actions.MOST_WEBHOOKS` at most) and the form for another one. Four queries."""
    repository = fetch_repository(request.actor, namespace, name, Permission.WEBHOOKS)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            webhook = actions.create_webhook(actor=request.actor, place=repository, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("“%(name)s” hears of every push from now on.") % {"name": webhook.name})
            return redirect("repository_webhooks", namespace, name)
    context = frame(request, repository, "repository_webhooks")
    context |= {"webhooks": list(visible_webhooks(request.actor, repository)), "form": form}
    return render(request, "webhooks/webhook_list.html", context, status=_form_status(form))


def _form_status(form: Form) -> int:
    """422 when the form came back with errors: htmx and tests tell it from a fresh one."""
    return 422 if form.is_bound and form.errors else 200


def _frame(request: PortalRequest, webhook: Webhook) -> dict[str, Any]:
    assert webhook.repository is not None  # noqa: S101  found below it
    return frame(request, webhook.repository, "repository_webhooks") | {"webhook": webhook}


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def edit_webhook(request: PortalRequest, namespace: str, name: str, webhook_id: int) -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    form = WebhookForm(request.POST or None, initial={"name": row.name, "url": _url(row)})
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.update_webhook(actor=request.actor, webhook=row, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": row.name})
            return redirect("repository_webhook", namespace, name, row.pk)
    context = _frame(request, row) | {"form": form}
    return render(request, "webhooks/webhook_edit.html", context, status=_form_status(form))


def _url(webhook: Webhook) -> str:
    """Empty when it cannot be decrypted: it has to be entered again."""
    try:
        return webhook.url
    except ValueError:
        return ""


@require_POST
def switch_webhook(request: PortalRequest, namespace: str, name: str, webhook_id: int) -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    is_active = request.POST.get("is_active") == "true"
    actions.update_webhook(actor=request.actor, webhook=row, is_active=is_active)
    text = _("“%(name)s” works again.") if is_active else _("“%(name)s” is switched off.")
    messages.success(request, text % {"name": row.name})
    return redirect("repository_webhook", namespace, name, row.pk)


@require_POST
def delete_webhook(request: PortalRequest, namespace: str, name: str, webhook_id: int) -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    actions.delete_webhook(actor=request.actor, webhook=row)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": row.name})
    return redirect("repository_webhooks", namespace, name)
