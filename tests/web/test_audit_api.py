"""Docker Hub's audit logs: who may read which, what stands in them, and how they are paged."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from orgs.actions.access_tokens import create_access_token
from orgs.models import MemberRole
from portal.accounts.actor import Credential, CredentialKind, Limit
from portal.accounts.limits import Entry
from portal.accounts.models import TokenAction, TokenLevel
from portal.events.models import Event
from portal.events.words import GROUPS
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from portal.web.audit import access
from repositories.actions import create_repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import events, orgs

LOG, OWN, REPOSITORY = "/v2/auditlogs/acme", "/v2/auditlogs/alice", "/v2/namespaces/acme/repositories/app/auditlogs"
CAST = ("nobody", "stranger", "member", "editor", "owner", "owner's read token", "owner's admin token", "operator")


@pytest.fixture
def acme(alice):
    return orgs.make_organization(alice, "acme")


@pytest.fixture
def app(acme, alice):
    return create_repository(
        actor=factories.actor(alice), namespace="acme", name="app", visibility="private", description=""
    )


@pytest.fixture
def cast(acme, alice):
    member, editor, operator = (factories.make_user(name) for name in ("member", "editor", "operator"))
    orgs.add_member(acme, member)
    orgs.add_member(acme, editor, MemberRole.EDITOR)
    operator.is_superuser = True
    operator.save()
    people = {"stranger": factories.make_user("stranger"), "member": member, "editor": editor, "owner": alice}
    clients = {name: signed_in(user) for name, user in (people | {"operator": operator}).items()}
    for level, name in ((TokenLevel.READ, "read"), (TokenLevel.ADMIN, "admin")):
        _token, secret = factories.make_access_token(alice, level, label=name)
        clients[f"owner's {name} token"] = Client(headers={"Authorization": f"Bearer {secret}"})
    return clients | {"nobody": Client()}


# What the cast gets, in its order.
ORGANIZATION = (401, 404, 403, 403, 200, 403, 200, 404)
ALICE = (401, 404, 404, 404, 200, 403, 200, 404)
ONE = (404, 404, 403, 200, 200, 403, 200, 404)
TABLE = {
    LOG: ORGANIZATION,
    f"{LOG}/actions": ORGANIZATION,
    f"{LOG}/export": ORGANIZATION,
    OWN: ALICE,
    f"{OWN}/actions": ALICE,
    f"{OWN}/export": ALICE,
    REPOSITORY: ONE,
    f"{REPOSITORY}/export": ONE,
    "/v2/auditlogs/nobody-is-called-so": (401, 404, 404, 404, 404, 404, 404, 404),
}


@pytest.mark.parametrize("path", TABLE)
def test_who_may_read_which_log(cast, app, path) -> None:
    for form in (path, f"{path}/"):
        got = {who: client.get(form).status_code for who, client in cast.items()}
        assert [got[who] for who in CAST] == list(TABLE[path])
    assert cast["owner"].post(path).status_code == 405


def limited(user, *limits: Limit):
    credential = Credential(kind=CredentialKind.ACCESS_TOKEN, label="ci", level=TokenLevel.ADMIN, limits=limits)
    return replace(factories.actor(user), credential=credential)


def may(actor, account: str) -> bool:
    try:
        return bool(access.account_log(actor, account))
    except (Forbidden, NotFound, Unauthorized):
        return False


def test_limits_of_access_tokens_decide_for_each_name(acme, alice) -> None:
    reads, pulls = frozenset({TokenAction.READ_AUDIT}), frozenset({TokenAction.PULL, TokenAction.MANAGE})
    for limits, wanted in (
        ((Limit("acme", reads),), {"acme"}),
        ((Limit("alice", reads),), {"alice"}),
        ((Limit("acme", pulls), Limit("alice", pulls)), set()),
        ((Limit("acme/*", reads), Limit("alice/*", reads)), set()),
        ((), set()),
    ):
        actor = limited(alice, *limits)
        assert {account for account in ("acme", "alice") if may(actor, account)} == wanted, limits


@pytest.mark.parametrize(
    ("path", "action", "status"),
    [
        ("acme", TokenAction.READ_AUDIT, 200),
        ("acme", TokenAction.MANAGE_ORGANIZATION, 403),
        ("acme/*", TokenAction.PULL, 403),
    ],
)
def test_a_robot_reads_the_log_only_with_leave(acme, app, alice, path, action, status) -> None:
    limits: list[Entry] = [{"path": path, "actions": [action]}]
    _token, secret = create_access_token(actor=factories.actor(alice), organization=acme, label="siem", limits=limits)
    robot = Client(headers={"Authorization": f"Bearer {secret}"})
    for address in (LOG, f"{LOG}/actions", f"{LOG}/export"):
        assert robot.get(address).status_code == status
    assert robot.get(OWN).status_code == 404
    exports = Event.objects.filter(action="audit.export").values_list("actor_name", "credential")
    assert list(exports) == ([("acme:siem", "organization access token: siem")] if status == 200 else [])


def test_an_event_has_docker_hubs_fields_and_ours(acme, alice, alices_client) -> None:
    made = events.make_event(
        alice,
        "repo.change_privacy",
        namespace="acme",
        target="acme/app",
        old={"visibility": "private"},
        new={"visibility": "public", "count": 3, "is_active": True, "limits": None, "names": ["a", "ä"]},
    )
    (row,) = alices_client.get(LOG, {"action": "repo.change_privacy"}).json()["logs"]
    assert row == {
        "id": made.public_id,
        "timestamp": made.at.isoformat(),
        "account": "acme",
        "action": "repo.change_privacy",
        "action_description": "A repository became public or private.",
        "name": "acme/app",
        "actor": "alice",
        "actor_id": alice.public_id,
        "credential": "session",
        "address": "203.0.113.9",
        "client": events.BROWSER,
        "data": {
            "visibility": "public",
            "old.visibility": "private",
            "count": "3",
            "is_active": "true",
            "limits": "null",
            "names": '["a", "ä"]',
        },
    }


def test_the_actions_stand_in_docker_hubs_shape(acme, alices_client) -> None:
    groups = alices_client.get(f"{LOG}/actions").json()["actions"]
    assert set(groups) == {group.name for group in GROUPS}
    assert groups["org"]["label"] == "Organization"
    assert groups["org"]["actions"][0] == {
        "name": "org.create",
        "label": "Organization created",
        "description": "Somebody created the organization.",
    }


@pytest.fixture
def hours(acme, alice, bob, time_machine):
    """`acme/0` at midnight, `acme/1` at one o'clock and so on, on the day before."""
    time_machine.move_to(datetime(2030, 1, 2, tzinfo=UTC))
    for hour in range(5):
        by = factories.actor(bob if hour % 2 else alice)
        Event.objects.create(
            at=datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=hour),
            action="repo.star" if hour < 3 else "repo.delete",
            namespace="acme",
            target=f"acme/{hour}",
            actor_id=by.public_id,
            actor_name=by.name,
        )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "43210"),
        ({"action": "", "name": "", "actor": "", "cursor": ""}, "43210"),
        ({"action": "repo.star"}, "210"),
        ({"action": "repo"}, "43210"),
        ({"action": "org"}, ""),
        ({"action": "not.known"}, ""),
        ({"actor": "bob"}, "31"),
        ({"name": "acme/3"}, "3"),
        ({"from": "2030-01-01T02:00:00Z"}, "432"),
        ({"from": "2030-01-01T02:00:00+02:00"}, "43210"),
        ({"to": "2030-01-01T02:00:00Z"}, "210"),
        ({"from": "2030-01-01", "to": "2030-01-01"}, "43210"),
        ({"from": "2030-01-01T05:00:00Z", "to": "2030-01-01"}, ""),
        ({"action": "repo.star", "actor": "bob", "name": "acme/", "to": "2030-01-01T02:00:00.5Z"}, "1"),
        ({"page_size": "2"}, "43"),
        ({"page_size": "2", "page": "2"}, "21"),
        ({"page_size": "2", "page": "3"}, "0"),
        ({"page_size": "2", "page": "4"}, ""),
    ],
)
def test_filters_and_pages(hours, alices_client, query, found) -> None:
    query = {"from": "2030-01-01T00:00:00Z", "to": "2030-01-01T23:00:00Z"} | query
    answer = alices_client.get(LOG, query)
    assert answer.status_code == 200, answer.content
    assert "".join(row["name"][-1] for row in answer.json()["logs"]) == found
    lines = b"".join(alices_client.get(f"{LOG}/export", query | {"format": "jsonl"}))
    if not {"page_size"} & set(query):
        assert "".join(json.loads(line)["name"][-1] for line in lines.splitlines()) == found


