"""Whoever came by the link of an invitation: what sign-in and sign-up may know of it. Who invites, they don't."""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Conflict

SESSION_KEY = "invited"


def remember_link(request: HttpRequest, hashed: str) -> None:
    """Keep the hash of the link's secret in the visitor's session, until they have signed up."""
    if request.session.get(SESSION_KEY) != hashed:
        request.session[SESSION_KEY] = hashed


def invited_address(request: HttpRequest | None) -> str:
    """The address that the visitor's link was sent to, if it still counts; else empty. No query without such a link.

    Having opened the link proves that they read that address's mail.
    """
    hashed = request.session.get(SESSION_KEY, "") if request is not None else ""
    return str(import_string(settings.INVITED_ADDRESS)(hashed)) if hashed else ""


def confirm_address(*, user_id: int, email: str) -> None:
    """What came by mail to the address proves it. Raises Conflict when somebody else has confirmed it."""
    try:
        with transaction.atomic():
            EmailAddress.objects.filter(user_id=user_id, email=email).update(verified=True)
    except IntegrityError as error:
        raise Conflict(_("Another account has confirmed this e-mail address.")) from error
