"""Fills the database and measures in this process: `python -m benchmarks._access_run REPOSITORIES GRANTS ROUNDS`."""

import json
import statistics
import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.core.management import call_command  # noqa: E402  models need the settings
from django.db import connection  # noqa: E402

from benchmarks import _access_seed  # noqa: E402
from orgs.models import BasePermission, Organization  # noqa: E402
from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.kit.paging import keyset  # noqa: E402
from portal.kit.raw_sql import fetch_all  # noqa: E402
from repositories import access  # noqa: E402
from repositories.access import Place, now_parameter, role_sql  # noqa: E402
from repositories.access.people import who_has_access  # noqa: E402
from repositories.models import Repository  # noqa: E402

Case = Callable[[], object]
PAGE = 20
PULL = access.Permission.PULL


def main(repositories: int, grants: int, rounds: int) -> None:
    call_command("migrate", verbosity=0)
    _access_seed.fill(repositories=repositories, grants=grants)
    _analyze()
    print(json.dumps(_measure(_cases(), rounds)))


def _analyze() -> None:
    """PostgreSQL does so by itself, a minute after much was written; SQLite never does unless it is told to."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _cases() -> dict[str, Case]:
    people = {name: _actor(name) for name in ("olga", "bob", "carol", "member1", "gwen")}
    namespace = Organization.objects.get().namespace
    rows = Repository.objects.filter(namespace=namespace).order_by("pk")
    one = rows[len(rows) // 2]

    def page(name: str, order: str = "-updated_at") -> Case:
        return lambda: (
            keyset(access.visible(people[name]).filter(namespace=namespace), by=order, cursor="", size=PAGE).rows
        )

    def dashboard(name: str) -> Case:
        actor = people[name]
        rows = access.visible(actor).filter(namespace__in=access.namespaces_of(actor))
        return lambda: list(rows.order_by("-updated_at", "-id")[:11])

    base = _Base()
    return {
        "decision, 200 teams: the statement": base.none(_statement(people["bob"], one.full_name)),
        "decision, 200 teams: with Python": base.none(lambda: access.allowed(people["bob"], PULL, one)),
        "list, base none, few grants": base.none(page("carol")),
        "list, base none, many grants": base.none(page("bob")),
        "list, owner": base.none(page("olga")),
        "list, guest": base.none(page("gwen")),
        "list, base read": base.read(page("member1")),
        "list by stars, base read": base.read(page("member1", "-star_count")),
        "list by stars, few grants": base.none(page("carol", "-star_count")),
        "dashboard, base none, few grants": base.none(dashboard("carol")),
        "dashboard, base read": base.read(dashboard("member1")),
        "who has access, 5,000 members": base.read(lambda: who_has_access(one)),
    }


class _Base:
    """Sets the organization's base permission before a case, in no time that counts."""

    def __init__(self) -> None:
        self.now = BasePermission.NONE

    def none(self, case: Case) -> Case:
        return self._with(BasePermission.NONE, case)

    def read(self, case: Case) -> Case:
        return self._with(BasePermission.READ, case)

    def _with(self, base: BasePermission, case: Case) -> Case:
        case.prepare = lambda: Organization.objects.update(base_permission=base)  # type: ignore[attr-defined]
        return case


def _actor(name: str) -> Actor:
    user = User.objects.get(username=name)
    return actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))


def _statement(actor: Actor, full_name: str) -> Case:
    """As the token service has it: prepared where the database can."""
    role = role_sql(Place.row("r"), user=str(actor.user_id))
    statement = f"SELECT {role} FROM repositories_repository r WHERE r.full_name = %s"
    return lambda: fetch_all(statement, [now_parameter(), full_name])


def _measure(cases: dict[str, Case], rounds: int) -> dict[str, tuple[float, float]]:
    """Median and best, in milliseconds. The first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            getattr(case, "prepare", lambda: None)()
            started = time.perf_counter()
            case()
            if number:
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: (statistics.median(found), min(found)) for name, found in times.items()}


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
