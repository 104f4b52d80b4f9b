"""The token service, in four steps: parse, authenticate, intersect, sign. It writes nothing but refresh tokens.

The answer to a request for rights that the actor lacks is a smaller token; only a wrong credential is an error.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext_lazy as _

from portal.accounts import credentials, last_use, tries
from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.middleware import client_address, client_name
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from portal.kit import secrets
from portal.kit.errors import Invalid, Unauthorized
from repositories import access
from repositories.access import Permission
from repositories.registry.actions import create_refresh_token
from repositories.registry.lookup import (
    Found,
    Row,
    find_by_access_token,
    find_by_login,
    find_by_organization_token,
    find_by_refresh_token,
    find_nobody,
)
from repositories.registry.scopes import Scope, parse_scopes
from repositories.registry.signing import Access, Signed, sign
from repositories.registry.verify import credential_claim

PERMISSIONS = {"pull": Permission.PULL, "push": Permission.PUSH, "delete": Permission.DELETE_IMAGES}
CREATING = frozenset(["pull", "push"])
"""What is granted on a repository that doesn't exist yet and that the push will create."""
NO_ROW = Row()
BASIC_CHALLENGE = 'Basic realm="moorage"'
FIELDS_MAX = 1_000
"""In a query or form; more scopes than SCOPES_MAX are refused by name, more fields than this without being read."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks for, and with which credential. No login and no refresh token: nobody."""

    scopes: list[Scope]
    login: str = ""
    secret: str = ""
    refresh_token: str = ""
    offline: bool = False
    client_id: str = ""
    address: str = ""
    client: str = ""

    @property
    def names(self) -> list[str]:
        return [scope.name for scope in self.scopes]


@dataclass(frozen=True, slots=True)
class Issued:
    """The signed token, what it grants, and the refresh token, if one was asked for or used."""

    signed: Signed
    granted: list[Access]
    refresh_token: str = ""


def issue(ask: Ask) -> Issued:
    """Steps two to four. One statement, and argon2 the first time that this process sees a password.

    Raises Unauthorized for a wrong credential.
    """
    found = authenticate(ask)
    granted = intersect(found, ask.scopes)
    signed = sign(found.actor.public_id, granted, credential=credential_claim(found.actor.credential))
    _note(ask, found, granted)
    return Issued(signed, granted, _refresh_token(ask, found))


# -- Parse --------------------------------------------------------------------------------------------------------


def parse(request: HttpRequest) -> Ask:
    """GET with Basic (docker) or POST with a form (containerd, and whoever has a refresh token).

    Raises Unauthorized for a credential that cannot be read, Invalid for everything else that cannot.
    """
    posted = request.method == "POST"
    form = _form(request) if posted else _query(request)
    service = settings.REGISTRY_SERVICE
    if _one(form, "service", default=service) != service:
        raise Invalid(_("This token service serves “%(service)s” only.") % {"service": service})
    login, secret, refresh_token = _credential_of_form(form) if posted else _basic(request)
    if "\0" in login:
        raise Unauthorized  # no name holds it, and PostgreSQL takes it for an error
    return Ask(
        scopes=parse_scopes(form.get("scope", ())),
        login=login,
        secret=secret,
        refresh_token=refresh_token,
        offline=posted and _one(form, "access_type") == "offline",
        client_id=_one(form, "client_id").replace("\0", ""),
        address=client_address(request),
        client=client_name(request),
    )


def parse_caller(request: HttpRequest) -> Ask:
    """Who asks for something else than a token: nobody, or by Basic. Raises Unauthorized."""
    login, secret, _refresh_token = _basic(request)
    if "\0" in login:
        raise Unauthorized
    return Ask([], login=login, secret=secret, address=client_address(request), client=client_name(request))


Form = Mapping[str, list[str]]


