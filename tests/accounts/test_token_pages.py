"""The pages of personal access tokens."""

import datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.accounts import credentials
from portal.accounts.models import PersonalAccessToken, User
from portal.kit.errors import Unauthorized
from tests import factories

URL = "/accounts/tokens/"
NEW = f"{URL}new/"
FORM = {"label": "CI of the shop", "level": "repo:write", "expiry": ""}


def test_an_empty_list_says_what_tokens_are_for(alices_client: Client) -> None:
    assert "No access tokens yet" in alices_client.get(URL).content.decode()


def test_a_new_token_is_shown_once_and_works(alice: User, alices_client: Client) -> None:
    page = alices_client.post(NEW, FORM)
    assert page.status_code == 201
    assert "no-store" in page["Cache-Control"]
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert "docker login -u alice testserver" in page.content.decode()
    assert credentials.authenticate("alice", secret).user_id == alice.pk
    listed = alices_client.get(URL).content.decode()
    assert "CI of the shop" in listed
    assert "Read and write" in listed
    assert secret not in listed
    assert secret not in str(PersonalAccessToken.objects.values().get())


@pytest.mark.parametrize(("expiry", "days"), [("7", 7), ("30", 30), ("90", 90), ("365", 365), ("", None)])
def test_a_token_may_expire(alices_client: Client, expiry: str, days: int | None) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        alices_client.post(NEW, {**FORM, "expiry": expiry})
        expected = timezone.now() + datetime.timedelta(days=days) if days else None
    assert PersonalAccessToken.objects.get().expires_at == expected


def test_a_token_may_expire_on_a_date(alices_client: Client) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        alices_client.post(NEW, {**FORM, "expiry": "date", "expiry_date": "2026-03-05"})
    expires = PersonalAccessToken.objects.get().expires_at
    assert expires == datetime.datetime(2026, 3, 5, 23, 59, 59, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"level": "repo:everything"}, "level"),
        ({"level": ""}, "level"),
        ({"expiry": "12345"}, "expiry"),
        ({"expiry": "date"}, "expiry_date"),
        ({"expiry": "date", "expiry_date": "tomorrow"}, "expiry_date"),
        ({"expiry": "date", "expiry_date": "2020-01-01"}, "expiry_date"),
    ],
)
def test_bad_input_gets_a_sentence_under_its_field(alices_client: Client, changes: dict[str, str], field: str) -> None:
    page = alices_client.post(NEW, {**FORM, **changes})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not PersonalAccessToken.objects.exists()


def test_the_list_shows_states(alice: User, alices_client: Client) -> None:
    factories.make_access_token(alice, label="works")
    off, _secret = factories.make_access_token(alice, label="resting")
    old, _secret = factories.make_access_token(alice, label="gone")
    PersonalAccessToken.objects.filter(pk=off.pk).update(is_active=False)
    PersonalAccessToken.objects.filter(pk=old.pk).update(expires_at=timezone.now() - datetime.timedelta(days=1))
    page = alices_client.get(URL)
    assert [(token.row.label, token.state) for token in page.context["tokens"]] == [
        ("gone", "expired"),
        ("resting", "off"),
        ("works", "active"),
    ]


def test_switched_off_it_is_refused_and_switched_on_it_works_again(alice: User, alices_client: Client) -> None:
    token, secret = factories.make_access_token(alice)
    alices_client.post(f"{URL}{token.public_id}/switch/", {"is_active": "false"})
    with pytest.raises(Unauthorized):
        credentials.authenticate("alice", secret)
    alices_client.post(f"{URL}{token.public_id}/switch/", {"is_active": "true"})
    assert credentials.authenticate("alice", secret).user_id == alice.pk


def test_deleting_asks_first(alice: User, alices_client: Client) -> None:
    token, secret = factories.make_access_token(alice)
    url = f"{URL}{token.public_id}/delete/"
    assert "can no longer sign in" in alices_client.get(url).content.decode()
    assert PersonalAccessToken.objects.exists()
    assert alices_client.post(url)["Location"] == URL
    with pytest.raises(Unauthorized):
        credentials.authenticate("alice", secret)


@pytest.mark.parametrize("action", ["switch", "delete"])
@pytest.mark.parametrize("whose", ["alice's", "nobody's"])
def test_other_peoples_tokens_do_not_exist(alice: User, bobs_client: Client, action: str, whose: str) -> None:
    token, _secret = factories.make_access_token(alice)
    public_id: Any = token.public_id if whose == "alice's" else uuid4()
    assert bobs_client.post(f"{URL}{public_id}/{action}/").status_code == 404
    assert bobs_client.get(URL).context["tokens"] == []
    assert PersonalAccessToken.objects.get().is_active


def test_the_list_costs_the_same_for_two_and_for_six(
    alice: User, alices_client: Client, django_assert_num_queries: Any
) -> None:
    factories.make_access_token(alice)
    factories.make_access_token(alice)
    # Session, user, confirmed, tokens.
    with django_assert_num_queries(4):
        alices_client.get(URL)
    for _ in range(4):
        factories.make_access_token(alice)
    with django_assert_num_queries(4):
        alices_client.get(URL)


LIMITED = {**FORM, "level": "limited", "places": "acme/payments/*\nacme", "actions": ["push", "organization:read"]}
KEPT = [
    {"path": "acme/payments/*", "actions": ["pull", "push"]},
    {"path": "acme", "actions": ["organization:read"]},
]


def test_a_limited_token_shows_where_it_may_do_what(alice: User, alices_client: Client) -> None:
    page = alices_client.post(NEW, LIMITED)
    assert page.status_code == 201
    token = PersonalAccessToken.objects.get()
    assert (token.limits, token.level) == (KEPT, "repo:write")
    credential = credentials.authenticate("alice", page.context["secret"]).credential
    assert [limit.path for limit in credential.limits or ()] == ["acme/payments/*", "acme"]
    for text in (page, alices_client.get(URL), alices_client.get(f"{URL}{token.public_id}/delete/")):
        assert "acme/payments/*" in text.content.decode()
        assert "pull, push" in text.content.decode()


def test_a_level_alone_takes_no_limits_along(alices_client: Client) -> None:
    """Without script the fields of a limited token are there in any case."""
    assert alices_client.post(NEW, {**LIMITED, "level": "repo:read"}).status_code == 201
    token = PersonalAccessToken.objects.get()
    assert (token.limits, token.level) == (None, "repo:read")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"places": ""}, "places"),
        ({"places": "acme//"}, "places"),
        ({"places": "Acme/api"}, "places"),
        ({"places": "acme/api\0"}, "places"),
        ({"places": "\n".join(f"acme/app{number}" for number in range(51)), "actions": ["push"]}, "places"),
        ({"actions": []}, "actions"),
        ({"actions": ["fly"]}, "actions"),
        ({"places": "acme/api"}, "actions"),
    ],
)
def test_wrong_limits_get_a_sentence_under_their_field(
    alices_client: Client, changes: dict[str, Any], field: str
) -> None:
    page = alices_client.post(NEW, {**LIMITED, **changes})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not PersonalAccessToken.objects.exists()


def test_the_list_says_from_where_and_with_what_a_token_was_used(alice: User, alices_client: Client) -> None:
    factories.make_access_token(alice)
    assert "never used" in alices_client.get(URL).content.decode()
    PersonalAccessToken.objects.update(
        last_used_at=timezone.now(), last_used_address="203.0.113.7", last_used_client="docker/28.2.2 go/go1.24.3"
    )
    text = alices_client.get(URL).content.decode()
    assert "203.0.113.7 · docker 28.2.2" in text
    assert "go/go1.24.3" in text
