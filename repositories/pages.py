"""What the pages of a repository share, whatever room they are in: header, tabs, star."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from orgs.models import Organization
from portal.accounts.http import PortalRequest
from portal.accounts.models import Namespace
from portal.accounts.pages import Tab, answer, is_partial, seen, sign_in_first, words
from portal.kit.errors import Text
from repositories.access import Can, Permission, decide
from repositories.models import Repository

__all__ = ["Tab", "answer", "frame", "is_partial", "organization_of", "seen", "sign_in_first", "words"]


def organization_of(namespace: Namespace) -> Organization | None:
    """Of a namespace that was selected with its `organization`; None: it is a person's. Costs no query then."""
    organization: Organization | None = getattr(namespace, "organization", None)
    return organization


def frame(request: PortalRequest, repository: Repository, tab: str) -> dict[str, Any]:
    """The context of templates/repositories/frame.html. One query for somebody signed in, else none."""
    actor = request.actor
    starred = actor.user_id is not None and repository.stars.filter(user_id=actor.user_id).exists()
    star = decide(actor, Permission.STAR, repository)
    return {
        "repository": repository,
        "owner_organization": organization_of(repository.namespace),
        "can": Can(actor, repository),
        "tabs": _tabs(repository, Can(actor, repository), tab),
        "starred": starred,
        "star_refusal": star.reason,
        "host": request.get_host(),
    }


def _tabs(repository: Repository, can: Can, active: str) -> list[Tab]:
    names: list[tuple[str, Text, str, int | None]] = [
        ("repository", _("Overview"), "book-open", None),
        ("repository_tags", _("Tags"), "tag", repository.tag_count),
        ("repository_history", _("History"), "history", None),
        ("repository_comments", _("Comments"), "message-square", repository.comment_count),
    ]
    if can.webhooks:
        names.append(("repository_webhooks", _("Webhooks"), "webhook", None))
    if can.manage_access:
        names.append(("repository_access", _("Access"), "shield-check", None))
        names.append(("repository_audit", _("Audit log"), "scroll-text", None))
    if can.archive:  # editing is over in an archived one, and its settings bring it back
        names.append(("repository_settings", _("Settings"), "settings", None))
    args = [repository.namespace_name, repository.name]
    return [Tab(label, icon, reverse(name, args=args), name == active, count) for name, label, icon, count in names]
