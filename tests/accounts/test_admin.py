"""Operators look things up in Django's admin, and switch people off there; nobody else gets in."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.actor import ANONYMOUS
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, NotFound
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import make_organization
from tests.factories.robots import make_robot

MODELS = [
    "events_event",
    "accounts_user",
    "accounts_namespace",
    "accounts_personalaccesstoken",
    "accounts_organizationaccesstoken",
    "repositories_repository",
    "webhooks_webhook",
    "webhooks_delivery",
    "webhooks_buildstatus",
    "images_pushintent",
]


@pytest.fixture
def operator(db):
    user = factories.make_user("operator")
    user.is_superuser = user.is_staff = True
    user.save()
    return user


def test_the_list_above_is_complete() -> None:
    ours = {
        f"{model._meta.app_label}_{model._meta.model_name}"
        for model in admin.site._registry
        if model.__module__.startswith(("portal.", "repositories.", "orgs."))
    }
    assert ours == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_shows_but_adds_and_deletes_nothing(operator, alice, public_app, model) -> None:
    client = signed_in(operator)
    factories.make_access_token(alice)
    assert (
        client.get(reverse(f"admin:{model}_changelist"), {"q": "alice"} if "user" in model else {}).status_code == 200
    )
    assert client.get(reverse(f"admin:{model}_add")).status_code == 403


def test_shows_no_hash_of_a_token(operator, alice) -> None:
    token, _secret = factories.make_access_token(alice)
    page = signed_in(operator).get(reverse("admin:accounts_personalaccesstoken_change", args=[token.pk]))
    assert page.status_code == 200
    assert token.hash not in page.content.decode()


def test_shows_no_hash_of_a_robot(operator, alice) -> None:
    token, _secret = make_robot(alice, make_organization(alice))
    token.old_hash = "0" * 64
    token.save()
    page = signed_in(operator).get(reverse("admin:accounts_organizationaccesstoken_change", args=[token.pk]))
    assert page.status_code == 200
    assert "acme" in page.content.decode()
    for hashed in token.hash, token.old_hash:
        assert hashed not in page.content.decode()


def test_is_not_for_others(alices_client, client) -> None:
    assert alices_client.get("/admin/", follow=True).status_code == 403
    answer = client.get("/admin/", follow=False)
    assert answer.status_code == 302
    assert "/accounts/login/" in client.get(answer["Location"], follow=True).redirect_chain[-1][0]


def test_switches_a_person_off(operator, alice) -> None:
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    assert signed_in(operator).post(page, {}).status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active
    event = Event.objects.get(action="user.update")
    assert (event.actor_name, event.target, event.old["is_active"], event.new["is_active"]) == (
        "operator",
        "alice",
        True,
        False,
    )


def test_the_last_operator_stays(operator, alice) -> None:
    actor = factories.actor(operator)
    with pytest.raises(Conflict):
        actions.change_user(actor=actor, user_id=operator.pk, is_active=True, is_superuser=False)
    actions.change_user(actor=actor, user_id=alice.pk, is_active=True, is_superuser=True)
    actions.change_user(actor=actor, user_id=operator.pk, is_active=True, is_superuser=False)
    operator.refresh_from_db()
    assert not operator.is_staff


def test_only_operators_change_people(operator, alice, as_bob) -> None:
    for actor in (as_bob, ANONYMOUS):
        with pytest.raises(Forbidden):
            actions.change_user(actor=actor, user_id=alice.pk, is_active=False, is_superuser=False)
    with pytest.raises(NotFound):
        actions.change_user(actor=factories.actor(operator), user_id=0, is_active=False, is_superuser=False)


def test_the_events_are_listed_without_counting_them(operator, alice) -> None:
    """There may be tens of millions."""
    with CaptureQueriesContext(connection) as asked:
        page = signed_in(operator).get(reverse("admin:events_event_changelist"))
    assert "user.create" in page.content.decode()
    of_events = [row["sql"] for row in asked if 'FROM "events_event"' in row["sql"]]
    assert of_events
    assert not [sql for sql in of_events if "COUNT(" in sql or "DISTINCT" in sql]
