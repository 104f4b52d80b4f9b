"""The formats that are built in, read as their receivers read them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from portal.accounts.models import User
from portal.events.models import Event
from repositories.models import Repository
from repositories.webhooks import catalog, documents, formats, schemas
from repositories.webhooks.formats import NotRendered
from repositories.webhooks.models import Webhook
from tests import factories
from tests.factories.images import push_chart
from tests.webhooks.conftest import DIGEST, Push

Format = Webhook.Format
CALLBACK = "http://localhost:8000/alice/public-app/-/webhooks/callback/d1.x"
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


def sent(event: Event, repository: Repository | None, format_name: str = Format.DOCKERHUB) -> dict[str, Any]:
    document = documents.document(event, repository) | {"callback_url": CALLBACK}
    decoded: dict[str, Any] = json.loads(formats.render(Webhook(format=format_name), document).body)
    return decoded


def check_types(payload: dict[str, Any]) -> None:
    for path, kind in FIELDS.items():
        value: Any = payload
        for name in path.split("."):
            value = value[name]
        assert type(value) is kind, path
    names = {f"{key}.{name}" for key, value in payload.items() if isinstance(value, dict) for name in value}
    assert names | {"callback_url"} == {*FIELDS, "push_data.digest"}
    assert set(payload) == {"callback_url", "push_data", "repository"}


@pytest.mark.parametrize("format_name", [Format.DOCKERHUB, Format.DOCKERHUB_QUALIFIED])
def test_every_field_of_docker_hub_is_there_with_its_type_and_none_but_the_digest_besides(
    format_name: str, push: Push, public_app: Repository
) -> None:
    check_types(sent(push(), public_app, format_name))


def test_the_values_are_those_of_push_and_repository(push: Push, public_app: Repository) -> None:
    public_app.description = "Ein Schiff ⚓"
    public_app.star_count = 3
    public_app.created_at = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    event = push("0.0.1")
    event.at = datetime(2026, 2, 3, 4, 5, 6, 999999, tzinfo=UTC)
    payload = sent(event, public_app)
    assert payload["push_data"] == {
        "pushed_at": 1770091506,
        "pusher": "alice",
        "tag": "0.0.1",
        "images": [],
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "digest": DIGEST,
    }
    assert payload["callback_url"] == CALLBACK
    repository = payload["repository"]
    assert repository["repo_name"] == "alice/public-app"
    assert repository["repo_url"] == f"http://localhost:8000{public_app.get_absolute_url()}"
    assert (repository["namespace"], repository["name"], repository["owner"]) == ("alice", "public-app", "alice")
    assert (repository["description"], repository["star_count"]) == ("Ein Schiff ⚓", 3)
    assert repository["date_created"] == 1767323045
    assert repository["is_private"] is False


def test_the_qualified_format_differs_by_the_host_in_repo_name_alone(push: Push, public_app: Repository) -> None:
    plain, qualified = sent(push(), public_app), sent(push(), public_app, Format.DOCKERHUB_QUALIFIED)
    assert qualified["repository"].pop("repo_name") == "localhost:8000/alice/public-app"
    assert plain["repository"].pop("repo_name") == "alice/public-app"
    qualified["push_data"]["pushed_at"] = plain["push_data"]["pushed_at"]
    assert qualified == plain


def test_a_nested_name_stays_whole(push: Push, alice: User) -> None:
    repository = factories.make_repository(alice, "payments/api")
    payload = sent(push("1", repository=repository), repository)["repository"]
    assert (payload["repo_name"], payload["namespace"], payload["name"]) == (
        "alice/payments/api",
        "alice",
        "payments/api",
    )
    assert payload["is_private"] is True


def test_a_push_into_a_repository_that_is_gone_by_now_has_all_fields(push: Push, public_app: Repository) -> None:
    payload = sent(push("1.0"), None)
    check_types(payload)
    assert (payload["repository"]["repo_name"], payload["repository"]["date_created"]) == ("alice/public-app", 0)


def test_a_chart_is_told_by_its_config_type_as_docker_hub_does(public_app: Repository, alice: User) -> None:
    push_chart(public_app, "chart", by=alice)
    event = Event.objects.get(action="repo.tag.push")
    assert sent(event, public_app)["push_data"]["media_type"] == "application/vnd.cncf.helm.config.v1+json"


@pytest.mark.parametrize("event_type", [kind for kind in schemas.names() if kind not in formats.TAGGED | {"ping"}])
def test_docker_hubs_formats_tell_of_pushes_only(event_type: str) -> None:
    for format_name in (Format.DOCKERHUB, Format.DOCKERHUB_QUALIFIED):
        assert formats.events_of(format_name) == formats.TAGGED
        with pytest.raises(NotRendered, match=f"cannot tell of the event “{event_type}”"):
            formats.render(Webhook(format=format_name), schemas.example(event_type))


@pytest.mark.parametrize("event_type", schemas.names())
def test_moorages_own_format_is_the_document(event_type: str) -> None:
    example = schemas.example(event_type)
    rendered = formats.render(Webhook(format=Format.MOORAGE), example)
    assert json.loads(rendered.body) == example
    assert rendered.content_type == "application/json"


@pytest.mark.parametrize("event_type", schemas.names())
def test_cloudevents_are_read_by_their_own_library(event_type: str) -> None:
    example = schemas.example(event_type)
    rendered = formats.render(Webhook(format=Format.CLOUDEVENTS), example)
    assert rendered.content_type == "application/cloudevents+json"
    read = from_http_event(HTTPMessage({"content-type": rendered.content_type}, rendered.body))
    assert (read.get_specversion(), read.get_id()) == ("1.0", example["id"])
    assert (read.get_type(), read.get_source()) == (f"io.moorage.{event_type}", "http://localhost:8000")
    assert read.get_time() == datetime.fromisoformat(example["time"])
    assert (read.get_dataschema(), read.get_datacontenttype()) == (schemas.identifier(event_type), "application/json")
    assert read.get_data() == example


@pytest.mark.parametrize(
    ("event_type", "subject"),
    [
        ("push", "acme/payments/api:1.4.2"),
        ("image.delete", "acme/payments/api@" + schemas.example("push")["tag"]["digest"]),
        ("star", "acme/payments/api"),
        ("member", "acme"),
    ],
)
def test_a_cloudevents_subject_names_what_it_is_about(event_type: str, subject: str) -> None:
    rendered = formats.render(Webhook(format=Format.CLOUDEVENTS), schemas.example(event_type))
    assert json.loads(rendered.body)["subject"] == subject


@pytest.mark.parametrize("format_name", [name for name in Format.values if name != Format.TEMPLATE])
def test_the_bytes_are_plain_ascii(format_name: str, push: Push, public_app: Repository) -> None:
    public_app.full_description = "# Überblick\n한국어 \ud83d"
    document = documents.document(push(), public_app) | {"callback_url": CALLBACK}
    assert formats.render(Webhook(format=format_name), document).body.isascii()


def test_a_long_overview_is_sent_as_far_as_docker_hub_has_it(push: Push, public_app: Repository) -> None:
    public_app.full_description = "x" * 200_000
    assert len(sent(push(), public_app)["repository"]["full_description"]) == 25_000


def test_only_where_a_tag_got_an_image_there_is_something_to_report_back(public_app: Repository) -> None:
    with_url = {
        name
        for name in catalog.by_name()
        if json.loads(
            formats.render(Webhook(format=Format.MOORAGE), schemas.example(name) | {"callback_url": CALLBACK}).body
        )["callback_url"]
    }
    assert with_url == {"push", "tag.restore", "ping"}


def test_platforms_are_asked_for_only_where_a_format_tells_them() -> None:
    hub, own = Webhook(format=Format.DOCKERHUB), Webhook(format=Format.MOORAGE)
    assert (formats.tells_platforms([hub]), formats.tells_platforms([hub, own])) == (False, True)
