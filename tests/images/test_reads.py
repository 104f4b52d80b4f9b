"""What pages and API show of tags: the same number of queries for two rows and for six."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.accounts.actor import ANONYMOUS
from portal.kit.errors import NotFound
from repositories.images import reads
from repositories.images.actions import Push, Pusher, record_push
from repositories.images.manifests import parse
from repositories.images.models import Manifest
from repositories.models import Repository
from repositories.registry.client import OCI_INDEX
from tests.images.fake_registry import OCI, digest_of, image, index


def push(repository: Repository, body: bytes, tag: str = "", *, media_type: str = OCI, who: str = "alice") -> Manifest:
    what = Push(digest_of(body), parse(body, media_type), tag=tag, pusher=Pusher(name=who))
    with transaction.atomic():
        return record_push(repository_id=repository.pk, push=what)


def push_index(repository: Repository, text: str, tag: str) -> Manifest:
    children = [image(f"{text} one"), image(f"{text} two")]
    for child in children:
        push(repository, child)
    return push(repository, index(*children, attestation=True), tag, media_type=OCI_INDEX)


def queries_of(call: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


class TestTagRows:
    def show(self, repository: Repository) -> list[Any]:
        """All that a list shows."""
        return [
            (
                row.name,
                row.manifest.digest,
                row.manifest.total_size,
                reads.platforms_of(row.manifest),
                row.moved_from,
                row.moved_by_name,
                row.moved_at,
                row.pushed_by and row.pushed_by.username,
            )
            for row in reads.tag_rows(repository).order_by("name")
        ]

    def test_cost_the_same_for_two_rows_and_for_six(self, private_app, public_app) -> None:
        for repository, count in ((private_app, 2), (public_app, 6)):
            for number in range(count):
                push(repository, image(str(number)), f"image-{number}")
                push_index(repository, str(number), f"index-{number}")
                push(repository, image("moved"), f"image-{number}")
        costs = {queries_of(lambda name=repository: self.show(name)) for repository in (private_app, public_app)}
        assert costs == {2}

    def test_tell_the_last_move(self, private_app) -> None:
        for text, who in (("first", "alice"), ("second", "bob"), ("third", "carol"), ("third", "dave")):
            push(private_app, image(text), "1.0", who=who)
        push(private_app, image("third"), "2.0")
        row = reads.tag_rows(private_app).get(name="1.0")
        assert (row.moved_from, row.moved_by_name) == (digest_of(image("second")), "carol")
        assert row.moved_at is not None
        assert row.moved_at < row.pushed_at
        other = reads.tag_rows(private_app).get(name="2.0")
        assert (other.moved_from, other.moved_at, other.moved_by_name) == ("", None, "")

    def test_are_of_one_repository(self, private_app, public_app) -> None:
        push(private_app, image("a"), "1.0")
        push(public_app, image("a"), "1.0")
        push(public_app, image("b"), "1.0")
        assert [row.moved_from for row in reads.tag_rows(private_app)] == [""]

    def test_leave_out_what_is_bulky(self, private_app) -> None:
        push(private_app, image(), "1.0")
        manifest = reads.tag_rows(private_app).get().manifest
        assert manifest.get_deferred_fields() == {"layers", "config", "annotations"}


class TestPlatforms:
    def test_of_an_index_without_attestations(self, private_app) -> None:
        manifest = push_index(private_app, "x", "1.0")
        assert reads.platforms_of(manifest) == ["linux/amd64", "linux/arm64/v8"]
        assert len(reads.entries_of(manifest)) == 2

    def test_of_an_image(self, private_app) -> None:
        manifest = push(private_app, image(), "1.0")
        assert reads.platforms_of(manifest) == []
        manifest.os, manifest.architecture = "linux", "amd64"
        assert reads.platforms_of(manifest) == ["linux/amd64"]

    def test_of_an_index_each_once(self, private_app) -> None:
        body = index(image("one"))
        twice = body.replace(b'"manifests": [', b'"manifests": [' + body.split(b'"manifests": [')[1][:-2] + b", ")
        assert reads.platforms_of(push(private_app, twice, media_type=OCI_INDEX)) == ["linux/amd64"]


class TestOneTag:
    def test_with_all_that_its_page_shows(self, private_app, as_alice, django_assert_num_queries) -> None:
        push_index(private_app, "x", "1.0")
        with django_assert_num_queries(3):
            row = reads.fetch_tag(as_alice, "alice", "private-app", "1.0")
            assert len(reads.entries_of(row.manifest)) == 2
            assert row.manifest.repository.full_name == row.repository.full_name == "alice/private-app"

    @pytest.mark.parametrize(("name", "tag"), [("private-app", "2.0"), ("other", "1.0")])
    def test_that_is_not_there(self, private_app, as_alice, name, tag) -> None:
        push(private_app, image(), "1.0")
        with pytest.raises(NotFound):
            reads.fetch_tag(as_alice, "alice", name, tag)

    def test_that_may_not_be_known_of(self, private_app, as_bob) -> None:
        push(private_app, image(), "1.0")
        for actor in (as_bob, ANONYMOUS):
            with pytest.raises(NotFound):
                reads.fetch_tag(actor, "alice", "private-app", "1.0")

    def test_of_another_repository_of_the_same_person(self, private_app, public_app, as_bob) -> None:
        push(private_app, image(), "1.0")
        with pytest.raises(NotFound):
            reads.fetch_tag(as_bob, "alice", "public-app", "1.0")


class TestHistory:
    def test_of_a_tag_and_of_all(self, private_app, public_app, django_assert_num_queries) -> None:
        push(private_app, image("a"), "1.0")
        push(private_app, image("b"), "2.0")
        push(private_app, image("b"), "1.0")
        push(public_app, image("a"), "1.0")
        with django_assert_num_queries(1):
            rows = [(row.tag, row.action, row.actor) for row in reads.history_rows(private_app).order_by("id")]
        assert rows == [("1.0", "created", None), ("2.0", "created", None), ("1.0", "moved", None)]
        assert [row.action for row in reads.history_rows(private_app, tag="1.0").order_by("id")] == ["created", "moved"]
