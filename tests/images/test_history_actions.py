"""Roll back, restore and copy by page and API, at a real registry."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.events.models import Event
from repositories.images import intents, tag_actions
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.images.reconcile import add
from repositories.models import Repository
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories import webhooks
from tests.real_registry import RealRegistry, running_registry

pytestmark = pytest.mark.django_db
NAME = "alice/private-app"
PAGE = f"/{NAME}/-/tags/1.0"
API = "namespaces/alice/repositories/private-app/tags/1.0"


@pytest.fixture
def registry(tmp_path, settings):
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url
        yield running


@pytest.fixture
def app(private_app: Repository, registry: RealRegistry, as_alice) -> tuple[str, str]:
    """1.0 was one image and is another; the two digests."""
    old, new = registry.hold(NAME, "1.0", text="old", layers=2), registry.hold(NAME, "2.0", text="new")
    for tag, digest in (("1.0", old), ("2.0", new)):
        add(private_app, digest, tag=tag)
    tag_actions.copy_tag(actor=as_alice, source=private_app, reference="2.0", repository=private_app, tag="1.0")
    return old, new


@pytest.fixture
def client(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def token(alice: User) -> str:
    return factories.make_access_token(alice, "repo:admin")[1]


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def last() -> TagHistory:
    return TagHistory.objects.latest("id")


class TestRollingBackByPage:
    def test_asks_first_with_all_that_will_happen_and_then_does_it(self, app, client, registry, alice, private_app):
        old, new = app
        webhooks.make_webhook(alice, private_app)
        page = client.get(f"{PAGE}/roll-back")
        text = text_of(page)
        for told in (new[:19], old[:19], "2 come, 1 go", "1 webhook fires", "After the roll back", "roll back again"):
            assert told in text, told
        assert registry.digest(NAME, "1.0") == new, "to ask changes nothing"
        form = {"digest": old, "current": new}
        done = client.post(f"{PAGE}/roll-back", form, follow=True)
        assert done.redirect_chain == [(PAGE, 302)]
        assert f"1.0 is rolled back to {old[:19]}." in text_of(done)
        assert registry.digest(NAME, "1.0") == old
        assert (last().action, last().previous_digest, last().actor_name) == ("rolled", new, "alice")
        assert Event.objects.filter(action="repo.tag.rollback").count() == 1

    def test_leaves_a_tag_alone_that_moved_while_one_looked(self, app, client, registry) -> None:
        answer = client.post(f"{PAGE}/roll-back", {"digest": app[0], "current": app[0]})
        assert answer.status_code == 409
        assert "moved in the meantime" in text_of(answer)
        assert registry.digest(NAME, "1.0") == app[1]

    def test_says_why_it_cannot_be(self, app, client, registry, private_app) -> None:
        assert "Choose the image" in text_of(client.post(f"{PAGE}/roll-back", {"digest": "latest"}))
        assert "points to this image already" in text_of(client.get(f"{PAGE}/roll-back?digest={app[1]}"))
        assert "This image is gone" in text_of(client.get(f"{PAGE}/roll-back?digest=sha256:{'0' * 64}"))
        assert "never pointed to another image" in text_of(client.get(f"/{NAME}/-/tags/2.0/roll-back"))
        Repository.objects.update(immutability="matching", immutable_rules=["1[.].*"])
        page = client.get(f"{PAGE}/roll-back")
        assert "immutable by the rule 1[.].*" in text_of(page)
        assert 'name="current"' not in page.content.decode()
        refused = client.post(f"{PAGE}/roll-back", {"digest": app[0], "current": app[1]})
        assert (refused.status_code, registry.digest(NAME, "1.0")) == (403, app[1])

    def test_says_when_the_registry_is_away_or_has_lost_the_image(self, app, client, registry) -> None:
        form = {"digest": app[0], "current": app[1]}
        registry.stop()
        away = client.post(f"{PAGE}/roll-back", form)
        assert (away.status_code, away["Retry-After"]) == (503, "5")
        registry.empty()
        registry.start()
        gone = client.post(f"{PAGE}/roll-back", form)
        assert gone.status_code == 404
        assert "no longer in the registry" in text_of(gone)
        assert Manifest.objects.get(digest=app[0]).missing_since is not None


class TestRestoringByPage:
    def test_brings_a_deleted_tag_back(self, app, client, registry, private_app, as_alice) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=private_app, tag="1.0")
        gone = client.get(PAGE)
        link = re.search(r'href="([^"]+/restore[^"]*)"', gone.content.decode())
        assert link
        page = client.get(link[1].replace("&amp;", "&"))
        assert "Deleted by alice" in text_of(page)
        digest = parse_qs(urlsplit(link[1]).query)["digest"][0]
        done = client.post(f"{PAGE}/restore", {"digest": digest}, follow=True)
        assert "1.0 is back" in text_of(done)
        assert registry.digest(NAME, "1.0") == app[1]
        again = client.post(f"{PAGE}/restore", {"digest": digest})
        assert again.status_code == 409
        assert client.post(f"/{NAME}/-/tags/9.9/restore").status_code == 404

    def test_brings_back_an_earlier_image_of_it_too(self, app, client, registry, private_app, as_alice) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=private_app, tag="1.0")
        history = client.get(f"/{NAME}/-/history?tag=1.0").content.decode()
        assert f"/restore?digest={app[0].replace(':', '%3A')}" in history
        client.post(f"{PAGE}/restore", {"digest": app[0]})
        assert registry.digest(NAME, "1.0") == app[0]


class TestCopyingByPage:
    def test_offers_where_one_may_push_and_copies_there(self, app, client, registry, alice, bob) -> None:
        factories.make_repository(alice, "release", visibility="public")
        factories.make_repository(bob, "theirs", visibility="public")
        archived = factories.make_repository(alice, "old")
        Repository.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
        page = client.get(f"{PAGE}/copy")
        assert page.context["targets"] == [NAME, "alice/release"]
        options = client.get(f"{PAGE}/copy?repository=rel", headers={"HX-Request": "true"})
        assert options.content.decode().strip() == '<option value="alice/release"></option>'
        done = client.post(f"{PAGE}/copy", {"repository": "alice/release", "tag": "prod"}, follow=True)
        assert done.redirect_chain == [("/alice/release/-/tags/prod", 302)]
        assert registry.digest("alice/release", "prod") == app[1]
        assert (last().action, last().source) == ("copied", f"{NAME}:1.0")

    @pytest.mark.parametrize(
        ("given", "field", "sentence", "status"),
        [
            ({"repository": NAME, "tag": "not a tag"}, "tag", "letters, digits", 422),
            ({"repository": NAME, "tag": "2.0"}, "tag", "points to this image already", 409),
            ({"repository": NAME, "tag": "3.0"}, "tag", "There is a tag 3.0 already", 422),
            ({"repository": "nobody/app", "tag": "x"}, "repository", "There is no such repository", 404),
            ({"repository": "bob/theirs", "tag": "x"}, "repository", "You need the role", 403),
            ({"repository": "alice/old", "tag": "x"}, "repository", "archived", 403),
            ({"repository": "alice/fixed", "tag": "1.0", "move": "on"}, "tag", "immutable", 403),
            ({"repository": "", "tag": ""}, "tag", "required", 422),
        ],
    )
    def test_says_what_is_wrong_beside_the_field(
        self, app, client, registry, alice, bob, private_app, as_alice, given, field, sentence, status
    ) -> None:
        factories.make_repository(bob, "theirs", visibility="public")
        fixed, old = factories.make_repository(alice, "fixed"), factories.make_repository(alice, "old")
        tag_actions.roll_back(actor=as_alice, repository=private_app, tag="1.0", digest=app[0])
        tag_actions.copy_tag(actor=as_alice, source=private_app, reference="1.0", repository=fixed, tag="1.0")
        tag_actions.copy_tag(actor=as_alice, source=private_app, reference="1.0", repository=private_app, tag="3.0")
        tag_actions.roll_back(actor=as_alice, repository=private_app, tag="1.0", digest=app[1])
        Repository.objects.filter(pk=fixed.pk).update(immutability="all")
        Repository.objects.filter(pk=old.pk).update(archived_at=timezone.now())
        answer = client.post(f"{PAGE}/copy", given)
        assert answer.status_code == status
        assert sentence in " ".join(answer.context["form"].errors[field])

    def test_moves_a_tag_when_one_says_so(self, app, client, registry, private_app, as_alice) -> None:
        tag_actions.roll_back(actor=as_alice, repository=private_app, tag="2.0", digest=app[0])
        given = {"repository": NAME, "tag": "2.0"}
        assert client.post(f"{PAGE}/copy", given).status_code == 422
        assert registry.digest(NAME, "2.0") == app[0]
        assert client.post(f"{PAGE}/copy", given | {"move": "on"}).status_code == 302
        assert registry.digest(NAME, "2.0") == app[1]


class TestByApi:
    def test_a_roll_back_goes_to_what_was_before_and_answers_the_tag(self, app, registry, token) -> None:
        old, new = app
        first = call("POST", f"{API}/roll-back", {}, token=token)
        assert (first.status_code, first.json()["name"], first.json()["digest"]) == (200, "1.0", old)
        assert registry.digest(NAME, "1.0") == old
        assert call("POST", f"{API}/roll-back", {"digest": new}, token=token).json()["digest"] == new
        assert last().credential == "personal access token: ci"

    def test_restore_and_copy_answer_the_tag(self, app, registry, token, private_app, as_alice) -> None:
        tag_actions.delete_tag(actor=as_alice, repository=private_app, tag="1.0")
        back = call("POST", f"{API}/restore", {}, token=token)
        assert (back.status_code, back.json()["digest"]) == (200, app[1])
        copied = call("POST", f"{API}/copy", {"tag": "prod"}, token=token)
        assert (copied.status_code, copied.json()["name"], copied.json()["digest"]) == (201, "prod", app[1])
        assert registry.digest(NAME, "prod") == app[1]

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("roll-back", {"digest": "latest"}, 400),
            ("roll-back", {"digest": f"sha256:{'0' * 64}"}, 404),
            ("restore", {}, 409),
            ("copy", {}, 400),
            ("copy", {"tag": "no tag"}, 400),
            ("copy", {"tag": "x", "repository": "nobody/app"}, 404),
        ],
    )
    def test_what_is_wrong_is_said(self, app, token, path, body, status) -> None:
        answer = call("POST", f"{API}/{path}", body, token=token)
        assert (answer.status_code, bool(answer.json()["message"])) == (status, True)

    def test_another_push_under_way_is_unavailable_for_a_while(self, app, token, private_app, as_alice, monkeypatch):
        monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0.1)
        intents.open_intent(
            actor=as_alice, repository=private_app, reference="1.0", tag="1.0", body=b"{}", media_type="x"
        )
        answer = call("POST", f"{API}/roll-back", {}, token=token)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "under way" in answer.json()["message"]
        assert PushIntent.objects.filter(state="open").count() == 1
        assert Tag.objects.get(name="1.0").manifest.digest == app[1]
