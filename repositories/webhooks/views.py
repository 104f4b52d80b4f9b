"""Webhooks of a repository, and of a namespace (`name` is empty then): the list, making, changing, switching."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status, is_partial, sign_in_first
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Invalid
from repositories.models import Repository
from repositories.webhooks import actions
from repositories.webhooks.access import Place, fetch_place, fetch_webhook, place_of, visible_webhooks
from repositories.webhooks.formats.shipped import Shipped, shipped
from repositories.webhooks.forms import HeaderRow, WebhookForm
from repositories.webhooks.listed import from_namespace, listed
from repositories.webhooks.models import Webhook
from repositories.webhooks.pages import address, frame, webhook_frame
from repositories.webhooks.preview_views import shown_preview


@require_safe
@sign_in_first
def webhooks(request: PortalRequest, namespace: str, name: str = "") -> HttpResponse:
    """All of them on one page (`actions.MOST_WEBHOOKS` at most). Nine queries at most."""
    place = fetch_place(request.actor, namespace, name)
    context = frame(request, place) | {"webhooks": listed(visible_webhooks(request.actor, place))}
    if isinstance(place, Repository):
        context["from_namespace"] = from_namespace(request.actor, place)
    return render(request, "webhooks/webhook_list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
@sensitive_post_parameters()
def new_webhook(request: PortalRequest, namespace: str, name: str = "") -> HttpResponse:
    """The answer to the POST is the only page that ever shows the signing secret."""
    place = fetch_place(request.actor, namespace, name)
    form = WebhookForm(request.POST or None, place=place)
    if (drawn := _drawn_again(request, form)) is not None:
        return _form_page(request, place, drawn)
    if request.method == "POST" and form.is_valid():
        try:
            webhook = actions.create_webhook(actor=request.actor, place=place, **form.choices())
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            return _secret_page(request, webhook, webhook.new_secret, is_new=True)
    return _form_page(request, place, form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
@sensitive_post_parameters()
def edit_webhook(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    place = place_of(row)
    form = WebhookForm(request.POST or None, place=place, row=row)
    if (drawn := _drawn_again(request, form)) is not None:
        return _form_page(request, place, drawn, webhook=row)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.update_webhook(actor=request.actor, webhook=row, **form.choices())
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": row.name})
            return redirect(address(place, "webhook", row.pk))
    return _form_page(request, place, form, webhook=row)


def _drawn_again(request: PortalRequest, form: WebhookForm) -> WebhookForm | None:
    """The form with a header more or less, another template, or as it was: for the buttons that save nothing."""
    data = request.POST
    if "use_template" in data:
        template = _starter(request)
        return form.started(template) if template else form.drawn_again()
    if "add_header" in data:
        return form.drawn_again(headers=[*form.header_rows(), HeaderRow()])
    if "remove_header" in data:
        rows = [row for number, row in enumerate(form.header_rows(), start=1) if str(number) != data["remove_header"]]
        return form.drawn_again(headers=rows)
    return form.drawn_again() if "preview" in data else None


def _starter(request: PortalRequest) -> Shipped | None:
    """The shipped template that is chosen to start from."""
    return next((each for each in shipped() if each.key == request.POST.get("starter")), None)


def _form_page(
    request: PortalRequest, place: Place, form: WebhookForm, *, webhook: Webhook | None = None
) -> HttpResponse:
    if is_partial(request):
        return _header_row(request, form)
    context = frame(request, place) | {"form": form, "webhook": webhook, "starters": shipped()}
    context["starter"] = _starter(request)
    typed = form.typed() if form.is_bound else dict(form.initial)
    context["preview"] = shown_preview(typed, place, request.POST.get("preview_event", ""))
    return render(request, "webhooks/webhook_form.html", context, status=form_status(form))


def _header_row(request: PortalRequest, form: WebhookForm) -> HttpResponse:
    """For htmx: the row that comes, alone, so that nothing is lost that was typed meanwhile; or nothing, for one that
    goes.
    """
    if "add_header" not in request.POST:
        return HttpResponse()
    context = {"row": HeaderRow(), "number": len(form.header_rows()), "path": request.path, "is_added": True}
    return render(request, "webhooks/form_header_row.html", context)


@sensitive_variables("secret")
def _secret_page(request: PortalRequest, webhook: Webhook, secret: str, *, is_new: bool) -> HttpResponse:
    context = webhook_frame(request, webhook) | {"secret": secret, "is_new": is_new}
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return render(request, "webhooks/webhook_secret.html", context, status=status)


@never_cache
@require_POST
@sensitive_variables("secret")
def rotate_secret(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    """The answer is the only page that ever shows the new secret."""
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    secret = actions.rotate_secret(actor=request.actor, webhook=row, keep_old=request.POST.get("old") != "drop")
    row.refresh_from_db(fields=["old_secret_until"])
    return _secret_page(request, row, secret, is_new=False)


@require_POST
def ping(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    """Leads to the delivery, whose page shows the answer as soon as it is there."""
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    try:
        delivery = actions.ping(actor=request.actor, webhook=row)
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect(address(place_of(row), "webhook", row.pk))
    return redirect(address(place_of(row), "delivery", row.pk, delivery.public_id))


@require_POST
def resume(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    try:
        count = actions.resume(actor=request.actor, webhook=row)
    except Conflict as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _resumed(row, count))
    return redirect(address(place_of(row), "webhook", row.pk))


def _resumed(webhook: Webhook, count: int) -> str:
    values: dict[str, Any] = {"name": webhook.name, "count": count}
    if not count:
        return _("“%(name)s” works again. It missed nothing.") % values
    return (
        ngettext(
            "“%(name)s” works again. The delivery that it missed is sent now.",
            "“%(name)s” works again. The %(count)d deliveries that it missed are sent now, the oldest first.",
            count,
        )
        % values
    )


@require_POST
def switch_webhook(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    is_active = request.POST.get("is_active") == "true"
    actions.update_webhook(actor=request.actor, webhook=row, is_active=is_active)
    text = _("“%(name)s” works again.") if is_active else _("“%(name)s” is switched off.")
    messages.success(request, text % {"name": row.name})
    return redirect(address(place_of(row), "webhook", row.pk))


@require_POST
def delete_webhook(request: PortalRequest, namespace: str, webhook_id: int, name: str = "") -> HttpResponse:
    row = fetch_webhook(request.actor, namespace, name, webhook_id)
    actions.delete_webhook(actor=request.actor, webhook=row)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": row.name})
    return redirect(address(place_of(row), "webhooks"))
