"""What there is to tell of each event, as the product's own actions record it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orgs import actions as orgs
from orgs.actions import members
from orgs.models import MemberRole, Organization
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.models import Event
from repositories import actions as repositories
from repositories.grants import actions as grants
from repositories.images import image_actions, writes
from repositories.images.actions import Push, record_push
from repositories.images.manifests import parse
from repositories.images.models import Manifest, PushIntent
from repositories.images.untagging import record_untagged
from repositories.models import Grant, Repository
from repositories.registry import client
from repositories.webhooks import actions, catalog, documents
from repositories.webhooks.documents import images
from repositories.webhooks.models import Webhook
from tests import factories
from tests.factories.images import IMAGE, digest_of, image_body, push_chart, push_image, push_index, pusher
from tests.factories.orgs import add_member, make_organization, make_team
from tests.webhooks.schema_checks import problems

URL = "https://93.184.215.14/hooks/ci"
Role = Grant.Role


def last(action: str) -> Event:
    return Event.objects.filter(action=action).order_by("-id")[0]


def told(action: str, repository: Repository | None = None) -> dict[str, Any]:
    event = last(action)
    row = Repository.objects.filter(pk=event.repository_id or 0).first() if repository is None else repository
    return documents.document(event, row)


def do(repository: Repository, kind: PushIntent.Kind, tag: str, seed: str, by: User, source: str = "") -> None:
    body = image_body(seed)
    push = Push(digest_of(body), parse(body, IMAGE), tag=tag, pusher=pusher(by), kind=kind, source=source)
    with transaction.atomic():
        record_push(repository_id=repository.pk, push=push)


def delete_tag(repository: Repository, tag: str, digest: str, by: User) -> None:
    with transaction.atomic():
        assert record_untagged(repository_id=repository.pk, tag=tag, digest=digest, pusher=pusher(by))


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    organization = make_organization(alice)
    add_member(organization, bob)
    return organization


@pytest.fixture
def app(alice: User, acme: Organization) -> Repository:
    return repositories.create_repository(actor=factories.actor(alice), namespace="acme", name="payments/api")


def _images(app: Repository, alice: User, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    push_index(app, "1.0", by=alice)
    push_chart(app, "chart", by=alice)
    image = push_image(app, "latest", by=alice, seed="one")
    push_image(app, "latest", by=alice, seed="two")
    do(app, PushIntent.Kind.ROLL_BACK, "latest", "one", alice)
    do(app, PushIntent.Kind.COPY, "copied", "one", alice, source="acme/other:1.0")
    delete_tag(app, "latest", image.digest, alice)
    do(app, PushIntent.Kind.RESTORE, "latest", "one", alice)
    monkeypatch.setattr(writes, "untag", lambda **_: True)
    Manifest.objects.get(digest=image.digest).tags.all().delete()
    image_actions.delete_image(actor=actor, repository=app, digest=image.digest)
    monkeypatch.setattr(image_actions, "expect_held", lambda *_: None)
    image_actions.restore_image(actor=actor, repository=app, digest=image.digest)


def _repository(app: Repository, actor: Actor) -> None:
    repositories.update_description(
        actor=actor, repository=app, description="Takes payments", full_description="# Long " + "x" * 30_000
    )
    repositories.change_visibility(actor=actor, repository=app, visibility="public")
    repositories.archive_repository(actor=actor, repository=app)
    repositories.unarchive_repository(actor=actor, repository=app)
    repositories.star_repository(actor=actor, repository=app)
    repositories.unstar_repository(actor=actor, repository=app)
    comment = repositories.add_comment(actor=actor, repository=app, text="Good <b>work</b> & “thanks”")
    repositories.delete_comment(actor=actor, repository=app, comment_id=comment.pk)
    repositories.add_comment(actor=actor, repository=app, text="Stays")


def _people(app: Repository, acme: Organization, actor: Actor, charlie: User) -> None:
    team = make_team(acme, "payments")
    orgs.add_team_member(actor=actor, team=team, username="bob")
    grants.grant_to_team(actor=actor, organization=acme, team=team, pattern="payments/*", role=Role.READ)
    grant = grants.grant_to_team(actor=actor, organization=acme, team=team, pattern="payments/*", role=Role.WRITE)
    grants.revoke_grant(actor=actor, grant=grant)
    end = timezone.now() + timedelta(days=9)
    grants.grant_to_person(actor=actor, repository=app, username="charlie", role=Role.ADMIN, expires_at=end)
    members.change_member_role(actor=actor, organization=acme, username="bob", role=MemberRole.EDITOR)
    orgs.remove_team_member(actor=actor, team=team, username="bob")
    members.remove_member(actor=actor, organization=acme, username="bob")


def test_every_event_that_actions_record_is_told_as_its_schema_says(
    app: Repository, acme: Organization, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = factories.actor(alice)
    hook = actions.create_webhook(actor=actor, place=app, name="CI", url=URL)
    _images(app, alice, actor, monkeypatch)
    _repository(app, actor)
    _people(app, acme, actor, charlie)
    actions.ping(actor=actor, webhook=hook)
    gone = repositories.create_repository(actor=actor, namespace="acme", name="gone")
    repositories.delete_repository(actor=actor, repository=gone, typed_name="acme/gone")
    seen, wrong = set(), []
    for event in Event.objects.filter(action__in=catalog.by_action()).order_by("id"):
        kind = catalog.by_action()[event.action]
        row = Repository.objects.filter(pk=event.repository_id or 0).first()
        document = documents.ping(event, hook) if kind.name == "ping" else documents.document(event, row)
        wrong += [(event.action, each) for each in problems(document | {"callback_url": ""}, kind.name)]
        seen.add(event.action)
    assert wrong == []
    assert seen == set(catalog.by_action())


def test_a_multi_platform_push_is_one_document_with_its_platforms(public_app: Repository, alice: User) -> None:
    index = push_index(public_app, "1.0", by=alice)
    assert Event.objects.filter(action="repo.tag.push").count() == 1
    tag = told("repo.tag.push")["tag"]
    assert [(each["name"], each["os"], each["architecture"], each["variant"]) for each in tag["platforms"]] == [
        ("linux/amd64", "linux", "amd64", ""),
        ("linux/arm64/v8", "linux", "arm64", "v8"),
    ]
    assert {each["size"] for each in tag["platforms"]} == {2_811_969 + 914 + 1_472}
    assert tag["size"] == sum(each["size"] for each in tag["platforms"])
    assert (tag["digest"], tag["kind"], tag["previous_digest"]) == (index.digest, "index", "")
    assert tag["pull_reference"] == "localhost:8000/alice/public-app:1.0"
    assert tag["pull_reference_by_digest"] == f"localhost:8000/alice/public-app@{index.digest}"
    assert tag["url"] == "http://localhost:8000/alice/public-app/-/tags/1.0"


def test_a_push_that_overwrites_a_tag_names_what_it_was(public_app: Repository, alice: User) -> None:
    old = push_image(public_app, "latest", by=alice, seed="one")
    new = push_image(public_app, "latest", by=alice, seed="two")
    document = told("repo.tag.push")
    assert (document["tag"]["digest"], document["tag"]["previous_digest"]) == (new.digest, old.digest)
    assert document["actor"] == {"name": "alice", "credential": "password"}
    assert document["summary"] == "alice pushed alice/public-app:latest"
    push_image(public_app, "latest", by=alice, seed="two")
    assert told("repo.tag.push")["tag"]["previous_digest"] == ""


def test_a_copy_and_a_roll_back_are_pushes_whose_cause_is_told(public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.0", by=alice, seed="one")
    push_image(public_app, "1.0", by=alice, seed="two")
    do(public_app, PushIntent.Kind.ROLL_BACK, "1.0", "one", alice)
    do(public_app, PushIntent.Kind.COPY, "2.0", "one", alice, source="acme/app:1.0")
    back, copy = told("repo.tag.rollback"), told("repo.tag.copy")
    assert [(each["type"], each["cause"]) for each in (back, copy)] == [("push", "rollback"), ("push", "copy")]
    assert copy["tag"]["source"] == "acme/app:1.0"
    assert copy["summary"] == "alice copied acme/app:1.0 to alice/public-app:2.0"


def test_a_deleted_tag_tells_what_it_pointed_to(public_app: Repository, alice: User) -> None:
    image = push_image(public_app, "1.0", by=alice)
    delete_tag(public_app, "1.0", image.digest, alice)
    tag = told("repo.tag.delete")["tag"]
    assert (tag["name"], tag["digest"], tag["previous_digest"]) == ("1.0", image.digest, "")
    assert (tag["size"], tag["platforms"][0]["name"]) == (image.total_size, "linux/amd64")


def test_a_long_index_is_told_with_so_many_platforms(
    public_app: Repository, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "PLATFORMS_MAX", 1)
    push_index(public_app, "1.0", by=alice)
    assert [each["name"] for each in told("repo.tag.push")["tag"]["platforms"]] == ["linux/amd64"]


def test_a_platform_that_was_not_read_yet_is_asked_of_the_registry_once(
    public_app: Repository, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = push_image(public_app, "1.0", by=alice, read=False)
    asked = []

    def read(repository: str, digest: str, *, limit: int) -> bytes:
        asked.append(digest)
        return b'{"os": "linux", "architecture": "riscv64"}'

    monkeypatch.setattr(client, "get_blob", read)
    assert told("repo.tag.push")["tag"]["platforms"] == []
    event = last("repo.tag.push")
    for _ in range(2):
        tag = documents.document(event, public_app, ask_registry=True)["tag"]
        assert [each["name"] for each in tag["platforms"]] == ["linux/riscv64"]
    assert asked == [image.config_digest]
    monkeypatch.setattr(images._registry, "away_until", 0.0)


def test_a_registry_that_is_slow_or_away_is_left_alone_for_a_while(
    public_app: Repository, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(public_app, "1.0", by=alice, read=False)
    asked = []

    def fail(repository: str, digest: str, *, limit: int) -> bytes:
        asked.append(digest)
        raise client.RegistryUnavailable

    monkeypatch.setattr(client, "get_blob", fail)
    monkeypatch.setattr(images, "SLOW", -1.0)
    monkeypatch.setattr(images._registry, "away_until", 0.0)
    for _ in range(2):
        tag = documents.document(last("repo.tag.push"), public_app, ask_registry=True)["tag"]
        assert (tag["name"], tag["platforms"]) == ("1.0", [])
    assert len(asked) == 1
    monkeypatch.setattr(images._registry, "away_until", 0.0)
    monkeypatch.setattr(images, "read_details", lambda _pk: 1 / 0)
    assert documents.document(last("repo.tag.push"), public_app, ask_registry=True)["tag"]["platforms"] == []


def test_a_repository_that_is_gone_is_told_with_the_same_keys(public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.0", by=alice)
    there = told("repo.tag.push")
    event = last("repo.tag.push")
    gone = documents.document(event, None)
    assert set(gone["repository"]) == set(there["repository"])
    assert gone["repository"]["full_name"] == "alice/public-app"
    assert (gone["repository"]["exists"], gone["repository"]["created_at"]) == (False, None)
    assert gone["tag"]["digest"] == there["tag"]["digest"]
    assert problems(gone | {"callback_url": ""}, "push") == []


def test_a_deleted_repository_is_told_as_public_when_it_was(public_app: Repository, as_alice: Actor) -> None:
    repositories.delete_repository(actor=as_alice, repository=public_app, typed_name="alice/public-app")
    document = told("repo.delete")
    assert (document["repository"]["is_private"], document["repository"]["exists"]) == (False, False)


def test_a_comment_is_told_as_long_as_it_is_there(public_app: Repository, as_bob: Actor, as_alice: Actor) -> None:
    comment = repositories.add_comment(actor=as_bob, repository=public_app, text="<b>Good</b>")
    shown = told("repo.comment")["comment"]
    assert (shown["id"], shown["text"], shown["author"]) == (comment.pk, "<b>Good</b>", "bob")
    repositories.delete_comment(actor=as_alice, repository=public_app, comment_id=comment.pk)
    for action in ("repo.comment", "repo.comment.delete"):
        shown = told(action)["comment"]
        assert (shown["id"], shown["text"], shown["author"]) == (comment.pk, "", "")


def test_grants_and_members_tell_who_got_what(app: Repository, acme: Organization, alice: User, charlie: User) -> None:
    _people(app, acme, factories.actor(alice), charlie)
    changed = told("repo.grant.update")
    assert changed["grant"] == {
        "pattern": "payments/*",
        "team": "payments",
        "user": "",
        "role": "write",
        "old_role": "read",
        "expires_at": None,
    }
    assert "repository" not in changed
    person = Event.objects.filter(action="repo.grant.create", repository_id=app.pk)[0]
    assert documents.document(person, app)["grant"]["user"] == "charlie"
    assert told("repo.grant.delete")["summary"] == (
        "alice took the role write on acme/payments/* from the team payments"
    )
    role = told("org.member.role.change")["member"]
    assert (role["user"], role["old_role"], role["role"]) == ("bob", "member", "editor")
    joined = told("org.team.member.add")
    assert (joined["member"]["user"], joined["member"]["team"]) == ("bob", "payments")
    assert joined["summary"] == "alice added bob to the team payments of acme"


def test_no_token_nor_its_label_is_told(public_app: Repository, alice: User) -> None:
    actor = factories.token_actor(alice)
    repositories.star_repository(actor=actor, repository=public_app)
    document = told("repo.star")
    assert document["actor"] == {"name": "alice", "credential": "personal_access_token"}
    event = last("repo.star")
    event.credential = "something of tomorrow: x"
    assert documents.document(event, public_app)["actor"]["credential"] == ""


def test_an_event_of_older_days_is_told_as_far_as_it_goes(public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.2", by=alice)
    event = last("repo.tag.push")
    event.new, event.old = {"size": "big", "digest": 7}, {}
    tag = documents.document(event, public_app)["tag"]
    assert (tag["name"], tag["digest"], tag["size"], tag["pull_reference_by_digest"]) == ("1.2", "", 0, "")


def test_what_a_document_costs(
    public_app: Repository, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    push_index(public_app, "1.0", by=alice)
    event = last("repo.tag.push")
    with django_assert_num_queries(3):
        documents.document(event, public_app)
    push_image(public_app, "2.0", by=alice)
    event = last("repo.tag.push")
    with django_assert_num_queries(1):
        documents.document(event, public_app)


def ping(actor: Actor, hook: Webhook) -> dict[str, Any]:
    actions.ping(actor=actor, webhook=hook)
    return documents.ping(last("repo.webhook.ping"), hook)


def test_a_ping_tells_of_the_newest_tag_that_the_webhook_hears_of(
    as_alice: Actor, public_app: Repository, alice: User
) -> None:
    hook = actions.create_webhook(
        actor=as_alice, place=public_app, name="CI", url=URL, events=["push"], tag_patterns=["v.*"]
    )
    image = push_image(public_app, "v1.0", by=alice)
    push_image(public_app, "latest", by=alice)
    document = ping(as_alice, hook)
    assert (document["type"], document["tag"]["name"], document["tag"]["digest"]) == ("ping", "v1.0", image.digest)
    assert document["webhook"] == {"id": hook.pk, "name": "CI"}
    assert document["summary"] == "alice tried the webhook CI"


def test_a_ping_of_a_namespace_finds_a_tag_in_the_repositories_of_the_pattern(
    as_alice: Actor, public_app: Repository, private_app: Repository, alice: User
) -> None:
    push_image(private_app, "1.0", by=alice)
    push_image(public_app, "2.0", by=alice)
    hook = actions.create_webhook(
        actor=as_alice, place=public_app.namespace, name="CI", url=URL, repository_pattern="private-*"
    )
    document = ping(as_alice, hook)
    assert (document["repository"]["full_name"], document["tag"]["name"]) == ("alice/private-app", "1.0")


def test_a_ping_where_nothing_was_pushed_yet_is_about_a_tag_called_ping(as_alice: Actor, alice: User) -> None:
    hook = actions.create_webhook(actor=as_alice, place=alice.namespace, name="CI", url=URL)
    document = ping(as_alice, hook)
    assert (document["repository"]["full_name"], document["tag"]["name"]) == ("alice/ping", "ping")
    assert problems(document | {"callback_url": ""}, "ping") == []


def test_a_ping_fills_no_tag_into_the_url(as_alice: Actor, public_app: Repository, alice: User) -> None:
    push_image(public_app, "1.0", by=alice)
    hook = actions.create_webhook(actor=as_alice, place=public_app, name="CI", url=URL)
    values = documents.placeholders(ping(as_alice, hook))
    assert (values["event"], values["repository"], values["tag"], values["digest"]) == (
        "ping",
        "alice/public-app",
        "",
        "",
    )
    pushed = documents.placeholders(told("repo.tag.push"))
    assert (pushed["event"], pushed["tag"], pushed["digest"][:7]) == ("push", "1.0", "sha256:")
