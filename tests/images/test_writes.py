"""Tags are written at a real registry: deleted alone, rolled back, restored, copied; what dies on the way is healed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.actor import SYSTEM, Actor
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from repositories.images import intents, placeholder, removal, tag_actions, writes
from repositories.images.copying import ManifestGone
from repositories.images.immutability import TagImmutable
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.images.reconcile import add
from repositories.models import Repository
from repositories.registry import client
from tests import factories
from tests.real_registry import BINARIES, RealRegistry, running_registry

pytestmark = pytest.mark.django_db
State, Kind, Action = PushIntent.State, PushIntent.Kind, TagHistory.Action
NAME = "alice/private-app"


@pytest.fixture(params=BINARIES)
def registry(request, tmp_path, settings):
    with running_registry(tmp_path, request.param) as running:
        settings.REGISTRY_URL = running.url
        yield running


@pytest.fixture
def app(private_app: Repository, registry: RealRegistry) -> Repository:
    """1.0 and stable are one image, 2.0 is another; 1.0 was that image before."""
    old, new = registry.hold(NAME, "1.0", "stable", text="old"), registry.hold(NAME, "2.0", text="new")
    for tag, digest in (("1.0", old), ("stable", old), ("2.0", new)):
        add(private_app, digest, tag=tag)
    private_app.refresh_from_db()
    return private_app


def digest_of(tag: str) -> str:
    return Tag.objects.get(repository__full_name=NAME, name=tag).manifest.digest


def events(*actions: str) -> list[tuple[str, str]]:
    return list(Event.objects.filter(action__in=actions).order_by("id").values_list("action", "target"))


def last(tag: str) -> TagHistory:
    return TagHistory.objects.filter(tag=tag).latest("id")


class TestDeletingATag:
    def test_takes_that_tag_and_leaves_its_siblings(self, app, registry, as_alice) -> None:
        image = digest_of("1.0")
        assert tag_actions.delete_tag(actor=as_alice, repository=app, tag="1.0") == image
        assert registry.tags(NAME) == ["2.0", "stable"]
        assert registry.digest(NAME, "stable") == registry.digest(NAME, image) == image
        assert sorted(app.tags.values_list("name", flat=True)) == ["2.0", "stable"]
        app.refresh_from_db()
        assert app.tag_count == 2
        assert (last("1.0").action, last("1.0").digest, last("1.0").actor_name) == (Action.DELETED, image, "alice")
        assert events("repo.tag.delete", "repo.tag.push") == [("repo.tag.delete", f"{NAME}:1.0")]
        assert Manifest.objects.get(digest=image).delete_after is None  # stable still is that image

    def test_of_the_last_tag_keeps_the_image_for_a_week(self, app, registry, as_alice) -> None:
        image = digest_of("2.0")
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")
        assert registry.digest(NAME, "2.0") == ""
        assert registry.digest(NAME, image) == image
        row = Manifest.objects.get(digest=image)
        assert row.untagged_at is not None
        assert row.delete_after is not None
        assert timedelta(days=6, hours=23) < row.delete_after - timezone.now() <= timedelta(days=7)

    def test_leaves_nothing_of_its_own_behind(self, app, registry, as_alice) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="1.0")
        intent = PushIntent.objects.get(kind=Kind.DELETE)
        assert (intent.state, bytes(intent.body)) == (State.DONE, b"")
        assert registry.digest(NAME, placeholder.placeholder_of(intent.pk).digest) == ""
        assert Manifest.objects.filter(repository=app).count() == 2

    def test_that_moved_meanwhile_is_refused_and_stays(self, app, registry, as_alice) -> None:
        other = registry.hold(NAME, "1.0", text="pushed past the portal")
        with pytest.raises(Conflict):
            tag_actions.delete_tag(actor=as_alice, repository=app, tag="1.0")
        assert registry.digest(NAME, "1.0") == other
        assert events("repo.tag.delete") == []
        assert not PushIntent.objects.filter(state=State.OPEN).exists()

    def test_needs_the_admin(self, app, registry, as_bob) -> None:
        with pytest.raises(NotFound):
            tag_actions.delete_tag(actor=as_bob, repository=app, tag="1.0")
        assert registry.digest(NAME, "1.0")

    def test_by_an_immutable_rule_is_refused(self, app, registry, as_alice) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="matching", immutable_rules=[r"\d+\.\d+"])
        with pytest.raises(TagImmutable):
            tag_actions.delete_tag(actor=as_alice, repository=app, tag="1.0")
        assert registry.digest(NAME, "1.0")
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="stable")

    def test_where_the_registry_deletes_nothing(self, private_app, tmp_path, settings, as_alice) -> None:
        (tmp_path / "other").mkdir()
        with running_registry(tmp_path / "other", deletes=False) as running:
            settings.REGISTRY_URL = running.url
            image = running.hold(NAME, "1.0")
            add(private_app, image, tag="1.0")
            with pytest.raises(removal.DeletionOff):
                tag_actions.delete_tag(actor=as_alice, repository=private_app, tag="1.0")
            assert running.digest(NAME, "1.0") == image
        assert digest_of("1.0") == image


class TestADeletionThatDied:
    """The process is gone after a step, and the sweep finds the intent when its lease is over."""

    def open_intent(self, app: Repository, actor: Actor, tag: str = "1.0") -> PushIntent:
        intent = intents.open_intent(
            actor=actor, repository=app, reference=tag, tag=tag, kind=Kind.DELETE, digest=digest_of(tag)
        )
        PushIntent.objects.filter(pk=intent.pk).update(leased_until=timezone.now())
        return intent

    def test_before_the_registry_was_asked_is_as_if_nobody_had(self, app, registry, as_alice) -> None:
        intent = self.open_intent(app, as_alice)
        intents.sweep()
        intent.refresh_from_db()
        assert intent.state == State.REFUSED
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]
        assert events("repo.tag.delete") == []

    def test_with_the_placeholder_in_place_is_brought_to_its_end(self, app, registry, as_alice) -> None:
        intent = self.open_intent(app, as_alice)
        stand_in = placeholder.placeholder_of(intent.pk)
        client.put_blob(NAME, placeholder.CONFIG)
        registry.put(NAME, stand_in.body, "1.0")
        intents.sweep()
        self.expect_deleted(registry, stand_in.digest)

    def test_after_the_registry_did_it_is_recorded_once(self, app, registry, as_alice) -> None:
        intent = self.open_intent(app, as_alice)
        assert removal.remove_tag(intent)
        intents.sweep()
        intents.sweep()
        assert not intents.settle(intent)
        self.expect_deleted(registry, placeholder.placeholder_of(intent.pk).digest)

    def test_whose_placeholder_comes_late_is_recorded_late(self, app, registry, as_alice) -> None:
        intent = self.open_intent(app, as_alice)
        intents.sweep()
        client.put_blob(NAME, placeholder.CONFIG)
        registry.put(NAME, placeholder.placeholder_of(intent.pk).body, "1.0")
        intent.refresh_from_db()
        assert intents.settle_late(intent)
        self.expect_deleted(registry, placeholder.placeholder_of(intent.pk).digest)

    def expect_deleted(self, registry: RealRegistry, placeholder_digest: str) -> None:
        assert registry.tags(NAME) == ["2.0", "stable"]
        assert registry.digest(NAME, placeholder_digest) == ""
        assert registry.digest(NAME, "stable") == digest_of("stable")
        assert events("repo.tag.delete") == [("repo.tag.delete", f"{NAME}:1.0")]
        assert not Tag.objects.filter(name="1.0").exists()


class TestRollingBack:
    def test_points_the_tag_to_an_image_of_the_repository(self, app, registry, as_alice) -> None:
        old, new = digest_of("1.0"), digest_of("2.0")
        tag = tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=old)
        assert tag.manifest.digest == registry.digest(NAME, "2.0") == old
        assert (last("2.0").action, last("2.0").previous_digest) == (Action.ROLLED_BACK, new)
        assert events("repo.tag.rollback", "repo.tag.push") == [("repo.tag.rollback", f"{NAME}:2.0")]
        assert Manifest.objects.get(digest=new).untagged_at is not None
        assert Manifest.objects.get(digest=new).delete_after is None  # nobody deleted it

    def test_to_where_it_is_already(self, app, as_alice) -> None:
        with pytest.raises(Conflict):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="1.0", digest=digest_of("1.0"))

    def test_of_a_tag_that_moved_at_this_moment_changes_nothing(self, app, registry, as_alice, monkeypatch) -> None:
        """Somebody else's push ends between the look at the tag and the intent."""
        old, pushed = digest_of("1.0"), registry.hold(NAME, text="pushed meanwhile")
        open_intent = intents.open_intent

        def opened_late(**how):
            monkeypatch.setattr(intents, "open_intent", open_intent)
            add(app, pushed)
            tag_actions.copy_tag(actor=as_alice, source=app, reference=pushed, repository=app, tag="2.0")
            return open_intent(**how)

        monkeypatch.setattr(intents, "open_intent", opened_late)
        with pytest.raises(Conflict, match="at this moment"):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=old)
        assert registry.digest(NAME, "2.0") == digest_of("2.0") == pushed
        assert not PushIntent.objects.filter(state=State.OPEN).exists()

    def test_to_an_image_that_the_registry_has_no_more(self, app, registry, as_alice) -> None:
        old = digest_of("1.0")
        registry.stop()
        registry.empty()
        registry.start()
        with pytest.raises(ManifestGone):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=old)
        assert Manifest.objects.get(digest=old).missing_since is not None

    def test_to_an_image_of_another_repository(self, app, registry, as_alice, public_app) -> None:
        other = registry.hold("alice/public-app", "1.0", text="other")
        add(public_app, other, tag="1.0")
        with pytest.raises(NotFound):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=other)

    def test_of_an_immutable_tag(self, app, registry, as_alice) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="all")
        with pytest.raises(TagImmutable):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=digest_of("1.0"))
        assert registry.digest(NAME, "2.0") == digest_of("2.0")

    def test_of_an_archived_repository(self, app, as_alice) -> None:
        Repository.objects.filter(pk=app.pk).update(archived_at=timezone.now())
        with pytest.raises(Forbidden, match="archived"):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=digest_of("1.0"))

    def test_that_died_after_the_registry_took_it_is_recorded_once(self, app, registry, as_alice, monkeypatch) -> None:
        old = digest_of("1.0")
        monkeypatch.setattr(intents, "settle", lambda intent: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tag_actions.roll_back(actor=as_alice, repository=app, tag="2.0", digest=old)
        monkeypatch.undo()
        PushIntent.objects.filter(state=State.OPEN).update(leased_until=timezone.now())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.conf.settings.REGISTRY_URL", registry.url)
            intents.sweep()
            intents.sweep()
        assert digest_of("2.0") == old
        assert events("repo.tag.rollback", "repo.tag.push") == [("repo.tag.rollback", f"{NAME}:2.0")]


class TestRestoring:
    def test_brings_back_what_was_deleted(self, app, registry, as_alice) -> None:
        image = digest_of("2.0")
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")
        tag = tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0")
        assert tag.manifest.digest == registry.digest(NAME, "2.0") == image
        row = Manifest.objects.get(digest=image)
        assert (row.delete_after, row.untagged_at) == (None, None)
        assert last("2.0").action == Action.RESTORED
        assert events("repo.tag.restore") == [("repo.tag.restore", f"{NAME}:2.0")]

    def test_does_not_overwrite_a_push_of_this_moment(self, app, registry, as_alice, monkeypatch) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")
        open_intent = intents.open_intent

        def opened_late(**how):
            monkeypatch.setattr(intents, "open_intent", open_intent)
            tag_actions.copy_tag(actor=as_alice, source=app, reference="1.0", repository=app, tag="2.0")
            return open_intent(**how)

        monkeypatch.setattr(intents, "open_intent", opened_late)
        with pytest.raises(Conflict):
            tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0")
        assert digest_of("2.0") == digest_of("1.0")

    def test_a_tag_that_is_there(self, app, as_alice) -> None:
        with pytest.raises(Conflict):
            tag_actions.restore_tag(actor=as_alice, repository=app, tag="1.0")

    def test_a_tag_that_never_was(self, app, as_alice) -> None:
        with pytest.raises(NotFound):
            tag_actions.restore_tag(actor=as_alice, repository=app, tag="3.0")

    def test_after_garbage_collection(self, app, registry, as_alice) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")
        registry.stop()
        registry.empty()
        registry.start()
        with pytest.raises(ManifestGone):
            tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0")
        assert not Tag.objects.filter(name="2.0").exists()


class TestCopying:
    def test_within_the_repository(self, app, registry, as_alice) -> None:
        tag = tag_actions.copy_tag(actor=as_alice, source=app, reference="1.0", repository=app, tag="prod")
        assert tag.manifest.digest == registry.digest(NAME, "prod") == digest_of("1.0")
        assert (last("prod").action, last("prod").source) == (Action.COPIED, f"{NAME}:1.0")

    def test_to_another_repository_with_all_its_platforms(self, app, registry, as_alice, public_app) -> None:
        children = [registry.hold(NAME, text=text, layers=2) for text in ("amd64", "arm64")]
        image = registry.hold_index(NAME, "multi", children=children)
        add(app, image, tag="multi")
        tag = tag_actions.copy_tag(actor=as_alice, source=app, reference="multi", repository=public_app, tag="1.0")
        assert tag.manifest.digest == registry.digest("alice/public-app", "1.0") == image
        assert [registry.digest("alice/public-app", child) for child in children] == children
        assert sorted(m.digest for m in public_app.manifests.all()) == sorted([image, *children])
        assert events("repo.tag.copy") == [("repo.tag.copy", "alice/public-app:1.0")]

    def test_where_one_may_not_push(self, app, registry, as_alice, bob) -> None:
        bobs = factories.make_repository(bob, "app", visibility="public")
        with pytest.raises(Forbidden):
            tag_actions.copy_tag(actor=as_alice, source=app, reference="1.0", repository=bobs, tag="1.0")
        assert registry.tags("bob/app") == []

    def test_from_where_one_may_not_look(self, app, registry, bob) -> None:
        bobs = factories.make_repository(bob, "app")
        with pytest.raises(NotFound):
            tag_actions.copy_tag(actor=factories.actor(bob), source=app, reference="1.0", repository=bobs, tag="1.0")

    def test_to_what_is_no_name_of_a_tag(self, app, as_alice) -> None:
        with pytest.raises(Invalid) as caught:
            tag_actions.copy_tag(actor=as_alice, source=app, reference="1.0", repository=app, tag="not a tag")
        assert "tag" in caught.value.fields


class TestPurging:
    def deleted(self, app: Repository, actor: Actor, tag: str = "2.0") -> str:
        digest = tag_actions.delete_tag(actor=actor, repository=app, tag=tag)
        Manifest.objects.filter(digest=digest).update(delete_after=timezone.now())
        return digest

    def test_takes_the_image_out_of_the_registry(self, app, registry, as_alice) -> None:
        digest = self.deleted(app, as_alice)
        assert writes.purge(repository=app, digest=digest)
        assert registry.digest(NAME, digest) == ""
        assert not Manifest.objects.filter(digest=digest).exists()
        assert registry.tags(NAME) == ["1.0", "stable"]
        assert events("repo.image.purge") == [("repo.image.purge", f"{NAME}@{digest}")]

    def test_leaves_what_a_tag_points_to(self, app, registry, as_alice) -> None:
        Manifest.objects.update(delete_after=timezone.now())
        assert not writes.purge(repository=app, digest=digest_of("1.0"))
        assert registry.digest(NAME, "1.0") == digest_of("1.0")

    def test_leaves_what_was_restored(self, app, registry, as_alice) -> None:
        digest = self.deleted(app, as_alice)
        Manifest.objects.update(delete_after=None)
        assert not writes.purge(repository=app, digest=digest)
        assert registry.digest(NAME, digest) == digest

    def test_leaves_what_an_index_names(self, app, registry, as_alice) -> None:
        children = [registry.hold(NAME, text=text) for text in ("amd64", "arm64")]
        add(app, registry.hold_index(NAME, "multi", children=children), tag="multi")
        Manifest.objects.filter(digest__in=children).update(delete_after=timezone.now())
        assert not writes.purge(repository=app, digest=children[0])
        assert registry.digest(NAME, children[0])

    def test_of_an_index_sends_its_platforms_after_it(self, app, registry, as_alice) -> None:
        children = [registry.hold(NAME, text=text) for text in ("amd64", "arm64")]
        add(app, registry.hold_index(NAME, "multi", children=children), tag="multi")
        digest = self.deleted(app, as_alice, tag="multi")
        assert writes.purge(repository=app, digest=digest)
        waiting = Manifest.objects.filter(delete_after__lte=timezone.now()).values_list("digest", flat=True)
        assert sorted(waiting) == sorted(children)

    def test_gives_way_to_a_push_under_way(self, app, registry, as_alice) -> None:
        digest = self.deleted(app, as_alice)
        intents.open_intent(actor=as_alice, repository=app, reference="3.0", tag="3.0", body=b"{}", media_type="x")
        assert not writes.purge(repository=app, digest=digest)
        assert registry.digest(NAME, digest) == digest

    def test_that_died_is_settled_by_what_the_registry_holds(self, app, registry, as_alice) -> None:
        digest = self.deleted(app, as_alice)
        intent = intents.open_intent(
            actor=SYSTEM, repository=app, reference=digest, tag="", kind=Kind.PURGE, digest=digest
        )
        removal.remove_manifest(intent)
        PushIntent.objects.filter(pk=intent.pk).update(leased_until=timezone.now())
        intents.sweep()
        assert not Manifest.objects.filter(digest=digest).exists()
        assert events("repo.image.purge") == [("repo.image.purge", f"{NAME}@{digest}")]


def test_a_push_waits_until_the_clean_up_is_done(app, registry, as_alice, monkeypatch) -> None:
    monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0.2)
    intents.open_intent(actor=SYSTEM, repository=app, reference=digest_of("1.0"), tag="", kind=Kind.PURGE, digest="x")
    with pytest.raises(Unavailable, match="being removed"):
        tag_actions.copy_tag(actor=as_alice, source=app, reference="1.0", repository=app, tag="prod")
    assert not PushIntent.objects.filter(kind=Kind.COPY, state=State.OPEN).exists()


def test_the_pusher_of_a_restored_tag_is_who_restored_it(app, alice: User, as_alice) -> None:
    tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")
    tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0")
    assert Tag.objects.get(name="2.0").pushed_by == alice
