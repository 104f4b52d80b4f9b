"""Everything that writes namespaces, users and their credentials."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import count

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import SYSTEM, Actor, CredentialKind
from portal.accounts.limits import Entry, least_level
from portal.accounts.models import (
    CreateOnPush,
    Namespace,
    PersonalAccessToken,
    PersonalAccessTokenQuerySet,
    TokenLevel,
    User,
)
from portal.accounts.names import validate_namespace
from portal.accounts.token_rules import check_expiry, valid_label
from portal.events.record import record
from portal.kit import secrets
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, Text, Unauthorized

OPERATOR = "operator"
TOKENS_PER_USER = 200


def create_user(
    *, username: str, email: str, password: str | None, is_superuser: bool = False, actor: Actor | None = None
) -> User:
    """Create a person and their namespace in one transaction. The e-mail address is not confirmed by this.

    Raises Invalid when the name breaks a rule, Conflict when it is taken, also by a sign-up at the same moment.
    """
    try:
        validate_namespace(username)
    except ValidationError as error:
        raise Invalid(error.messages[0], fields={"username": error.messages}) from error
    try:
        with transaction.atomic():
            namespace = Namespace.objects.create(name=username)
            user = User(namespace=namespace, username=username, email=email, is_superuser=is_superuser)
            user.is_staff = is_superuser
            user.set_password(password)
            user.save(force_insert=True)
            by = actor or Actor(user_id=user.pk, public_id=user.public_id, name=username)
            record("user.create", actor=by, namespace=username, target=username)
    except IntegrityError as error:
        message = _("“%(name)s” is taken. Choose another name.") % {"name": username}
        raise Conflict(message, fields={"username": [message]}) from error
    return user


def create_first_superuser(*, mail_domain: str) -> tuple[User, str] | None:
    """The operator of a fresh installation, with a random password, which is stored nowhere. None when there is a
    superuser already. The address counts as confirmed: whoever may read the start's output owns the machine.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.new_token("")
    taken = set(Namespace.objects.filter(name__startswith=OPERATOR).values_list("name", flat=True))
    username = next(name for number in count(1) if (name := f"{OPERATOR}{number if number > 1 else ''}") not in taken)
    with transaction.atomic():
        email = f"{username}@{mail_domain}"
        user = create_user(username=username, email=email, password=password, is_superuser=True, actor=SYSTEM)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user, password


def change_user(*, actor: Actor, user_id: int, is_active: bool, is_superuser: bool) -> User:
    """What an operator changes on a person. Switched off, their credentials die with the next check of each.

    Raises Forbidden for others than operators, NotFound, and Conflict when no active operator would be left.
    """
    if not actor.is_operator:
        raise Forbidden(_("Only operators may change other people's accounts."))
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFound(_("There is no such person."))
        old = {"is_active": user.is_active, "is_superuser": user.is_superuser}
        new = {"is_active": is_active, "is_superuser": is_superuser}
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user_id)
        if not (is_active and is_superuser) and not others.exists():
            raise Conflict(_("This is the last operator. Make somebody else one first."))
        if new != old:
            user.is_active, user.is_superuser, user.is_staff = is_active, is_superuser, is_superuser
            user.save(update_fields=["is_active", "is_superuser", "is_staff"])
            record("user.update", actor=actor, namespace=user.username, target=user.username, old=old, new=new)
    return user


def free_unconfirmed_names(*, now: datetime | None = None) -> int:
    """Delete people who never confirmed an address within the set time, and their names; how many.

    They could create nothing, so nothing of anybody's goes with them. Operators are kept.
    """
    confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    before = (now or timezone.now()) - settings.UNCONFIRMED_NAMES_KEPT
    stale = User.objects.filter(~Exists(confirmed), date_joined__lt=before, is_staff=False)
    freed = 0
    for user in stale.filter(namespace__repositories=None).select_related("namespace"):
        with transaction.atomic():
            record("user.expire", actor=SYSTEM, namespace=user.username, target=user.username)
            user.delete()
            user.namespace.delete()
        freed += 1
    return freed


def update_profile(*, actor: Actor, full_name: str) -> None:
    """Change what is shown beside the actor's name. Raises Unauthorized."""
    user = _self(actor)
    old, user.full_name = user.full_name, full_name.strip()
    with transaction.atomic():
        user.save(update_fields=["full_name"])
        record(
            "user.update",
            actor=actor,
            namespace=user.username,
            target=user.username,
            old={"full_name": old},
            new={"full_name": user.full_name},
        )


def change_create_on_push(*, actor: Actor, value: str) -> None:
    """What a push to a missing repository does in the actor's own namespace. Raises Invalid, Unauthorized."""
    if value not in CreateOnPush.values:
        raise Invalid.field(
            "create_on_push", _("Choose one of: %(values)s.") % {"values": ", ".join(CreateOnPush.values)}
        )
    user = _self(actor)
    old, user.namespace.create_on_push = user.namespace.create_on_push, value
    with transaction.atomic():
        user.namespace.save(update_fields=["create_on_push"])
        record(
            "namespace.update",
            actor=actor,
            namespace=user.username,
            target=user.username,
            old={"create_on_push": old},
            new={"create_on_push": value},
        )


def record_sign_in(actor: Actor) -> None:
    """With a browser, or for a bearer token of the API. A robot's stands in its organization's log. One insert."""
    record_account_event("user.login", actor)


