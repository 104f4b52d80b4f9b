"""What allauth did with an account becomes an event. Signals are its interface; our own logic has none."""

from collections.abc import Callable
from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from portal.accounts import actions
from portal.accounts.actor import Actor, Credential, CredentialKind
from portal.accounts.middleware import client_address, client_name
from portal.accounts.models import User

Receiver = Callable[..., None]


def connect() -> None:
    """Called once, when the app is ready."""
    receivers: list[tuple[Any, Receiver]] = [
        (signals.user_logged_in, _signed_in),
        (user_logged_out, _signed_out),
        (signals.password_changed, _password_changed),
        (signals.password_set, _password_changed),
        (signals.password_reset, _password_reset),
        (signals.email_added, _email_added),
        (signals.email_confirmed, _email_confirmed),
        (signals.email_removed, _email_removed),
        (signals.email_changed, _email_changed),
    ]
    for signal, receiver in receivers:
        signal.connect(receiver, dispatch_uid=f"portal.accounts.{receiver.__name__}")


def _actor(request: HttpRequest, user: User) -> Actor:
    """The person, at a browser. Only for the record: it decides nothing."""
    credential = Credential(kind=CredentialKind.SESSION)
    actor = Actor(user_id=user.pk, public_id=user.public_id, name=user.username, credential=credential)
    return actor.seen_from(address=client_address(request), client=client_name(request))


def _signed_in(*, request: HttpRequest, user: User, **_more: Any) -> None:
    actions.record_sign_in(_actor(request, user))


def _signed_out(*, request: HttpRequest, user: User | None, **_more: Any) -> None:
    if user is not None:
        actions.record_account_event("user.logout", _actor(request, user))


def _password_changed(*, request: HttpRequest, user: User, **_more: Any) -> None:
    actions.record_account_event("user.password.change", _actor(request, user))


def _password_reset(*, request: HttpRequest, user: User, **_more: Any) -> None:
    actions.record_account_event("user.password.change", _actor(request, user), new={"by": "link in a mail"})


def _email_added(*, request: HttpRequest, email_address: EmailAddress, **_more: Any) -> None:
    _record_email(request, email_address, new={"added": email_address.email})


def _email_confirmed(*, request: HttpRequest, email_address: EmailAddress, **_more: Any) -> None:
    _record_email(request, email_address, new={"confirmed": email_address.email})


def _email_removed(*, request: HttpRequest, user: User, email_address: EmailAddress, **_more: Any) -> None:
    actions.record_account_event("user.email.update", _actor(request, user), old={"removed": email_address.email})


def _email_changed(
    *,
    request: HttpRequest,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **_more: Any,
) -> None:
    old = {"primary": from_email_address.email} if from_email_address else None
    _record_email(request, to_email_address, old=old, new={"primary": to_email_address.email})


def _record_email(
    request: HttpRequest,
    email_address: EmailAddress,
    *,
    old: dict[str, object] | None = None,
    new: dict[str, object] | None = None,
) -> None:
    """Whose address it is, whoever opened the link."""
    actor = _actor(request, email_address.user)
    actions.record_account_event("user.email.update", actor, old=old, new=new)
