"""A repository that is deleted leaves the registry, and nobody gets its name before. At a real registry."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from repositories import actions
from repositories.deletion import removal
from repositories.deletion.models import RemovedRepository
from repositories.images.models import PushIntent, Tag, TagPulls
from repositories.images.reconcile import add
from repositories.models import Repository
from repositories.registry import client
from repositories.removed import NameHeld
from tests.conftest import signed_in
from tests.deletion.conftest import NAME, digest_of, events
from tests.factories import images
from tests.gateway.conftest import Pusher
from tests.real_registry import RealRegistry

pytestmark = pytest.mark.django_db


def held(registry: RealRegistry, *digests: str) -> list[str]:
    return [digest for digest in digests if registry.digest(NAME, digest)]


@pytest.fixture
def digests(app: Repository, registry: RealRegistry) -> list[str]:
    """All that the registry holds under the name, a multi-platform image too."""
    children = [registry.hold(NAME, text=text) for text in ("amd64", "arm64")]
    index = registry.hold_index(NAME, "multi", children=children)
    add(app, index, tag="multi")
    return [digest_of("1.0"), digest_of("2.0"), index, *children]


@pytest.fixture
def removed(app: Repository, digests: list[str], as_alice: Any) -> RemovedRepository:
    actions.delete_repository(actor=as_alice, repository=app, typed_name=NAME)
    return RemovedRepository.objects.get()


class TestRemoving:
    def test_takes_tags_and_images_and_frees_the_name(self, removed, digests, registry, as_alice, queued) -> None:
        assert set(removed.digests.values_list("digest", flat=True)) == set(digests)
        assert removed.digests.order_by("-is_index", "id")[0].digest == digests[2], "the index is the first"
        removal.sweep()
        assert (held(registry, *digests), registry.tags(NAME)) == ([], [])
        assert not RemovedRepository.objects.exists()
        assert events("repo.purge") == [("repo.purge", NAME)]
        again = actions.create_repository(actor=as_alice, namespace="alice", name="private-app")
        assert again.tag_count == 0

    def test_wakes_the_task(self, app, as_alice, queued, django_capture_on_commit_callbacks) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            actions.delete_repository(actor=as_alice, repository=app, typed_name=NAME)
        assert ("repositories.deletion.remove_repository", (str(RemovedRepository.objects.get().pk),)) in queued

    def test_takes_what_the_portal_did_not_know(self, app, registry, as_alice) -> None:
        child = registry.hold(NAME, text="unknown child")
        index = registry.hold_index(NAME, "past", children=[child])
        plain = registry.hold(NAME, "old", text="unknown")
        actions.delete_repository(actor=as_alice, repository=app, typed_name=NAME)
        removal.sweep()
        assert (held(registry, child, index, plain), registry.tags(NAME)) == ([], [])
        assert not RemovedRepository.objects.exists()

    def test_leaves_other_repositories_alone(self, removed, registry) -> None:
        other = registry.hold("alice/other", "1.0", text="old")
        removal.sweep()
        assert registry.digest("alice/other", "1.0") == other

    def test_of_one_that_the_registry_never_saw(self, public_app, registry, as_alice) -> None:
        actions.delete_repository(actor=as_alice, repository=public_app, typed_name="alice/public-app")
        removal.sweep()
        assert not RemovedRepository.objects.exists()

    def test_goes_on_after_a_crash_at_any_request(self, removed, digests, registry, monkeypatch) -> None:
        """As a worker that was killed: nothing is cleaned up, and its lease runs out."""
        send = client._send
        left = killed = 0

        class Killed(BaseException):
            pass

        def dies(*args: Any, **options: Any) -> Any:
            nonlocal left
            response = send(*args, **options)
            left -= 1
            if left == 0:
                raise Killed
            return response

        monkeypatch.setattr(client, "_send", dies)
        while RemovedRepository.objects.exists():
            left = killed + 1
            try:
                removal.remove(removed.pk)
            except Killed:
                killed += 1
            RemovedRepository.objects.update(leased_until=timezone.now())
        assert killed > 10
        assert (held(registry, *digests), registry.tags(NAME)) == ([], [])

    def test_waits_for_a_registry_that_is_away(self, removed, digests, registry) -> None:
        registry.stop()
        assert not removal.remove(removed.pk)
        assert removed.digests.count() == len(digests)
        registry.start()
        RemovedRepository.objects.update(leased_until=timezone.now())
        assert removal.remove(removed.pk)
        assert not RemovedRepository.objects.exists()

    def test_waits_for_a_push_that_was_under_way(self, app, registry, as_alice) -> None:
        late = registry.hold(NAME, text="late")
        PushIntent.objects.create(
            repository=app, reference="9", tag="9", digest=late, leased_until=timezone.now() + timedelta(seconds=20)
        )
        actions.delete_repository(actor=as_alice, repository=app, typed_name=NAME)
        removal.sweep()
        assert held(registry, late) == []
        assert RemovedRepository.objects.exists()
        registry.hold(NAME, "9", text="late")
        RemovedRepository.objects.update(settled_at=timezone.now())
        removal.sweep()
        assert (held(registry, late), registry.tags(NAME)) == ([], [])
        assert not RemovedRepository.objects.exists()

    def test_where_the_registry_deletes_nothing_changes_nothing(self, removed, registry, monkeypatch) -> None:
        registry.stop()
        registry.deletes = False
        registry.start()
        assert removal.remove(removed.pk)
        assert registry.tags(NAME) == ["1.0", "2.0", "multi", "stable"]
        assert RemovedRepository.objects.get().leased_until > timezone.now() + timedelta(minutes=5)

    def test_by_two_workers_is_done_by_one(self, removed) -> None:
        assert removal._claim(removed.pk) is not None
        assert removal._claim(removed.pk) is None


class TestTheName:
    def test_is_held_from_people(self, removed, as_alice) -> None:
        with pytest.raises(NameHeld, match="not left the registry yet"):
            actions.create_repository(actor=as_alice, namespace="alice", name="private-app")
        assert not Repository.objects.filter(full_name=NAME).exists()

    def test_is_held_from_the_page(self, removed, alices_client) -> None:
        fields = {"namespace": "alice", "name": "private-app", "visibility": "private"}
        response = alices_client.post("/new", fields)
        assert response.status_code == 422
        assert "not left the registry yet" in response.content.decode()

    def test_is_held_from_a_push_in_words_that_docker_prints(self, removed, alice, registry) -> None:
        raw = client.get_manifest(NAME, registry.digest(NAME, "1.0"))
        reply = Pusher(alice).put(NAME, "3.0", raw.body, media_type=raw.media_type)
        assert reply.refusal == (409, "DENIED")
        assert "not left the registry yet" in reply.response.json()["errors"][0]["message"]
        assert registry.digest(NAME, "3.0") == ""


def test_the_page_tells_what_goes(private_app, alice, bob, alices_client) -> None:
    images.push_image(private_app, "1.0", by=alice)
    now = timezone.now()
    TagPulls.objects.create(repository=private_app, tag="1.0", day=now.date(), count=1_200)
    TagPulls.objects.create(repository=private_app, tag="1.0", day=now.date() - timedelta(days=31), count=7)
    response = alices_client.get(f"/{NAME}/-/settings/delete")
    assert "<strong>1,200 pulls</strong> within the last 30 days" in response.content.decode()
    assert (response.context["loss"].images, response.context["loss"].size) == (1, Tag.objects.get().size)
    assert signed_in(bob).get(f"/{NAME}/-/settings/delete").status_code == 404
    wrong = alices_client.post(f"/{NAME}/-/settings/delete", {"typed_name": "private-app"})
    assert (wrong.status_code, Repository.objects.count()) == (422, 1)
    assert alices_client.post(f"/{NAME}/-/settings/delete", {"typed_name": NAME}).status_code == 302
    assert RemovedRepository.objects.get().full_name == NAME
