"""The pages: what has no tag, and the confirmation of a deletion with what goes and what stays."""

import html
import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from repositories.images.actions import Pusher
from repositories.images.models import Manifest
from repositories.images.untagging import record_untagged
from repositories.models import Grant, Repository
from tests.conftest import signed_in
from tests.deletion.conftest import NAME, digest_of
from tests.factories import images

pytestmark = pytest.mark.django_db
BASE = f"/{NAME}/-"
UNTAGGED = f"{BASE}/untagged"


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def untag(repository: Repository, tag: str, by: User) -> str:
    digest = digest_of(tag)
    with transaction.atomic():
        pusher = Pusher(user_id=by.pk, name=by.username)
        assert record_untagged(repository_id=repository.pk, tag=tag, digest=digest, pusher=pusher)
    return digest


class TestUntagged:
    def test_says_how_an_image_lost_its_tag(self, private_app, alice, bob, alices_client) -> None:
        old = images.push_image(private_app, "latest", by=alice, seed="old")
        new = images.push_image(private_app, "latest", by=bob, seed="new")
        images.push_image(private_app, "1.0", by=alice)
        untag(private_app, "1.0", bob)
        page = text_of(alices_client.get(UNTAGGED))
        assert f"latest overwritten by bob with {new.digest[:19]}" in page
        assert "1.0 deleted by bob" in page
        assert "Restore 1.0" in page
        assert alices_client.get(UNTAGGED).content.decode().count("csrfmiddlewaretoken") >= 2
        assert "Roll back latest" in page
        assert f"/tags/latest/roll-back?digest={old.digest}" in alices_client.get(UNTAGGED).content.decode()

    def test_whose_tag_has_another_image_now_is_kept_without_it(self, private_app, alice, alices_client) -> None:
        images.push_image(private_app, "1.0", by=alice, seed="old")
        untag(private_app, "1.0", alice)
        images.push_image(private_app, "1.0", by=alice, seed="new")
        page = text_of(alices_client.get(UNTAGGED))
        assert "Restore 1.0" not in page
        assert "Keep it" in page

    def test_of_what_never_had_a_tag(self, private_app, alice, alices_client) -> None:
        images.push_image(private_app, "", by=alice, seed="by digest")
        assert "never had one" in text_of(alices_client.get(UNTAGGED))

    def test_that_is_gone_from_the_registry_offers_nothing(self, private_app, alice, alices_client) -> None:
        images.push_image(private_app, "1.0", by=alice)
        untag(private_app, "1.0", alice)
        Manifest.objects.update(missing_since=timezone.now())
        page = text_of(alices_client.get(UNTAGGED))
        assert "No longer in the registry" in page
        assert "Restore" not in page

    def test_a_reader_sees_no_buttons(self, private_app, alice, bob) -> None:
        Grant.objects.create(namespace=private_app.namespace, pattern="private-app", user=bob, role=Grant.Role.READ)
        images.push_image(private_app, "1.0", by=alice)
        untag(private_app, "1.0", alice)
        page = text_of(signed_in(bob).get(UNTAGGED))
        assert "deleted by alice" in page
        assert "Restore" not in page

    def test_when_there_is_none(self, private_app, alices_client) -> None:
        assert "Every image has a tag" in text_of(alices_client.get(UNTAGGED))

    def test_goes_on_page_by_page_at_the_same_cost(self, private_app, alice, alices_client) -> None:
        for number in range(28):
            images.push_image(private_app, "latest", by=alice, seed=str(number))
        page = alices_client.get(UNTAGGED)
        assert page.content.decode().count("overwritten by") == 25
        following = re.search(r'href="\?(cursor=[^"]+)"', page.content.decode())
        assert following
        assert alices_client.get(f"{UNTAGGED}?{following[1]}").content.decode().count("overwritten by") == 2
        with CaptureQueriesContext(connection) as many:
            alices_client.get(UNTAGGED)
        some = Manifest.objects.filter(untagged_at__isnull=False).values_list("pk", flat=True)[:25]
        Manifest.objects.filter(pk__in=list(some)).delete()
        with CaptureQueriesContext(connection) as few:
            alices_client.get(UNTAGGED)
        assert len(many) == len(few)


