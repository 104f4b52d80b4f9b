"""Sign-up, personal access tokens, and the settings that allauth has no page for."""

from typing import Any, cast
from uuid import UUID

from allauth.account import views as allauth
from allauth.account.internal.flows.email_verification import send_verification_email_for_user
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import actions
from portal.accounts.forms import CreateOnPushForm, ProfileForm
from portal.accounts.http import PortalRequest
from portal.accounts.invited import invited_address
from portal.accounts.models import User
from portal.accounts.shown import shown_token, shown_tokens
from portal.accounts.token_forms import AccessTokenForm
from portal.kit.errors import Conflict, Invalid, MoorageError

# What an action calls a field, and what the page calls it.
_TOKEN_FIELDS = {"token_label": "label", "scopes": "level", "expires_at": "expiry_date"}


def back(request: HttpRequest, *, otherwise: str) -> str:
    """Where a small form asked to return to, if that is a page of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return otherwise


def add_errors(form: Form, error: MoorageError, names: dict[str, str] | None = None) -> None:
    """Put the sentences of an action under the fields they are about, and all others above the form."""
    for name, texts in error.fields.items():
        field = (names or {}).get(name, name)
        for text in texts:
            form.add_error(field if field in form.fields else None, str(text))
    if not error.fields:
        form.add_error(None, str(error.message))


class SignupView(allauth.SignupView):  # type: ignore[misc]
    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        invited = invited_address(self.request)
        return initial | ({"email": invited} if invited else {})

    def form_valid(self, form: Form) -> HttpResponse:
        if settings.SIGNUP == "invite" and form.cleaned_data["email"].lower() != invited_address(self.request):
            # Else one invitation would be good for any number of accounts.
            form.add_error("email", _("Use the address that the invitation was sent to. You can add others later."))
            return cast(HttpResponse, self.form_invalid(form))
        try:
            return cast(HttpResponse, super().form_valid(form))
        except (Conflict, Invalid) as error:
            add_errors(form, error)
            return cast(HttpResponse, self.form_invalid(form))


@require_POST
@login_required
def resend_confirmation(request: PortalRequest) -> HttpResponse:
    """Send the link again, at most twice a minute for one address (allauth's limit)."""
    user = cast(User, request.user)
    if request.actor.confirmed:
        messages.info(request, _("Your e-mail address is confirmed already."))
    elif send_verification_email_for_user(request, user):
        messages.success(request, _("We sent a new link to %(email)s.") % {"email": user.email})
    else:
        messages.warning(
            request, _("We sent a link a moment ago. Look into your spam folder, or try again in a minute.")
        )
    return redirect(back(request, otherwise="/"))


@require_safe
@login_required
def access_tokens(request: PortalRequest) -> HttpResponse:
    """All tokens of the user on one page (`actions.TOKENS_PER_USER` at most). One query."""
    tokens = shown_tokens(actions.visible_access_tokens(request.actor), timezone.now())
    return render(request, "accounts/token_list.html", {"tokens": tokens, "section": "tokens"})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@sensitive_variables("secret")
def create_access_token(request: PortalRequest) -> HttpResponse:
    """The answer to the POST is the only page that ever shows the secret."""
    form = AccessTokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            token, secret = actions.create_access_token(
                actor=request.actor,
                label=data["label"],
                level=form.level_or_none(),
                limits=form.limits,
                expires_at=form.expires_at(),
            )
        except (Invalid, Conflict) as error:
            add_errors(form, error, _TOKEN_FIELDS)
        else:
            shown = shown_token(token, timezone.now())
            context = {"token": token, "shown": shown, "secret": secret, "section": "tokens"}
            return render(request, "accounts/token_created.html", context, status=201)
    return _form_page(request, "accounts/token_create.html", form, section="tokens")


@require_POST
@login_required
def switch_access_token(request: PortalRequest, public_id: UUID) -> HttpResponse:
    is_active = request.POST.get("is_active") == "true"
    token = actions.update_access_token(actor=request.actor, public_id=public_id, is_active=is_active)
    text = _("“%(label)s” works again.") if is_active else _("“%(label)s” is switched off.")
    messages.success(request, text % {"label": token.label})
    return redirect("access_tokens")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete_access_token(request: PortalRequest, public_id: UUID) -> HttpResponse:
    token = actions.fetch_access_token(request.actor, public_id)
    if request.method != "POST":
        shown = shown_token(token, timezone.now())
        return render(request, "accounts/token_delete.html", {"token": token, "shown": shown, "section": "tokens"})
    actions.delete_access_token(actor=request.actor, public_id=public_id)
    messages.success(request, _("“%(label)s” is deleted. What used it can no longer sign in.") % {"label": token.label})
    return redirect("access_tokens")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile_settings(request: PortalRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = ProfileForm(request.POST or None, initial={"full_name": user.full_name})
    if request.method == "POST" and form.is_valid():
        actions.update_profile(actor=request.actor, full_name=form.cleaned_data["full_name"])
        messages.success(request, _("Your profile is saved."))
        return redirect("profile_settings")
    return _form_page(request, "accounts/profile_settings.html", form, section="profile")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def namespace_settings(request: PortalRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = CreateOnPushForm(request.POST or None, initial={"create_on_push": user.namespace.create_on_push})
    if request.method == "POST" and form.is_valid():
        actions.change_create_on_push(actor=request.actor, value=form.cleaned_data["create_on_push"])
        messages.success(request, _("Your choice is saved."))
        return redirect("namespace_settings")
    return _form_page(request, "accounts/namespace_settings.html", form, section="namespace")


def _form_page(request: HttpRequest, template: str, form: Form, **context: Any) -> HttpResponse:
    """422 when the form came back with errors: htmx and tests tell it from a fresh one."""
    return render(request, template, {"form": form, **context}, status=422 if form.is_bound and form.errors else 200)
