"""Receivers report to a payload's callback_url, and the tag's page and the API show it."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.models import Event
from repositories.images.statuses import Status, is_awaited, overall
from repositories.models import Repository
from repositories.webhooks import actions, callbacks, fanout
from repositories.webhooks.models import BuildStatus, Delivery, Webhook
from tests.factories import images
from tests.webhooks.test_delivery_pages import text_of

PAGE = "/alice/public-app/-/tags/latest"
API = "/v2/namespaces/alice/repositories/public-app/tags/latest/statuses"
FULL = {
    "state": "success",
    "description": "387 tests PASSED",
    "context": "Continuous integration by Acme CI",
    "target_url": "https://ci.acme.example/results/afd339c1c3d27",
}


@pytest.fixture
def pushed(hook: Webhook, alice: User, public_app: Repository) -> Delivery:
    """A delivery about the image that the tag `latest` points to."""
    images.push_image(public_app, "latest", by=alice)
    fanout.fan_out(Event.objects.get(action="repo.tag.push").pk)
    return Delivery.objects.get(webhook=hook)


def path_of(delivery: Delivery) -> str:
    return urlsplit(callbacks.callback_url(delivery)).path


def report(delivery: Delivery, body: Any = None, *, client: Client | None = None, **options: Any) -> Any:
    """As a receiver does: no cookie, no token, CSRF checks on."""
    sender = client or Client(enforce_csrf_checks=True)
    data = body if isinstance(body, str | bytes) else json.dumps(body if body is not None else FULL)
    return sender.post(path_of(delivery), data, **{"content_type": "application/json"} | options)


def test_the_payloads_own_url_takes_docker_hubs_report(pushed: Delivery) -> None:
    url = json.loads(bytes(pushed.body))["callback_url"]
    assert url == callbacks.callback_url(pushed)
    events = Event.objects.count()
    answer = Client(enforce_csrf_checks=True).post(urlsplit(url).path, json.dumps(FULL), content_type="text/plain")
    assert answer.status_code == 200
    assert answer.json() == FULL | {"tag": "latest", "digest": pushed.values["digest"]}
    assert "Set-Cookie" not in answer
    row = BuildStatus.objects.get()
    assert (row.repository.full_name, row.tag, row.digest) == ("alice/public-app", "latest", pushed.values["digest"])
    assert Event.objects.count() == events


def test_a_form_does_as_well_and_the_state_is_enough(pushed: Delivery) -> None:
    answer = report(pushed, "state=PENDING", content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert answer.status_code == 200
    row = BuildStatus.objects.get()
    assert (row.state, row.context, row.description, row.target_url) == ("pending", "CI", "", "")


def test_a_reporter_replaces_what_it_said_before(pushed: Delivery) -> None:
    report(pushed, FULL | {"state": "pending"})
    report(pushed, FULL | {"target_url": "job/api/17/"})
    assert BuildStatus.objects.get().target_url == ""
    report(pushed, FULL | {"target_url": None})
    row = BuildStatus.objects.get()
    assert (row.state, row.target_url) == ("success", "")
    report(pushed, FULL | {"context": "scan", "state": "failure"})
    assert BuildStatus.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (" ", "This is no JSON."),
        ("{", "This is no JSON."),
        (b"\xff\xfe\x00", "This is no JSON."),
        ("[" * 10_000, "This is no JSON."),
        ("[]", "Send a JSON object"),
        ({}, "“state” is needed, and one of: pending, success, failure, error."),
        ({"state": "done"}, "“state” is needed"),
        ({"state": ["success"]}, "“state” is needed"),
        (FULL | {"context": 7}, "“context” has to be text."),
        (FULL | {"context": "x" * 101}, "“context” may have 100 characters."),
        (FULL | {"target_url": "javascript:alert(1)"}, "“target_url” has to be an http or https address."),
        (FULL | {"target_url": "//ci.example"}, "“target_url” has to be an http or https address."),
        (FULL | {"target_url": "http://[ci"}, "“target_url” has to be an http or https address."),
        (FULL | {"target_url": "https://ci/a\nb"}, "“target_url” has to be an http or https address."),
        (FULL | {"description": "x" * 17_000}, "The request's body is too long."),
    ],
)
def test_what_makes_no_sense_is_400_with_a_sentence(pushed: Delivery, body: Any, words: str) -> None:
    answer = report(pushed, body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert not BuildStatus.objects.exists()


def test_too_many_fields_of_a_form_are_400(pushed: Delivery) -> None:
    body = "&".join(f"f{number}=1" for number in range(2000))
    assert report(pushed, body, content_type="application/x-www-form-urlencoded").status_code == 400


def test_a_long_description_is_cut_and_what_no_database_takes_is_replaced(pushed: Delivery) -> None:
    body = '{"state": "failure", "context": "a\\u0000b", "description": "\\ud800' + "x" * 500 + '"}'
    assert report(pushed, body).status_code == 200
    row = BuildStatus.objects.get()
    assert row.context == "a\ufffdb"
    assert row.description == "?" + "x" * 254


def test_twenty_contexts_are_enough(pushed: Delivery) -> None:
    for number in range(callbacks.MOST_CONTEXTS):
        assert report(pushed, FULL | {"context": f"job {number}"}).status_code == 200
    refused = report(pushed, FULL | {"context": "one more"})
    assert refused.status_code == 400
    assert refused.json()["message"] == "There are 20 contexts already."
    assert report(pushed, FULL | {"context": "job 7", "state": "error"}).status_code == 200


@pytest.mark.parametrize("wrong", ["unsigned", "forged", "salt", "elsewhere", "untagged", "gone", "repository"])
def test_everything_else_is_404(pushed: Delivery, public_app: Repository, wrong: str) -> None:
    path = path_of(pushed)
    if wrong == "unsigned":
        path = path.rpartition(".")[0]
    elif wrong == "forged":
        path = path[:-2] + "AA"
    elif wrong == "salt":
        path = f"{path.rpartition('/')[0]}/{signing.Signer(sep='.').sign(pushed.public_id)}"
    elif wrong == "elsewhere":
        path = path.replace("public-app", "private-app")
    elif wrong == "untagged":
        Delivery.objects.update(values={"tag": "", "digest": pushed.values["digest"]})
    elif wrong == "gone":
        pushed.webhook.delete()
    else:
        Delivery.objects.update(event_id="of-a-repository-that-is-gone")
    answer = Client().post(path, json.dumps(FULL), content_type="application/json")
    assert answer.status_code == 404
    assert answer.json() == {"message": "Nothing is waiting for a report at this address."}
    assert not BuildStatus.objects.exists()


def test_a_ping_may_be_reported_on_and_changes_nothing(pushed: Delivery, alice: User, as_alice: Actor) -> None:
    url = pushed.webhook.url
    hook = actions.create_webhook(actor=as_alice, place=alice.namespace, name="All", url=url)
    ping = actions.ping(actor=as_alice, webhook=hook)
    assert report(ping, {"state": "fine"}).status_code == 400
    answer = report(ping, {"state": "success"})
    assert (answer.status_code, answer.json()) == (200, {"message": "This was a ping, so nothing is kept."})
    assert not BuildStatus.objects.exists()


def test_nobody_reads_there(pushed: Delivery, alices_client: Client) -> None:
    assert alices_client.get(path_of(pushed)).status_code == 405


def test_the_tags_page_and_the_list_show_it(pushed: Delivery, client: Client) -> None:
    assert "Build status" not in text_of(client.get(PAGE))
    report(pushed)
    report(pushed, FULL | {"context": "scan", "state": "failure", "target_url": "", "description": "<b>2 found</b>"})
    page = client.get(PAGE)
    shown = text_of(page)
    assert "Failure" in shown
    assert "Continuous integration by Acme CI Success 387 tests PASSED just now" in shown
    assert "scan Failure &lt;b&gt;2 found&lt;/b&gt;" in shown
    link = re.search(r'<a href="https://ci\.acme\.example[^>]+>', page.content.decode())
    assert link
    assert 'rel="nofollow noopener noreferrer"' in link[0]
    assert "build status: Failure (scan)" in text_of(client.get("/alice/public-app/-/tags"))
    assert [row["context"] for row in client.get(API).json()] == ["Continuous integration by Acme CI", "scan"]
    assert client.get(API).json()[0] == FULL | {"reported_at": client.get(API).json()[0]["reported_at"]}


def test_a_tag_that_moved_shows_nothing_of_the_image_before(
    pushed: Delivery, client: Client, alice: User, public_app: Repository
) -> None:
    report(pushed)
    images.push_image(public_app, "latest", by=alice, seed="another")
    assert "Build status" not in text_of(client.get(PAGE))
    assert "build status" not in text_of(client.get("/alice/public-app/-/tags"))
    assert client.get(API).json() == []


def test_a_pending_build_is_waited_for(pushed: Delivery, client: Client) -> None:
    report(pushed, FULL | {"state": "pending"})
    page = client.get(PAGE).content.decode()
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', page)
    assert again
    assert client.get(again[1], headers={"HX-Request": "true"}).status_code == 204
    report(pushed)
    assert "387 tests PASSED" in text_of(client.get(again[1], headers={"HX-Request": "true"}))


def test_the_worst_counts_and_of_two_alike_the_last() -> None:
    now = timezone.now()

    def say(state: str, context: str = "", minutes: int = 0) -> Status:
        return Status(context, state, state, "", "", now - timedelta(minutes=minutes))

    assert overall([]) is None
    best = overall([say("success"), say("pending"), say("failure", "old", 5), say("failure", "new")])
    assert best is not None
    assert best.context == "new"
    assert is_awaited([say("pending")])
    assert not is_awaited([say("pending", "", 61), say("success")])
