"""Stars and comments."""

import pytest

from portal.accounts.models import User
from repositories.models import Comment, Repository
from tests import factories
from tests.api.test_repositories import SHORT, assert_shape
from tests.api.world import World, call
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
APP = "repositories/alice/public/app"


def test_a_star_counts_once_and_goes(world: World) -> None:
    client = signed_in(world.charlie)
    for _ in range(2):
        assert call("POST", f"{APP}/stars/", client=client).status_code == 204
    answer = call("GET", f"{APP}/stars/count/")
    assert answer.json() == 2, "a bare integer"
    assert call("GET", APP, client=client).json()["has_starred"] is True
    assert call("GET", APP, client=client).json()["star_count"] == 2
    for _ in range(2):
        assert call("DELETE", f"{APP}/stars/", client=client).status_code == 204
    assert call("GET", f"{APP}/stars/count").json() == 1
    assert call("GET", APP, client=client).json()["has_starred"] is False


def test_starred_repositories_are_those_that_the_reader_may_see(world: World) -> None:
    row = factories.make_repository(world.alice, "later", visibility="public")
    assert call("POST", "repositories/alice/later/stars", client=signed_in(world.bob)).status_code == 204
    page = call("GET", "users/bob/repositories/starred").json()
    assert [found["name"] for found in page["results"]] == ["later", "public/app"], "the newest star first"
    assert_shape(page["results"][0], SHORT)
    Repository.objects.filter(pk=row.pk).update(visibility="private")
    assert call("GET", "users/bob/repositories/starred").json()["count"] == 1
    assert call("GET", "users/bob/repositories/starred", client=signed_in(world.bob)).json()["count"] == 1
    assert call("GET", "users/bob/repositories/starred", token=world.bearer).json()["count"] == 2


def test_a_comment_is_written_and_listed(world: World) -> None:
    client = signed_in(world.charlie)
    answer = call("POST", f"{APP}/comments", {"comment": "  well\n  done "}, client=client)
    assert answer.status_code == 201
    found = answer.json()
    assert list(found) == ["id", "user", "comment", "created_on", "updated_on"]
    assert (found["user"], found["comment"]) == ("charlie", "well\n  done")
    assert found["created_on"] == found["updated_on"]
    assert found["created_on"].endswith("Z")
    page = call("GET", f"{APP}/comments/").json()
    assert [(row["user"], row["comment"]) for row in page["results"]] == [("charlie", "well\n  done"), ("bob", "nice")]
    assert page["results"][0] == found


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, None, "a\u0000b", ["x"]], ids=repr)
def test_what_is_no_comment_is_refused(world: World, text: object) -> None:
    answer = call("POST", f"{APP}/comments", {"comment": text}, client=signed_in(world.charlie))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["comment"]


def test_comments_are_limited(world: World) -> None:
    client = signed_in(world.charlie)
    statuses = [call("POST", f"{APP}/comments", {"comment": "x"}, client=client).status_code for _ in range(6)]
    assert statuses == [201] * 5 + [429]


def test_its_author_deletes_a_comment(world: World) -> None:
    comment = world.public.comment
    path = f"{APP}/comments/{comment.pk}"
    assert call("DELETE", path, client=signed_in(world.charlie)).status_code == 403
    assert call("DELETE", path, client=signed_in(world.bob)).status_code == 204
    assert not Comment.objects.filter(pk=comment.pk).exists()
    assert call("DELETE", path, client=signed_in(world.bob)).status_code == 404


def test_a_comment_of_another_repository_is_not_found(world: World) -> None:
    for number in (world.private.comment.pk, 0, 10**30):
        assert call("DELETE", f"{APP}/comments/{number}", token=world.bearer).status_code == 404


def test_oneself_and_others(world: World) -> None:
    own = call("GET", "user/", token=world.bearer).json()
    assert own["id"] == world.alice.public_id
    assert len(own["id"]) == 32
    assert (own["email"], own["email_confirmed"], own["is_staff"], own["is_admin"]) == (
        "alice@example.org",
        True,
        False,
        False,
    )
    seen = call("GET", "users/alice").json()
    assert set(own) - set(seen) == {"email", "email_confirmed", "is_staff", "is_admin"}
    assert (seen["username"], seen["type"], seen["date_joined"][-1]) == ("alice", "User", "Z")


def test_an_account_that_is_switched_off_is_not_found(bob: User) -> None:
    User.objects.update(is_active=False)
    assert call("GET", "users/bob").status_code == 404
    assert call("GET", "repositories/bob").json()["count"] == 0, "what it made stays, as on its page"
