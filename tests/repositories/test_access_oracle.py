"""Five hundred random worlds: however the product is asked, it answers as the oracle, which shares no code with it."""

import random
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from portal.kit.errors import Forbidden, MoorageError, NotFound, Unauthorized
from repositories import access
from repositories.access import Permission
from repositories.access.reasons import of_repositories, reasons_on_name
from repositories.models import Repository
from tests.conftest import signed_in
from tests.registry.conftest import Reply, basic
from tests.repositories import oracle
from tests.repositories.oracle import Caller, World
from tests.repositories.worlds import NAMES, NOT_NAMES, Stored, chunks, random_world, store

pytestmark = pytest.mark.django_db

CHUNK = 25
SAMPLE = 2
"""Of what costs most, in each world: pages and single look-ups."""

Check = tuple[Any, Any, Any]
"""What was asked, what the product said, what the oracle says."""


@pytest.mark.parametrize("first", chunks(CHUNK))
def test_product_and_oracle_agree(first: int) -> None:
    for seed in range(first, first + CHUNK):
        with transaction.atomic():
            world = random_world(seed)
            wrong = [check for check in checks(store(world), random.Random(seed)) if check[1] != check[2]]
            assert not wrong, f"World {seed}: {wrong[:3]} in {asdict(world)}"
            transaction.set_rollback(True)


def checks(stored: Stored, chance: random.Random) -> Iterator[Check]:
    callers = list(stored.world.callers())
    for caller in callers:
        yield from token_service(stored, caller)
    known = [caller for caller in callers if not oracle.is_refused(stored.world, caller)]
    for caller in known:
        yield from rows_and_roles(stored, caller)
        yield from creating(stored, caller, chance)
    for _number in range(SAMPLE):
        caller, row = chance.choice(known), chance.choice(list(stored.repositories.values()))
        yield from one_repository(stored, caller, row)
    for caller in chance.sample(known, k=min(SAMPLE, len(known))):
        yield from over_http(stored, caller, chance)


def free_and_taken(world: World) -> list[str]:
    return [f"{namespace}/{name}" for namespace in world.create_on_push for name in [*NAMES, *NOT_NAMES]]


def token_service(stored: Stored, caller: Caller) -> Iterator[Check]:
    """As docker asks, for names that exist and names that do not."""
    world = stored.world
    names = free_and_taken(world)
    for part in (names[:30], names[30:]):
        reply = docker_token(part, *stored.login(caller))
        if oracle.is_refused(world, caller):
            yield ("token", caller), reply.status, 401
            continue
        expected = {name: found for name in part if (found := oracle.token_actions(world, caller, name))}
        yield ("token", caller), reply.grants, expected


def docker_token(names: list[str], login: str, secret: str) -> Reply:
    scopes = [f"repository:{name}:pull,push,delete" for name in names]
    headers = basic(login, secret) if login else {}
    return Reply(Client().get("/token", {"service": "moorage", "scope": scopes}, headers=headers))


def rows_and_roles(stored: Stored, caller: Caller) -> Iterator[Check]:
    """The list with its roles, each permission on each row of it, and the reasons."""
    world, actor = stored.world, stored.actor(caller)
    rows = {row.full_name: row for row in access.visible(actor)}
    expected = {name: had for name, row in world.repositories.items() if (had := oracle.role(world, caller, row))}
    yield ("visible", caller), {name: row.role for name, row in rows.items()}, expected
    for name, row in rows.items():
        may = {p.name.lower() for p in Permission if access.decide(actor, p, row).allowed}
        plain = world.repositories[name]
        yield ("decide", caller, name), may, {p for p in oracle.POLICY if oracle.is_allowed(world, caller, p, plain)}
    everything = list(stored.repositories.values())
    for pk, reasons in of_repositories(actor, everything).items():
        plain = world.repositories[next(row.full_name for row in everything if row.pk == pk)]
        found = sorted((str(reason.source), reason.role) for reason in reasons)
        wanted = oracle.reasons(world, caller, plain.namespace, plain.name)
        wanted += [("public", oracle.READ)] if plain.public else []
        yield ("reasons", caller, plain.full_name), found, sorted(wanted)
        full = max((role for _source, role in wanted), default=0)
        visibility = "public" if plain.public else "private"
        role = access.effective_role(actor, full_role=full, full_name=plain.full_name, visibility=visibility)
        yield ("effective role", caller, plain.full_name), role, expected.get(plain.full_name, 0)


