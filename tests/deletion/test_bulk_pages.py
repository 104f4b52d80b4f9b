"""Which tags a filter means, the pages that choose, confirm and watch, and what 50,000 tags cost."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.kit.errors import Invalid
from repositories.deletion import bulk, bulk_filter, bulk_preview
from repositories.deletion.bulk_filter import Selection
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.images.models import Tag
from repositories.models import Grant, Repository
from tests.conftest import signed_in
from tests.factories import images

pytestmark = pytest.mark.django_db
PAGE = "/alice/private-app/-/deletions"
DAY = timedelta(days=1)


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def app(private_app: Repository, alice: Any) -> Repository:
    """pr-1 to pr-4 were pushed 40, 30, 20 and 10 days ago; pr-2 was pulled yesterday; stable is what pr-1 is."""
    now = timezone.now()
    for number in range(1, 5):
        images.push_image(private_app, f"pr-{number}", by=alice)
        Tag.objects.filter(name=f"pr-{number}").update(pushed_at=now - (50 - 10 * number) * DAY)
    images.push_image(private_app, "stable", by=alice, seed="pr-1")
    images.push_index(private_app, "multi", by=alice)
    images.push_image(private_app, f"sha256-{'0' * 64}.sig", by=alice)
    Tag.objects.filter(name="pr-2").update(last_pulled_at=now - DAY)
    return private_app


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "multi pr-1 pr-2 pr-3 pr-4 stable"),
        ({"name": "PR"}, "pr-1 pr-2 pr-3 pr-4"),
        ({"pattern": "pr-[13]"}, "pr-1 pr-3"),
        ({"pattern": "pr"}, ""),
        ({"kind": "index"}, "multi"),
        ({"older_than": 25}, "pr-1 pr-2"),
        ({"unpulled_for": 15}, "pr-1 pr-3"),
        ({"name": "pr", "keep": 3}, "pr-1"),
        ({"pattern": "pr-.", "keep": 3}, "pr-1"),
        ({"pattern": "pr-.", "keep": 4}, ""),
        ({"name": "pr", "keep": 2, "older_than": 35}, "pr-1"),
        ({"names": ("pr-1", "unknown", f"sha256-{'0' * 64}.sig")}, f"pr-1 sha256-{'0' * 64}.sig"),
    ],
)
def test_what_a_filter_means(app, chosen, expected) -> None:
    selection = Selection(**chosen)
    assert sorted(bulk_filter.names(app, selection)) == expected.split()
    assert bulk_filter.count(app, selection).total == len(expected.split())
    listed, cursor = bulk_filter.pairs(app, selection, cursor="", most=2)
    while cursor:
        more, cursor = bulk_filter.pairs(app, selection, cursor=cursor, most=2)
        listed += more
    assert sorted(name for name, _digest in listed) == expected.split()


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"pattern": "("}, "pattern"),
        ({"kind": "other"}, "kind"),
        ({"keep": -1}, "keep"),
        ({"names": ("a b",)}, "names"),
        ({"names": tuple(f"t{number}" for number in range(1001))}, "names"),
    ],
)
def test_what_cannot_be_meant(chosen, field) -> None:
    with pytest.raises(Invalid) as caught:
        bulk_filter.check(Selection(**chosen))
    assert field in caught.value.fields


class TestThePreview:
    def test_of_few_tags_looks_at_layers(self, app) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="matching", immutable_rules=["pr-4"])
        app.refresh_from_db()
        found = bulk_preview.of_selection(app, Selection(name="pr"))
        assert (found.tags, found.first, found.immutable) == (3, ["pr-1", "pr-2", "pr-3"], 1)
        assert (found.images, found.kept, found.is_exact) == (2, 1, True), "stable keeps the image of pr-1"

    def test_of_many_counts_tags(self, app, monkeypatch) -> None:
        monkeypatch.setattr(bulk_preview, "EXACT", 1)
        found = bulk_preview.of_selection(app, Selection(name="pr"))
        assert (found.tags, found.images, found.kept, found.is_exact) == (4, 3, 1, False)
        assert found.freed == sum(Tag.objects.filter(name__in=["pr-2", "pr-3", "pr-4"]).values_list("size", flat=True))


class TestChoosing:
    def test_shows_how_many_match_and_costs_the_same_for_any_number(self, app, alices_client, alice) -> None:
        def queries() -> int:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                assert alices_client.get(PAGE, {"name": "pr"}).status_code == 200
            return len(captured)

        few = queries()
        for number in range(5, 9):
            images.push_image(app, f"pr-{number}", by=alice)
        assert queries() == few
        text = text_of(alices_client.get(PAGE, {"name": "pr"}))
        assert "8 tags match" in text
        assert "Look at all 8 that match" in text

    def test_says_what_is_wrong_with_a_pattern(self, app, alices_client) -> None:
        response = alices_client.get(PAGE, {"pattern": "("})
        assert response.status_code == 200
        assert "missing )" in text_of(response)

    def test_pages_by_a_cursor(self, app, alices_client, monkeypatch) -> None:
        monkeypatch.setattr("repositories.deletion.bulk_views.PAGE_SIZE", 2)
        first = alices_client.get(PAGE, {"name": "pr"})
        second = alices_client.get(PAGE, {"name": "pr", "cursor": first.context["page"].next})
        assert [tag.name for tag in second.context["page"].rows] == ["pr-2", "pr-1"]
        assert alices_client.get(PAGE, {"cursor": "nonsense"}).status_code == 400

    def test_is_for_admins(self, app, bob) -> None:
        assert signed_in(bob).get(PAGE).status_code == 404
        Grant.objects.create(namespace=app.namespace, pattern=app.name, user=bob, role=Grant.Role.WRITE)
        assert signed_in(bob).get(PAGE).status_code == 403
        assert Client().get("/alice/private-app/-/deletions").status_code == 404


class TestConfirming:
    def fields(self, **more: Any) -> dict[str, Any]:
        return {"as_of": timezone.now().isoformat(), "scope": "all", "name": "pr", **more}

    def test_shows_what_goes_before_it_starts(self, app, alices_client) -> None:
        response = alices_client.post(PAGE, self.fields())
        text = text_of(response)
        assert "Delete 4 tags?" in text
        assert "1 image loses its tag and stays" in text
        assert not BulkDeletion.objects.exists()

    def test_starts_the_job_and_leads_to_it(self, app, alices_client) -> None:
        response = alices_client.post(PAGE, self.fields(confirmed="1", expected="4"))
        job = BulkDeletion.objects.get()
        assert response.headers["Location"] == f"{PAGE}/{job.pk}"
        assert (job.total, job.selection, job.actor_name) == (4, {"name": "pr"}, "alice")

    def test_of_picked_tags(self, app, alices_client) -> None:
        fields = self.fields(scope="picked", tag=["pr-1", "pr-3"], confirmed="1", expected="2")
        assert alices_client.post(PAGE, fields).status_code == 302
        assert BulkDeletion.objects.get().selection == {"names": ["pr-1", "pr-3"]}
        assert alices_client.post(PAGE, self.fields(scope="picked")).status_code == 422

    def test_of_many_asks_for_the_name(self, app, alices_client, monkeypatch) -> None:
        monkeypatch.setattr("repositories.deletion.bulk_views.MANY", 3)
        fields = self.fields(confirmed="1", expected="4")
        response = alices_client.post(PAGE, {**fields, "confirm": "alice/other"})
        assert response.status_code == 422
        assert "This is not the repository's name." in text_of(response)
        assert alices_client.post(PAGE, {**fields, "confirm": "alice/private-app"}).status_code == 302

    def test_says_that_more_match_by_now(self, app, alices_client) -> None:
        response = alices_client.post(PAGE, self.fields(confirmed="1", expected="3"))
        assert response.status_code == 409
        assert "4 tags match by now, not 3" in text_of(response)


class TestWatching:
    @pytest.fixture
    def job(self, app: Repository, alices_client: Client) -> BulkDeletion:
        fields = {"as_of": timezone.now().isoformat(), "scope": "all", "name": "pr", "confirmed": "1", "expected": "4"}
        alices_client.post(PAGE, fields)
        job = BulkDeletion.objects.select_related("repository").get()
        bulk._write_down(job)
        return job

    def test_says_how_far_it_is_and_what_was_skipped(self, job, alices_client) -> None:
        bulk._mark(job.items.order_by("id")[0])
        bulk._mark(job.items.order_by("id")[1], BulkItem.Why.MOVED)
        text = text_of(alices_client.get(f"{PAGE}/{job.pk}"))
        assert "1 of 4 deleted, 1 skipped" in text
        assert "It was moved to another image after you selected it. 1" in text
        part = alices_client.get(f"{PAGE}/{job.pk}", headers={"HX-Request": "true"})
        assert "every 2s" in part.content.decode()
        seen = re.search(r"seen=(\w+)", part.content.decode())
        assert seen is not None
        again = alices_client.get(f"{PAGE}/{job.pk}?seen={seen[1]}", headers={"HX-Request": "true"})
        assert again.status_code == 204

    def test_is_cancelled_and_undone(self, job, alices_client) -> None:
        bulk._mark(job.items.order_by("id")[0])
        text = text_of(alices_client.post(f"{PAGE}/{job.pk}/cancel", follow=True))
        assert "What was done until then stays done." in text
        assert "3 tags were left as they are." in text
        response = alices_client.post(f"{PAGE}/{job.pk}/restore")
        back = BulkDeletion.objects.get(kind="restore")
        assert response.headers["Location"] == f"{PAGE}/{back.pk}"
        assert "0 of 1 brought back" in text_of(alices_client.get(f"{PAGE}/{back.pk}"))
        assert "Brought back by alice" in text_of(alices_client.get(f"{PAGE}/{job.pk}"))
        text = text_of(alices_client.post(f"{PAGE}/{job.pk}/restore", follow=True))
        assert "Another deletion of many tags is under way" in text

    def test_of_another_repository_is_not_found(self, job, public_app, alices_client) -> None:
        assert alices_client.get(f"/alice/public-app/-/deletions/{job.pk}").status_code == 404
