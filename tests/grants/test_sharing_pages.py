"""The pages that share: a repository's “Access”, a team's “Repositories”, “Shared with me”, the forms' words."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.models import Membership, Organization, Team, WhoPublishes
from portal.accounts.models import User
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import make_team
from tests.grants.conftest import make
from tests.grants.test_sharing_actions import ADMIN, READ, WRITE, give, share
from tests.repositories.test_pages import errors_of, text_of

ACCESS = "/acme/api/-/access"
OWN = "/alice/private-app/-/access"
TEAM = "/acme/-/teams/image-admins/repositories"


def tomorrow() -> str:
    return (timezone.now() + timedelta(days=1)).date().isoformat()


# -- the page of a repository


def test_who_sees_the_page(
    acme: Organization, api: Repository, alice: User, olivia: User, bob: User, carol: User, dave: User
) -> None:
    share(api, alice, bob, ADMIN)
    share(api, alice, dave, WRITE)
    seen = {user.username: signed_in(user).get(ACCESS).status_code for user in (alice, olivia, bob, carol, dave)}
    assert seen == {"alice": 200, "olivia": 200, "bob": 200, "carol": 403, "dave": 403}
    assert signed_in(factories.make_user("frank")).get(ACCESS).status_code == 404
    assert Client().get(ACCESS).status_code == 404


def test_an_empty_page_says_what_it_is_for(alices_client: Client, private_app: Repository) -> None:
    page = text_of(alices_client.get(OWN))
    assert "No collaborators" in page
    assert "Add a team" not in page


def test_the_page_shows_teams_by_name_and_by_pattern_and_collaborators(
    acme: Organization, alices_client: Client, alice: User, dave: User, admins: Team, users: Team
) -> None:
    ledger = make(alice, "payments/ledger")
    give(acme, alice, admins, "payments/*", WRITE)
    give(acme, alice, users, "payments/ledger", READ)
    share(ledger, alice, dave, READ)
    response = alices_client.get("/acme/payments/ledger/-/access")
    page = text_of(response)
    assert "image-admins 1 member payments/* Write" in page
    assert re.search(r"image-users 1 member\s+–", page)
    assert "dave" in page
    assert [(entry.team.name, entry.own is None) for entry in response.context["teams"]] == [
        ("image-admins", True),
        ("image-users", False),
    ]


def test_somebody_outside_is_shared_with_after_a_question(
    alices_client: Client, bob: User, private_app: Repository
) -> None:
    body = {"username": "Bob", "role": "write", "expires_at": tomorrow()}
    asked = alices_client.post(f"{OWN}/collaborators", body)
    assert asked.status_code == 200
    assert "Share with bob?" in text_of(asked)
    assert "Somebody from outside gains access: bob" in text_of(asked)
    assert not Grant.objects.exists()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.content.decode()))
    assert {**body, "confirmed": "1"}.items() <= fields.items()
    done = alices_client.post(f"{OWN}/collaborators", fields, follow=True)
    assert done.redirect_chain == [(OWN, 302)]
    assert "bob has the role Write on alice/private-app" in text_of(done)
    grant = Grant.objects.get()
    assert (grant.role, grant.created_by) == (WRITE, User.objects.get(username="alice"))
    assert grant.expires_at is not None
    assert grant.expires_at.date().isoformat() == tomorrow()


def test_a_member_is_shared_with_at_once(
    acme: Organization, api: Repository, alices_client: Client, carol: User
) -> None:
    done = alices_client.post(f"{ACCESS}/collaborators", {"username": "carol", "role": "write"})
    assert done.status_code == 302
    assert Grant.objects.get().user == carol


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"username": "nobody-here"}, "There is nobody called “nobody-here” here."),
        ({"username": "alice"}, "alice owns this namespace"),
        ({"username": ""}, "This field is required."),
        ({"username": "b\0b"}, "Null characters are not allowed."),
        ({"username": "bob", "role": "owner"}, "Select a valid choice."),
        ({"username": "bob", "expires_at": "2001-01-01"}, "This date has passed."),
        ({"username": "bob", "expires_at": "soon"}, "Enter a valid date."),
        ({"username": "x" * 400}, "Ensure this value has at most"),
    ],
)
def test_a_mistake_is_told_beside_its_field(
    alices_client: Client, bob: User, private_app: Repository, body: dict[str, str], sentence: str
) -> None:
    response = alices_client.post(f"{OWN}/collaborators", {"role": "read", **body})
    assert response.status_code == 422
    [error] = errors_of(response)
    assert sentence in error
    assert not Grant.objects.exists()


def test_a_grant_is_edited_in_place_and_removed(
    acme: Organization, api: Repository, alices_client: Client, alice: User, carol: User
) -> None:
    grant = share(api, alice, carol, READ, expires_at=timezone.now() + timedelta(days=3))
    day = grant.expires_at.date().isoformat() if grant.expires_at else ""
    one = f"{ACCESS}/grants/{grant.pk}"
    assert alices_client.post(one, {"role": "write", "expires_at": day}).status_code == 302
    grant.refresh_from_db()
    assert (grant.role, grant.expires_at is None) == (WRITE, False)
    alices_client.post(one, {"role": "write", "expires_at": ""})
    grant.refresh_from_db()
    assert grant.expires_at is None
    done = alices_client.post(f"{one}/remove", follow=True)
    assert "carol no longer has the role Write here" in text_of(done)
    assert not Grant.objects.exists()
    assert alices_client.post(f"{one}/remove").status_code == 404


def test_an_end_date_that_has_passed_is_said_and_can_be_extended(
    alices_client: Client, alice: User, bob: User, private_app: Repository
) -> None:
    grant = share(private_app, alice, bob, READ, expires_at=timezone.now() + timedelta(days=1))
    Grant.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert re.search(r"ended on .* – no access", text_of(alices_client.get(OWN)))
    one = f"{OWN}/grants/{grant.pk}"
    past = (timezone.now() - timedelta(days=2)).date().isoformat()
    refused = alices_client.post(one, {"role": "read", "expires_at": past})
    assert refused.status_code == 422
    assert errors_of(refused) == ["This date has passed. Choose a later one, or none."]
    asked = alices_client.post(one, {"role": "read", "expires_at": tomorrow()})
    assert "Somebody from outside gains access: bob" in text_of(asked)
    alices_client.post(one, {"role": "read", "expires_at": tomorrow(), "confirmed": "1"})
    assert "no access" not in text_of(alices_client.get(OWN))


def test_ones_own_last_admin_right_is_refused_in_the_row(
    private_app: Repository, alice: User, bob: User, bobs_client: Client
) -> None:
    grant = share(private_app, alice, bob, ADMIN)
    removed = bobs_client.post(f"{OWN}/grants/{grant.pk}/remove")
    assert removed.status_code == 409
    assert "Ask alice to do it" in errors_of(removed)[0]
    lowered = bobs_client.post(f"{OWN}/grants/{grant.pk}", {"role": "read"})
    assert lowered.status_code == 422
    assert "Ask alice to do it" in errors_of(lowered)[0]
    assert Grant.objects.get().role == ADMIN


def test_a_team_is_added_changed_and_removed(
    acme: Organization, api: Repository, alices_client: Client, admins: Team, users: Team
) -> None:
    assert alices_client.post(f"{ACCESS}/teams", {"team": "image-admins", "role": "write"}).status_code == 302
    grant = Grant.objects.get()
    page = alices_client.get(ACCESS)
    assert page.context["team_names"] == ["image-users"]
    alices_client.post(f"{ACCESS}/grants/{grant.pk}", {"role": "admin"})
    assert Grant.objects.get().role == ADMIN
    wrong = alices_client.post(f"{ACCESS}/grants/{grant.pk}", {"role": "king"})
    assert (wrong.status_code, len(errors_of(wrong))) == (422, 1)
    alices_client.post(f"{ACCESS}/grants/{grant.pk}/remove")
    assert not Grant.objects.exists()


@pytest.mark.parametrize("team", ["nobody", "", "a\0b", "x" * 200])
def test_a_team_that_there_is_not(acme: Organization, api: Repository, alices_client: Client, team: str) -> None:
    response = alices_client.post(f"{ACCESS}/teams", {"team": team, "role": "read"})
    assert (response.status_code, len(errors_of(response))) == (422, 1)


def test_a_person_has_no_teams_to_grant_to(alices_client: Client, private_app: Repository) -> None:
    assert alices_client.post(f"{OWN}/teams", {"team": "x", "role": "read"}).status_code == 404


def test_a_guest_who_is_admin_sees_the_teams_that_have_access_and_no_others(
    acme: Organization, api: Repository, alice: User, dave: User, admins: Team, users: Team
) -> None:
    give(acme, alice, users, "api", READ)
    share(api, alice, dave, ADMIN)
    page = signed_in(dave).get(ACCESS)
    assert "image-users" in text_of(page)
    assert "image-admins" not in text_of(page)
    assert signed_in(dave).post(f"{ACCESS}/teams", {"team": "image-admins", "role": "read"}).status_code == 404


def test_a_grant_of_another_repository_is_not_found_here(
    alices_client: Client, alice: User, bob: User, private_app: Repository, public_app: Repository
) -> None:
    grant = share(public_app, alice, bob, WRITE)
    assert alices_client.post(f"{OWN}/grants/{grant.pk}/remove").status_code == 404
    assert alices_client.post(f"{OWN}/grants/{2**70}", {"role": "read"}).status_code == 404


def test_collaborators_are_found_and_paged(alices_client: Client, alice: User, private_app: Repository) -> None:
    for number in range(27):
        share(private_app, alice, factories.make_user(f"guest-{number:02}"), READ)
    first = alices_client.get(OWN)
    assert len(first.context["collaborators"]) == 25
    second = alices_client.get(f"{OWN}?cursor={first.context['page'].next}")
    assert [grant.row.username for grant in second.context["collaborators"]] == ["guest-25", "guest-26"]
    assert len(alices_client.get(f"{OWN}?q=guest-1").context["collaborators"]) == 10
    assert "Nobody found" in text_of(alices_client.get(f"{OWN}?q=zzz"))


def test_the_page_costs_the_same_for_two_and_for_six(
    acme: Organization, api: Repository, alice: User, alices_client: Client
) -> None:
    counts = []
    for numbers in (range(2), range(2, 6)):
        for number in numbers:
            team = make_team(acme, f"team-{number}")
            give(acme, alice, team, "api", READ)
            give(acme, alice, team, f"a{'p' * (number > 2)}*", WRITE)
            share(api, alice, factories.make_user(f"guest-{number}"), READ)
        with CaptureQueriesContext(connection) as queries:
            assert alices_client.get(ACCESS).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


# -- the page of a team


def test_who_sees_what_a_team_is_granted(
    acme: Organization, admins: Team, alice: User, olivia: User, bob: User, carol: User, dave: User
) -> None:
    give(acme, alice, admins, "payments/*")
    seen = {user.username: signed_in(user).get(TEAM) for user in (alice, olivia, bob, carol, dave)}
    assert {name: page.status_code for name, page in seen.items()} == {
        "alice": 200,
        "olivia": 200,
        "bob": 200,
        "carol": 403,
        "dave": 404,
    }
    assert "Grant a role" in text_of(seen["olivia"])
    assert "Grant a role" not in text_of(seen["bob"])
    assert signed_in(bob).post(TEAM, {"pattern": "*", "role": "admin"}).status_code == 403
    assert Client().get(TEAM).status_code == 302


def test_each_pattern_says_what_it_matches_now(
    acme: Organization, admins: Team, alice: User, alices_client: Client
) -> None:
    for name in ("api", "payments/a", "payments/b", "payments/c", "payments/d"):
        make(alice, name)
    for pattern in ("api", "future", "payments/*", "ml/*", "*"):
        give(acme, alice, admins, pattern)
    page = text_of(alices_client.get(TEAM))
    assert "payments/* 4 repositories now: payments/a , payments/b , payments/c and 1 more" in page
    assert "ml/* Matches nothing yet: it will apply to repositories of such a name that are created later." in page
    assert "future There is no repository of this name yet" in page
    assert "api this repository" in page
    assert "every repository of the organization, 5 now" in page


def test_a_full_page_of_patterns_is_one_statement_that_every_database_takes(
    acme: Organization, admins: Team, alice: User, alices_client: Client
) -> None:
    for number in range(26):
        give(acme, alice, admins, f"p{number:02}/*")
    make(alice, "p24/app")
    page = alices_client.get(TEAM)
    assert len(page.context["grants"]) == 25
    assert "p24/* 1 repository now: p24/app" in text_of(page)


def test_a_pattern_is_granted_previewed_changed_and_removed(
    acme: Organization, admins: Team, alice: User, alices_client: Client
) -> None:
    make(alice, "payments/a")
    body = {"pattern": "payments/*", "role": "write"}
    seen = alices_client.post(TEAM, {**body, "preview": "1"})
    assert "Nothing is changed yet." in text_of(seen)
    assert not Grant.objects.exists()
    assert alices_client.post(TEAM, body).status_code == 302
    grant = Grant.objects.get()
    alices_client.post(f"{TEAM}/{grant.pk}", {"role": "admin"})
    assert Grant.objects.get().role == ADMIN
    wrong = alices_client.post(f"{TEAM}/{grant.pk}", {"role": ""})
    assert (wrong.status_code, len(errors_of(wrong))) == (422, 1)
    done = alices_client.post(f"{TEAM}/{grant.pk}/remove", follow=True)
    assert "image-admins no longer has the role Admin on payments/*." in text_of(done)
    assert not Grant.objects.exists()
    assert alices_client.post(f"{TEAM}/{grant.pk}/remove").status_code == 404


@pytest.mark.parametrize("pattern", ["A*", "a*b", "", "/", "a//b*", "x" * 300, "a\0*", "-*", "é*"])
def test_a_bad_pattern_is_told_beside_its_field(
    acme: Organization, admins: Team, alices_client: Client, pattern: str
) -> None:
    response = alices_client.post(TEAM, {"pattern": pattern, "role": "read"})
    assert response.status_code == 422
    assert len(errors_of(response)) == 1
    assert not Grant.objects.exists()


def test_the_page_of_a_team_costs_the_same_for_two_and_for_six(
    acme: Organization, admins: Team, alice: User, alices_client: Client
) -> None:
    counts = []
    for numbers in (range(2), range(2, 6)):
        for number in numbers:
            make(alice, f"p{number}/app")
            give(acme, alice, admins, f"p{number}/*")
        with CaptureQueriesContext(connection) as queries:
            assert alices_client.get(TEAM).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_teams_own_page_shows_the_first_grants_and_the_way_to_all(
    acme: Organization, admins: Team, alice: User, alices_client: Client, carols_client: Client
) -> None:
    for number in range(6):
        give(acme, alice, admins, f"p{number}/*")
    page = alices_client.get("/acme/-/teams/image-admins")
    assert "p4/*" in text_of(page)
    assert "p5/*" not in text_of(page)
    assert f'href="{TEAM}"' in page.content.decode()
    assert "p4/*" not in text_of(carols_client.get("/acme/-/teams/image-admins"))


# -- what is shared with oneself


def test_the_dashboard_lists_what_is_shared_with_me_and_only_that(
    acme: Organization, api: Repository, alice: User, bob: User, dave: User, daves_client: Client
) -> None:
    assert "Shared with me" not in text_of(daves_client.get("/"))
    make(alice, "shop")
    share(api, alice, dave, WRITE)
    share(api, alice, bob, WRITE)
    page = daves_client.get("/")
    assert [(row.full_name, row.role) for row in page.context["shared"].rows] == [("acme/api", WRITE)]
    assert re.search(r"Shared with me\s+acme/api\s+Private\s+Write", text_of(page))
    assert signed_in(bob).get("/").context["shared"].rows == []  # he belongs to acme
    Grant.objects.filter(user=dave).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Shared with me" not in text_of(daves_client.get("/"))


def test_a_guest_sees_nothing_of_the_organization_but_what_is_shared(
    acme: Organization, api: Repository, alice: User, dave: User, daves_client: Client
) -> None:
    make(alice, "secret")
    assert daves_client.get("/acme").status_code == 404
    share(api, alice, dave, READ)
    page = text_of(daves_client.get("/acme"))
    assert "api" in page
    assert "secret" not in page
    assert "Members" not in page
    for path in ("/acme/-/members", "/acme/-/teams", "/acme/-/access"):
        assert daves_client.get(path).status_code == 404


# -- the forms' words


def choices_of(response: Any) -> tuple[str, str]:
    """The visibility that is chosen, and what is said of it."""
    page = response.content.decode()
    chosen = re.search(r'value="(\w+)"[^>]*checked', page)
    assert chosen
    return chosen[1], text_of(response)


def test_the_create_form_knows_the_organization(
    acme: Organization, alice: User, olivia: User, alices_client: Client, olivias_client: Client
) -> None:
    Organization.objects.update(default_visibility="public")
    assert choices_of(alices_client.get("/new"))[0] == "private"
    chosen, page = choices_of(alices_client.get("/new?namespace=acme"))
    assert chosen == "public"
    assert "Only who has access sees and pulls it" in page
    chosen, page = choices_of(olivias_client.get("/new?namespace=acme"))
    assert chosen == "private"
    assert "The rules of acme don't let you make repositories public." in page


def test_public_is_refused_beside_its_field_where_the_rules_forbid_it(
    acme: Organization, olivias_client: Client
) -> None:
    Organization.objects.update(who_publishes=WhoPublishes.NOBODY)
    body = {"namespace": "acme", "name": "shop", "visibility": "public"}
    response = olivias_client.post("/new", body)
    assert response.status_code == 422
    assert "let you make repositories public." in errors_of(response)[0]
    assert olivias_client.post("/new", body | {"visibility": "private"}).status_code == 302


def test_a_member_who_may_create_is_offered_the_organization_and_becomes_admin(
    acme: Organization, bob: User, bobs_client: Client
) -> None:
    assert "acme" not in text_of(bobs_client.get("/new"))
    Organization.objects.update(who_creates="members")
    assert "acme" in text_of(bobs_client.get("/new"))
    bobs_client.post("/new", {"namespace": "acme", "name": "shop", "visibility": "private"})
    assert bobs_client.get("/acme/shop/-/access").status_code == 200


def test_the_settings_say_who_may_publish(
    acme: Organization, api: Repository, alices_client: Client, olivias_client: Client
) -> None:
    page = text_of(olivias_client.get("/acme/api/-/settings"))
    assert "Who may do this, by the organization's rules: Owners" in page
    assert "The rules of acme don't let you make repositories public." in page
    assert "don't let you" not in text_of(alices_client.get("/acme/api/-/settings"))
    assert olivias_client.post("/acme/api/-/settings/visibility", {"visibility": "public"}).status_code == 403


def test_the_header_of_a_repository_names_the_organization(
    acme: Organization, api: Repository, alices_client: Client, private_app: Repository
) -> None:
    Organization.objects.update(full_name="Acme Ltd")
    assert "Acme Ltd" in text_of(alices_client.get("/acme/api"))
    assert "organization" not in text_of(alices_client.get("/alice/private-app"))


def test_a_former_member_sees_nothing(acme: Organization, api: Repository, carol: User, carols_client: Client) -> None:
    assert carols_client.get("/acme/api").status_code == 200
    Membership.objects.filter(user=carol).delete()
    assert carols_client.get("/acme/api").status_code == 404
