"""Manifest PUT: what is refused and how, what is recorded, and the registry's own answer."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client

from portal.accounts.actor import Credential, CredentialKind
from portal.accounts.models import CreateOnPush, Namespace, TokenLevel, User
from portal.events.models import Event
from portal.kit import bodies
from repositories.images import intents
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client, verify
from repositories.registry.client import Answer
from tests.factories import make_access_token
from tests.gateway.conftest import Pusher, registry_token
from tests.images.fake_registry import OCI, OCI_INDEX, FakeRegistry, digest_of, image, index

State = PushIntent.State


class Broken(io.BytesIO):
    """A connection that breaks."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("broken")


def pushes() -> list[str]:
    return list(Event.objects.filter(action="repo.tag.push").order_by("id").values_list("target", flat=True))


def repository_events() -> int:
    return Event.objects.filter(action__startswith="repo.").count()


def state_of_all() -> set[str]:
    return set(PushIntent.objects.values_list("state", flat=True))


class TestWhatIsRecorded:
    def test_tag_manifest_history_event_and_the_end_of_the_intent(self, alices, private_app, registry) -> None:
        body = image()
        reply = alices.put("alice/private-app", "1.0", body, HTTP_USER_AGENT="docker/28", REMOTE_ADDR="10.0.0.9")
        assert reply.status == 201
        tag = Tag.objects.select_related("manifest").get()
        assert (tag.name, tag.manifest.digest, tag.pushed_by_name) == ("1.0", digest_of(body), "alice")
        history = TagHistory.objects.get()
        assert (history.action, history.actor_name, history.credential, history.client) == (
            "created",
            "alice",
            "password",
            "docker/28",
        )
        event = Event.objects.get(action="repo.tag.push")
        assert (event.actor_name, event.address, event.client) == ("alice", "10.0.0.9", "docker/28")
        intent = PushIntent.objects.get()
        assert (intent.state, bytes(intent.body), intent.digest) == (State.DONE, b"", digest_of(body))

    def test_the_registry_is_asked_as_the_intent(self, alices, private_app, registry) -> None:
        alices.put("alice/private-app", "1.0", image())
        assert registry.subjects == [str(PushIntent.objects.get().pk)]

    def test_the_answer_is_the_registrys_own(self, alices, private_app, registry) -> None:
        body = image()
        reply = alices.put("alice/private-app", "1.0", body)
        headers = dict(reply.response.headers)
        assert headers == {
            "Docker-Content-Digest": digest_of(body),
            "Location": f"/v2/alice/private-app/manifests/{digest_of(body)}",
            "Content-Length": "0",
        }

    def test_by_digest_records_the_manifest_and_no_tag(self, alices, private_app, registry) -> None:
        body = image()
        assert alices.put("alice/private-app", digest_of(body), body).status == 201
        assert Manifest.objects.get().digest == digest_of(body)
        assert (Tag.objects.count(), TagHistory.objects.count(), pushes()) == (0, 0, [])

    def test_by_a_sha512_digest(self, alices, private_app, registry) -> None:
        body = image()
        reference = intents.digest_of(body, like="sha512:")
        assert alices.put("alice/private-app", reference, body).status == 201
        assert Manifest.objects.get().digest == reference

    def test_an_index_is_one_push(self, alices, private_app, registry) -> None:
        children = [image("one"), image("two")]
        for child in children:
            alices.put("alice/private-app", digest_of(child), child)
        assert alices.put("alice/private-app", "1.0", index(*children), media_type=OCI_INDEX).status == 201
        assert pushes() == ["alice/private-app:1.0"]

    def test_an_access_token_is_named(self, alice, alices, private_app, registry) -> None:
        row, _secret = make_access_token(alice, TokenLevel.WRITE, "laptop")
        credential = Credential(kind=CredentialKind.ACCESS_TOKEN, id=row.pk)
        token = registry_token(alice, "alice/private-app", credential=credential)
        assert alices.put("alice/private-app", "1.0", image(), token=token).status == 201
        assert TagHistory.objects.get().credential == "personal access token: laptop"

    def test_a_media_type_with_parameters_and_capitals(self, alices, private_app, registry) -> None:
        media_type = OCI.replace("oci", "OCI") + "; charset=utf-8"
        assert alices.put("alice/private-app", "1.0", image(), media_type=media_type).status == 201

    def test_a_chunked_body(self, alices, private_app, registry) -> None:
        """Chunked, WSGI tells no length, and the server's stream ends by itself."""
        body = image()
        chunked = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body)}
        assert alices.put("alice/private-app", "1.0", body, **chunked).status == 201
        assert Manifest.objects.get().digest == digest_of(body)

    def test_the_repository_is_made_on_push(self, alices, alice, registry) -> None:
        assert alices.put("alice/new/app", "1.0", image()).status == 201
        assert Repository.objects.get().full_name == "alice/new/app"
        assert Repository.objects.get().is_private


