"""What writes repositories, stars and comments: who may, what is refused and with which sentence, what is recorded."""

from collections.abc import Callable

import pytest

from portal.accounts.actor import ANONYMOUS, SYSTEM
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, Invalid, MoorageError, NotFound, RateLimited, Unauthorized
from repositories import access, actions
from repositories.models import COMMENT_MAX, Comment, Repository, Star
from tests import factories

pytestmark = pytest.mark.django_db


def recorded() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


class TestCreate:
    @pytest.mark.parametrize(
        "name", ["app", "my-app", "a.b", "a_b", "a__b", "a---b", "payments/api", "a/b/c/d", "0", "x" * 200]
    )
    def test_takes_the_names_that_docker_takes(self, as_alice, name) -> None:
        repository = actions.create_repository(actor=as_alice, namespace="alice", name=name)
        assert repository.full_name == f"alice/{name}"
        assert repository.is_private

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("", "Use 1 to 200 characters."),
            ("App", "Use lower-case letters only: docker accepts no others."),
            ("x" * 201, "Use 1 to 200 characters."),
            ("x" * 256, "Use 1 to 200 characters."),
            ("..", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("a/../b", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("-app", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("app-", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("a..b", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("a___b", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("a//b", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("a b", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("app\n", "Use letters and digits, with separators (. _ __ - and /) only between them."),
            ("аpp", "Use the letters a to z without accents, and digits: letters of other scripts can look alike."),
            ("tags", "“tags” is reserved and cannot be a part of the name."),
            ("team/manifests/x", "“manifests” is reserved and cannot be a part of the name."),
        ],
    )
    def test_refuses_other_names_with_a_sentence_under_the_field(self, as_alice, name, sentence) -> None:
        with pytest.raises(Invalid) as caught:
            actions.create_repository(actor=as_alice, namespace="alice", name=name)
        assert [str(text) for text in caught.value.fields["name"]] == [sentence]
        assert not Repository.objects.exists()
        assert "repo.create" not in recorded()

    def test_tells_every_wrong_field_at_once(self, as_alice) -> None:
        with pytest.raises(Invalid) as caught:
            actions.create_repository(
                actor=as_alice, namespace="alice", name="A", visibility="secret", description="x" * 101
            )
        assert set(caught.value.fields) == {"name", "visibility", "description"}

    def test_a_taken_name_is_a_conflict(self, as_alice, public_app) -> None:
        with pytest.raises(Conflict, match="of this name already"):
            actions.create_repository(actor=as_alice, namespace="alice", name="public-app")

    def test_only_its_owner_creates_in_a_namespace(self, alice, bob, eve) -> None:
        for actor, namespace, error in [
            (factories.actor(bob), "alice", Forbidden),
            (factories.actor(bob), "nowhere", Forbidden),
            (factories.actor(eve), "eve", Forbidden),
            (ANONYMOUS, "alice", Unauthorized),
        ]:
            with pytest.raises(error):
                actions.create_repository(actor=actor, namespace=namespace, name="app")
        assert not Repository.objects.exists()

    def test_records_who_created_what(self, as_alice) -> None:
        actor = as_alice.seen_from(address="192.0.2.7", client="Firefox")
        repository = actions.create_repository(actor=actor, namespace="alice", name="app", visibility="public")
        event = Event.objects.get(action="repo.create")
        assert (event.actor_name, event.credential, event.address, event.client, event.target, event.new) == (
            "alice",
            "session",
            "192.0.2.7",
            "Firefox",
            "alice/app",
            {"name": "alice/app", "visibility": "public"},
        )
        assert event.repository_id == repository.pk


class TestCreateOnPush:
    def test_makes_a_private_repository_by_default_and_only_once(self, as_alice) -> None:
        first = actions.create_repository_on_push(actor=as_alice, full_name="alice/new/app")
        assert first.is_private
        assert actions.create_repository_on_push(actor=as_alice, full_name="alice/new/app") == first

    def test_two_first_pushes_share_one_row(self, as_alice, monkeypatch) -> None:
        """The other push creates the row between our look and our insert."""
        real = access.visibility_on_push

        def slow(actor, full_name):
            visibility = real(actor, full_name)
            monkeypatch.setattr(access, "visibility_on_push", real)
            actions.create_repository(actor=actor, namespace="alice", name="new")
            return visibility

        monkeypatch.setattr(access, "visibility_on_push", slow)
        assert actions.create_repository_on_push(actor=as_alice, full_name="alice/new").pk
        assert Repository.objects.count() == 1

    def test_others_may_not(self, alice, as_bob) -> None:
        with pytest.raises(NotFound):
            actions.create_repository_on_push(actor=as_bob, full_name="alice/new")

    def test_pushing_to_what_one_may_only_read_is_forbidden(self, as_bob, public_app) -> None:
        with pytest.raises(Forbidden):
            actions.create_repository_on_push(actor=as_bob, full_name="alice/public-app")


class TestUpdate:
    def test_changes_the_description_and_records_old_and_new(self, as_alice, public_app) -> None:
        row = actions.update_description(
            actor=as_alice, repository=public_app, description="An app", full_description="y" * 500
        )
        assert (row.description, row.full_description) == ("An app", "y" * 500)
        event = Event.objects.get(action="repo.update")
        assert event.old == {"description": "", "full_description": ""}
        assert event.new == {"description": "An app", "full_description": "y" * 200 + "…"}

    def test_changes_only_what_is_given(self, as_alice, public_app) -> None:
        actions.update_description(actor=as_alice, repository=public_app, description="An app")
        actions.update_description(actor=as_alice, repository=public_app, full_description="More")
        actions.update_description(actor=as_alice, repository=public_app, full_description="More")
        public_app.refresh_from_db()
        assert (public_app.description, public_app.full_description) == ("An app", "More")
        assert recorded().count("repo.update") == 2

    def test_too_long_changes_nothing(self, as_alice, public_app) -> None:
        with pytest.raises(Invalid) as caught:
            actions.update_description(actor=as_alice, repository=public_app, description="x" * 101)
        assert "description" in caught.value.fields
        public_app.refresh_from_db()
        assert public_app.description == ""

    def test_visibility(self, as_alice, as_bob, private_app) -> None:
        with pytest.raises(NotFound):
            actions.change_visibility(actor=as_bob, repository=private_app, visibility="public")
        actions.change_visibility(actor=as_alice, repository=private_app, visibility="public")
        with pytest.raises(Forbidden):
            actions.change_visibility(actor=as_bob, repository=private_app, visibility="private")
        event = Event.objects.get(action="repo.change_privacy")
        assert (event.old, event.new) == ({"visibility": "private"}, {"visibility": "public"})


class TestDelete:
    def test_takes_everything_with_it_but_the_events(self, as_alice, as_bob, public_app) -> None:
        actions.star_repository(actor=as_bob, repository=public_app)
        actions.add_comment(actor=as_bob, repository=public_app, text="hello")
        actions.delete_repository(actor=as_alice, repository=public_app, typed_name=" alice/public-app ")
        assert not Repository.objects.exists()
        assert recorded()[-1] == "repo.delete"

    def test_wants_the_name_typed(self, as_alice, public_app) -> None:
        with pytest.raises(Invalid):
            actions.delete_repository(actor=as_alice, repository=public_app, typed_name="public-app")
        assert Repository.objects.exists()

    def test_is_for_admins(self, as_bob, public_app) -> None:
        with pytest.raises(Forbidden):
            actions.delete_repository(actor=as_bob, repository=public_app, typed_name="alice/public-app")


class TestStars:
    def test_starring_twice_is_starring_once(self, as_bob, public_app) -> None:
        for _again in range(2):
            actions.star_repository(actor=as_bob, repository=public_app)
        public_app.refresh_from_db()
        assert (public_app.star_count, Star.objects.count(), recorded().count("repo.star")) == (1, 1, 1)
        for _again in range(2):
            actions.unstar_repository(actor=as_bob, repository=public_app)
        public_app.refresh_from_db()
        assert (public_app.star_count, Star.objects.count(), recorded().count("repo.unstar")) == (0, 0, 1)

    def test_wants_a_confirmed_address_and_a_visible_repository(self, eve, as_bob, public_app, private_app) -> None:
        for actor, repository, error in [
            (ANONYMOUS, public_app, Unauthorized),
            (factories.actor(eve), public_app, Forbidden),
            (as_bob, private_app, NotFound),
        ]:
            with pytest.raises(error):
                actions.star_repository(actor=actor, repository=repository)
        assert not Star.objects.exists()


class TestComments:
    def test_are_counted_and_kept_as_plain_text(self, as_bob, public_app) -> None:
        actions.add_comment(actor=as_bob, repository=public_app, text="  <b>hello</b>  ")
        public_app.refresh_from_db()
        assert (Comment.objects.get().text, public_app.comment_count) == ("<b>hello</b>", 1)

    @pytest.mark.parametrize("text", ["", "   \n", "x" * (COMMENT_MAX + 1)])
    def test_empty_and_endless_ones_are_refused(self, as_bob, public_app, text) -> None:
        with pytest.raises(Invalid):
            actions.add_comment(actor=as_bob, repository=public_app, text=text)
        assert not Comment.objects.exists()

    def test_are_limited(self, as_bob, as_alice, public_app) -> None:
        for number in range(actions.COMMENTS_PER_MINUTE):
            actions.add_comment(actor=as_bob, repository=public_app, text=str(number))
        with pytest.raises(RateLimited) as caught:
            actions.add_comment(actor=as_bob, repository=public_app, text="more")
        assert caught.value.retry_after == 60
        actions.add_comment(actor=as_alice, repository=public_app, text="mine")
        assert Comment.objects.count() == actions.COMMENTS_PER_MINUTE + 1

    def test_are_deleted_by_author_and_admin_only(self, as_alice, as_bob, charlie, public_app, private_app) -> None:
        def comment() -> Comment:
            return actions.add_comment(actor=as_bob, repository=public_app, text="hello")

        with pytest.raises(Forbidden):
            actions.delete_comment(actor=factories.actor(charlie), repository=public_app, comment_id=comment().pk)
        actions.delete_comment(actor=as_bob, repository=public_app, comment_id=comment().pk)
        actions.delete_comment(actor=as_alice, repository=public_app, comment_id=comment().pk)
        with pytest.raises(NotFound):
            actions.delete_comment(actor=as_alice, repository=private_app, comment_id=comment().pk)
        public_app.refresh_from_db()
        assert public_app.comment_count == Comment.objects.count() == 2

    def test_only_a_person_comments(self, public_app) -> None:
        with pytest.raises(TypeError):
            actions.add_comment(actor=SYSTEM, repository=public_app, text="hello")


def test_nothing_is_recorded_when_an_action_fails(as_bob, public_app) -> None:
    before = recorded()
    tries: list[Callable[[], object]] = [
        lambda: actions.update_description(actor=as_bob, repository=public_app, description="x"),
        lambda: actions.delete_repository(actor=as_bob, repository=public_app, typed_name="alice/public-app"),
        lambda: actions.delete_comment(actor=as_bob, repository=public_app, comment_id=0),
    ]
    for attempt in tries:
        with pytest.raises(MoorageError):
            attempt()
    assert recorded() == before
