"""Webhooks of a repository and of a namespace, as programs manage them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import OrganizationAccessToken
from repositories.models import Repository
from repositories.webhooks import catalog
from repositories.webhooks.models import Delivery, Webhook
from tests.api.world import World, call, make_webhook
from tests.factories.robots import make_robot

pytestmark = pytest.mark.django_db
HOOKS = "repositories/alice/public/app/webhooks"
ALL = "namespaces/alice/webhooks"
FIELDS = [
    "id", "name", "repository", "namespace", "url", "host", "events", "tag_patterns", "repository_pattern", "format",
    "template", "headers", "github_signature", "is_signed", "old_secret_until", "is_active", "state", "disabled_by",
    "failing_since", "not_before", "paused_at", "created_at", "created_by",
]  # fmt: skip
URL = "https://ci:pw@example.org/h?key=1"


@pytest.fixture(params=[HOOKS, ALL], ids=["repository", "namespace"])
def hooks(request: Any) -> str:
    """The path of either kind."""
    return str(request.param)


def create(world: World, hooks: str = HOOKS, **more: Any) -> dict[str, Any]:
    answer = call("POST", f"{hooks}/", {"name": "deploy", "url": URL, **more}, token=world.bearer)
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def pause(webhook_id: int) -> None:
    now = timezone.now()
    Webhook.objects.filter(pk=webhook_id).update(
        is_active=False, disabled_by="failing", failing_since=now - timedelta(days=1), paused_at=now
    )


class TestOne:
    def test_it_is_created_read_changed_and_deleted(self, world: World, hooks: str) -> None:
        found = create(world, hooks)
        assert list(found) == [*FIELDS, "secret"]
        assert found.pop("secret").startswith("whsec_")
        place = (None, "alice") if hooks == ALL else ("alice/public/app", "alice")
        assert (found["repository"], found["namespace"]) == place
        assert (found["url"], found["host"], found["state"]) == (URL, "example.org", "active")
        assert (found["events"], found["format"], found["is_signed"]) == (["push"], "dockerhub", True)
        assert (found["created_by"], found["disabled_by"], found["headers"]) == ("alice", "", {})
        path = f"{hooks}/{found['id']}"
        assert call("GET", f"{path}/", token=world.bearer).json() == found
        assert found in call("GET", hooks, token=world.bearer).json()["results"]
        off = call("PATCH", path, {"is_active": False}, token=world.bearer).json()
        assert off == found | {"is_active": False, "state": "off", "disabled_by": "person"}
        changed = call(
            "PATCH",
            path,
            {"name": "x", "format": "moorage", "events": ["star", "push"], "tag_patterns": ["v.*"], "is_active": True},
            token=world.bearer,
        )
        assert changed.json() == found | {
            "name": "x", "format": "moorage", "events": ["push", "star"], "tag_patterns": ["v.*"],
        }  # fmt: skip
        assert call("DELETE", path, token=world.bearer).status_code == 204
        assert call("GET", path, token=world.bearer).status_code == 404

    def test_what_is_read_can_be_sent_back_and_values_of_headers_never_leave(self, world: World) -> None:
        found = create(world, headers={"Authorization": "Bearer s3cret", "X-Env": " live "})
        assert found["headers"] == {"Authorization": None, "X-Env": None}
        path = f"{HOOKS}/{found['id']}"
        answer = call("PATCH", path, call("GET", path, token=world.bearer).json(), token=world.bearer)
        assert answer.status_code == 200
        row = Webhook.objects.get(pk=found["id"])
        assert row.headers == {"Authorization": "Bearer s3cret", "X-Env": " live "}
        body = {"headers": {"authorization": None, "X-New": "1"}}
        assert call("PATCH", path, body, token=world.bearer).json()["headers"] == {"authorization": None, "X-New": None}
        assert Webhook.objects.get(pk=found["id"]).headers == {"authorization": "Bearer s3cret", "X-New": "1"}
        assert b"s3cret" not in call("GET", HOOKS, token=world.bearer).content

    def test_one_that_no_key_decrypts_is_shown_and_mended(self, world: World) -> None:
        path = f"{HOOKS}/{create(world, headers={'X-Key': '1'})['id']}"
        Webhook.objects.update(encrypted_url="gone", encrypted_headers="gone")
        found = call("GET", path, token=world.bearer).json()
        assert (found["url"], found["headers"], found["host"]) == (None, None, "example.org")
        body = {"url": "https://new.example.org/", "headers": {}}
        found = call("PATCH", path, body, token=world.bearer).json()
        assert (found["url"], found["headers"], found["host"]) == ("https://new.example.org/", {}, "new.example.org")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"url": ...}, "url"),
            ({"name": ...}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"url": "ftp://example.org"}, "url"),
            ({"url": "http://169.254.169.254/latest"}, "url"),
            ({"url": "http://[::1]/"}, "url"),
            ({"url": "not an address"}, "url"),
            ({"events": "push"}, "events"),
            ({"events": []}, "events"),
            ({"events": ["push", "fly"]}, "events"),
            ({"events": [{}]}, "events.0"),
            ({"events": ["star"]}, "events"),
            ({"tag_patterns": ["("]}, "tag_patterns"),
            ({"repository_pattern": "x*"}, "repository_pattern"),
            ({"format": "xml"}, "format"),
            ({"format": "template"}, "template"),
            ({"format": "template", "template": "{{ no end"}, "template"),
            ({"headers": ["X-Key"]}, "headers"),
            ({"headers": {"X-Key": None}}, "headers"),
            ({"headers": {"Host": "x"}}, "headers"),
            ({"headers": {"a\0b": "x"}}, "headers"),
            ({"github_signature": "perhaps"}, "github_signature"),
        ],
        ids=str,
    )
    def test_what_is_wrong_stands_beside_its_field(self, world: World, body: dict[str, Any], field: str) -> None:
        full = {"name": "x", "url": "https://example.org"} | body
        answer = call("POST", HOOKS, {k: v for k, v in full.items() if v is not ...}, token=world.bearer)
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [field]
        assert answer.json()["message"]

    def test_a_rotated_secret_is_answered_once(self, world: World, hooks: str) -> None:
        found = create(world, hooks)
        path = f"{hooks}/{found['id']}"
        both = call("POST", f"{path}/rotate-secret/", {}, token=world.bearer).json()
        assert both["secret"] != found["secret"]
        assert both["old_secret_until"].endswith("Z")
        assert call("GET", path, token=world.bearer).json()["old_secret_until"] == both["old_secret_until"]
        one = call("POST", f"{path}/rotate-secret", {"keep_old": False}, token=world.bearer).json()
        assert one["old_secret_until"] is None
        row = Webhook.objects.get(pk=found["id"])
        assert row.signing_secrets(timezone.now()) == [one["secret"]]
        assert one["secret"].encode() not in call("GET", path, token=world.bearer).content

    def test_a_paused_one_says_so_and_is_resumed(self, world: World, hooks: str) -> None:
        found = create(world, hooks)
        path = f"{hooks}/{found['id']}"
        assert call("POST", f"{path}/resume", token=world.bearer).status_code == 409
        pause(found["id"])
        held = Delivery.objects.create(
            webhook_id=found["id"], event_id="x", event_action="repo.tag.push", body=b"{}", state="held"
        )
        shown = call("GET", path, token=world.bearer).json()
        assert (shown["state"], shown["disabled_by"], shown["is_active"]) == ("paused", "failing", False)
        assert shown["failing_since"] < shown["paused_at"]
        refused = call("POST", f"{path}/ping", token=world.bearer)
        assert (refused.status_code, "paused" in refused.json()["message"]) == (409, True)
        assert call("POST", f"{path}/resume/", token=world.bearer).json() == {"deliveries": 1}
        held.refresh_from_db()
        assert held.state == "waiting"
        assert call("GET", path, token=world.bearer).json()["state"] == "active"

    def test_a_ping_is_answered_with_the_delivery(self, world: World, hooks: str) -> None:
        path = f"{hooks}/{create(world, hooks)['id']}"
        answer = call("POST", f"{path}/ping/", token=world.bearer)
        assert answer.status_code == 202
        found = answer.json()
        assert (found["event"], found["action"], found["state"], found["attempts"]) == (
            "ping", "repo.webhook.ping", "waiting", [],
        )  # fmt: skip
        assert call("GET", f"{path}/deliveries/{found['id']}", token=world.bearer).json() == found


def test_what_belongs_to_another_is_not_found(world: World) -> None:
    own, private, side = world.webhook, world.private, world.public
    other = make_webhook(side.repository, "other")
    hook = f"{HOOKS}/{side.webhook.pk}"
    for path in (
        f"{HOOKS}/{private.webhook.pk}",
        f"{HOOKS}/{own.pk}",
        f"{ALL}/{side.webhook.pk}",
        f"{ALL}/{world.acme_webhook.pk}",
        f"{HOOKS}/{10**30}",
        f"{HOOKS}/{private.webhook.pk}/deliveries",
        f"{HOOKS}/{other.pk}/deliveries/{side.delivery.public_id}",
        f"{hook}/deliveries/{private.delivery.public_id}",
        f"{hook}/deliveries/{world.delivery.public_id}",
        f"{hook}/deliveries/%00",
        f"{hook}/deliveries/x",
        "namespaces/nobody/webhooks",
        "namespaces/bob/webhooks",
    ):
        assert call("GET", path, token=world.bearer).status_code == 404, path
    answer = call("POST", f"{hook}/deliveries/{private.delivery.public_id}/redeliver", token=world.bearer)
    assert answer.status_code == 404


def test_a_namespaces_webhook_names_its_repositories(world: World) -> None:
    found = create(world, ALL, repository_pattern="public/*", events=["push", "repository.create"], format="moorage")
    assert (found["repository_pattern"], found["events"]) == ("public/*", ["push", "repository.create"])


class TestRobots:
    """An organization's access tokens."""

    def robot(self, world: World, path: str) -> str:
        _row, secret = make_robot(world.alice, world.invite.organization, "webhooks", path=path, label=path)
        assert OrganizationAccessToken.objects.filter(label=path).exists()
        return secret

    @pytest.mark.parametrize("path", ["acme", "acme/*"])
    def test_the_organizations_webhooks_are_managed_with_the_action(self, world: World, path: str) -> None:
        secret = self.robot(world, path)
        body = {"name": "deploy", "url": URL}
        made = call("POST", "namespaces/acme/webhooks", body, token=secret)
        assert (made.status_code, made.json()["created_by"]) == (201, f"acme:{path}")
        assert len(call("GET", "namespaces/acme/webhooks", token=secret).json()["results"]) == 2
        assert call("GET", ALL, token=secret).status_code == 404

    def test_one_of_another_repository_is_refused(self, world: World) -> None:
        answer = call("GET", "namespaces/acme/webhooks", token=self.robot(world, "acme/api"))
        assert (answer.status_code, "limited" in answer.json()["message"]) == (403, True)