def _query(request: HttpRequest) -> Form:
    """As `request.GET`, at a third of its cost."""
    try:
        return parse_qs(request.META.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Invalid(_("The query cannot be read.")) from error


def _form(request: HttpRequest) -> Form:
    """No CSRF token is asked for: a form of another site knows no credential, and gets no answer to read."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Invalid(_("Send a form: application/x-www-form-urlencoded."))
    try:
        return dict(request.POST.lists())
    except (BadRequest, SuspiciousOperation, UnreadablePostError) as error:
        raise Invalid(_("The form cannot be read.")) from error


def _one(form: Form, name: str, *, default: str = "") -> str:
    """The last, as Django's forms take it."""
    return form[name][-1] if name in form else default


def _credential_of_form(form: Form) -> tuple[str, str, str]:
    """Login, secret and refresh token. Raises Invalid, upon which clients fall back to GET."""
    grant, username, refresh_token = (_one(form, name) for name in ("grant_type", "username", "refresh_token"))
    if grant not in {"password", "refresh_token"}:
        raise Invalid(_("Unknown grant type: use “password” or “refresh_token”."))
    if not (username if grant == "password" else refresh_token):
        raise Invalid(_("The form lacks the credential."))
    if grant == "refresh_token":
        return "", "", refresh_token
    return username, _one(form, "password"), ""


def _basic(request: HttpRequest) -> tuple[str, str, str]:
    """As `_credential_of_form`. The user name in the query (`account`) is not trusted: only the header is."""
    header = str(request.META.get("HTTP_AUTHORIZATION", ""))
    if not header:
        return "", "", ""
    scheme, _space, encoded = header.partition(" ")
    try:
        login, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized from error
    if scheme.lower() != "basic" or not colon or not login:
        raise Unauthorized
    return login, secret, ""


# -- Authenticate -------------------------------------------------------------------------------------------------


def authenticate(ask: Ask) -> Found:
    """Who asks, with what the database says of each name. Raises Unauthorized, always with the same sentence."""
    if ask.refresh_token:
        found = _by_refresh_token(ask)
    elif not ask.login:
        found = find_nobody(ask.names)
    elif ask.secret.startswith(PersonalAccessToken.PREFIX):
        found = find_by_access_token(ask.login, ask.secret, ask.names)
    elif ask.secret.startswith(OrganizationAccessToken.PREFIX):
        found = _by_organization_token(ask)
    else:
        found = _by_password(ask)
    if found is None:
        raise Unauthorized
    return found


def _by_organization_token(ask: Ask) -> Found | None:
    found = find_by_organization_token(ask.login, ask.secret, ask.names)
    if found is None:  # expired, switched off, rotated, deleted: its owners want to know which machine still has it
        last_use.note_failed_robot(ask.login, ask.address)
    return found


def _by_refresh_token(ask: Ask) -> Found | None:
    found = find_by_refresh_token(ask.refresh_token, settings.REGISTRY_SERVICE, ask.names)
    if found is not None and found.actor.credential.kind is CredentialKind.PASSWORD:
        stamp = credentials.password_stamp(User(password=found.password))
        return found if secrets.same(found.stamp, stamp) else None
    return found


def _by_password(ask: Ask) -> Found | None:
    found = find_by_login(ask.login, ask.names)
    if found is not None and credentials.remembers(ask.secret, found.password):
        return found
    if tries.too_many(ask.login, ask.address):
        # Not 429: docker would go on to the next endpoint and show a parse error instead of this sentence.
        raise Unauthorized(_("too many wrong passwords from your address; wait five minutes, or use an access token"))
    if found is not None and credentials.password_matches(ask.secret, found.password):
        return found
    if found is None:
        make_password(ask.secret)  # as much work as for a name that exists, so that time tells nothing
    tries.count_failure(ask.login, ask.address, ask.secret)
    return None


# -- Intersect ----------------------------------------------------------------------------------------------------


def intersect(found: Found, scopes: list[Scope]) -> list[Access]:
    """What of the scopes the actor may, by `access`. Costs no query. What comes to nothing is left out."""
    granted = []
    for scope in scopes:
        row = found.rows.get(scope.name, NO_ROW)
        actions = tuple(action for action in _known(scope.actions) if _may(found.actor, action, scope.name, row))
        if actions:
            granted.append(Access(scope.name, actions))
    return granted


def _known(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that there are, each once; `*` stands for all of them."""
    return tuple(PERMISSIONS) if "*" in actions else tuple(action for action in actions if action in PERMISSIONS)


def _may(actor: Actor, action: str, name: str, row: Row) -> bool:
    if not row.visibility:
        return action in CREATING and access.visibility_on_push_in(actor, name, row.creating) is not None
    role = access.effective_role(actor, full_role=row.full_role, full_name=name, visibility=row.visibility)
    seen = access.Seen(role, name, row.visibility, is_archived=row.is_archived)
    return role > access.Role.NONE and access.decide(actor, PERMISSIONS[action], seen).allowed


# -- After signing ------------------------------------------------------------------------------------------------


def _note(ask: Ask, found: Found, granted: list[Access]) -> None:
    """Last use and refusals, for whoever reads the record later. Nothing of it may fail the request."""
    actor = found.actor
    if actor.is_anonymous:
        return
    token_id = actor.credential.id if actor.credential.kind is CredentialKind.ACCESS_TOKEN else None
    last_use.note_use(
        access_token_id=token_id,
        organization_token_id=actor.robot_id,
        refresh_token_id=found.refresh_id,
        user_id=actor.user_id,
        address=ask.address,
        client=ask.client,
    )
    given = {entry.name: entry.actions for entry in granted}
    refused = {
        scope.name: missing
        for scope in ask.scopes
        if found.rows.get(scope.name, NO_ROW).in_namespace  # else a name that belongs to nobody who could read of it
        and (missing := tuple(a for a in scope.actions if a in PERMISSIONS and a not in given.get(scope.name, ())))
    }
    if refused:
        last_use.note_refusals(actor.seen_from(address=ask.address, client=ask.client), refused)


def _refresh_token(ask: Ask, found: Found) -> str:
    """The one that was used, or a new one for who asked by POST with `access_type=offline`; else none.

    A docker that gets one drops the password that it was given, so nobody gets one unasked. Robots never do: their
    secret is made for machines, and a rotation must end what was made with the one before.
    """
    if ask.refresh_token or not ask.offline or found.actor.user_id is None:
        return ask.refresh_token
    return create_refresh_token(
        actor=found.actor.seen_from(address=ask.address, client=ask.client),
        password=found.password,
        service=settings.REGISTRY_SERVICE,
        client_id=ask.client_id,
    )
