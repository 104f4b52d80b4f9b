"""Webhooks and their deliveries."""

from typing import Any

import pytest

from repositories.webhooks.models import Delivery, Webhook
from tests.api.world import World, call, make_delivery, make_webhook

pytestmark = pytest.mark.django_db
HOOKS = "repositories/alice/public/app/webhooks"


@pytest.fixture
def hook(world: World) -> str:
    return f"{HOOKS}/{world.public.webhook.pk}"


def test_a_webhook_is_created_changed_and_deleted(world: World) -> None:
    answer = call("POST", f"{HOOKS}/", {"name": "deploy", "url": "https://example.org/h?key=1"}, token=world.bearer)
    assert answer.status_code == 201
    found = answer.json()
    assert list(found) == ["id", "name", "url", "is_active", "disabled_by", "created_at", "created_by"]
    assert (found["name"], found["url"], found["is_active"]) == ("deploy", "https://example.org/h?key=1", True)
    assert (found["created_by"], found["disabled_by"]) == ("alice", "")
    path = f"{HOOKS}/{found['id']}"
    assert call("GET", f"{path}/", token=world.bearer).json() == found
    assert [row["name"] for row in call("GET", HOOKS, token=world.bearer).json()["results"]] == ["ci", "deploy"]
    off = call("PATCH", path, {"is_active": False}, token=world.bearer).json()
    assert off == found | {"is_active": False, "disabled_by": "person"}
    renamed = call("PATCH", path, {"name": "x", "url": "https://example.org/2", "is_active": True}, token=world.bearer)
    assert renamed.json() == found | {"name": "x", "url": "https://example.org/2"}
    assert call("DELETE", path, token=world.bearer).status_code == 204
    assert call("GET", path, token=world.bearer).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "url"),
        ({"url": "https://example.org"}, "name"),
        ({"name": "", "url": "https://example.org"}, "name"),
        ({"name": "x" * 101, "url": "https://example.org"}, "name"),
        ({"name": "x", "url": "ftp://example.org"}, "url"),
        ({"name": "x", "url": "http://169.254.169.254/latest"}, "url"),
        ({"name": "x", "url": "http://[::1]/"}, "url"),
        ({"name": "x", "url": "not an address"}, "url"),
    ],
    ids=str,
)
def test_what_is_wrong_stands_beside_its_field(world: World, body: dict[str, Any], field: str) -> None:
    answer = call("POST", HOOKS, body, token=world.bearer)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_deliveries_are_listed_with_what_their_last_attempt_told(world: World, hook: str) -> None:
    page = call("GET", f"{hook}/deliveries", token=world.bearer).json()
    found = page["results"][0]
    assert found["id"] == world.public.delivery.public_id
    assert (found["event"], found["tag"], found["state"]) == ("repo.tag.push", "latest", "delivered")
    assert (found["last_status"], found["last_error"], found["last_duration_ms"]) == (200, "", 12)
    assert (found["is_redelivery"], found["next_attempt_at"], found["attempt_count"]) == (False, None, 1)


def test_a_delivery_without_an_attempt_tells_nothing_yet(world: World, hook: str) -> None:
    Delivery.objects.create(webhook=world.public.webhook, event_id="x", event_action="repo.tag.push", body=b"{}")
    found = call("GET", f"{hook}/deliveries", token=world.bearer).json()["results"][0]
    assert (found["last_status"], found["last_error"], found["last_duration_ms"]) == (None, None, None)
    assert found["next_attempt_at"].endswith("Z")


def test_a_delivery_shows_request_and_response(world: World, hook: str) -> None:
    found = call("GET", f"{hook}/deliveries/{world.public.delivery.public_id}", token=world.bearer).json()
    assert found["request_body"] == '{"push_data": {"tag": "latest"}}'
    attempt = found["attempts"][0]
    assert (attempt["number"], attempt["status"], attempt["duration_ms"]) == (1, 200, 12)
    assert attempt["timings"] == {"dns": 1.5, "connect": 2.0}
    assert attempt["request_url"] == "https://ci.example.org/hook"
    assert attempt["request_headers"] == {"Content-Type": "application/json"}
    assert (attempt["response_headers"], attempt["response_body"]) == ({"Server": "ci"}, "ok")


def test_delivering_again_makes_a_new_delivery_and_wakes_a_worker(
    world: World, hook: str, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    original = world.public.delivery
    with django_capture_on_commit_callbacks(execute=True):
        answer = call("POST", f"{hook}/deliveries/{original.public_id}/redeliver/", token=world.bearer)
    assert answer.status_code == 202
    found = answer.json()
    again = Delivery.objects.get(public_id=found["id"])
    assert again.redelivery_of == original
    assert (found["is_redelivery"], found["state"], found["attempts"]) == (True, "waiting", [])
    assert found["request_body"] == bytes(original.body).decode()
    assert [task for task, _arguments in queued] == ["repositories.webhooks.deliver"]


def test_a_webhook_that_is_off_delivers_nothing_again(world: World, hook: str) -> None:
    Webhook.objects.update(is_active=False)
    answer = call("POST", f"{hook}/deliveries/{world.public.delivery.public_id}/redeliver", token=world.bearer)
    assert answer.status_code == 409
    assert "switched off" in answer.json()["message"]


def test_what_belongs_to_another_is_not_found(world: World, hook: str) -> None:
    other = make_webhook(world.public.repository, "other")
    delivery = make_delivery(other, 2)
    private = world.private
    for path in (
        f"{HOOKS}/{private.webhook.pk}",
        f"{HOOKS}/{10**30}",
        f"{HOOKS}/{private.webhook.pk}/deliveries",
        f"{hook}/deliveries/{private.delivery.public_id}",
        f"{hook}/deliveries/{delivery.public_id}",
        f"{hook}/deliveries/%00",
        f"{hook}/deliveries/x",
    ):
        assert call("GET", path, token=world.bearer).status_code == 404, path
    assert call("POST", f"{hook}/deliveries/{delivery.public_id}/redeliver", token=world.bearer).status_code == 404
    assert call("GET", f"{hook}/deliveries", token=world.bearer).json()["count"] == 1
