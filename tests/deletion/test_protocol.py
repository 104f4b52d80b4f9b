"""`DELETE /v2/…/manifests/…`: as clients of the registry delete. The registry behind it is a real one."""

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.images.models import Manifest
from repositories.images.reconcile import add
from repositories.models import Repository
from tests import factories
from tests.deletion.conftest import NAME, digest_of, events
from tests.gateway.conftest import Reply, registry_token

pytestmark = pytest.mark.django_db


def delete(user: User, reference: str, *actions: str, repository: str = NAME) -> Reply:
    token = registry_token(user, repository, *(actions or ("delete",)))
    path = f"/v2/{repository}/manifests/{reference}"
    return Reply(Client().delete(path, headers={"Authorization": f"Bearer {token}", "User-Agent": "skopeo/1.9"}))


class TestATag:
    def test_goes_alone(self, app, alice, registry) -> None:
        image = digest_of("1.0")
        reply = delete(alice, "1.0")
        assert (reply.status, reply.response.content) == (202, b"")
        assert reply.response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert registry.tags(NAME) == ["2.0", "stable"]
        assert registry.digest(NAME, "stable") == image
        assert events("repo.") == [("repo.create", NAME), ("repo.tag.delete", f"{NAME}:1.0")]
        history = app.tag_history.latest("id")
        assert (history.actor_name, history.credential, history.client) == ("alice", "password", "skopeo/1.9")

    def test_that_is_not_there(self, app, alice) -> None:
        assert delete(alice, "3.0").refusal == (404, "MANIFEST_UNKNOWN")

    def test_that_a_rule_protects(self, app, alice, registry) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="all")
        reply = delete(alice, "1.0")
        assert reply.refusal == (403, "DENIED")
        assert "immutable" in reply.response.json()["errors"][0]["message"]
        assert registry.digest(NAME, "1.0")


class TestADigest:
    def test_with_one_tag_means_that_tag(self, app, alice, registry) -> None:
        image = digest_of("2.0")
        assert delete(alice, image).status == 202
        assert registry.digest(NAME, "2.0") == ""
        assert registry.digest(NAME, image) == image, "it can be restored"
        row = Manifest.objects.get(digest=image)
        assert row.untagged_at is not None
        assert row.delete_after is not None
        assert events("repo.tag") == [("repo.tag.delete", f"{NAME}:2.0")]

    def test_with_several_tags_is_refused_and_they_are_named(self, app, alice, registry) -> None:
        reply = delete(alice, digest_of("1.0"))
        assert reply.refusal == (409, "DENIED")
        assert "2 tags: 1.0, stable" in reply.response.json()["errors"][0]["message"]
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_without_a_tag_is_deleted_softly_and_twice_is_as_good(self, app, alice, registry) -> None:
        image = digest_of("2.0")
        delete(alice, "2.0")
        Manifest.objects.filter(digest=image).update(delete_after=None)  # as if it had been overwritten
        assert delete(alice, image).status == 202
        assert delete(alice, image).status == 202
        assert Manifest.objects.get(digest=image).delete_after is not None
        assert registry.digest(NAME, image) == image
        assert events("repo.image") == [("repo.image.delete", f"{NAME}@{image}")]

    def test_that_nobody_knows(self, app, alice) -> None:
        assert delete(alice, f"sha256:{'0' * 64}").refusal == (404, "MANIFEST_UNKNOWN")

    def test_of_a_platform_is_refused(self, private_app, alice, registry) -> None:
        child = registry.hold(NAME, text="amd64")
        index = registry.hold_index(NAME, "multi", children=[child])
        add(private_app, index, tag="multi")
        reply = delete(alice, child)
        assert reply.refusal == (409, "DENIED")
        assert index[:19] in reply.response.json()["errors"][0]["message"]


class TestWhoMay:
    def test_a_token_without_delete(self, app, alice, registry) -> None:
        reply = delete(alice, "1.0", "pull", "push")
        assert reply.refusal == (401, "UNAUTHORIZED")
        assert 'error="insufficient_scope"' in reply.response.headers["WWW-Authenticate"]
        assert registry.digest(NAME, "1.0")

    def test_a_stranger_whatever_the_token_says(self, app, registry) -> None:
        assert delete(factories.make_user("mallory"), "1.0").refusal == (404, "NAME_UNKNOWN")
        assert registry.digest(NAME, "1.0")

    def test_an_archived_repository(self, app, alice, registry) -> None:
        Repository.objects.filter(pk=app.pk).update(archived_at="2026-11-01T00:00:00Z")
        reply = delete(alice, "1.0")
        assert reply.refusal == (403, "DENIED")
        assert "archived" in reply.response.json()["errors"][0]["message"]

    def test_a_registry_that_is_away(self, app, alice, registry) -> None:
        registry.stop()
        assert delete(alice, "1.0").refusal == (503, "UNAVAILABLE")
        assert app.tags.filter(name="1.0").exists()
