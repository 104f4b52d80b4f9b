"""The `resources` of Docker Hub's organization access tokens, from and to our limits.

`{"type": "TYPE_REPO", "path": "acme/api", "scopes": ["scope-image-pull"]}`. Hub's scopes are finer than our actions
here and there; a scope never becomes an action that allows more than it says; one without such an action is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from django.utils.translation import gettext as _

from portal.accounts import limits
from portal.accounts.models import TokenAction
from portal.kit.errors import Invalid

REPOSITORY, ORGANIZATION = "TYPE_REPO", "TYPE_ORG"
PUBLIC = "*/*/public"
"""Every public repository. Accepted, and adds nothing: those can be pulled with every credential."""


class Resource(TypedDict):
    type: str
    path: str
    scopes: list[str]


A = TokenAction
REPOSITORY_SCOPES: dict[str, frozenset[TokenAction]] = {
    "scope-image-pull": frozenset({A.PULL}),
    "scope-image-push": frozenset({A.PULL, A.PUSH}),
    "scope-image-delete": frozenset({A.PULL, A.PUSH, A.DELETE}),
    "scope-repository-read": frozenset({A.VIEW}),
    "scope-repository-edit": frozenset({A.VIEW, A.DESCRIPTION}),
    "scope-repository-admin": frozenset({A.VIEW, A.DESCRIPTION, A.MANAGE}),
    "scope-tag-read": frozenset({A.VIEW}),
    "scope-tag-admin": frozenset({A.VIEW, A.DELETE}),
    "scope-webhook-edit": frozenset({A.WEBHOOKS}),
    "scope-webhook-admin": frozenset({A.WEBHOOKS}),
}
# Given for the organization, they are about the repositories in it.
BROAD_SCOPES: dict[str, frozenset[TokenAction]] = {
    "scope-repository-list": frozenset({A.VIEW}),
    "scope-repository-create": frozenset({A.VIEW, A.CREATE}),
}
ORGANIZATION_SCOPES: dict[str, frozenset[TokenAction]] = {
    "scope-group-read": frozenset({A.READ_ORGANIZATION}),
    "scope-group-edit": frozenset({A.READ_ORGANIZATION, A.MANAGE_ORGANIZATION}),
    "scope-member-read": frozenset({A.READ_ORGANIZATION}),
    "scope-member-edit": frozenset({A.READ_ORGANIZATION, A.MANAGE_ORGANIZATION}),
    "scope-invite-read": frozenset({A.READ_ORGANIZATION}),
    "scope-invite-edit": frozenset({A.READ_ORGANIZATION, A.MANAGE_ORGANIZATION}),
    "scope-activity-read": frozenset({A.READ_AUDIT}),
    "scope-webhook-edit": frozenset({A.WEBHOOKS}),
    "scope-webhook-admin": frozenset({A.WEBHOOKS}),
}
KNOWN = REPOSITORY_SCOPES | BROAD_SCOPES | ORGANIZATION_SCOPES
# The scopes that one of our actions is shown as.
_SHOWN: dict[str, tuple[str, ...]] = {
    A.VIEW: ("scope-repository-read",),
    A.PULL: ("scope-image-pull",),
    A.PUSH: ("scope-image-push",),
    A.DELETE: ("scope-image-delete", "scope-tag-admin"),
    A.DESCRIPTION: ("scope-repository-edit",),
    A.WEBHOOKS: ("scope-webhook-admin",),
    A.MANAGE: ("scope-repository-admin",),
    A.CREATE: ("scope-repository-create",),
    A.READ_ORGANIZATION: ("scope-group-read", "scope-member-read", "scope-invite-read"),
    A.MANAGE_ORGANIZATION: ("scope-group-edit", "scope-member-edit", "scope-invite-edit"),
    A.READ_AUDIT: ("scope-activity-read",),
}
del A


def parse(resources: object) -> list[limits.Entry]:
    """Our limits for Hub's resources. An entry with `actions` in place of `scopes` is one of ours.

    Raises Invalid, which names the entry and the scope.
    """
    if not isinstance(resources, list) or not resources:
        text = _("Send a list: [{“type”: “TYPE_REPO”, “path”: “acme/api”, “scopes”: [“scope-image-pull”]}].")
        raise Invalid.field(limits.FIELD, text)
    found: list[tuple[str, frozenset[TokenAction]]] = []
    for number, resource in enumerate(resources):
        if isinstance(resource, Mapping) and "actions" in resource:
            found += _ours(resource, number)
        else:
            found += _read(resource, number)
    return limits.collect(found)


def _ours(resource: Mapping[str, Any], number: int) -> list[tuple[str, frozenset[TokenAction]]]:
    entries = limits.parse([resource], first=number)
    return [(entry["path"], frozenset(TokenAction(action) for action in entry["actions"])) for entry in entries]


def _read(resource: object, number: int) -> list[tuple[str, frozenset[TokenAction]]]:
    path = resource.get("path") if isinstance(resource, Mapping) else None
    kind = resource.get("type") if isinstance(resource, Mapping) else None
    scopes = resource.get("scopes") if isinstance(resource, Mapping) else None
    if not isinstance(path, str) or not isinstance(scopes, list) or kind not in {REPOSITORY, ORGANIZATION}:
        text = _("Give a “type” (TYPE_REPO or TYPE_ORG), a “path”, and a list of “scopes”.")
        raise limits.wrong(number, path, text)
    _check_scopes(path, scopes, number)
    if path == PUBLIC:
        return []
    reason = limits.refusal_of_path(path)
    if not reason and limits.is_organization(path) != (kind == ORGANIZATION):
        reason = _("TYPE_REPO takes “name/*” or “name/repository”, TYPE_ORG takes “name”, the organization's.")
    if reason:
        raise limits.wrong(number, path, reason)
    return _translate(path, scopes, number)


def _check_scopes(path: str, scopes: Sequence[Any], number: int) -> None:
    unknown = next((scope for scope in scopes if not isinstance(scope, str) or scope not in KNOWN), None)
    if unknown is not None:
        text = _("There is no scope “%(scope)s” here. Known are: %(known)s.")
        raise limits.wrong(number, path, text % {"scope": str(unknown)[:64], "known": ", ".join(KNOWN)})
    if not scopes:
        raise limits.wrong(number, path, _("Name at least one scope."))


def _translate(path: str, scopes: Sequence[str], number: int) -> list[tuple[str, frozenset[TokenAction]]]:
    fitting = BROAD_SCOPES | (ORGANIZATION_SCOPES if limits.is_organization(path) else REPOSITORY_SCOPES)
    found = []
    for scope in scopes:
        if scope not in fitting:
            text = _("The scope “%(scope)s” is for the other type of resource.")
            raise limits.wrong(number, path, text % {"scope": scope})
        is_broad = scope in BROAD_SCOPES and limits.is_organization(path)
        found.append((f"{path}/*" if is_broad else path, fitting[scope]))
    return found


def shown(stored: Sequence[Any] | None) -> list[Resource]:
    """Our limits in Hub's words."""
    return [
        Resource(
            type=ORGANIZATION if limits.is_organization(entry["path"]) else REPOSITORY,
            path=entry["path"],
            scopes=[scope for action in entry["actions"] for scope in _SHOWN.get(action, ())],
        )
        for entry in stored or ()
    ]