class TestDeletingATag:
    def test_shows_what_goes_and_what_stays(self, private_app, alice, alices_client) -> None:
        images.push_image(private_app, "1.0", by=alice, seed="one")
        images.push_image(private_app, "stable", by=alice, seed="one")
        page = text_of(alices_client.get(f"{BASE}/tags/1.0/delete"))
        assert "Delete the tag 1.0?" in page
        assert "it has another tag: stable" in page
        assert "Nothing is freed: no image goes." in page

    def test_deletes_it_at_the_registry(self, app, registry, alices_client) -> None:
        answer = alices_client.post(f"{BASE}/tags/1.0/delete", {"digest": digest_of("1.0")}, follow=True)
        assert "The tag 1.0 is deleted, and no other." in text_of(answer)
        assert registry.tags(NAME) == ["2.0", "stable"]

    def test_that_moved_since_it_was_looked_at(self, app, registry, alices_client) -> None:
        answer = alices_client.post(f"{BASE}/tags/1.0/delete", {"digest": digest_of("2.0")})
        assert answer.status_code == 409
        assert "Nothing was deleted. The tag was moved or deleted at this moment." in text_of(answer)
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_without_having_looked(self, app, registry, alices_client) -> None:
        assert alices_client.post(f"{BASE}/tags/1.0/delete").status_code == 422
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_that_is_immutable_has_no_button(self, private_app, alice, alices_client) -> None:
        images.push_image(private_app, "1.0", by=alice)
        Repository.objects.update(immutability="all")
        page = alices_client.get(f"{BASE}/tags/1.0/delete")
        assert "1.0 is immutable, as all tags here are: it cannot be deleted." in text_of(page)
        assert "Delete this tag" not in text_of(page)

    def test_that_is_not_there(self, private_app, alices_client) -> None:
        assert alices_client.get(f"{BASE}/tags/9/delete").status_code == 404


class TestDeletingAnImage:
    def path(self, tag: str) -> str:
        return f"{BASE}/images/{digest_of(tag)}/delete"

    def test_names_all_its_tags_and_asks_for_the_name(self, app, registry, alices_client) -> None:
        page = text_of(alices_client.get(self.path("1.0")))
        assert "Delete this image and its 2 tags?" in page
        assert f"Type {NAME} to confirm" in page
        path, data = self.path("1.0"), {"seen": "1", "tags": "1.0 stable"}
        refused = alices_client.post(path, data | {"confirm": "alice/other"})
        assert refused.status_code == 422
        assert "This is not the repository's name." in text_of(refused)
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]
        done = alices_client.post(path, data | {"confirm": NAME}, follow=True)
        assert "is deleted." in text_of(done)
        assert registry.tags(NAME) == ["2.0"]

    def test_with_a_tag_that_came_since(self, app, registry, alices_client) -> None:
        answer = alices_client.post(self.path("1.0"), {"seen": "1", "tags": "1.0"})
        assert answer.status_code == 409
        assert "The image has other tags by now: 1.0, stable." in text_of(answer)
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_of_a_platform_has_no_button(self, private_app, alice, alices_client) -> None:
        index = images.push_index(private_app, "multi", by=alice)
        page = text_of(alices_client.get(f"{BASE}/images/{index.entries.all()[0].digest}/delete"))
        assert "It cannot be deleted: it is part of a multi-platform image." in page
        assert index.digest[:19] in page
        assert page.count("Delete this image") == 1, "the heading"


class TestRestoring:
    def test_a_tag_with_its_image(self, app, registry, alices_client) -> None:
        digest = digest_of("2.0")
        alices_client.post(f"{BASE}/tags/2.0/delete", {"digest": digest})
        answer = alices_client.post(f"{BASE}/images/{digest}/restore", {"tag": "2.0"}, follow=True)
        assert "The tag 2.0 is restored." in text_of(answer)
        assert registry.digest(NAME, "2.0") == digest

    def test_an_image_alone(self, app, registry, alices_client) -> None:
        digest = digest_of("2.0")
        alices_client.post(f"{BASE}/tags/2.0/delete", {"digest": digest})
        answer = alices_client.post(f"{BASE}/images/{digest}/restore", follow=True)
        assert "is kept." in text_of(answer)
        assert Manifest.objects.get(digest=digest).delete_after is None

    def test_what_the_registry_has_no_more(self, app, registry, alices_client) -> None:
        digest = digest_of("2.0")
        alices_client.post(f"{BASE}/tags/2.0/delete", {"digest": digest})
        registry.stop()
        registry.empty()
        registry.start()
        page = text_of(alices_client.post(f"{BASE}/images/{digest}/restore", {"tag": "2.0"}, follow=True))
        assert "The image is no longer in the registry" in page
        assert "No longer in the registry" in page

    def test_nobody_may(self, app, registry) -> None:
        Repository.objects.update(visibility="public")
        digest = digest_of("2.0")
        for path in (f"{BASE}/images/{digest}/delete", f"{BASE}/tags/2.0/delete"):
            answer = Client().get(path)
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/accounts/login/")
        Client().post(f"{BASE}/images/{digest}/delete", {"seen": "1", "tags": "2.0"})
        assert registry.digest(NAME, "2.0") == digest
