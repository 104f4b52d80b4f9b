"""How allauth's pages reach our actions, settings and mails."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.forms import BaseForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts import actions
from portal.accounts.invited import invited_address
from portal.accounts.last_use import note_failure
from portal.accounts.middleware import client_address
from portal.accounts.models import Namespace, User
from portal.accounts.names import validate_namespace
from portal.kit import redis

_MISMATCH = _("The username or e-mail address and the password do not belong together.")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up goes through `actions.create_user`; links in mails lead to the public address."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account is switched off."),
        "duplicate_email": _("This address belongs to your account already."),
        "email_password_mismatch": _MISMATCH,
        "email_taken": _("There is an account with this e-mail address already."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("This is not your password."),
        "max_email_addresses": _("You cannot have more than %d addresses."),
        "rate_limited": _("Too many requests. Please wait a little and try again."),
        "too_many_login_attempts": _("Too many failed attempts. Please wait five minutes and try again."),
        "username_password_mismatch": _MISMATCH,
    }

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth itself counts how often; this is for the record."""
        login = str(credentials.get("username") or credentials.get("email") or "")
        redis.run(lambda pipeline: note_failure(pipeline, login, client_address(request)))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.SIGNUP == "invite":
            return bool(invited_address(request))
        return str(settings.SIGNUP) == "open"

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Asked of a new account's address: one that an invitation was mailed to needs no other mail."""
        return email.lower() == invited_address(request)

    def clean_username(self, username: str, shallow: bool = False) -> str:  # noqa: FBT001, FBT002 - allauth's signature
        """One query: organizations and held names count as taken, too."""
        validate_namespace(username)
        if not shallow and Namespace.objects.filter(name__iexact=username).exists():
            raise ValidationError(_("“%(name)s” is taken. Choose another name."), params={"name": username})
        return username

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        """Raises Conflict when the name was taken since the form looked."""
        data = form.cleaned_data
        return actions.create_user(
            username=data["username"], email=data.get("email", ""), password=data.get("password1") or None
        )

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        path = reverse("account_confirm_email", args=[emailconfirmation.key])
        return f"{settings.PUBLIC_URL}{path}"

    def get_reset_password_from_key_url(self, key: str) -> str:
        # `key` is "<user>-<token>"; the URL has a parameter for each.
        user, _dash, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": token})
        return f"{settings.PUBLIC_URL}{path}"

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """A mail is a folder of three files: subject.txt, body.txt and body.html."""
        values = {**context, "public_url": settings.PUBLIC_URL}
        subject = " ".join(render_to_string(f"{template_prefix}/subject.txt", values).split())
        text = render_to_string(f"{template_prefix}/body.txt", values).strip() + "\n"
        mail = EmailMultiAlternatives(
            subject, text, settings.DEFAULT_FROM_EMAIL, [email] if isinstance(email, str) else email, headers=headers
        )
        mail.attach_alternative(render_to_string(f"{template_prefix}/body.html", values), "text/html")
        return mail

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        self.render_mail(template_prefix, email, {"email": email, **context}).send()