class Refused:
    """The registry is not asked, and the database stays as it was."""

    @pytest.fixture(autouse=True)
    def _changes_nothing(self, registry: FakeRegistry, private_app: Repository):
        events = repository_events()
        yield
        assert registry.calls == []
        assert (PushIntent.objects.count(), Manifest.objects.count(), Tag.objects.count()) == (0, 0, 0)
        assert (repository_events(), Repository.objects.count()) == (events, 1)


class TestRefusedTokens(Refused):
    def test_none(self, alices) -> None:
        reply = alices.put("alice/private-app", "1.0", image(), token="")
        assert reply.refusal == (401, "UNAUTHORIZED")
        challenge = reply.response.headers["WWW-Authenticate"]
        assert 'scope="repository:alice/private-app:pull,push"' in challenge
        assert "error=" not in challenge

    def test_garbage(self, alices) -> None:
        reply = alices.put("alice/private-app", "1.0", image(), token="garbage")
        assert reply.refusal == (401, "UNAUTHORIZED")
        assert 'error="invalid_token"' in reply.response.headers["WWW-Authenticate"]

    def test_another_scheme(self, alices) -> None:
        reply = alices.put("alice/private-app", "1.0", image(), token="", HTTP_AUTHORIZATION="Basic YTpi")
        assert reply.refusal == (401, "UNAUTHORIZED")

    @pytest.mark.parametrize(
        ("repository", "actions"),
        [("alice/other", ("pull", "push")), ("alice/private-app", ("pull",)), ("alice/private-app", ("push",))],
    )
    def test_for_something_else(self, alice, alices, repository, actions) -> None:
        token = registry_token(alice, repository, *actions)
        reply = alices.put("alice/private-app", "1.0", image(), token=token)
        assert reply.refusal == (401, "UNAUTHORIZED")
        assert 'error="insufficient_scope"' in reply.response.headers["WWW-Authenticate"]

    def test_of_a_person_who_was_switched_off(self, alice, alices) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert alices.put("alice/private-app", "1.0", image()).refusal == (401, "UNAUTHORIZED")

    def test_of_an_access_token_that_was_deleted(self, alice, alices) -> None:
        row, _secret = make_access_token(alice)
        token = registry_token(
            alice, "alice/private-app", credential=Credential(kind=CredentialKind.ACCESS_TOKEN, id=row.pk)
        )
        row.delete()
        assert alices.put("alice/private-app", "1.0", image(), token=token).refusal == (401, "UNAUTHORIZED")

    def test_of_somebody_who_lost_the_right(self, bob) -> None:
        """Invisible to Bob: the same answer as for a repository that doesn't exist."""
        assert Pusher(bob).put("alice/private-app", "1.0", image()).refusal == (404, "NAME_UNKNOWN")

    def test_of_somebody_who_may_only_read(self, bob, private_app) -> None:
        Repository.objects.filter(pk=private_app.pk).update(visibility="public")
        assert Pusher(bob).put("alice/private-app", "1.0", image()).refusal == (403, "DENIED")

    def test_of_somebody_without_a_confirmed_address(self, eve) -> None:
        assert Pusher(eve).put("eve/app", "1.0", image()).refusal == (404, "NAME_UNKNOWN")

    def test_where_no_repository_may_be_made_by_a_push(self, alices) -> None:
        Namespace.objects.filter(name="alice").update(create_on_push=CreateOnPush.OFF)
        assert alices.put("alice/new", "1.0", image()).refusal == (404, "NAME_UNKNOWN")

    @pytest.mark.parametrize("name", ["alice/tags", "alice/images/app"])
    def test_where_the_name_is_reserved(self, alices, name) -> None:
        assert alices.put(name, "1.0", image()).refusal == (404, "NAME_UNKNOWN")

    def test_while_the_database_is_away(self, alices, monkeypatch) -> None:
        def away(verified: verify.Verified) -> None:
            raise DatabaseError

        monkeypatch.setattr(verify, "actor_of", away)
        assert alices.put("alice/private-app", "1.0", image()).refusal == (503, "UNAVAILABLE")


