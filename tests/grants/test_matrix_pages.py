"""The access matrix: who sees it, what it shows, what is written, and what a concurrent change does."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orgs.models import BasePermission, Organization, Team
from portal.accounts.models import User
from repositories.grants.actions import grant_to_team
from repositories.grants.matrix import ROWS_PER_PAGE, TEAMS_PER_PAGE, Pages
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import make_team
from tests.grants.conftest import make
from tests.grants.test_sharing_actions import ADMIN, READ, WRITE, give
from tests.repositories.test_pages import errors_of, text_of

MATRIX = "/acme/-/access"


def fields_of(response: Any) -> dict[str, str]:
    """What a browser would send of the matrix as it stands."""
    page = response.content.decode()
    form = re.search(r'<form class="matrix-form".*?</form>', page, re.DOTALL)
    assert form
    fields = dict(re.findall(r'<input type="hidden" name="((?:row|seen)-[^"]+)" value="([^"]*)">', form[0]))
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', options)
        assert chosen
        fields[name] = chosen[1]
    return fields


def rows_of(response: Any) -> list[str]:
    return [row.name for row in response.context["matrix"].rows]


def cell_name(fields: dict[str, str], row: str, team: Team) -> str:
    place = next(
        name.removeprefix("row-") for name, value in fields.items() if name.startswith("row-") and value == row
    )
    return f"cell-{place}-{team.pk}"


def cells_of(response: Any) -> dict[tuple[str, str], tuple[str, str, str]]:
    rows = response.context["matrix"].rows
    return {(row.name, cell.team.name): (cell.role, cell.given, cell.by) for row in rows for cell in row.cells}


def test_who_sees_it(
    acme: Organization, alice: User, olivia: User, bob: User, dave: User, users: Team, api: Repository
) -> None:
    seen = {user.username: signed_in(user).get(MATRIX) for user in (alice, olivia, bob, dave)}
    assert {name: page.status_code for name, page in seen.items()} == {
        "alice": 200,
        "olivia": 200,
        "bob": 403,
        "dave": 404,
    }
    assert Client().get(MATRIX).status_code == 302
    posted = {"row-0": "api", f"cell-0-{users.pk}": "admin", f"seen-0-{users.pk}": ""}
    assert signed_in(bob).post(MATRIX, posted).status_code == 403
    assert signed_in(dave).post(MATRIX, posted).status_code == 404
    assert Client().post(MATRIX, posted).status_code == 401
    assert not Grant.objects.exists()


def test_it_shows_what_is_granted_here_and_what_a_pattern_gives(
    acme: Organization, alice: User, alices_client: Client, admins: Team, users: Team
) -> None:
    Organization.objects.update(base_permission=BasePermission.WRITE)
    make(alice, "payments/ledger")
    make(alice, "shop")
    give(acme, alice, admins, "payments/*", WRITE)
    give(acme, alice, admins, "*", READ)
    give(acme, alice, users, "payments/ledger", ADMIN)
    give(acme, alice, users, "coming", READ)
    page = alices_client.get(MATRIX)
    assert rows_of(page) == ["*", "coming", "payments/*", "payments/ledger", "shop"]
    assert cells_of(page) == {
        ("*", "image-admins"): ("read", "", ""),
        ("*", "image-users"): ("", "", ""),
        ("coming", "image-admins"): ("", "read", "*"),
        ("coming", "image-users"): ("read", "", ""),
        ("payments/*", "image-admins"): ("write", "read", "*"),
        ("payments/*", "image-users"): ("", "", ""),
        ("payments/ledger", "image-admins"): ("", "write", "payments/*"),
        ("payments/ledger", "image-users"): ("admin", "", ""),
        ("shop", "image-admins"): ("", "read", "*"),
        ("shop", "image-users"): ("", "", ""),
    }
    assert "Every member base permission" in text_of(page)
    assert page.context["base_role"] == "write"
    assert "not created yet" in text_of(page)


def test_only_what_was_changed_is_written(
    acme: Organization, api: Repository, alice: User, alices_client: Client, admins: Team, users: Team
) -> None:
    give(acme, alice, admins, "api", WRITE)
    give(acme, alice, users, "payments/*", READ)
    fields = fields_of(alices_client.get(MATRIX))
    fields[cell_name(fields, "api", users)] = "read"
    fields[cell_name(fields, "payments/*", users)] = ""
    fields[cell_name(fields, "payments/*", admins)] = "admin"
    done = alices_client.post(MATRIX, fields, follow=True)
    assert "3 changes are saved." in text_of(done)
    assert set(Grant.objects.values_list("team__name", "pattern", "role")) == {
        ("image-admins", "api", WRITE),
        ("image-users", "api", READ),
        ("image-admins", "payments/*", ADMIN),
    }
    again = alices_client.post(MATRIX, fields_of(done), follow=True)
    assert "Nothing was changed." in text_of(again)


def test_a_concurrent_change_is_told_and_nothing_is_written(
    acme: Organization, api: Repository, alice: User, olivia: User, alices_client: Client, admins: Team, users: Team
) -> None:
    fields = fields_of(alices_client.get(MATRIX))
    grant_to_team(actor=factories.actor(olivia), organization=acme, team=admins, pattern="api", role=ADMIN)
    fields[cell_name(fields, "api", admins)] = "read"
    fields[cell_name(fields, "api", users)] = "write"
    beaten = alices_client.post(MATRIX, fields)
    assert beaten.status_code == 409
    said = "Nothing was saved: meanwhile somebody else changed image-admins on api to admin."
    assert said in text_of(beaten)
    assert Grant.objects.get().role == ADMIN
    # What was chosen still stands; saving once more overrules.
    again = fields_of(beaten)
    assert (again[cell_name(again, "api", admins)], again[cell_name(again, "api", users)]) == ("read", "write")
    assert alices_client.post(MATRIX, again).status_code == 302
    assert set(Grant.objects.values_list("team__name", "role")) == {("image-admins", READ), ("image-users", WRITE)}


def test_a_preview_writes_nothing_and_can_be_confirmed(
    acme: Organization, api: Repository, alices_client: Client, users: Team
) -> None:
    fields = fields_of(alices_client.get(MATRIX))
    fields[cell_name(fields, "api", users)] = "write"
    asked = alices_client.post(f"{MATRIX}?q=a", {**fields, "preview": "1"})
    assert "Nothing is changed yet." in text_of(asked)
    assert f'action="{MATRIX}?q=a"' in asked.content.decode()
    assert not Grant.objects.exists()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.content.decode()))
    assert hidden["confirmed"] == "1"
    assert alices_client.post(f"{MATRIX}?q=a", hidden)["Location"] == f"{MATRIX}?q=a"
    assert Grant.objects.get().role == WRITE


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"row-0": "api", "cell-0-{team}": "king", "seen-0-{team}": ""}, 422),
        ({"row-0": "A*b", "cell-0-{team}": "read", "seen-0-{team}": ""}, 422),
        ({"row-0": "", "cell-0-{team}": "read", "seen-0-{team}": ""}, 422),
        ({"cell-0-{team}": "read"}, 422),
        ({"row-0": "api", "cell-0-999999": "read"}, 422),
        ({"row-0": "api", "cell-0-" + "9" * 40: "read"}, 422),
        ({"row-0": "api", "cell-x-y": "read"}, 422),
        ({"row-0": "api", "cell-": "read"}, 422),
        ({"row-0": "a\0b", "cell-0-{team}": "read"}, 422),
        ({"row-0": "api", "cell-0-{team}": "read", "seen-0-{team}": "x"}, 422),
        ({"something": "else"}, 302),
    ],
)
def test_what_the_page_cannot_have_sent_changes_nothing(
    acme: Organization, api: Repository, alices_client: Client, users: Team, fields: dict[str, str], status: int
) -> None:
    sent = {name.replace("{team}", str(users.pk)): value for name, value in fields.items()}
    assert alices_client.post(MATRIX, sent).status_code == status
    assert not Grant.objects.exists()


def test_a_team_of_another_organization_cannot_be_named(
    acme: Organization, api: Repository, alice: User, alices_client: Client
) -> None:
    from tests.factories.orgs import make_organization

    other = make_team(make_organization(alice, "globex"), "ops")
    assert alices_client.post(MATRIX, {"row-0": "api", f"cell-0-{other.pk}": "admin"}).status_code == 422
    assert not Grant.objects.exists()


def test_a_new_pattern_gets_a_row(acme: Organization, alices_client: Client, users: Team) -> None:
    assert "Nothing to grant on yet" in text_of(alices_client.get(MATRIX))
    page = alices_client.get(f"{MATRIX}?new=ml/*")
    assert rows_of(page) == ["ml/*"]
    fields = fields_of(page)
    fields[cell_name(fields, "ml/*", users)] = "write"
    alices_client.post(f"{MATRIX}?new=ml/*", fields)
    assert Grant.objects.get().pattern == "ml/*"
    assert rows_of(alices_client.get(MATRIX)) == ["ml/*"]
    wrong = alices_client.get(f"{MATRIX}?new=A*b")
    assert errors_of(wrong) == ["Use lower-case letters only, as the names have."]
    assert 'value="A*b"' in wrong.content.decode()


def test_without_teams_it_says_what_comes_first(acme: Organization, api: Repository, alices_client: Client) -> None:
    assert "No teams yet" in text_of(alices_client.get(MATRIX))


def test_it_is_filtered_and_paged_both_ways(
    acme: Organization, alice: User, alices_client: Client, admins: Team
) -> None:
    for number in range(ROWS_PER_PAGE + 3):
        make(alice, f"app-{number:02}")
    for number in range(TEAMS_PER_PAGE):
        make_team(acme, f"team-{number}")
    give(acme, alice, admins, "z*", READ)
    first = alices_client.get(MATRIX)
    assert rows_of(first) == ["z*", *(f"app-{number:02}" for number in range(ROWS_PER_PAGE - 1))]
    second = alices_client.get(f"{MATRIX}?page=2")
    assert rows_of(second) == [f"app-{number:02}" for number in range(ROWS_PER_PAGE - 1, ROWS_PER_PAGE + 3)]
    assert rows_of(alices_client.get(f"{MATRIX}?page=99999999999999")) == rows_of(first)
    assert rows_of(alices_client.get(f"{MATRIX}?page=77")) == rows_of(second)
    more = alices_client.get(f"{MATRIX}?teams=2")
    assert [team.name for team in more.context["matrix"].teams] == [f"team-{TEAMS_PER_PAGE - 1}"]
    assert rows_of(alices_client.get(f"{MATRIX}?q=app-1")) == [f"app-{number}" for number in range(10, 20)]
    found = alices_client.get(f"{MATRIX}?team=admins")
    assert [team.name for team in found.context["matrix"].teams] == ["image-admins"]
    assert "Nothing found" in text_of(alices_client.get(f"{MATRIX}?q=nothing"))
    assert "No team found" in text_of(alices_client.get(f"{MATRIX}?team=nobody"))


def test_patterns_may_fill_more_than_a_page(
    acme: Organization, alice: User, alices_client: Client, admins: Team, api: Repository
) -> None:
    for number in range(ROWS_PER_PAGE):
        give(acme, alice, admins, f"p{number:02}*", READ)
    assert rows_of(alices_client.get(MATRIX)) == [f"p{number:02}*" for number in range(ROWS_PER_PAGE)]
    assert rows_of(alices_client.get(f"{MATRIX}?page=2")) == ["api"]


def test_it_costs_the_same_for_two_and_for_six(acme: Organization, alice: User, alices_client: Client) -> None:
    counts = []
    for numbers in (range(2), range(2, 6)):
        for number in numbers:
            make(alice, f"app-{number}")
            team = make_team(acme, f"team-{number}")
            give(acme, alice, team, f"app-{number}", READ)
            give(acme, alice, team, f"a{number}*", WRITE)
        with CaptureQueriesContext(connection) as queries:
            assert alices_client.get(MATRIX).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("number", "found", "expected"), [(0, 0, (1, 1)), (1, 8, (1, 1)), (2, 9, (2, 2)), (5, 9, (2, 2))]
)
def test_pages_stay_within_what_there_is(number: int, found: int, expected: tuple[int, int]) -> None:
    pages = Pages.of(number, found, 8)
    assert (pages.number, pages.count) == expected
