"""What the token service writes: refresh tokens, and nothing else."""

from django.db import transaction

from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.credentials import password_stamp
from portal.accounts.models import RefreshToken, User
from portal.events.record import record
from portal.kit import secrets

PER_USER = 100
"""Refresh tokens that one person keeps. A further one takes the place of the oldest: clients forget theirs."""


def create_refresh_token(*, actor: Actor, password: str, service: str, client_id: str) -> str:
    """The secret of a new refresh token for an actor who has just proved who they are; stored as a hash only.

    `password` is the stored hash. Bound to the access token that was used, or else to the password.
    """
    if actor.user_id is None:
        raise TypeError("A refresh token stands for a person.")
    by_access_token = actor.credential.kind is CredentialKind.ACCESS_TOKEN
    secret = secrets.new_token(RefreshToken.PREFIX)
    with transaction.atomic():
        RefreshToken.objects.create(
            user_id=actor.user_id,
            access_token_id=actor.credential.id if by_access_token else None,
            password_stamp="" if by_access_token else password_stamp(User(password=password)),
            service=service,
            client_id=client_id[:100],
            hash=secrets.hash_token(secret),
        )
        mine = RefreshToken.objects.filter(user_id=actor.user_id).order_by("-id")
        RefreshToken.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[PER_USER : 2 * PER_USER])).delete()
        record("user.refresh_token.create", actor=actor, namespace=actor.name, target=client_id[:100])
    return secret
