"""The exact next payload, before anything is saved or sent."""

import json
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.models import Event
from repositories.models import Repository
from repositories.webhooks import actions, fanout, formats, schemas
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.previews import Preview, preview
from tests.factories.images import push_image, push_index
from tests.webhooks.schema_checks import problems


def told(shown: Preview) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(shown.body)
    return decoded


@pytest.mark.parametrize("format_name", ["dockerhub", "dockerhub-qualified", "moorage", "cloudevents"])
def test_a_preview_is_what_the_next_push_of_the_newest_tag_sends(
    format_name: str, as_alice: Actor, public_app: Repository, alice: User
) -> None:
    push_image(public_app, "1.0", by=alice)
    push_index(public_app, "2.0", by=alice)
    hook = actions.create_webhook(
        actor=as_alice, place=public_app, name="CI", url="https://93.184.215.14/ci", format=format_name
    )
    shown = preview(Webhook(format=format_name, events=["push"]), public_app)
    push_index(public_app, "2.0", by=alice)
    fanout.fan_out(Event.objects.latest("id").pk)
    sent = Delivery.objects.get(webhook=hook, summary="2.0")
    assert (shown.event_type, shown.is_example, shown.content_type) == ("push", False, sent.content_type)
    assert _without_what_is_new(told(shown)) == _without_what_is_new(json.loads(bytes(sent.body)))


def _without_what_is_new(payload: dict[str, Any]) -> dict[str, Any]:
    """Identity, time and credential of a push that has not happened yet."""
    for document in (payload, payload.get("data", {})):
        for name in ("id", "time", "actor", "callback_url"):
            document.pop(name, None)
        document.get("push_data", {}).pop("pushed_at", None)
    return payload


@pytest.mark.parametrize("event_type", schemas.names())
@pytest.mark.parametrize("is_of_repository", [True, False])
def test_every_event_type_has_a_preview_that_fits_its_schema(
    event_type: str, is_of_repository: bool, public_app: Repository, alice: User
) -> None:
    place = public_app if is_of_repository else alice.namespace
    shown = preview(Webhook(name="CI", format="moorage", events=["push"]), place, event_type)
    assert problems(told(shown), event_type) == []
    assert (shown.event_type, shown.is_example) == (event_type, True)


def test_a_namespace_without_a_repository_has_previews_too(alice: User) -> None:
    shown = preview(Webhook(format="dockerhub", events=["push"]), alice.namespace)
    assert told(shown)["repository"]["repo_name"] == "alice/example"
    assert shown.is_example


def test_a_preview_follows_patterns(public_app: Repository, private_app: Repository, alice: User) -> None:
    push_image(private_app, "1.0", by=alice)
    push_image(private_app, "latest", by=alice)
    push_image(public_app, "2.0", by=alice)
    hook = Webhook(events=["push"], tag_patterns=[r"[0-9.]+"], repository_pattern="private-*")
    payload = told(preview(hook, alice.namespace))
    assert (payload["repository"]["repo_name"], payload["push_data"]["tag"]) == ("alice/private-app", "1.0")


def test_a_preview_bears_what_is_half_typed(public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.0", by=alice)
    hook = Webhook(events=["push"], tag_patterns=["1(", "0.9"])
    assert preview(hook, public_app).is_example
    hook.tag_patterns += ["1[.].*"]
    assert told(preview(hook, public_app))["push_data"]["tag"] == "1.0"


def test_a_template_that_does_not_work_says_why(public_app: Repository) -> None:
    hook = Webhook(format="template", template='"{{ tag.nmae }}"', events=["push"])
    with pytest.raises(formats.NotRendered, match=r"tag\.nmae"):
        preview(hook, public_app)
    with pytest.raises(formats.NotRendered, match="cannot tell of the event “star”"):
        preview(Webhook(format="dockerhub", events=["star"]), public_app)


@pytest.mark.parametrize("key", [each.key for each in formats.shipped()])
def test_shipped_templates_have_previews_of_a_ping(key: str, public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.0", by=alice)
    text = next(each.text for each in formats.shipped() if each.key == key)
    shown = preview(
        Webhook(format="template", template=text, events=["push", "comment"], name="CI"), public_app, "ping"
    )
    assert told(shown)
    assert not shown.is_example


def test_a_ping_of_a_template_finds_what_it_hears_of(public_app: Repository) -> None:
    hook = Webhook(format="template", template='"{{ type }} {{ comment.text }}"', events=["comment"], name="CI")
    assert json.loads(preview(hook, public_app, "ping").body) == "ping Version 1.4.2 fixes the rounding."


def test_a_preview_writes_nothing_and_costs_a_few_queries(
    public_app: Repository, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    push_index(public_app, "1.0", by=alice)
    before = Event.objects.count()
    with django_assert_max_num_queries(4):
        preview(Webhook(format="moorage", events=["push"]), public_app)
    with django_assert_max_num_queries(9):
        preview(Webhook(format="moorage", events=["push"]), alice.namespace, "ping")
    assert (Event.objects.count(), Delivery.objects.count()) == (before, 0)
