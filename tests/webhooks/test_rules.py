"""What a webhook may be set to, and the sentences about what it may not."""

from typing import Any

import pytest

from portal.accounts.actor import Actor
from portal.events.words import GROUPS
from portal.kit.errors import Invalid
from repositories.models import Repository
from repositories.webhooks import actions, catalog, rules
from repositories.webhooks.models import Webhook

pytestmark = pytest.mark.django_db


def refusal(place: Any, row: Webhook | None = None, **choices: Any) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        rules.checked(choices, place=place, row=row)  # type: ignore[arg-type]  # made up
    [(field, sentences)] = caught.value.fields.items()
    return field, str(sentences[0])


@pytest.mark.parametrize(
    ("choices", "field", "part"),
    [
        ({"name": "  "}, "name", "1 to 100 characters"),
        ({"name": "x" * 101}, "name", "1 to 100 characters"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"name": "a\0b"}, "name", "control characters"),
        ({"url": "https://example.org/" + "x" * 2000}, "url", "2000 characters"),
        ({"url": "ftp://example.org"}, "url", "https://"),
        ({"events": []}, "events", "at least one"),
        ({"events": ["push", "fly"]}, "events", "no event “fly” here. Choose from: push"),
        ({"events": ["ping"]}, "events", "no event “ping”"),
        ({"events": ["repository.create"]}, "events", "no event “repository.create” here"),
        ({"events": ["push", "star"]}, "events", "cannot tell of: star"),
        ({"tag_patterns": ["v1", "("]}, "tag_patterns", "“(”"),
        ({"tag_patterns": [f"v{number}" for number in range(31)]}, "tag_patterns", "At most 30"),
        ({"repository_pattern": "api*"}, "repository_pattern", "Only a namespace's webhook"),
        ({"format": "xml"}, "format", "Choose from: dockerhub"),
        ({"template": "x" * 16_385}, "template", "16384 characters"),
        ({"headers": {"Content-Length": "1"}}, "headers", "Content-Length"),
        ({"headers": {"Webhook-Signature": "1"}}, "headers", "Webhook-Signature"),
        ({"headers": {"X-Key": None}}, "headers", "no stored value of X-Key"),
        ({"headers": {"X-Key": "1", "x-key": "2"}}, "headers", "once"),
        ({"format": "dockerhub", "events": ["tag.delete"]}, "events", "“Docker Hub” cannot tell of: tag.delete"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_beside_its_field(
    choices: dict[str, Any], field: str, part: str, public_app: Repository
) -> None:
    found = refusal(public_app, **choices)
    assert found[0] == field
    assert part in found[1]


def test_all_that_is_wrong_is_said_at_once(public_app: Repository) -> None:
    with pytest.raises(Invalid) as caught:
        rules.checked({"name": "", "url": "x", "format": "xml"}, place=public_app)
    assert list(caught.value.fields) == ["name", "url", "format"]


def test_what_is_kept_is_tidy(public_app: Repository) -> None:
    kept = rules.checked(
        {
            "name": " CI ",
            "url": " https://example.org ",
            "events": ["tag.delete", "push", "push"],
            "tag_patterns": [" v.* ", "", "v.*"],
            "format": "moorage",
            "headers": {" X-Key ": "1"},
        },
        place=public_app,
    )
    assert kept == {
        "name": "CI",
        "url": "https://example.org",
        "events": ["push", "tag.delete"],
        "tag_patterns": ["v.*"],
        "format": "moorage",
        "headers": {"X-Key": "1"},
    }


def test_a_namespaces_webhook_chooses_between_repositories(public_app: Repository) -> None:
    namespace = public_app.namespace
    assert rules.checked({"repository_pattern": " "}, place=namespace) == {"repository_pattern": "*"}
    assert rules.checked({"repository_pattern": "pay/*"}, place=namespace) == {"repository_pattern": "pay/*"}
    events = {"format": "moorage", "events": ["repository.create", "member"]}
    assert rules.checked(events, place=namespace) == events  # type: ignore[arg-type]  # as it is written
    assert refusal(namespace, repository_pattern="*/api")[0] == "repository_pattern"


class TestStored:
    """What is changed is compared with what stays."""

    @pytest.fixture
    def row(self, as_alice: Actor, public_app: Repository) -> Webhook:
        return actions.create_webhook(
            actor=as_alice,
            place=public_app,
            name="CI",
            url="https://example.org",
            events=["push", "star"],
            format="moorage",
            headers={"Authorization": "Bearer 1", "X-Key": "2"},
        )

    def test_a_header_whose_value_is_null_keeps_it_whatever_its_letters(
        self, row: Webhook, public_app: Repository
    ) -> None:
        kept = rules.checked({"headers": {"authorization": None, "X-New": "3"}}, place=public_app, row=row)
        assert kept["headers"] == {"authorization": "Bearer 1", "X-New": "3"}

    def test_a_format_that_cannot_tell_of_the_stored_events(self, row: Webhook, public_app: Repository) -> None:
        assert "cannot tell of: star" in refusal(public_app, row, format="dockerhub")[1]
        rules.checked({"format": "dockerhub", "events": ["push"]}, place=public_app, row=row)

    def test_a_stored_template_is_checked_when_it_is_switched_to(self, row: Webhook, public_app: Repository) -> None:
        row.template = "{{ no end"
        assert refusal(public_app, row, format="template")[0] == "template"
        row.template = ""
        assert refusal(public_app, row, format="template")[0] == "template"


def test_the_readers_list_holds_what_can_be_ticked_and_each_has_its_words(settings: Any) -> None:
    task, wanted = settings.EVENT_READERS["webhooks"]
    assert wanted == catalog.actions()
    assert task == "repositories.webhooks.fan_out"
    known = {word.name for group in GROUPS for word in group.words}
    assert {*wanted, *catalog.PING_TYPE.actions} <= set(known)
