"""The log of a webhook by API: filters, pages, one delivery, and delivering again."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from repositories.webhooks.models import Attempt, Delivery, Webhook
from tests.api.world import World, call

pytestmark = pytest.mark.django_db
HOOKS = "repositories/alice/public/app/webhooks"


@pytest.fixture
def log(world: World) -> str:
    """The path of the log of the public repository's webhook."""
    return f"{HOOKS}/{world.public.webhook.pk}/deliveries"


def make(world: World, summary: str, **more: Any) -> Delivery:
    values: dict[str, Any] = {
        "webhook": world.public.webhook,
        "event_id": summary,
        "event_action": "repo.tag.push",
        "repository_name": "alice/public/app",
        "body": b'{"a": 1}',
        "state": "failed",
        "next_attempt_at": None,
    }
    return Delivery.objects.create(summary=summary, **(values | more))


def test_a_row_tells_what_its_last_attempt_told(world: World, log: str) -> None:
    make(world, "v2", last_status=503, last_error="", last_duration_ms=12)
    waiting = make(world, "alice/public/app", event_type="star", event_action="repo.star", state="waiting")
    Delivery.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now())
    page = call("GET", log, token=world.bearer).json()
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    star, push, _first = page["results"]
    assert (push["event"], push["action"], push["tag"], push["summary"]) == ("push", "repo.tag.push", "v2", "v2")
    assert (push["state"], push["repository"]) == ("failed", "alice/public/app")
    assert (push["last_status"], push["last_error"], push["last_duration_ms"]) == (503, "", 12)
    assert (star["event"], star["tag"], star["summary"]) == ("star", "", "alice/public/app")
    assert (star["last_status"], star["last_duration_ms"], star["is_redelivery"]) == (None, None, False)
    assert star["next_attempt_at"].endswith("Z")
    assert "request_body" not in push


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=failed", ["old", "v1.0"]),
        ("state=delivered", ["latest"]),
        ("event=star", ["starred"]),
        ("event=push&q=V1", ["v1.0"]),
        ("q=another", ["starred"]),
        ("since=2030-01-01T00:00:00Z", ["starred", "v1.0", "latest"]),
        ("until=2030-01-01T00:00:00Z", ["old"]),
        ("since=2030-01-01T00:00:00Z&until=2030-01-02T00:00:00Z", []),
        ("q=", ["starred", "old", "v1.0", "latest"]),
    ],
)
def test_filters(world: World, log: str, query: str, expected: list[str]) -> None:
    now = timezone.now().replace(year=2031)
    make(world, "v1.0")
    make(world, "old", created_at=now.replace(year=2029))
    make(world, "starred", event_type="star", repository_name="alice/another", state="held")
    Delivery.objects.exclude(summary="old").update(created_at=now)
    found = call("GET", f"{log}?{query}", token=world.bearer).json()
    assert [row["summary"] for row in found["results"]] == expected
    assert found["count"] == len(expected)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=gone", 400),
        ("event=fly", 400),
        ("since=yesterday", 400),
        ("q=%00", 400),
        ("page=2", 404),
        ("page=0", 404),
        ("cursor=1.x", 400),
        ("cursor=x", 200),
    ],
)
def test_what_cannot_be_read_is_refused(world: World, log: str, query: str, status: int) -> None:
    assert call("GET", f"{log}?{query}", token=world.bearer).status_code == status


def test_pages_lead_on_while_new_ones_come_in(world: World, log: str) -> None:
    for number in range(5):
        make(world, f"v{number}")
    first = call("GET", f"{log}?page_size=2&state=failed", token=world.bearer).json()
    assert (first["count"], [row["tag"] for row in first["results"]]) == (5, ["v4", "v3"])
    make(world, "new")
    parts = urlsplit(first["next"])
    second = call("GET", f"{parts.path.removeprefix('/v2/')}?{parts.query}", token=world.bearer).json()
    assert [row["tag"] for row in second["results"]] == ["v2", "v1"]
    parts = urlsplit(second["previous"])
    again = call("GET", f"{parts.path.removeprefix('/v2/')}?{parts.query}", token=world.bearer).json()
    assert [row["tag"] for row in again["results"]] == ["new", "v4"]


