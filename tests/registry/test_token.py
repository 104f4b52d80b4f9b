"""GET and POST /token, as docker, containerd and a stranger with bad intentions ask it."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal.accounts import actions as accounts
from portal.accounts.models import CreateOnPush, RefreshToken, TokenLevel
from portal.kit.raw_sql import fetch_all
from tests import factories
from tests.factories import PASSWORD
from tests.registry.conftest import FORM, Ask, Reply, basic

PUBLIC, PRIVATE = "repository:alice/public-app", "repository:alice/private-app"


class TestWhatIsGranted:
    def test_nobody_pulls_what_is_public(self, ask: Ask, public_app) -> None:
        reply = ask(f"{PUBLIC}:pull,push")
        assert reply.grants == {"alice/public-app": {"pull"}}
        assert reply.token.subject == ""

    def test_nobody_and_a_stranger_get_nothing_of_what_is_private(self, ask: Ask, private_app, bob) -> None:
        assert ask(f"{PRIVATE}:pull").grants == {}
        assert ask(f"{PRIVATE}:pull,push", login="bob").grants == {}

    def test_a_private_repository_reads_like_one_that_does_not_exist(self, ask: Ask, private_app, bob) -> None:
        there = ask(f"{PRIVATE}:pull,push,delete", login="bob")
        nowhere = ask("repository:alice/nothing:pull,push,delete", login="bob")
        assert (there.status, there.grants) == (nowhere.status, nowhere.grants) == (200, {})

    def test_the_owner_does_everything(self, ask: Ask, private_app, alice) -> None:
        reply = ask(f"{PRIVATE}:pull,push,delete", login="alice")
        assert reply.grants == {"alice/private-app": {"pull", "push", "delete"}}
        assert reply.token.subject == alice.public_id

    def test_a_star_is_all_that_is_granted(self, ask: Ask, public_app, alice) -> None:
        assert ask(f"{PUBLIC}:*", login="alice").grants == {"alice/public-app": {"pull", "push", "delete"}}
        assert ask(f"{PUBLIC}:*").grants == {"alice/public-app": {"pull"}}

    @pytest.mark.parametrize(
        ("level", "public", "private"),
        [
            (TokenLevel.PUBLIC_READ, {"pull"}, None),
            (TokenLevel.READ, {"pull"}, {"pull"}),
            (TokenLevel.WRITE, {"pull", "push"}, {"pull", "push"}),
            (TokenLevel.ADMIN, {"pull", "push", "delete"}, {"pull", "push", "delete"}),
        ],
    )
    def test_an_access_token_lowers(self, ask: Ask, alice, public_app, private_app, level, public, private) -> None:
        _token, secret = factories.make_access_token(alice, level)
        reply = ask(f"{PUBLIC}:*", f"{PRIVATE}:*", login="alice", secret=secret)
        assert reply.grants.get("alice/public-app") == public
        assert reply.grants.get("alice/private-app") == private

    def test_without_a_confirmed_address_one_may_only_pull(self, ask: Ask, eve, public_app) -> None:
        assert ask("repository:eve/new:pull,push", f"{PUBLIC}:pull,push", login="eve").grants == {
            "alice/public-app": {"pull"}
        }

    def test_several_scopes_in_one_parameter_and_in_many(self, ask: Ask, alice, public_app, private_app) -> None:
        reply = ask(f"{PUBLIC}:pull  {PRIVATE}:push", f"{PRIVATE}:pull", login="alice")
        assert reply.grants == {"alice/public-app": {"pull"}, "alice/private-app": {"pull", "push"}}

    def test_a_plugin_is_a_repository(self, ask: Ask, public_app) -> None:
        assert ask("repository(plugin):alice/public-app:pull").grants == {"alice/public-app": {"pull"}}

    def test_login_without_a_scope(self, ask: Ask, alice) -> None:
        reply = ask(login="alice", account="alice", client_id="docker", offline_token="true")
        assert (reply.status, reply.grants) == (200, {})
        assert "refresh_token" not in reply.body

    def test_the_user_is_found_by_a_confirmed_address(self, ask: Ask, alice, eve, private_app) -> None:
        assert ask(f"{PRIVATE}:pull", login="Alice@example.org").grants == {"alice/private-app": {"pull"}}
        assert ask(login="eve@example.org").status == 401

    def test_case_of_the_name_does_not_matter(self, ask: Ask, alice) -> None:
        assert ask(login="ALICE").token.subject == alice.public_id


class TestCreateOnPush:
    @pytest.mark.parametrize("policy", [CreateOnPush.PRIVATE, CreateOnPush.PUBLIC])
    def test_the_owner_gets_what_a_push_needs(self, ask: Ask, alice, policy) -> None:
        alice.namespace.create_on_push = policy
        alice.namespace.save()
        assert ask("repository:alice/new/app:pull,push,delete", login="alice").grants == {
            "alice/new/app": {"pull", "push"}
        }

    def test_not_where_it_is_switched_off(self, ask: Ask, alice) -> None:
        alice.namespace.create_on_push = CreateOnPush.OFF
        alice.namespace.save()
        assert ask("repository:alice/new:pull,push", login="alice").grants == {}

    def test_not_by_a_token_that_may_not_create(self, ask: Ask, alice) -> None:
        _token, secret = factories.make_access_token(alice, TokenLevel.READ)
        assert ask("repository:alice/new:pull,push", login="alice", secret=secret).grants == {}

    @pytest.mark.parametrize("name", ["alice", "bob/new", "nobody/new", "alice/tags", "library/alice/new"])
    def test_not_elsewhere(self, ask: Ask, alice, bob, name) -> None:
        assert ask(f"repository:{name}:pull,push", login="alice").grants == {}


class TestTheAnswer:
    def test_of_get(self, ask: Ask, public_app) -> None:
        reply = ask(f"{PUBLIC}:pull")
        body = reply.body
        assert body["token"] == body["access_token"]
        assert body["expires_in"] == 240
        issued = datetime.fromisoformat(body["issued_at"])
        assert abs(datetime.now(UTC) - issued) < timedelta(seconds=5)
        assert set(body) == {"token", "access_token", "expires_in", "issued_at"}
        assert reply.response["Content-Type"] == "application/json"
        assert reply.response["Cache-Control"] == "no-store"
        assert not reply.response.cookies

    def test_of_post_tells_what_was_granted(self, post: Ask, alice, private_app) -> None:
        reply = post(
            grant_type="password", username="alice", password=PASSWORD, scope=f"{PRIVATE}:pull,push repository:x/y:pull"
        )
        assert reply.body["scope"] == f"{PRIVATE}:pull,push"
        assert reply.grants == {"alice/private-app": {"pull", "push"}}
        assert "refresh_token" not in reply.body

    def test_it_costs_one_statement_and_writes_nothing(
        self, ask: Ask, alice, public_app, private_app, monkeypatch, django_assert_num_queries
    ) -> None:
        _token, secret = factories.make_access_token(alice)
        run: list[str] = []

        def fetch(statement: str, parameters: Sequence[Any]) -> list[Any]:
            run.append(statement)
            return fetch_all(statement, parameters)

        monkeypatch.setattr("repositories.registry.lookup.fetch_all", fetch)
        for login, given in (("", ""), ("alice", secret), ("alice", PASSWORD)):
            run.clear()
            with django_assert_num_queries(0):  # past Django's cursor
                ask(f"{PUBLIC}:pull", f"{PRIVATE}:pull,push", "repository:alice/new:push", login=login, secret=given)
            assert len(run) == 1
            assert run[0].lstrip().startswith("SELECT")

    def test_nobody_without_a_scope_costs_none(self, ask: Ask, monkeypatch) -> None:
        monkeypatch.delattr("repositories.registry.lookup.fetch_all")
        assert ask().status == 200


class TestWrongCredentials:
    @pytest.mark.parametrize(
        ("login", "secret"),
        [
            ("alice", "wrong"),
            ("nobody", PASSWORD),
            ("alice", ""),
            ("alice", "moor_pat_wrong"),
            ("nobody@example.org", PASSWORD),
            ("al\0ice", PASSWORD),
            ("x" * 5000, PASSWORD),
            ("alice", "x" * 5000),
            ("앨리스", PASSWORD),
        ],
    )
    def test_are_refused_in_words_that_docker_shows(self, ask: Ask, alice, login, secret) -> None:
        reply = ask(f"{PUBLIC}:pull", login=login, secret=secret)
        assert reply.status == 401
        assert reply.body["details"] == "incorrect username or password"
        assert reply.body["errors"] == [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]
        assert reply.response["WWW-Authenticate"] == 'Basic realm="moorage"'

    @pytest.mark.parametrize(
        "header",
        [
            "Basic",
            "Basic !!!",
            "Basic " + base64.b64encode(b"no-colon").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
            "Basic " + base64.b64encode(b":").decode(),
            "Bearer " + base64.b64encode(b"alice:x").decode(),
            "nonsense",
        ],
    )
    def test_a_header_that_cannot_be_read(self, db, header) -> None:
        assert Client().get("/token", headers={"Authorization": header}).status_code == 401

    def test_the_parameter_account_gives_nobody_a_name(self, ask: Ask, alice, private_app) -> None:
        assert ask(f"{PRIVATE}:pull", account="alice").grants == {}

    def test_a_switched_off_person_is_refused(self, ask: Ask, alice) -> None:
        _token, secret = factories.make_access_token(alice)
        alice.is_active = False
        alice.save()
        assert ask(login="alice").status == 401
        assert ask(login="alice", secret=secret).status == 401

    def test_an_access_token_that_is_off_or_expired_or_anothers_is_refused(self, ask: Ask, alice, bob) -> None:
        token, secret = factories.make_access_token(alice)
        assert ask(login="alice", secret=secret).status == 200
        assert ask(login="alice@example.org", secret=secret).status == 200
        assert ask(login="bob", secret=secret).status == 401
        token.expires_at = timezone.now() - timedelta(seconds=1)
        token.save()
        assert ask(login="alice", secret=secret).status == 401
        token.expires_at, token.is_active = timezone.now() + timedelta(hours=1), False
        token.save()
        assert ask(login="alice", secret=secret).status == 401

    def test_a_changed_password_ends_the_remembered_one(self, ask: Ask, alice) -> None:
        assert ask(login="alice").status == 200
        alice.set_password("another horse battery")
        alice.save()
        assert ask(login="alice").status == 401
        assert ask(login="alice", secret="another horse battery").status == 200

    def test_a_remembered_password_costs_no_hashing(self, ask: Ask, alice, monkeypatch) -> None:
        ask(login="alice")
        monkeypatch.delattr("portal.accounts.credentials.check_password")
        assert ask(login="alice").status == 200

    def test_an_unknown_name_takes_as_much_work(self, ask: Ask, db, monkeypatch) -> None:
        hashed: list[str] = []
        monkeypatch.setattr("repositories.registry.tokens.make_password", hashed.append)
        ask(login="nobody", secret="guess")
        assert hashed == ["guess"]


class TestForms:
    def test_a_form_of_containerd(self, post: Ask, alice) -> None:
        assert post(grant_type="password", username="alice", password=PASSWORD).status == 200
        assert post(grant_type="password", username="alice", password="wrong").status == 401

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"grant_type": "authorization_code"},
            {"grant_type": "password"},
            {"grant_type": "refresh_token"},
            {"grant_type": "refresh_token", "refresh_token": ""},
        ],
    )
    def test_what_is_no_grant_is_400(self, post: Ask, form) -> None:
        reply = post(**form)
        assert reply.status == 400
        assert reply.body["errors"][0]["code"] == "UNSUPPORTED"

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ("{}", "application/json"),
            ("grant_type=password", "text/plain"),
            ("grant_type=password&username=alice", f"{FORM}; charset=utf-16"),
            ("&".join(f"x{n}=1" for n in range(5000)), FORM),
            ("x=" + "y" * 3_000_000, FORM),
        ],
    )
    def test_what_cannot_be_read_is_400_in_the_registrys_format(self, db, body, content_type) -> None:
        response = Client().post("/token", body, content_type=content_type)
        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "UNSUPPORTED"

    @pytest.mark.parametrize("method", ["head", "put", "delete", "patch", "options"])
    def test_other_methods_are_not_allowed(self, db, method) -> None:
        response = getattr(Client(), method)("/token")
        assert response.status_code == 405
        assert response["Allow"] == "GET, POST"


class TestRefreshTokens:
    def offline(self, post: Ask, secret: str = PASSWORD) -> str:
        reply = post(
            grant_type="password", username="alice", password=secret, access_type="offline", client_id="docker"
        )
        return str(reply.body["refresh_token"])

    def refresh(self, post: Ask, token: str, **form: str) -> Reply:
        return post(grant_type="refresh_token", refresh_token=token, scope=f"{PRIVATE}:*", **form)

    def test_it_stands_for_the_person_and_comes_back_unchanged(self, post: Ask, alice, private_app) -> None:
        token = self.offline(post)
        reply = self.refresh(post, token, access_type="offline")
        assert reply.grants == {"alice/private-app": {"pull", "push", "delete"}}
        assert reply.body["refresh_token"] == token
        assert RefreshToken.objects.count() == 1

    def test_it_is_stored_as_a_hash(self, post: Ask, alice) -> None:
        token = self.offline(post)
        row = RefreshToken.objects.get()
        assert token not in str(vars(row))
        assert (row.user, row.service, row.client_id) == (alice, "moorage", "docker")

    def test_it_keeps_the_level_of_its_access_token(self, post: Ask, alice, private_app) -> None:
        _token, secret = factories.make_access_token(alice, TokenLevel.READ)
        assert self.refresh(post, self.offline(post, secret)).grants == {"alice/private-app": {"pull"}}

    def test_it_dies_with_its_access_token(self, post: Ask, alice) -> None:
        token, secret = factories.make_access_token(alice)
        refresh = self.offline(post, secret)
        accounts.update_access_token(actor=factories.actor(alice), public_id=token.public_id, is_active=False)
        assert self.refresh(post, refresh).status == 401
        accounts.update_access_token(actor=factories.actor(alice), public_id=token.public_id, is_active=True)
        assert self.refresh(post, refresh).status == 200
        accounts.delete_access_token(actor=factories.actor(alice), public_id=token.public_id)
        assert self.refresh(post, refresh).status == 401

    def test_it_dies_when_the_password_changes(self, post: Ask, alice) -> None:
        refresh = self.offline(post)
        alice.set_password("another horse battery")
        alice.save()
        assert self.refresh(post, refresh).status == 401

    def test_it_dies_with_the_person(self, post: Ask, alice) -> None:
        refresh = self.offline(post)
        alice.is_active = False
        alice.save()
        assert self.refresh(post, refresh).status == 401

    def test_it_is_bound_to_its_service(self, post: Ask, alice) -> None:
        refresh = self.offline(post)
        RefreshToken.objects.update(service="another")
        assert self.refresh(post, refresh).status == 401

    @pytest.mark.parametrize("token", ["moor_ref_wrong", "x", "moor_pat_x", "\0"])
    def test_a_wrong_one_is_refused(self, post: Ask, alice, token) -> None:
        assert self.refresh(post, token).status == 401

    def test_one_may_be_revoked(self, post: Ask, alice) -> None:
        refresh = self.offline(post)
        RefreshToken.objects.all().delete()
        assert self.refresh(post, refresh).status == 401

    def test_the_oldest_makes_room(self, post: Ask, alice, monkeypatch) -> None:
        monkeypatch.setattr("repositories.registry.actions.PER_USER", 2)
        first, second, third = (self.offline(post) for _number in range(3))
        assert [self.refresh(post, token).status for token in (first, second, third)] == [401, 200, 200]

    def test_docker_login_gets_none(self, ask: Ask, alice) -> None:
        assert "refresh_token" not in ask(login="alice", offline_token="true", access_type="offline").body


class TestBadScopes:
    @pytest.mark.parametrize(
        "scope",
        [
            "garbage",
            ":",
            "::",
            ":::",
            "repository",
            "repository:",
            "repository:alice/public-app",
            "repository::pull",
            "repository:alice/public-app:",
            "repository:alice/public-app:fly,push",
            "repository:ALICE/public-app:pull",
            "repository:../alice/public-app:pull",
            "repository:alice//public-app:pull",
            "repository:alice/public-app/:pull",
            "repository:localhost:8000/alice/public-app:pull",
            "repository:localhost:8000:alice/public-app:pull",
            "repository:alice/%70ublic-app:pull",
            "repository:alice/public-app\0:pull",
            "repository:alice/public-app'--:pull",
            "repository:알리스/앱:pull",
            "repository:" + "a" * 300 + ":pull",
            "registry:catalog:*",
            "registry:catalog:search",
            "registry:alice/public-app:pull",
            "Repository:alice/public-app:pull",
            "repository:alice/public-app:PULL",
            "\udcff",
        ],
    )
    def test_give_nothing(self, ask: Ask, public_app, scope) -> None:
        reply = ask(scope.encode("utf-8", "replace").decode())
        assert (reply.status, reply.grants) == (200, {})

    def test_beside_a_good_one_take_nothing_away(self, ask: Ask, public_app) -> None:
        assert ask(f"garbage {PUBLIC}:fly,pull,pull ::: {PUBLIC}:pull").grants == {"alice/public-app": {"pull"}}

    def test_a_hundred_are_taken(self, ask: Ask, public_app, alice) -> None:
        scopes = [f"repository:alice/app{number}:pull" for number in range(99)]
        assert ask(*scopes, f"{PUBLIC}:pull").grants == {"alice/public-app": {"pull"}}
        assert len(ask(*scopes, f"{PUBLIC}:pull", login="alice").grants) == 100

    @pytest.mark.parametrize("count", [101, 500, 2000])
    def test_more_are_refused(self, ask: Ask, count) -> None:
        reply = ask(*[f"{PUBLIC}:pull"] * count)
        assert reply.status == 400
        assert reply.body["errors"][0]["code"] == "UNSUPPORTED"
        assert reply.body["details"]

    def test_another_service_is_refused(self, ask: Ask, public_app) -> None:
        reply = ask(f"{PUBLIC}:pull", service="registry.docker.io")
        assert reply.status == 400
        assert "moorage" in reply.body["details"]

    def test_a_client_that_names_no_service_is_served(self, db, public_app) -> None:
        reply = Reply(Client().get(f"/token?scope={PUBLIC}:pull"))
        assert reply.grants == {"alice/public-app": {"pull"}}

    def test_bytes_that_are_no_text(self, db) -> None:
        assert Client().get("/token?scope=%ff%fe&%ff=%00&service=moorage").status_code == 200


def test_a_database_that_fails_is_told_as_a_registry_does(ask: Ask, monkeypatch, caplog) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError

    monkeypatch.setattr("repositories.registry.lookup.fetch_all", fail)
    reply = ask(f"{PUBLIC}:pull")
    assert reply.status == 503
    assert reply.body["errors"][0]["code"] == "UNAVAILABLE"


def test_a_refresh_token_is_a_persons(db) -> None:
    from portal.accounts.actor import ANONYMOUS
    from repositories.registry.actions import create_refresh_token

    with pytest.raises(TypeError):
        create_refresh_token(actor=ANONYMOUS, password="", service="moorage", client_id="")


def test_the_helper_writes_what_docker_writes() -> None:
    assert basic("a", "b") == {"Authorization": "Basic YTpi"}