class TestRefusedRequests(Refused):
    @pytest.mark.parametrize("name", ["alice", "alice/APP", "../alice/app", "/alice/app", "alice/" + "a" * 250, "a/b-"])
    def test_a_name_outside_of_the_grammar(self, alices, name) -> None:
        assert alices.put(name, "1.0", image()).refusal == (400, "NAME_INVALID")

    @pytest.mark.parametrize(
        ("reference", "code"),
        [("-tag", "TAG_INVALID"), ("a" * 129, "TAG_INVALID"), ("sha256:abc", "DIGEST_INVALID")],
    )
    def test_a_reference_that_is_none(self, alices, reference, code) -> None:
        assert alices.put("alice/private-app", reference, image()).refusal == (400, code)

    def test_a_digest_of_something_else(self, alices) -> None:
        reference = digest_of(b"something else")
        assert alices.put("alice/private-app", reference, image()).refusal == (400, "DIGEST_INVALID")

    @pytest.mark.parametrize("media_type", ["text/plain", "", "application/vnd.docker.distribution.manifest.v1+json"])
    def test_an_unknown_media_type(self, alices, media_type) -> None:
        reply = alices.put("alice/private-app", "1.0", image(), media_type=media_type)
        assert reply.refusal == (400, "MANIFEST_INVALID")
        assert reply.response.json()["errors"][0]["detail"] == "unknown manifest media type"

    def test_garbage(self, alices) -> None:
        assert alices.put("alice/private-app", "1.0", b"\xff\x00").refusal == (400, "MANIFEST_INVALID")

    @pytest.mark.parametrize("chunked", [False, True])
    def test_more_than_four_mebibytes(self, alices, chunked) -> None:
        body = image() + b" " * client.MANIFEST_MAX
        extra: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body)} if chunked else {}
        assert alices.put("alice/private-app", "1.0", body, **extra).refusal == (400, "MANIFEST_INVALID")
        if chunked:
            assert extra["wsgi.input"].read() == b"", "an answer before the body ends is an error to the door"

    def test_no_more_is_thrown_away_than_is_bearable(self, alices, monkeypatch) -> None:
        monkeypatch.setattr(bodies, "_DRAINED", 100_000)
        stream = io.BytesIO(b" " * (client.MANIFEST_MAX + 1_000_000))
        extra = {"CONTENT_LENGTH": "", "wsgi.input": stream}
        assert alices.put("alice/private-app", "1.0", b"replaced", **extra).refusal == (400, "MANIFEST_INVALID")
        assert len(stream.read()) > 800_000

    @pytest.mark.parametrize("told", ["", "100000"])
    def test_a_connection_that_breaks(self, alices, told) -> None:
        extra = {"CONTENT_LENGTH": told, "wsgi.input": Broken()}
        assert alices.put("alice/private-app", "1.0", b"replaced", **extra).refusal == (400, "MANIFEST_INVALID")

    def test_less_than_the_length_that_was_told(self, alices) -> None:
        body = image()
        extra = {"CONTENT_LENGTH": str(len(body) + 10), "wsgi.input": io.BytesIO(body)}
        assert alices.put("alice/private-app", "1.0", b"replaced", **extra).refusal == (400, "MANIFEST_INVALID")

    def test_deleting(self) -> None:
        reply = Client().delete("/v2/alice/private-app/manifests/1.0")
        assert (reply.status_code, reply.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
        assert 'scope="repository:alice/private-app:delete"' in reply.headers["WWW-Authenticate"]
        assert Client().delete("/v2/alice/APP/manifests/1.0").status_code == 400


class TestWhatTheRegistrySays:
    def test_a_refusal_is_handed_on_and_ends_the_intent(self, alices, private_app, registry) -> None:
        told = json.dumps({"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}).encode()
        registry.answers = [Answer(400, {"Content-Type": "application/json"}, told)]
        reply = alices.put("alice/private-app", "1.0", image())
        assert reply.refusal == (400, "MANIFEST_BLOB_UNKNOWN")
        assert reply.response.headers["Content-Type"] == "application/json"
        assert state_of_all() == {State.REFUSED}
        assert (Manifest.objects.count(), pushes()) == (0, [])

    def test_a_failure_is_handed_on_and_left_to_the_sweep(self, alices, private_app, registry) -> None:
        registry.answers = [Answer(500, {"Content-Type": "application/json"}, b'{"errors": [{"code": "UNKNOWN"}]}')]
        assert alices.put("alice/private-app", "1.0", image()).refusal == (500, "UNKNOWN")
        assert state_of_all() == {State.OPEN}
        intents.sweep()
        assert state_of_all() == {State.REFUSED}

    def test_nothing(self, alices, private_app, registry) -> None:
        registry.answers = [client.RegistryUnavailable()]
        assert alices.put("alice/private-app", "1.0", image()).refusal == (503, "UNAVAILABLE")
        assert state_of_all() == {State.OPEN}
        intents.sweep()
        assert state_of_all() == {State.REFUSED}

    @pytest.mark.parametrize("status", [401, 403])
    def test_that_it_does_not_know_our_key(self, alices, private_app, registry, status) -> None:
        """Its challenge would send the client to an address that only the door knows how to replace."""
        challenge = {"WWW-Authenticate": 'Bearer realm="http://realm.invalid/token"'}
        registry.answers = [Answer(status, challenge, b"{}")]
        reply = alices.put("alice/private-app", "1.0", image())
        assert reply.refusal == (503, "UNAVAILABLE")
        assert "WWW-Authenticate" not in reply.response.headers
        assert state_of_all() == {State.REFUSED}

    def test_later_than_the_lease(self, alices, private_app, registry, monkeypatch) -> None:
        """The sweep has refused the intent by the time the registry answers 201; the push counts all the same."""

        def slow(repository: str, reference: str, **options: Any) -> Any:
            PushIntent.objects.update(leased_until="2020-01-01T00:00Z")
            intents.sweep()
            assert state_of_all() == {State.REFUSED}
            return registry.put_manifest(repository, reference, **options)

        monkeypatch.setattr(client, "put_manifest", slow)
        assert alices.put("alice/private-app", "1.0", image()).status == 201
        assert state_of_all() == {State.DONE}
        assert pushes() == ["alice/private-app:1.0"]
        assert Tag.objects.get().pushed_by_name == "alice"

    def test_while_the_database_fails(self, alices, private_app, registry, monkeypatch) -> None:
        def fails(intent: PushIntent) -> bool:
            raise DatabaseError

        with monkeypatch.context() as patched:
            patched.setattr(intents, "settle", fails)
            assert alices.put("alice/private-app", "1.0", image()).refusal == (503, "UNAVAILABLE")
        assert state_of_all() == {State.OPEN}
        PushIntent.objects.update(leased_until="2020-01-01T00:00Z")
        intents.sweep()
        assert (state_of_all(), pushes()) == ({State.DONE}, ["alice/private-app:1.0"])


def test_a_second_push_of_the_same_tag_waits_and_gives_up(alices, private_app, registry, monkeypatch) -> None:
    monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0.1)
    registry.answers = [client.RegistryUnavailable()]
    alices.put("alice/private-app", "1.0", image("first"))
    reply = alices.put("alice/private-app", "1.0", image("second"))
    assert reply.refusal == (503, "UNAVAILABLE")
    assert "Another push of this tag is under way" in reply.response.content.decode()
    assert alices.put("alice/private-app", "2.0", image("second")).status == 201


class TestOtherPaths:
    """What else the door hands over: it fails closed, in the registry's format."""

    @pytest.mark.parametrize(
        ("method", "path", "status", "allowed"),
        [
            ("POST", "/v2/alice/app/manifests/1.0", 405, "GET, HEAD, PUT, DELETE"),
            ("GET", "/v2/alice/app/manifests/1.0", 405, "GET, HEAD, PUT, DELETE"),
            ("DELETE", f"/v2/alice/app/blobs/sha256:{'a' * 64}", 405, "GET, HEAD"),
            ("PUT", "/v2/alice/app/blobs/x", 405, "GET, HEAD"),
            ("DELETE", "/v2/alice/app/tags/list", 404, None),
            ("PUT", "/v2/alice/app", 404, None),
        ],
    )
    def test_are_refused(self, method, path, status, allowed) -> None:
        reply = Client().generic(method, path)
        assert (reply.status_code, reply.headers.get("Allow")) == (status, allowed)
        assert reply.json()["errors"][0]["code"] in {"UNSUPPORTED", "NAME_UNKNOWN"}
        assert reply.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_reconcile_is_told_of_open_pushes(alices, private_app, registry, capsys) -> None:
    registry.answers = [client.RegistryUnavailable()]
    body = image()
    alices.put("alice/private-app", "1.0", body)
    registry.hold("alice/private-app", body, "1.0", "found")
    call_command("reconcile")
    told = capsys.readouterr().out
    assert "alice/private-app:1.0 skipped: being written" in told
    assert "alice/private-app:found added" in told