def creating(stored: Stored, caller: Caller, chance: random.Random) -> Iterator[Check]:
    """Of one namespace: whether it is known, and who may create what there, and publish it."""
    world, actor, namespace = stored.world, stored.actor(caller), chance.choice(list(stored.namespaces))
    row, what = stored.namespaces[namespace], (caller, namespace)
    yield ("namespace", *what), is_known(stored, caller, namespace), oracle.knows_namespace(world, caller, namespace)
    if not actor.is_anonymous:
        publishes = access.decide_publish(actor, row).allowed
        yield ("publish", *what), publishes, oracle.may_publish(world, caller, namespace)
    name = chance.choice([*NAMES, *NOT_NAMES])
    may = oracle.may_create(world, caller, namespace, name)
    yield ("create", *what, name), access.decide_create(actor, row, name).allowed, may
    if may and caller.person:
        yield ("offered", *what), access.namespaces_to_create_in(actor).filter(pk=row.pk).exists(), True
    made = access.visibility_on_push(actor, f"{namespace}/{name}")
    yield ("on push", *what, name), made, oracle.visibility_on_push(world, caller, namespace, name)
    found = sorted((str(reason.source), reason.role) for reason in reasons_on_name(actor, row.pk, name))
    yield ("reasons", *what, name), found, sorted(oracle.reasons(world, caller, namespace, name))


def is_known(stored: Stored, caller: Caller, name: str) -> bool:
    try:
        return access.fetch_namespace(stored.actor(caller), name).name == name
    except NotFound:
        return False


def one_repository(stored: Stored, caller: Caller, row: Repository) -> Iterator[Check]:
    """The single look-ups, for every permission."""
    world, actor, plain = stored.world, stored.actor(caller), stored.world.repositories[row.full_name]
    seen = oracle.role(world, caller, plain) > oracle.NONE
    for permission in Permission:
        may = oracle.is_allowed(world, caller, permission.name.lower(), plain)
        what = (caller, permission, row.full_name)
        yield ("allowed", *what), access.allowed(actor, permission, row), may
        refusal = Forbidden if not actor.is_anonymous else Unauthorized
        expected = None if may else refusal if seen else NotFound
        yield ("fetch", *what), fetching(stored, caller, row, permission), expected


def fetching(stored: Stored, caller: Caller, row: Repository, permission: Permission) -> type[MoorageError] | None:
    namespace, _slash, name = row.full_name.partition("/")
    try:
        access.fetch_repository(stored.actor(caller), namespace, name, permission)
    except MoorageError as error:
        return type(error)
    return None


# -- Over HTTP ---------------------------------------------------------------------------------------------------------


def over_http(stored: Stored, caller: Caller, chance: random.Random) -> Iterator[Check]:
    """Pages for who has a session, the API for everybody: one repository, and the lists."""
    world = stored.world
    plain = chance.choice(list(world.repositories.values()))
    path, namespace = plain.full_name, plain.namespace
    seen = {name for name, row in world.repositories.items() if oracle.role(world, caller, row)}
    status = 200 if path in seen else 404
    client, headers = Client(), api_headers(stored, caller, chance)
    if caller.person and not caller.token:
        client = signed_in(stored.users[caller.person])
    if not caller.token:
        yield ("page", caller, path), client.get(f"/{path}").status_code, status
        yield ("settings", caller, path), settings_status(client, path), expected_settings(world, caller, plain)
        known = 200 if oracle.knows_namespace(world, caller, namespace) else 404
        yield ("namespace page", caller, namespace), client.get(f"/{namespace}").status_code, known
    yield ("API", caller, path), client.get(f"/v2/repositories/{path}/", headers=headers).status_code, status
    if oracle.knows_namespace(world, caller, namespace):
        listed = client.get(f"/v2/namespaces/{namespace}/repositories?page_size=100", headers=headers).json()
        names = {f"{row['namespace']}/{row['name']}" for row in listed["results"]}
        yield ("API list", caller, namespace), names, {name for name in seen if name.startswith(f"{namespace}/")}
    found = client.get("/v2/search/repositories?query=a&page_size=100", headers=headers).json()["results"]
    wanted = {name for name in seen if "a" in name}
    yield ("API search", caller), {row["repo_name"] for row in found}, wanted


def api_headers(stored: Stored, caller: Caller, chance: random.Random) -> dict[str, str]:
    """The access token itself, or the bearer token that it is exchanged for, as Docker Hub's clients do."""
    if not caller.token:
        return {}
    username, token = stored.login(caller)
    if chance.random() < 0.5:
        signed = Client().post("/v2/users/login", {"username": username, "password": token}, "application/json")
        token = signed.json()["token"]
    return {"Authorization": f"Bearer {token}"}


def settings_status(client: Client, path: str) -> int:
    return client.get(f"/{path}/-/settings").status_code


def expected_settings(world: World, caller: Caller, plain: oracle.Repository) -> int:
    if oracle.role(world, caller, plain) == oracle.NONE:
        return 404
    if oracle.is_allowed(world, caller, "archive", plain):
        return 200
    return 403 if caller.person else 302
