"""The history of tags: what it tells whom, filtered, by page and by API, and what can be done from there."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from repositories.images import history
from repositories.images.models import Manifest, TagHistory
from repositories.images.untagging import record_lost, record_untagged
from repositories.models import Repository
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories import images
from tests.web.brackets import speak_brackets, untranslated

BASE = "/alice/public-app"
HISTORY = f"{BASE}/-/history"
API = "namespaces/alice/repositories/public-app"


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def delete(repository: Repository, tag: str, manifest: Manifest, by: User) -> None:
    with transaction.atomic():
        done = record_untagged(repository_id=repository.pk, tag=tag, digest=manifest.digest, pusher=images.pusher(by))
    assert done


@pytest.fixture
def moved(public_app: Repository, alice: User, bob: User) -> tuple[Manifest, Manifest]:
    """1.0 was one image and is another; `stable` is the first."""
    old = images.push_image(public_app, "1.0", by=alice, seed="old")
    images.push_image(public_app, "stable", by=alice, seed="old")
    return old, images.push_image(public_app, "1.0", by=bob, seed="new")


class TestThePage:
    def test_offers_to_roll_back_and_to_compare_whoever_may(self, moved, alice, bob) -> None:
        old, new = moved
        back, compare = f"{BASE}/-/tags/1.0/roll-back?digest={old.digest}", f"{BASE}/-/compare?from={old.digest}"
        own = signed_in(alice).get(HISTORY).content.decode().replace("%3A", ":")
        assert own.count(back) == 1
        assert f"/roll-back?digest={new.digest}" not in own, "it points there"
        assert compare in own
        for client in (Client(), signed_in(bob)):
            page = client.get(HISTORY).content.decode().replace("%3A", ":")
            assert "/roll-back?" not in page
            assert compare in page

    def test_marks_what_the_tag_points_to_now(self, moved) -> None:
        page = text_of(Client().get(f"{HISTORY}?tag=1.0"))
        assert page.count("current") == 1
        assert page.index("moved to another digest current") < page.index("pushed for the first time")

    def test_says_what_the_registry_has_no_more(self, moved, alice) -> None:
        old, _new = moved
        Manifest.objects.filter(pk=old.pk).update(missing_since=timezone.now())
        page = signed_in(alice).get(f"{HISTORY}?tag=1.0")
        assert "no longer in the registry" in text_of(page)
        assert "/roll-back?" not in page.content.decode()

    def test_offers_no_roll_back_of_what_is_immutable_or_archived(self, moved, alice, public_app) -> None:
        for change in ({"immutability": "all"}, {"immutability": "off", "archived_at": timezone.now()}):
            Repository.objects.filter(pk=public_app.pk).update(**change)
            assert "/roll-back?" not in signed_in(alice).get(HISTORY).content.decode()

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["1.0 moved", "stable created", "1.0 created"]),
            ("tag=1.0", ["1.0 moved", "1.0 created"]),
            ("person=bob", ["1.0 moved"]),
            ("action=created&person=alice", ["stable created", "1.0 created"]),
            ("action=deleted", []),
            ("tag=1", []),
        ],
    )
    def test_is_filtered(self, moved, query, found) -> None:
        page = Client().get(f"{HISTORY}?{query}")
        assert [f"{entry.row.tag} {entry.row.action}" for entry in page.context["entries"]] == found
        if not found:
            assert "Nothing in this history passes these filters" in text_of(page)
        api = call("GET", f"{API}/-/history?{query}").json()
        assert [f"{row['tag']} {row['action']}" for row in api["results"]] == found

    @pytest.mark.parametrize("query", ["action=eaten", f"tag={'x' * 129}", "person=%00"])
    def test_says_which_filter_makes_no_sense(self, moved, query) -> None:
        page = Client().get(f"{HISTORY}?{query}")
        assert page.status_code == 200
        assert 'class="message is-error"' in page.content.decode()
        assert call("GET", f"{API}/-/history?{query}").status_code == 400

    def test_is_paged_both_ways(self, public_app, alice, monkeypatch) -> None:
        monkeypatch.setattr("repositories.images.history_views.PAGE_SIZE", 2)
        for number in range(5):
            images.push_image(public_app, f"{number}", by=alice)
        seen, url = [], HISTORY
        while url:
            page = Client().get(url)
            seen += [entry.row.tag for entry in page.context["entries"]]
            cursor = page.context["page"].next
            url = f"{HISTORY}?cursor={cursor}" if cursor else ""
        assert seen == ["4", "3", "2", "1", "0"]
        first = call("GET", f"{API}/-/history?page_size=3").json()
        rest = Client().get(first["next"]).json()
        back = Client().get(rest["previous"]).json()
        assert [row["tag"] for row in first["results"] + rest["results"]] == seen
        assert (back["results"], first["previous"], rest["next"]) == (first["results"], None, None)

    def test_costs_the_same_for_many_rows(self, public_app, alice) -> None:
        client = signed_in(alice)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(HISTORY).status_code == 200
            return len(captured)

        for number in range(2):
            images.push_image(public_app, f"a{number}", by=alice, seed=f"{number}")
        few = queries()
        for number in range(8):
            images.push_image(public_app, f"a{number}", by=alice, seed=f"other {number}")
        assert queries() == few <= 9


class TestATagThatIsGone:
    @pytest.fixture
    def gone(self, moved: tuple[Manifest, Manifest], public_app: Repository, bob: User) -> Manifest:
        delete(public_app, "1.0", moved[1], bob)
        return moved[1]

    def test_has_a_page_that_tells_who_deleted_it_and_brings_it_back(self, gone, alice) -> None:
        page = signed_in(alice).get(f"{BASE}/-/tags/1.0")
        assert page.status_code == 200
        assert "Deleted by bob just now" in text_of(page)
        assert f'href="{BASE}/-/tags/1.0/restore?digest={gone.digest.replace(":", "%3A")}"' in page.content.decode()
        assert "moved to another digest" in text_of(page)

    def test_shows_visitors_no_way_back(self, gone) -> None:
        page = Client().get(f"{BASE}/-/tags/1.0")
        assert page.status_code == 200
        assert "/restore" not in page.content.decode()

    def test_is_marked_nowhere_as_current(self, gone) -> None:
        assert not any(row["is_current"] for row in call("GET", f"{API}/tags/1.0/history").json()["results"])

    def test_that_was_lost_says_so(self, moved, public_app) -> None:
        assert record_lost(repository_id=public_app.pk, tag="stable", digest=moved[0].digest)
        assert "Gone from the registry, not through this portal" in text_of(Client().get(f"{BASE}/-/tags/stable"))

    def test_that_never_was_is_not_found(self, gone) -> None:
        assert Client().get(f"{BASE}/-/tags/9.9").status_code == 404
        assert call("GET", f"{API}/tags/9.9/history").status_code == 404


class TestTheApi:
    def test_tells_each_row_with_all_that_is_known(self, moved, alice) -> None:
        old, new = moved
        token = factories.make_access_token(alice, "repo:write")[1]
        found = call("GET", f"{API}/-/history", token=token).json()
        first = found["results"][0]
        at, pk = first.pop("at"), first.pop("id")
        assert first == {
            "tag": "1.0",
            "action": "moved",
            "digest": new.digest,
            "previous_digest": old.digest,
            "actor": "bob",
            "credential": "password",
            "client": "docker/28.2.1 go/go1.24.3 kernel/6.1.0 os/linux arch/amd64",
            "copied_from": "",
            "is_current": True,
            "in_registry": True,
        }
        assert TagHistory.objects.get(pk=pk).at.isoformat().startswith(at[:19])
        anybody = call("GET", f"{API}/-/history").json()["results"][0]
        assert (anybody["actor"], anybody["credential"], anybody["client"]) == ("bob", None, None)

    def test_tells_where_a_tag_pointed_at_a_moment(self, public_app, alice) -> None:
        start = timezone.now().replace(microsecond=0)
        with time_machine.travel(start, tick=False) as clock:
            old = images.push_image(public_app, "1.0", by=alice, seed="old")
            clock.shift(timedelta(hours=1))
            new = images.push_image(public_app, "1.0", by=alice, seed="new")
            clock.shift(timedelta(hours=1))
            delete(public_app, "1.0", new, alice)
            clock.shift(timedelta(hours=1))

            def at(minutes: int) -> tuple[str | None, int]:
                moment = (start + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
                found = call("GET", f"{API}/tags/1.0/history?at={moment}").json()
                return found["digest"], len(found["results"])

            assert [at(minutes) for minutes in (-1, 0, 59, 60, 119, 120)] == [
                (None, 0),
                (old.digest, 1),
                (old.digest, 1),
                (new.digest, 2),
                (new.digest, 2),
                (None, 3),
            ]
            assert call("GET", f"{API}/tags/1.0/history").json()["digest"] is None
        assert call("GET", f"{API}/tags/1.0/history?at=yesterday").status_code == 400

    def test_finds_by_digest_which_tags_came_to_point_to_it(self, moved) -> None:
        found = call("GET", f"{API}/-/history?digest={moved[0].digest}").json()
        assert [row["tag"] for row in found["results"]] == ["stable", "1.0"]


class TestWhatATagWasBefore:
    def test_is_the_last_other_image(self, moved, public_app, alice) -> None:
        old, new = moved
        assert history.previous_digest(public_app, "1.0") == old.digest
        images.push_image(public_app, "1.0", by=alice, seed="new")
        assert history.previous_digest(public_app, "1.0") == old.digest, "pushed again is no other image"
        images.push_image(public_app, "1.0", by=alice, seed="old")
        assert history.previous_digest(public_app, "1.0") == new.digest, "two roll backs change nothing"

    def test_is_known_from_a_move_alone(self, moved, public_app) -> None:
        """Of a tag that was there before Moorage was."""
        TagHistory.objects.filter(tag="1.0", action="created").delete()
        assert history.previous_digest(public_app, "1.0") == moved[0].digest

    def test_is_nothing_for_a_tag_that_never_moved_or_is_gone(self, moved, public_app, alice) -> None:
        assert history.previous_digest(public_app, "stable") == ""
        delete(public_app, "1.0", moved[1], alice)
        assert history.previous_digest(public_app, "1.0") == ""
        assert history.last_digest(public_app, "1.0") == moved[1].digest


def test_every_text_goes_through_gettext(moved, public_app, alice, bob, monkeypatch) -> None:
    old, new = moved
    multi = images.push_index(public_app, "multi", by=alice)
    gone = images.push_image(public_app, "gone", by=alice, seed="gone")
    delete(public_app, "gone", gone, bob)
    document = images.config()
    document["config"] |= {"User": "app", "Env": ["A=1"], "Labels": {}}
    Manifest.objects.filter(pk=new.pk).update(config=document)
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    names = (
        "alice",
        "bob",
        "public-app",
        "stable",
        "multi",
        "gone",
        "testserver",
        "password",
        "sha",
        "linux",
        "amd",
        "arm",
    )
    for path in (
        "history",
        "history?person=nobody",
        "tags/gone",
        "tags/1.0/roll-back",
        "tags/gone/restore",
        "tags/1.0/copy",
        f"compare?from={old.digest}&to=1.0",
        f"compare?from={multi.digest}&to=1.0",
        "compare",
    ):
        page = client.get(f"{BASE}/-/{path}")
        assert page.status_code == 200, path
        found = untranslated(page.content.decode(), *names, "docker", "kB", "MB", " B", "go go  kernel   os   arch")
        assert found == [], path
