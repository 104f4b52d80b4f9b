"""Who may read whose audit log. Each function gives the scope with which `portal.events.reads` may be asked."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from orgs.access import OrgPermission, fetch_organization
from orgs.models import Organization
from portal.accounts.access import fetch_user
from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.models import TokenAction, TokenLevel
from portal.events import reads
from portal.events.reads import Scope
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from repositories.access import Permission, fetch_repository
from repositories.models import Repository


@dataclass(frozen=True, slots=True)
class Log:
    """An audit log that the actor may read."""

    name: str
    """Whose, in files and events: `acme`, `acme/api`, `alice`; empty for everything."""
    scope: Scope
    namespace: str = ""
    repository_id: int | None = None


def organization_log(actor: Actor, name: str) -> tuple[Organization, Log]:
    """Its owners' and its robots'. One query. Raises NotFound, Forbidden, Unauthorized."""
    organization = fetch_organization(actor, name, OrgPermission.AUDIT)
    scope = reads.of_namespace(organization.name, organization.namespace.created_at)
    return organization, Log(organization.name, scope, namespace=organization.name)


def repository_log(actor: Actor, namespace: str, name: str) -> tuple[Repository, Log]:
    """Its admins'. One query. Raises NotFound, Forbidden, Unauthorized."""
    repository = fetch_repository(actor, namespace, name, Permission.MANAGE_ACCESS)
    scope = reads.of_repository(repository.pk, repository.full_name, repository.created_at)
    log = Log(repository.full_name, scope, namespace=repository.namespace_name, repository_id=repository.pk)
    return repository, log


def own_log(actor: Actor) -> Log:
    """What the person did anywhere, and what happened in their namespace. One query.

    A personal access token needs the highest level and, if it is limited, leave to read the log of the person's name.
    Raises Unauthorized, Forbidden.
    """
    if actor.user_id is None:
        raise Unauthorized(_("Sign in to read your audit log."))
    credential = actor.credential
    is_high = credential.level in {None, TokenLevel.ADMIN}
    if not is_high or not credential.covers(actor.name, TokenAction.READ_AUDIT):
        reason = _("The access token “%(label)s” may not read the audit log.")
        raise Forbidden(reason % {"label": credential.label})
    user = fetch_user(actor.name)
    return Log(actor.name, reads.of_user(actor.public_id, actor.name, user.date_joined), namespace=actor.name)


def account_log(actor: Actor, account: str) -> Log:
    """One's own, or that of an organization. One query. Raises NotFound for all others; Forbidden, Unauthorized."""
    if actor.user_id is not None and account == actor.name:
        return own_log(actor)
    return organization_log(actor, account)[1]


def whole_log(actor: Actor) -> Log:
    """Everything that happened: the operators', in the browser only. No query. Raises NotFound, Unauthorized."""
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to see this page."))
    if not actor.is_operator or actor.credential.kind is not CredentialKind.SESSION:
        raise NotFound
    return Log("", reads.EVERYTHING)
