"""Five hundred random worlds again: who has access, check and preview say what the oracle says."""

import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from orgs.models import Organization
from portal.accounts.actor import SYSTEM
from portal.accounts.models import OrganizationAccessToken
from repositories.access.check import Asked, check
from repositories.access.people import Subject, subject_of_robot, subject_of_user, who_has_access
from repositories.grants.preview import Touched, preview
from tests.repositories import oracle
from tests.repositories.oracle import NONE, READ, Caller, World
from tests.repositories.worlds import NAMES, Stored, chunks, grant_row, random_world, store

pytestmark = pytest.mark.django_db

CHUNK = 25
QUESTIONS = 4
# What stands for the role of a token that is limited, and on what is archived, the highest first.
MARKS = [(oracle.ADMIN, "manage_access"), (oracle.WRITE, "push"), (READ, "view")]

Check = tuple[Any, Any, Any]
"""What was asked, what the product said, what the oracle says."""


@pytest.mark.parametrize("first", chunks(CHUNK))
def test_the_explanation_and_the_oracle_agree(first: int) -> None:
    for seed in range(first, first + CHUNK):
        with transaction.atomic():
            world = random_world(seed)
            wrong = [check for check in checks(store(world), random.Random(seed)) if check[1] != check[2]]
            assert not wrong, f"World {seed}: {wrong[:3]} in {asdict(world)}"
            transaction.set_rollback(True)


def checks(stored: Stored, chance: random.Random) -> Iterator[Check]:
    for full_name, row in stored.repositories.items():
        found = {entry.subject.name: entry.role for entry in who_has_access(row)}
        yield ("who has access", full_name), found, who(stored.world, stored.world.repositories[full_name])
    for _number in range(QUESTIONS):
        yield one_question(stored, chance)
    yield from one_preview(stored, chance)


# -- The people and robots, as they are named in an explanation --------------------------------------------------------


def subjects(world: World) -> dict[str, Caller]:
    people = {name: Caller(person=name) for name in world.people}
    robots = {f"{t.organization}:{label}": Caller(token=label) for label, t in world.tokens.items() if t.organization}
    return people | robots


def held(world: World, caller: Caller, repository: oracle.Repository) -> int:
    """The resulting role; of a token and on what is archived, by what can be done. Nothing for who is switched off."""
    if oracle.is_refused(world, caller):
        return NONE
    if not caller.token and not repository.archived:
        return oracle.role(world, caller, repository)
    return next((role for role, word in MARKS if oracle.is_allowed(world, caller, word, repository)), NONE)


def who(world: World, repository: oracle.Repository) -> dict[str, int]:
    """Everybody to whom something gives a role there, public visibility aside."""
    found = {}
    for name, caller in subjects(world).items():
        given = [role for _what, role in oracle.reasons(world, caller, repository.namespace, repository.name) if role]
        token = world.tokens.get(caller.token)
        covered = token is None or any(oracle.matches(path, repository.full_name) for path, _a in token.limits or [])
        if given and covered:
            found[name] = held(world, caller, repository)
    return found


def subject(stored: Stored, caller: Caller) -> Subject:
    if not caller.token:
        confirmed = stored.world.people[caller.person].confirmed
        return subject_of_user(stored.users[caller.person], confirmed=confirmed)
    token = stored.tokens[caller.token]
    assert isinstance(token, OrganizationAccessToken)
    return subject_of_robot(token, timezone.now())


# -- Check -------------------------------------------------------------------------------------------------------------


def one_question(stored: Stored, chance: random.Random) -> Check:
    caller = chance.choice(list(subjects(stored.world).values()))
    namespace, name, asked = chance.choice(list(stored.namespaces)), chance.choice(NAMES), chance.choice(list(Asked))
    checked = check(subject(stored, caller), stored.namespaces[namespace], name, asked)
    return (
        ("check", caller, namespace, name, asked),
        checked.allowed,
        answer(stored.world, caller, namespace, name, asked),
    )


def answer(world: World, caller: Caller, namespace: str, name: str, asked: Asked) -> bool:
    """On a name that is free: whether a push creates it, or what would be allowed if it were private."""
    found = world.repositories.get(f"{namespace}/{name}")
    if oracle.is_refused(world, caller):
        return False
    if asked is Asked.CREATE:
        return found is None and oracle.may_create(world, caller, namespace, name)
    if asked is Asked.PUSH and found is None:
        return oracle.visibility_on_push(world, caller, namespace, name) is not None
    repository = found or oracle.Repository(namespace, name, public=False)
    if asked is Asked.PUBLISH:
        may = oracle.is_allowed(world, caller, "change_visibility", repository)
        return may and oracle.may_publish(world, caller, namespace)
    return oracle.is_allowed(world, caller, asked.value.replace("-", "_"), repository)


# -- Preview -----------------------------------------------------------------------------------------------------------


def one_preview(stored: Stored, chance: random.Random) -> Iterator[Check]:
    """Of another base permission and of one more grant: who gains and who loses is what differs between two worlds."""
    namespace, after = chance.choice(list(stored.organizations)), deepcopy(stored.world)
    row = stored.organizations[namespace]
    base = (row.base_permission + chance.choice([1, 2])) % 3
    after.organizations[namespace].base = base
    rule = Organization.objects.filter(pk=row.pk)
    yield changed(stored, namespace, lambda: rule.update(base_permission=base), after)
    after = deepcopy(stored.world)
    taken = {grant.pattern for grant in after.grants if grant.namespace == namespace}
    pattern = chance.choice([text for text in ("*", "a*", "pay*", "payments/*", "web_*", "api") if text not in taken])
    grant = oracle.Grant(namespace, pattern, role=chance.randint(1, 3), person=chance.choice(list(after.people)))
    after.grants.append(grant)
    yield changed(stored, namespace, lambda: grant_row(stored, grant).save(), after)


def changed(stored: Stored, namespace: str, change: Any, after: World) -> Check:
    before = stored.world
    shown = preview(SYSTEM, change, Touched(stored.namespaces[namespace]))
    found = {
        (entry.name, entry.repository): (entry.before, entry.after)
        for entry in [*shown.gains, *shown.losses]
        if entry.kind != "team"
    }
    expected = {}
    for name, caller in subjects(before).items():
        for row in before.repositories.values():
            pair = held(before, caller, row), held(after, caller, row)
            if row.namespace == namespace and pair[0] != pair[1]:
                expected[name, row.full_name] = pair
    return ("preview", namespace), found, expected
