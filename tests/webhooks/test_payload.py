"""Docker Hub's push payload, field for field."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.accounts.models import User
from portal.events.models import Event
from repositories.models import Repository
from repositories.webhooks.payloads import push_payload
from tests import factories
from tests.webhooks.conftest import DIGEST, Push

# Name and type of every field that Docker Hub sends; `int` is exact, since Go receivers cannot read 1.0 into an int.
FIELDS: dict[str, type] = {
    "callback_url": str,
    "push_data.pushed_at": int,
    "push_data.pusher": str,
    "push_data.tag": str,
    "push_data.images": list,
    "push_data.media_type": str,
    "repository.status": str,
    "repository.namespace": str,
    "repository.name": str,
    "repository.repo_name": str,
    "repository.repo_url": str,
    "repository.owner": str,
    "repository.description": str,
    "repository.full_description": str,
    "repository.dockerfile": str,
    "repository.is_private": bool,
    "repository.is_official": bool,
    "repository.is_trusted": bool,
    "repository.star_count": int,
    "repository.comment_count": int,
    "repository.date_created": int,
}


def payload(event: Event, repository: Repository) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(push_payload(event, repository, delivery_id="d1"))
    return decoded


@pytest.mark.parametrize(("path", "kind"), FIELDS.items())
def test_every_field_of_docker_hub_is_there_with_its_type(
    path: str, kind: type, push: Push, public_app: Repository
) -> None:
    value: Any = payload(push(), public_app)
    for name in path.split("."):
        value = value[name]
    assert type(value) is kind


def test_nothing_is_sent_that_docker_hub_does_not_send_but_the_digest(push: Push, public_app: Repository) -> None:
    sent = payload(push(), public_app)
    names = {f"{key}.{name}" for key, value in sent.items() if isinstance(value, dict) for name in value}
    assert names | {"callback_url"} == {*FIELDS, "push_data.digest"}
    assert set(sent) == {"callback_url", "push_data", "repository"}


def test_the_values_are_those_of_push_and_repository(push: Push, public_app: Repository) -> None:
    public_app.description = "Ein Schiff ⚓"
    public_app.star_count = 3
    public_app.created_at = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    event = push("0.0.1")
    event.at = datetime(2026, 2, 3, 4, 5, 6, 999999, tzinfo=UTC)
    sent = payload(event, public_app)
    assert sent["push_data"] == {
        "pushed_at": 1770091506,
        "pusher": "alice",
        "tag": "0.0.1",
        "images": [],
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "digest": DIGEST,
    }
    assert sent["callback_url"].startswith("http://localhost:8000/alice/public-app/")
    repository = sent["repository"]
    assert repository["repo_name"] == "alice/public-app"
    assert repository["repo_url"] == f"http://localhost:8000{public_app.get_absolute_url()}"
    assert (repository["namespace"], repository["name"], repository["owner"]) == ("alice", "public-app", "alice")
    assert (repository["description"], repository["star_count"]) == ("Ein Schiff ⚓", 3)
    assert repository["date_created"] == 1767323045
    assert repository["is_private"] is False


def test_a_nested_name_stays_whole(push: Push, alice: User) -> None:
    repository = factories.make_repository(alice, "payments/api")
    sent = payload(push("1", repository=repository), repository)["repository"]
    assert (sent["repo_name"], sent["namespace"], sent["name"]) == ("alice/payments/api", "alice", "payments/api")
    assert sent["is_private"] is True


def test_an_event_that_does_not_name_the_tag_gives_it_by_its_target(push: Push, public_app: Repository) -> None:
    event = push("1.2")
    event.new = {}
    sent = payload(event, public_app)["push_data"]
    assert (sent["tag"], sent["digest"], sent["media_type"]) == ("1.2", "", "")


def test_the_bytes_are_plain_ascii(push: Push, public_app: Repository) -> None:
    public_app.full_description = "# Überblick\n한국어"
    assert push_payload(push(), public_app, delivery_id="d1").isascii()
