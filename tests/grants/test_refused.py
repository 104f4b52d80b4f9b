"""Refused attempts: what docker did not get, and why not as of now."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.models import Organization, Team
from portal.accounts.actor import Actor, actor_for, actor_for_robot
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, TokenLevel, User
from portal.events.record import record
from repositories.grants.effective_refused import refused_in, refused_on
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.grants.test_effective_people import make_robot

pytestmark = pytest.mark.django_db

PAGE, ALL = "/acme/api/-/access/refused", "/acme/-/refused"


def refuse(actor: Actor, name: str, *actions: str, count: int = 1) -> None:
    """As `last_use.flush` records it."""
    with transaction.atomic():
        new = {"actions": list(actions), "count": count}
        seen = actor.seen_from(address="192.0.2.7", client="docker/28.2.1")
        record("repo.access_refused", actor=seen, namespace=name.partition("/")[0], target=name, new=new)


def with_token(user: User, level: TokenLevel) -> Actor:
    token = factories.make_access_token(user, level, label="ci")[0]
    credential = access_token_credential(token.pk, token.label, token.level)
    return actor_for(user, confirmed=True, credential=credential)


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_same_refusals_are_one_line_with_the_reason(alices_client: Client, api: Repository, carol: User) -> None:
    refuse(factories.actor(carol), "acme/api", "push", count=3)
    refuse(factories.actor(carol), "acme/api", "push", count=2)
    refuse(factories.actor(carol), "acme/web", "push")
    (attempt,) = refused_on(api)
    assert (attempt.actor_name, attempt.actions, attempt.count) == ("carol", ("push",), 5)
    text = page(alices_client, PAGE)
    assert "5 times" in text
    assert "You need the role “write” on this repository." in text
    assert "Has: read (base permission read)." in text
    assert "192.0.2.7" in text
    assert "?subject=carol&amp;action=push" in text
    assert "acme/web" not in text


def test_the_reason_is_that_of_the_credential(
    alices_client: Client, api: Repository, bob: User, acme: Organization
) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="api", user=bob, role=Grant.Role.WRITE)
    refuse(with_token(bob, TokenLevel.READ), "acme/api", "push")
    assert "The access token “ci” lacks the level “Read and write”." in page(alices_client, PAGE)
    PersonalAccessToken.objects.all().delete()
    assert "The account or the access token is gone." in page(alices_client, PAGE)


def test_a_robot_that_may_only_pull(alices_client: Client, api: Repository, acme: Organization) -> None:
    make_robot(acme, "ci", "pull")
    token = OrganizationAccessToken.objects.select_related("namespace").get()
    refuse(actor_for_robot(token), "acme/api", "push")
    text = page(alices_client, PAGE)
    assert "acme:ci" in text
    assert "The access token “ci” is limited, and may not do this in acme/api." in text


def test_what_is_allowed_by_now_is_said(alices_client: Client, api: Repository, dave: User, acme: Organization) -> None:
    refuse(factories.actor(dave), "acme/api", "pull")
    assert "dave cannot see acme/api: to them it does not exist." in page(alices_client, PAGE)
    Grant.objects.create(namespace=acme.namespace, pattern="api", user=dave, role=Grant.Role.READ)
    assert "Allowed now: the rights have changed since." in page(alices_client, PAGE)


def test_owners_see_names_that_do_not_exist_too(
    alices_client: Client, olivias_client: Client, api: Repository, carol: User, acme: Organization
) -> None:
    refuse(factories.actor(carol), "acme/nothing", "push")
    refuse(factories.actor(carol), "acme/api", "push")
    refuse(factories.actor(carol), "globex/api", "push")
    assert [attempt.full_name for attempt in refused_in("acme", acme.created_at)] == ["acme/api", "acme/nothing"]
    text = page(alices_client, ALL)
    assert "acme/nothing" in text
    assert "There is no such repository." in text
    assert "repository=nothing" in text
    assert olivias_client.get(ALL).status_code == 403


def test_who_sees_them(api: Repository, bobs_client: Client, daves_client: Client, olivias_client: Client) -> None:
    assert olivias_client.get(PAGE).status_code == 200
    assert bobs_client.get(PAGE).status_code == 403
    assert daves_client.get(PAGE).status_code == 404
    assert daves_client.get(ALL).status_code == 404


def test_nothing_was_refused(alices_client: Client, api: Repository) -> None:
    assert "Nothing was refused" in page(alices_client, PAGE)
    assert "Nothing was refused" in page(alices_client, ALL)


def test_what_is_older_than_two_weeks_or_than_the_repository_is_left_out(
    alices_client: Client, api: Repository, carol: User
) -> None:
    refuse(factories.actor(carol), "acme/api", "push")
    Repository.objects.filter(pk=api.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    assert "Nothing was refused" in page(alices_client, PAGE)


def test_more_attempts_cost_no_more_queries(
    alices_client: Client, api: Repository, acme: Organization, bob: User, carol: User
) -> None:
    make_robot(acme, "ci", "pull")
    token = OrganizationAccessToken.objects.select_related("namespace").get()
    refuse(actor_for_robot(token), "acme/api", "push")
    refuse(with_token(bob, TokenLevel.READ), "acme/api", "push")
    for url in (PAGE, ALL):
        page(alices_client, url)
    two = [queries(alices_client, url) for url in (PAGE, ALL)]
    for n in range(4):
        user = factories.make_user(f"user{n}")
        refuse(factories.actor(user), "acme/api", "pull")
        refuse(with_token(user, TokenLevel.READ), f"acme/none{n}", "push")
    assert [queries(alices_client, url) for url in (PAGE, ALL)] == two


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as found:
        page(client, url)
    return len(found)


def test_pages_of_many(alices_client: Client, api: Repository, carol: User) -> None:
    for n in range(30):
        refuse(factories.actor(carol), f"acme/none{n}", "push")
    assert "?page=2" in page(alices_client, ALL)
    assert "none0<" in page(alices_client, f"{ALL}?page=2")
    assert "none0<" in page(alices_client, f"{ALL}?page=99")
    assert "none29<" in page(alices_client, f"{ALL}?page=x")


def test_the_explanation_is_that_of_check(
    api: Repository, acme: Organization, users: Team, bob: User, carol: User, dave: User, eve: User
) -> None:
    """What stands beside the attempt and what the page behind the button says never contradict each other."""
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.WRITE)
    client: Any = signed_in(User.objects.get(username="alice"))
    for user in (bob, carol, dave, eve):
        refuse(factories.actor(user), "acme/api", "push")
    text = page(client, PAGE)
    assert text.count("Allowed now") == 1
    for name, verdict in (("bob", "may not push"), ("carol", "may push"), ("dave", "may not push")):
        assert f"{name} {verdict}: acme/api" in page(client, f"/acme/api/-/access/check?subject={name}&action=push")


def test_logins_with_a_dead_access_token_are_listed_for_owners(alices_client: Client, acme: Organization) -> None:
    for count, address in ((2, "192.0.2.7"), (3, "192.0.2.7"), (1, "192.0.2.8")):
        with transaction.atomic():
            actor = Actor(address=address)
            record("user.login_failed", actor=actor, namespace="acme", target="acme", new={"count": count})
    text = page(alices_client, ALL)
    assert "Refused logins of access tokens" in text
    assert "5 times" in text
    assert "192.0.2.8" in text
