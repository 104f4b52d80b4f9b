"""Who may see and settle what the registry and the database differ in: operators; of one repository its admins, too."""

from portal.accounts.actor import Actor
from portal.kit.errors import NotFound, Unauthorized
from repositories import access
from repositories.access import Permission
from repositories.models import Repository


def require_operator(actor: Actor) -> None:
    """No query. Raises Unauthorized for nobody, NotFound for everybody else who is no operator.

    As an account without limits: a token that is limited to places, or to less than everything, is no operator's.
    """
    if actor.is_system:
        return
    if actor.is_anonymous:
        raise Unauthorized
    if not actor.is_operator or actor.credential.is_token:
        raise NotFound


def require_reconcile(actor: Actor, repository: Repository) -> Repository:
    """The repository, for its admins and for operators. One query. Raises NotFound, Forbidden, Unauthorized."""
    if actor.is_operator and not actor.credential.is_token:
        return repository
    return access.require(actor, Permission.RECONCILE, repository)