class TestCatalogue:
    def test_each_event_with_schema_and_example(self, world: World) -> None:
        events = {row["name"]: row for row in call("GET", "webhooks/events").json()["events"]}
        assert list(events) == [kind.name for kind in (*catalog.TYPES, catalog.PING_TYPE)]
        push = events["push"]
        assert push["causes"] == ["push", "rollback", "copy"]
        assert (push["is_of_tag"], push["is_of_namespace"], push["can_be_chosen"]) == (True, False, True)
        assert push["formats"] == ["dockerhub", "dockerhub-qualified", "moorage", "cloudevents", "template"]
        assert "dockerhub" not in events["star"]["formats"]
        assert push["schema"]["title"] == push["example"]["type"] == "push"
        assert not events["ping"]["can_be_chosen"]

    def test_formats_and_the_templates_to_start_from(self, world: World) -> None:
        found = call("GET", "webhooks/formats").json()
        assert {row["name"]: row["events"] for row in found["formats"]}["dockerhub"] == ["push", "tag.restore", "ping"]
        templates = {row["key"]: row for row in found["templates"]}
        assert {"slack", "teams", "discord", "github", "harbor"} <= set(templates)
        slack = templates["slack"]
        made = create(world, format="template", template=slack["template"], events=slack["events"][:2])
        assert made["template"] == slack["template"]

    def test_a_preview_is_what_would_be_sent(self, world: World, hooks: str) -> None:
        Repository.objects.update(tag_count=1)
        body = {"format": "moorage", "events": ["push"]}
        found = call("POST", f"{hooks}/preview", body, token=world.bearer).json()
        assert (found["event"], found["content_type"]) == ("push", "application/json")
        told = json.loads(found["body"])
        assert (told["type"], told["namespace"]["name"], told["tag"]["name"]) == ("push", "alice", "v1")
        ping = call("POST", f"{hooks}/preview", {"event": "ping"}, token=world.bearer).json()
        assert ping["event"] == "ping"
        assert not Delivery.objects.filter(event_type="ping").exists()

    def test_a_preview_says_what_is_wrong(self, world: World) -> None:
        for body, field in (
            ({"format": "template", "template": "{{ no end"}, "template"),
            ({"event": "star"}, "event"),
            ({"event": "fly"}, "event"),
            ({"format": "xml"}, "format"),
        ):
            answer = call("POST", f"{HOOKS}/preview", body, token=world.bearer)
            assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
