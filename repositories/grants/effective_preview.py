"""A preview of a change that is named in words, as the API's clients do."""

from collections.abc import Callable, Mapping
from typing import Any

from orgs import actions as organizations
from orgs.access import fetch_member, fetch_team
from orgs.actions.members import role_named as member_role_named
from orgs.models import BasePermission, Organization
from portal.accounts.actor import Actor
from repositories import actions as repositories
from repositories.access import Permission, fetch_repository
from repositories.access.people import Who
from repositories.grants import actions
from repositories.grants.access import fetch_collaborator, fetch_team_grant, find_person, people_of
from repositories.grants.preview import Preview, Touched, preview

Change = Callable[[], object]
NONE = "none"


def preview_of(actor: Actor, organization: Organization, change: Mapping[str, Any]) -> Preview:
    """`change` has one key: base_permission, grant, membership or visibility. Raises what the change raises."""
    ((kind, given),) = change.items()
    run, touched = _KINDS[kind](actor, organization, given)
    return preview(actor, run, touched)


def _base_permission(actor: Actor, organization: Organization, given: str) -> tuple[Change, Touched]:
    def run() -> object:
        return organizations.update_rules(
            actor=actor, organization=organization, base_permission=BasePermission[given.upper()]
        )

    return run, Touched(organization.namespace)


def _grant(actor: Actor, organization: Organization, given: Mapping[str, Any]) -> tuple[Change, Touched]:
    return (_grant_to_team if "team" in given else _grant_to_person)(actor, organization, given)


def _grant_to_team(actor: Actor, organization: Organization, given: Mapping[str, Any]) -> tuple[Change, Touched]:
    team = fetch_team(actor, organization.name, given["team"])
    pattern = given["pattern"]
    touched = Touched(organization.namespace, pattern, people_of([team]), teams=[team])

    def run() -> None:
        if given["role"] == NONE:
            actions.revoke_grant(actor=actor, grant=fetch_team_grant(team, pattern))
            return
        role = actions.role_named(given["role"])
        actions.grant_to_team(actor=actor, organization=organization, team=team, pattern=pattern, role=role)

    return run, touched


def _grant_to_person(actor: Actor, organization: Organization, given: Mapping[str, Any]) -> tuple[Change, Touched]:
    repository = fetch_repository(actor, organization.name, given["pattern"], Permission.MANAGE_ACCESS)
    person = find_person(given["user"])
    who = Who(users=[person.pk] if person else [])

    def run() -> None:
        if given["role"] == NONE:
            actions.revoke_grant(actor=actor, grant=fetch_collaborator(repository, given["user"]))
            return
        role = actions.role_named(given["role"])
        actions.grant_to_person(actor=actor, repository=repository, username=given["user"], role=role)

    return run, Touched(organization.namespace, repository.name, who)


def _membership(actor: Actor, organization: Organization, given: Mapping[str, Any]) -> tuple[Change, Touched]:
    member = fetch_member(organization, given["user"])
    username, role = member.user.username, given["role"]
    touched = Touched(organization.namespace, who=Who(users=[member.user_id]))

    def run() -> None:
        if "team" in given:
            team = fetch_team(actor, organization.name, given["team"])
            change = organizations.remove_team_member if role == NONE else organizations.add_team_member
            change(actor=actor, team=team, username=username)
        elif role == NONE:
            organizations.remove_member(actor=actor, organization=organization, username=username)
        else:
            wanted = member_role_named(role)
            organizations.change_member_role(actor=actor, organization=organization, username=username, role=wanted)

    return run, touched


def _visibility(actor: Actor, organization: Organization, given: Mapping[str, Any]) -> tuple[Change, Touched]:
    name, visibility = given["repository"], given["visibility"]
    repository = fetch_repository(actor, organization.name, name, Permission.CHANGE_VISIBILITY)

    def run() -> object:
        return repositories.change_visibility(actor=actor, repository=repository, visibility=visibility)

    return run, Touched(organization.namespace, repository.name)


_KINDS: dict[str, Callable[[Actor, Organization, Any], tuple[Change, Touched]]] = {
    "base_permission": _base_permission,
    "grant": _grant,
    "membership": _membership,
    "visibility": _visibility,
}
