"""The audit log as a file: whole, harmless to spreadsheets, noted, and read in batches."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test.utils import CaptureQueriesContext

from portal.accounts.actor import ANONYMOUS
from portal.events.models import Event
from portal.events.reads import EVERYTHING, Filters
from portal.web.audit.access import Log
from portal.web.audit.export import COLUMNS, export
from tests import factories
from tests.conftest import signed_in
from tests.factories import events, orgs

MANY = 20_000


@pytest.fixture
def acme(alice):
    return orgs.make_organization(alice, "acme")


def download(client, path: str, **query: str):
    answer = client.get(path, query)
    assert answer.status_code == 200
    assert isinstance(answer, StreamingHttpResponse)
    return answer, b"".join(answer).decode()


def test_csv_holds_every_column_of_every_event(acme, alice, alices_client) -> None:
    made = events.make_event(
        alice, "repo.change_privacy", namespace="acme", target='acme/"x", y', old={"a": 1}, new={"a": ["ä", None]}
    )
    answer, text = download(alices_client, "/acme/-/audit/export", format="csv", action="repo.change_privacy")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == COLUMNS
    assert rows == [
        {
            "timestamp": made.at.isoformat(),
            "id": made.public_id,
            "account": "acme",
            "action": "repo.change_privacy",
            "action_description": "A repository became public or private.",
            "name": 'acme/"x", y',
            "actor": "alice",
            "actor_id": alice.public_id,
            "credential": "session",
            "address": "203.0.113.9",
            "client": events.BROWSER,
            "old": '{"a":1}',
            "new": '{"a":["ä",null]}',
        }
    ]


def test_json_lines_hold_the_same_and_real_values(acme, alice, alices_client) -> None:
    made = events.make_event(alice, "repo.update", namespace="acme", target="x\ny", old={}, new={"a": {"b": True}})
    answer, text = download(alices_client, "/acme/-/audit/export", format="jsonl", action="repo.update")
    assert answer["Content-Type"] == "application/x-ndjson"
    (line,) = text.splitlines()
    row = json.loads(line)
    assert set(row) == set(COLUMNS)
    assert (row["id"], row["name"], row["old"], row["new"]) == (made.public_id, "x\ny", {}, {"a": {"b": True}})


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(acme, alice, alices_client, begin) -> None:
    bad = f"{begin}HYPERLINK(0)"
    made = events.make_event(alice, namespace="acme", target=bad)
    row = {"actor_name": bad, "client": bad, "credential": bad}
    Event.objects.create(action="repo.star", namespace="acme", at=made.at, **row)
    _answer, text = download(alices_client, "/acme/-/audit/export", format="csv", action="repo")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [rows[1]["name"], rows[0]["actor"], rows[0]["client"], rows[0]["credential"]] == [f"'{bad}"] * 4
    assert [rows[1]["address"]] == ["203.0.113.9"], "what is harmless stays as it is"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/acme/-/audit/export", "acme-audit-20300102T030405Z"),
        ("/alice/private-app/-/audit/export", "alice-private-app-audit-20300102T030405Z"),
        ("/accounts/audit/export", "alice-audit-20300102T030405Z"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_file_is_named_for_what_is_in_it(acme, private_app, alice, time_machine, path, name, kind) -> None:
    time_machine.move_to(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), tick=False)
    answer = signed_in(alice).get(path, {"format": kind})
    assert answer["Content-Disposition"] == f'attachment; filename="{name}.{kind}"'


def test_the_export_is_noted_with_its_filters(acme, alice, alices_client) -> None:
    query = {"action": "repo.delete", "person": "bob", "from": "2026-01-01T00:00", "format": "jsonl"}
    alices_client.get("/acme/-/audit/export", query)
    event = Event.objects.get(action="audit.export")
    assert (event.namespace, event.target, event.actor_name, event.credential) == ("acme", "acme", "alice", "session")
    assert event.new == {
        "format": "jsonl",
        "actions": ["repo.delete"],
        "person": "bob",
        "from": "2026-01-01T00:00:00Z",
    }


def test_the_file_does_not_depend_on_the_page(acme, alice, alices_client) -> None:
    for number in range(60):
        events.make_event(alice, namespace="acme", target=f"acme/{number}")
    page = alices_client.get("/acme/-/audit", {"action": "repo.update"}).context["page"]
    html = alices_client.get("/acme/-/audit", {"action": "repo.update", "cursor": page.next}).content.decode()
    assert 'href="/acme/-/audit/export?action=repo.update&amp;format=csv"' in html
    _answer, text = download(alices_client, "/acme/-/audit/export", action="repo.update")
    assert len(text.splitlines()) == 61


@pytest.mark.parametrize("query", [{"format": "xlsx"}, {"from": "never"}])
def test_what_cannot_be_is_refused_and_not_noted(acme, alices_client, query) -> None:
    assert alices_client.get("/acme/-/audit/export", query).status_code == 400
    assert not Event.objects.filter(action="audit.export").exists()


@pytest.fixture
def many(db):
    Event.objects.bulk_create(
        [Event(action="repo.tag.push", namespace="acme", target=f"acme/app:{number}") for number in range(MANY)],
        batch_size=2000,
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_twenty_thousand_events_come_in_batches(many, kind) -> None:
    """A query and a piece of text for each thousand: what is held at once does not grow."""
    answer = export(actor=ANONYMOUS, log=Log("", EVERYTHING), filters=Filters(), kind=kind)
    with CaptureQueriesContext(connection) as asked:
        pieces = [str(piece, "utf-8").count("\n") for piece in answer]
    heading = 1 if kind == "csv" else 0
    assert sum(pieces) == MANY + 1 + heading  # and the export itself
    assert max(pieces) <= 1000
    assert len(pieces) == MANY // 1000 + 1 + heading
    assert len(asked) == MANY // 1000 + 1


def test_nothing_is_locked_while_the_client_reads_slowly(transactional_db, alice) -> None:
    """Somebody else writes between two pieces, and what they write is not in the file."""
    Event.objects.bulk_create([Event(action="repo.star", target="old") for _number in range(2500)])
    pieces = iter(export(actor=factories.actor(alice), log=Log("", EVERYTHING), filters=Filters(), kind="jsonl"))
    first = next(pieces)
    assert not connection.in_atomic_block
    events.make_event(alice, target="meanwhile")
    rest = b"".join([first, *pieces])
    assert rest.count(b'"old"') >= 2500
    assert b"meanwhile" not in rest