def test_a_page_costs_the_same_for_two_and_for_six_rows(
    world: World, log: str, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    make(world, "one")
    with django_assert_max_num_queries(12) as two:
        assert len(call("GET", log, token=world.bearer).json()["results"]) == 2
    for number in range(4):
        make(world, f"v{number}")
    with django_assert_num_queries(len(two)):
        assert len(call("GET", log, token=world.bearer).json()["results"]) == 6


def test_a_delivery_shows_request_and_response(world: World, log: str) -> None:
    delivery = world.public.delivery
    words = "The sending process ended."
    Attempt.objects.create(delivery=delivery, number=2, error=words, is_interrupted=True, address="93.184.215.14")
    found = call("GET", f"{log}/{delivery.public_id}", token=world.bearer).json()
    assert (found["request_body"], found["content_type"]) == ('{"push_data": {"tag": "latest"}}', "application/json")
    first, second = found["attempts"]
    assert (first["number"], first["status"], first["duration_ms"], first["interrupted"]) == (1, 200, 12, False)
    assert first["timings"] == {"dns": 1.5, "connect": 2.0}
    assert first["request_url"] == "https://ci.example.org/hook"
    assert first["request_headers"] == {"Content-Type": "application/json"}
    assert (first["response_headers"], first["response_body"]) == ({"Server": "ci"}, "ok")
    assert (second["status"], second["error"], second["interrupted"]) == (None, words, True)
    assert second["address"] == "93.184.215.14"


def test_delivering_again_makes_a_new_delivery_and_wakes_a_worker(
    world: World, log: str, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    original = world.public.delivery
    with django_capture_on_commit_callbacks(execute=True):
        answer = call("POST", f"{log}/{original.public_id}/redeliver/", token=world.bearer)
    assert answer.status_code == 202
    found = answer.json()
    again = Delivery.objects.get(public_id=found["id"])
    assert again.redelivery_of == original
    assert (found["is_redelivery"], found["state"], found["attempts"]) == (True, "waiting", [])
    assert found["request_body"] == bytes(original.body).decode()
    assert [task for task, _arguments in queued] == ["repositories.webhooks.deliver"]


def test_a_webhook_that_is_off_delivers_nothing_again(world: World, log: str) -> None:
    Webhook.objects.update(is_active=False, disabled_by="person")
    answer = call("POST", f"{log}/{world.public.delivery.public_id}/redeliver", token=world.bearer)
    assert answer.status_code == 409
    assert "switched off" in answer.json()["message"]


def test_a_range_is_delivered_again_once(world: World, log: str) -> None:
    path = log.replace("/deliveries", "/redeliver")
    now = timezone.now()
    for number in range(3):
        make(world, f"v{number}", created_at=now - timedelta(hours=number))
    since = (now - timedelta(minutes=90)).isoformat()
    answer = call("POST", f"{path}/", {"state": "failed", "since": since}, token=world.bearer)
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 2})
    copies = Delivery.objects.filter(redelivery_of__isnull=False).order_by("id")
    assert [row.summary for row in copies] == ["v0", "v1"]
    assert call("POST", path, {"state": "failed", "since": since}, token=world.bearer).json() == {"deliveries": 0}


@pytest.mark.parametrize(
    ("body", "part"),
    [({}, "Say which"), ({"q": ""}, "Say which"), ({"state": "x"}, "state"), ({"until": "soon"}, "until")],
    ids=str,
)
def test_a_range_that_says_nothing_is_refused(world: World, log: str, body: dict[str, Any], part: str) -> None:
    answer = call("POST", log.replace("/deliveries", "/redeliver"), body, token=world.bearer)
    assert answer.status_code == 400
    assert part in answer.json()["message"]