def record_account_event(
    action: str, actor: Actor, *, old: dict[str, object] | None = None, new: dict[str, object] | None = None
) -> None:
    """Of what allauth did with the actor's own account. One insert."""
    name = actor.name.partition(":")[0]
    with transaction.atomic():
        record(action, actor=actor, namespace=name, target=actor.name, old=old, new=new)


def _self(actor: Actor) -> User:
    """The actor's own row, for changes that no credential but a session may make."""
    user_id = _person(actor, otherwise=_("Sign in to do this."))
    if actor.credential.kind is not CredentialKind.SESSION:
        raise Forbidden(_("Only a browser session may do this."))
    return User.objects.select_related("namespace").get(pk=user_id)


def _person(actor: Actor, *, otherwise: Text) -> int:
    """The key of the person who acts. Raises Forbidden for a robot, Unauthorized with the sentence for nobody."""
    if actor.robot_id is not None:
        raise Forbidden(_("Only a person does this."))
    if actor.user_id is None:
        raise Unauthorized(otherwise)
    return actor.user_id


def _owner_of_tokens(actor: Actor) -> int:
    """The user whose tokens the actor may manage. An access token may not manage tokens, its own neither."""
    user_id = _person(actor, otherwise=_("Sign in to manage access tokens."))
    if actor.credential.kind not in {CredentialKind.SESSION, CredentialKind.PASSWORD}:
        raise Forbidden(_("An access token cannot manage access tokens. Sign in with your password."))
    return user_id


def create_access_token(
    *,
    actor: Actor,
    label: str,
    level: str | None = None,
    limits: Sequence[Entry] | None = None,
    expires_at: datetime | None = None,
) -> tuple[PersonalAccessToken, str]:
    """Make an access token; the second value is its secret, which is stored nowhere.

    `limits` come from `portal.accounts.limits`; without a level they get the least that lets them through. A level that
    is lower caps them. Raises Invalid, Forbidden, Conflict when there are too many.
    """
    user_id = _owner_of_tokens(actor)
    label = valid_label(label, field="token_label")
    if level is None and limits:
        level = least_level(limits)
    if level not in TokenLevel.values:
        raise Invalid.field("scopes", _("Choose one of: %(levels)s.") % {"levels": ", ".join(TokenLevel.values)})
    check_expiry(expires_at)
    secret = secrets.new_token(PersonalAccessToken.PREFIX)
    with transaction.atomic():
        if PersonalAccessToken.objects.filter(user_id=user_id).count() >= TOKENS_PER_USER:
            raise Conflict(_("You have %(max)d access tokens. Delete one first.") % {"max": TOKENS_PER_USER})
        token = PersonalAccessToken.objects.create(
            public_id=uuid.uuid4(),
            user_id=user_id,
            label=label,
            level=level,
            limits=None if limits is None else list(limits),
            hash=secrets.hash_token(secret),
            expires_at=expires_at,
            creator_address=actor.address,
            creator_client=actor.client,
        )
        new = {"level": level, "limits": token.limits, "expires_at": expires_at}
        _record_token("user.access_token.create", actor, token, new=new)
    return token, secret


def visible_access_tokens(actor: Actor) -> PersonalAccessTokenQuerySet:
    """The actor's own access tokens, newest first. Raises Forbidden, Unauthorized."""
    return PersonalAccessToken.objects.filter(user_id=_owner_of_tokens(actor)).order_by("-id")


def fetch_access_token(actor: Actor, public_id: str | uuid.UUID) -> PersonalAccessToken:
    """One of the actor's own access tokens. One query. Raises NotFound, Forbidden, Unauthorized."""
    user_id = _owner_of_tokens(actor)
    try:
        return PersonalAccessToken.objects.get(user_id=user_id, public_id=public_id)
    except (PersonalAccessToken.DoesNotExist, ValidationError, ValueError) as error:
        raise NotFound(_("There is no such access token.")) from error


def update_access_token(
    *, actor: Actor, public_id: str | uuid.UUID, label: str | None = None, is_active: bool | None = None
) -> PersonalAccessToken:
    """Rename, or switch on or off. Raises Invalid, NotFound, Forbidden."""
    with transaction.atomic():
        token = fetch_access_token(actor, public_id)
        old = {"label": token.label, "is_active": token.is_active}
        if label is not None:
            token.label = valid_label(label, field="token_label")
        if is_active is not None:
            token.is_active = is_active
        token.save(update_fields=["label", "is_active"])
        new = {"label": token.label, "is_active": token.is_active}
        if new != old:
            _record_token("user.access_token.update", actor, token, old=old, new=new)
    return token


def delete_access_token(*, actor: Actor, public_id: str | uuid.UUID) -> None:
    """Delete a token and what was made from it. Raises NotFound, Forbidden."""
    with transaction.atomic():
        token = fetch_access_token(actor, public_id)
        _record_token("user.access_token.delete", actor, token, old={"level": token.level, "limits": token.limits})
        token.delete()


def _record_token(
    action: str,
    actor: Actor,
    token: PersonalAccessToken,
    *,
    old: dict[str, object] | None = None,
    new: dict[str, object] | None = None,
) -> None:
    record(action, actor=actor, namespace=actor.name, target=token.label, old=old, new=new)