def test_empty_times_are_none(hours, alices_client) -> None:
    assert alices_client.get(LOG, {"from": "", "to": ""}).json() == alices_client.get(LOG).json()


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "x"},
        {"page_size": "0"},
        {"page": "101", "page_size": "100"},
        {"from": "yesterday"},
        {"from": "2030-13-01"},
        {"from": "2030-01-02", "to": "2030-01-01"},
        {"actor": "a\0"},
        {"cursor": "x"},
    ],
)
def test_questions_that_make_no_sense_are_refused(hours, alices_client, query) -> None:
    answer = alices_client.get(LOG, query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_page_that_is_too_large_is_lowered(hours, alices_client) -> None:
    assert alices_client.get(LOG, {"page_size": "10000"}).status_code == 200
    assert alices_client.get(LOG, {"page": "100", "page_size": "1000"}).json() == {"logs": [], "next": None}


def test_next_leads_through_everything_with_the_same_filters(hours, alices_client) -> None:
    address, found = f"{LOG}?page_size=2&action=repo&from=2030-01-01&to=2030-01-01", ""
    while address:
        answer = alices_client.get(address).json()
        found += "".join(row["name"][-1] for row in answer["logs"])
        address = answer["next"]
    assert found == "43210"


def test_a_page_is_full_however_far_it_has_to_look(hours, alices_client, monkeypatch) -> None:
    monkeypatch.setattr("portal.events.reads.STEPS", (1,))
    monkeypatch.setattr("portal.events.reads.FEW", 1)
    query = {"actor": "bob", "name": "acme/", "action": "repo.star", "from": "2030-01-01"}
    assert [row["name"] for row in alices_client.get(LOG, query).json()["logs"]] == ["acme/1"]
    monkeypatch.setattr("portal.web.audit.api.WINDOWS_MAX", 1)
    answer = alices_client.get(LOG, query).json()
    assert answer["logs"] == []
    assert answer["next"], "it did not look at everything, and says so"


def test_ones_own_log_holds_what_one_did_elsewhere(acme, alice, bob, alices_client) -> None:
    events.make_event(alice, namespace="bob", target="bob/app")
    events.make_event(bob, namespace="bob", target="bob/other")
    names = [row["name"] for row in alices_client.get(OWN).json()["logs"]]
    assert "bob/app" in names
    assert "bob/other" not in names


def test_a_repository_is_called_by_no_word_of_the_api(acme, alice) -> None:
    assert signed_in(alice).get("/v2/repositories/acme/x/auditlogs").status_code == 404


def test_an_export_by_a_token_is_noted_with_it(cast, acme) -> None:
    b"".join(cast["owner's admin token"].get(f"{LOG}/export"))
    event = Event.objects.get(action="audit.export")
    assert (event.actor_name, event.credential) == ("alice", "personal access token: admin")


def test_two_events_cost_as_many_queries_as_six(acme, alice, alices_client, django_assert_max_num_queries) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(6) as asked:
            assert alices_client.get(LOG, {"action": "repo", "page_size": "50"}).status_code == 200
        return len(asked)

    for number in range(2):
        events.make_event(alice, namespace="acme", target=f"acme/{number}")
    two = queries()
    for number in range(4):
        events.make_event(alice, namespace="acme", target=f"acme/{number}")
    assert queries() == two
