"""Every path of the API below a repository, as everybody who may come: what its method needs is what the oracle allows.

Generated: a new path is asked without being written down here.
"""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse

from portal.accounts.api.base import ApiView
from repositories.access import Permission
from tests.api.test_table import routes
from tests.conftest import signed_in
from tests.repositories import oracle
from tests.repositories.oracle import ADMIN, READ, WRITE, Caller, Grant, Organization, Person, Token, World
from tests.repositories.worlds import ACTIONS, Stored, store

pytestmark = pytest.mark.django_db

PEOPLE = ["owner", "editor", "writer", "reader", "member", "admin", "stranger"]
EVERYTHING = {*ACTIONS}
VALUES = {
    "namespace": "acme",
    "repository": "api",
    "username": "reader",
    "tag": "v1",
    "digest": f"sha256:{'a' * 64}",
    "comment_id": 1,
    "job_id": 1,
    "webhook_id": 1,
    "group_id": 1,
    "delivery_id": "x",
}


def make_world() -> World:
    """The writer and the reader are in a team each, the admin is a collaborator from outside; base permission none."""
    acme = Organization("acme", base=0, who_creates="owners", who_publishes="owners")
    acme.members = {"owner": "owner", "editor": "editor", "writer": "member", "reader": "member", "member": "member"}
    acme.teams = {"writers": {"writer"}, "readers": {"reader"}}
    tokens = [Token(level, person="editor", level=level) for level in oracle.LEVELS]
    tokens += [
        Token("a writer's", person="writer", level="repo:admin"),
        Token("an unconfirmed one's", person="unconfirmed", level="repo:admin"),
        Token("to pull", person="editor", level="repo:admin", limits=[("acme/*", {"pull"})]),
        Token("to everything", person="editor", level="repo:admin", limits=[("acme/api", EVERYTHING)]),
        Token("elsewhere", person="editor", level="repo:admin", limits=[("acme/web", EVERYTHING)]),
        Token("robot", organization="acme", limits=[("acme/*", EVERYTHING)]),
        Token("pushing robot", organization="acme", limits=[("acme/*", {"pull", "push"})]),
        Token("robot of a team", organization="acme", team="readers", limits=[("acme/*", EVERYTHING)]),
    ]
    acme.members["unconfirmed"] = "editor"
    world = World(
        people={name: Person(name, confirmed=name != "unconfirmed") for name in [*PEOPLE, "unconfirmed"]},
        organizations={"acme": acme},
        tokens={token.label: token for token in tokens},
    )
    world.create_on_push = dict.fromkeys([*world.people, "acme"], "off")
    world.repositories = {"acme/api": oracle.Repository("acme", "api", public=False)}
    world.grants = [
        Grant("acme", "a*", WRITE, team="writers"),
        Grant("acme", "api", READ, team="readers"),
        Grant("acme", "api", ADMIN, person="admin"),
    ]
    return world


def methods() -> Iterator[tuple[str, str, Permission]]:
    """Path, method and needed permission of everything below a repository."""
    for route, pattern in routes(get_resolver().url_patterns):
        view: type[ApiView] = pattern.callback.cls  # type: ignore[attr-defined]
        if "<repository:" not in route:
            continue
        kwargs = {name: value for name, value in VALUES.items() if f":{name}>" in route}
        for method, need in view.needs.items():
            yield reverse(str(pattern.name), kwargs=kwargs), method, Permission(need)


@pytest.mark.parametrize("public", [False, True], ids=["private", "public"])
def test_everybody_gets_what_their_rights_give(public: bool) -> None:
    world = make_world()
    world.repositories["acme/api"].public = public
    stored = store(world)
    asked = list(methods())
    assert len(asked) > 40
    wrong = [
        (caller, method, path, status, expected)
        for caller in world.callers()
        for path, method, need in asked
        if not fits(status := ask(stored, caller, method, path), expected := wanted(world, caller, method, need))
    ]
    assert not wrong


def wanted(world: World, caller: Caller, method: str, need: Permission) -> int:
    """200 stands for whatever is said to who may."""
    repository = world.repositories["acme/api"]
    if oracle.role(world, caller, repository) == oracle.NONE:
        return 404
    if oracle.is_allowed(world, caller, need.name.lower(), repository) and (caller != Caller() or method == "GET"):
        return 200
    return 401 if caller == Caller() else 403


def fits(status: int, expected: int) -> bool:
    """Who may gets on to what is behind it: things that are not there, and forms that are empty."""
    if expected == 200:
        return status < 300 or status in {400, 404, 409}
    return status == expected


def ask(stored: Stored, caller: Caller, method: str, path: str) -> int:
    """With an empty body; everything is undone afterwards."""
    headers = {"Authorization": f"Bearer {stored.secrets[caller.token]}"} if caller.token else {}
    with transaction.atomic():
        signed = caller.person and not caller.token
        client = signed_in(stored.users[caller.person]) if signed else Client()
        answer = client.generic(method, path, "" if method == "GET" else "{}", "application/json", headers=headers)
        transaction.set_rollback(True)
    return answer.status_code
