"""Overview, tags, one tag, history: what they show, live, and at what cost."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.accounts.models import User
from repositories.actions import update_description
from repositories.images.models import Manifest
from repositories.models import Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import images

BASE = "/alice/public-app"
TAGS = f"{BASE}/-/tags"
HISTORY = f"{BASE}/-/history"
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def short(manifest: Manifest) -> str:
    return manifest.digest[:19]


def test_a_tag_shows_digest_platform_size_pusher_and_pull_command(alice: User, public_app: Repository) -> None:
    manifest = images.push_image(public_app, "0.0.1", by=alice)
    for path in (BASE, TAGS):
        page = Client().get(path)
        for shown in ("0.0.1", short(manifest), "linux/amd64", "2.81 MB", "alice", "just now"):
            assert shown in text_of(page), (path, shown)
        assert f'data-copy="{manifest.digest}"' in page.content.decode()
        assert 'data-copy="docker pull testserver/alice/public-app:0.0.1"' in page.content.decode()


def test_a_tag_that_moved_says_from_what_and_by_whom(alice: User, bob: User, public_app: Repository) -> None:
    old = images.push_image(public_app, "latest", by=alice, seed="old")
    new = images.push_image(public_app, "latest", by=bob, seed="new")
    page = text_of(Client().get(TAGS))
    assert short(new) in page
    assert f"moved from {short(old)} by bob, just now" in page


def test_a_multi_platform_image_shows_its_platforms_without_attestations(alice: User, public_app: Repository) -> None:
    images.push_index(public_app, "latest", by=alice)
    for path in (BASE, TAGS, f"{TAGS}/latest"):
        page = text_of(Client().get(path))
        assert "linux/amd64" in page
        assert "linux/arm64/v8" in page
        assert "unknown" not in page


def test_what_is_not_known_is_said(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "found", by=None, read=False)
    page = text_of(Client().get(TAGS))
    assert "being read…" in page
    assert "found in the registry" in page
    assert "The configuration is being read." in text_of(Client().get(f"{TAGS}/found"))
    Manifest.objects.update(details=Manifest.Details.FAILED)
    assert "unknown" in text_of(Client().get(TAGS))
    assert "The configuration could not be read." in text_of(Client().get(f"{TAGS}/found"))


def test_the_pusher_stays_named_when_gone(bob: User, alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "latest", by=bob)
    bob.delete()
    for path in (TAGS, HISTORY, f"{TAGS}/latest"):
        page = Client().get(path)
        assert "bob" in text_of(page), path
        assert 'href="/bob"' not in page.content.decode()


# -- overview


def test_the_pull_command_names_a_tag_that_is_there(alice: User, public_app: Repository) -> None:
    page = Client().get(BASE).content.decode()
    assert "docker pull" not in page
    images.push_image(public_app, "0.0.1", by=alice)
    images.push_image(public_app, "0.0.2", by=alice)
    assert 'id="repository-pull"><div class="command"' in re.sub(r">\s+<", "><", Client().get(BASE).content.decode())
    assert text_of(Client().get(BASE)).index("docker pull testserver/alice/public-app:0.0.2") > 0
    images.push_image(public_app, "latest", by=alice)
    assert "<code>docker pull testserver/alice/public-app</code>" in Client().get(BASE).content.decode()


def test_an_empty_repository_shows_strangers_no_commands(public_app: Repository, bobs_client: Client) -> None:
    for client in (Client(), bobs_client):
        page = text_of(client.get(BASE))
        assert "Nothing was pushed here so far." in page
        assert "docker push" not in page
        assert "docker push" not in text_of(client.get(TAGS))


def test_the_overview_is_markdown(alice: User, public_app: Repository) -> None:
    update_description(
        actor=factories.actor(alice), repository=public_app, full_description="# Run it\n\n[x](javascript:alert(1))"
    )
    page = Client().get(BASE).content.decode()
    assert "<h2>Run it</h2>" in page
    assert 'href="javascript' not in page


# -- live


@pytest.mark.parametrize("path", [BASE, TAGS])
def test_a_poll_that_has_seen_it_all_gets_nothing(alice: User, public_app: Repository, path: str) -> None:
    images.push_image(public_app, "0.0.1", by=alice)
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', Client().get(path).content.decode())
    assert again
    poll = again[1].replace("&amp;", "&")
    answer = Client().get(poll, headers=HTMX)
    assert (answer.status_code, answer.content) == (204, b"")
    assert Client().get(poll).status_code == 200  # a page is never empty

    images.push_image(public_app, "0.0.2", by=alice)
    part = Client().get(poll, headers=HTMX).content.decode()
    assert "0.0.2" in part
    assert "<html" not in part
    assert 'hx-swap-oob="true"' in part
    assert '<span class="count">2</span>' in part


def test_the_first_push_changes_the_header_too(alice: User, public_app: Repository) -> None:
    page = Client().get(BASE).content.decode()
    assert "nothing pushed yet" in page
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', page)
    assert again
    images.push_image(public_app, "latest", by=alice)
    part = Client().get(again[1], headers=HTMX).content.decode()
    assert "nothing pushed yet" not in part
    for name in ("repository-tabs", "repository-meta", "repository-pull", "repository-facts"):
        assert page.count(f'id="{name}"') == part.count(f'id="{name}"') == 1
    assert "docker pull testserver/alice/public-app" in part.partition('id="repository-pull"')[2]


def test_a_poll_hears_when_the_config_was_read(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "latest", by=alice, read=False)
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', Client().get(TAGS).content.decode())
    assert again
    images.push_image(public_app, "latest", by=alice)
    assert "linux/amd64" in Client().get(again[1].replace("&amp;", "&"), headers=HTMX).content.decode()


def test_the_page_of_a_tag_asks_until_the_image_was_read(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "latest", by=alice, read=False)
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', Client().get(f"{TAGS}/latest").content.decode())
    assert again
    assert Client().get(again[1], headers=HTMX).status_code == 204
    images.push_image(public_app, "latest", by=alice)
    page = Client().get(again[1], headers=HTMX).content.decode()
    assert "linux/amd64" in page
    assert 'id="tag-page"' in page
    assert "every 3s" not in page


def test_a_poll_keeps_filter_and_order(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "0.0.1", by=alice)
    page = Client().get(f"{TAGS}?q=0.0&order=name").content.decode()
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', page)
    assert again
    assert "q=0.0" in again[1]
    assert "order=name" in again[1]


# -- tags


def test_tags_are_filtered_and_sorted(alice: User, public_app: Repository) -> None:
    for tag in ("beta", "alpha", "1.0"):
        images.push_image(public_app, tag, by=alice)
    newest, by_name = (text_of(Client().get(f"{TAGS}?order={order}")) for order in ("newest", "name"))
    assert newest.index("1.0") < newest.index("alpha") < newest.index("beta")
    assert by_name.index("1.0 sha") < by_name.index("alpha sha") < by_name.index("beta sha")
    only = text_of(Client().get(f"{TAGS}?q=ALPH%00"))
    assert "alpha" in only
    assert "beta" not in only
    assert "Nothing found" in text_of(Client().get(f"{TAGS}?q=gamma"))


@pytest.mark.parametrize("order", ["newest", "name"])
def test_many_tags_are_paged(alice: User, public_app: Repository, order: str) -> None:
    wanted = {f"tag-{number:02}" for number in range(27)}
    for tag in sorted(wanted):
        images.push_image(public_app, tag, by=alice, seed="one")
    first = Client().get(f"{TAGS}?order={order}").content.decode()
    after = re.search(r'rel="next" href="([^"]+)"', first)
    assert after
    second = Client().get(TAGS + after[1].replace("&amp;", "&")).content.decode()
    shown = [set(re.findall(r'-/tags/(tag-\d\d)"', page)) for page in (first, second)]
    assert len(shown[0]) == 25
    assert shown[0] | shown[1] == wanted
    assert not shown[0] & shown[1]
    assert 'rel="prev"' in second
    assert "seen=" not in after[1]


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzAsImEiLDFd", "order=name&cursor=WzAsIlx1MDAwMCIsMV0"])
def test_a_broken_cursor_is_a_bad_request(public_app: Repository, query: str) -> None:
    assert Client().get(f"{TAGS}?{query}").status_code == 400


# -- one tag


def test_one_tag_shows_what_the_image_holds(alice: User, public_app: Repository) -> None:
    manifest = images.push_image(public_app, "1.0", by=alice)
    page = Client().get(f"{TAGS}/1.0")
    shown = text_of(page).replace("&quot;", '"')
    for words in (
        manifest.media_type,
        "ADD file:5b0b in /",
        "RUN /bin/sh -c apt-get install -y --no-install-recommends ca-certificates",
        "Entrypoint /bin/server",
        'Command --listen 0.0.0.0:8080 "two words"',
        "Working directory /srv",
        "8080/tcp",
        "LANG=C.UTF-8",
        "org.opencontainers.image.source=https://example.org/app",
        "2.81 MB",
        "914 B",
        "pushed for the first time",
    ):
        assert words in shown, words
    assert "buildkit" not in shown


def test_pull_commands_by_tag_and_by_digest(alice: User, public_app: Repository, settings: Settings) -> None:
    digest = images.push_image(public_app, "1.0", by=alice).digest
    name = "testserver/alice/public-app"
    plain = Client().get(f"{TAGS}/1.0").content.decode()
    for command in (
        f"docker pull {name}:1.0",
        f"docker pull {name}@{digest}",
        f"podman pull --tls-verify=false {name}:1.0",
        f"podman pull --tls-verify=false {name}@{digest}",
        f"skopeo copy --src-tls-verify=false docker://{name}:1.0 oci:image:1.0",
        f"skopeo copy --src-tls-verify=false docker://{name}@{digest} oci:image",
    ):
        assert f"<code>{command}</code>" in plain, command
    settings.TLS = True
    secure = Client().get(f"{TAGS}/1.0").content.decode()
    assert f"<code>podman pull {name}:1.0</code>" in secure
    assert "tls-verify" not in secure


def test_an_artifact_is_pulled_with_its_own_tool(alice: User, public_app: Repository) -> None:
    images.push_chart(public_app, "1.0", by=alice)
    page = Client().get(f"{TAGS}/1.0").content.decode()
    assert "<code>helm pull oci://testserver/alice/public-app --version 1.0 --plain-http</code>" in page
    assert "docker pull" not in page
    assert "application/vnd.cncf.helm.config.v1+json" in page


def test_an_index_with_an_entry_that_is_missing_says_so(alice: User, public_app: Repository) -> None:
    images.push_index(public_app, "latest", by=alice)
    Manifest.objects.filter(architecture="arm64").delete()
    page = text_of(Client().get(f"{TAGS}/latest"))
    assert "ADD file" in page, "the platform that is there is shown"
    assert "missing" in page
    page = text_of(Client().get(f"{TAGS}/latest?platform=linux%2Farm64%2Fv8"))
    assert "The registry does not have this part of the image." in page


@pytest.mark.parametrize(
    "config",
    [
        {"config": None, "history": None},
        {"config": [], "history": {}},
        {"config": {"Env": "x", "Cmd": {}, "Entrypoint": 5, "Labels": [], "ExposedPorts": "x"}, "history": [1, None]},
        {"config": {"Cmd": ["a", None, 1], "Labels": {"a": {"b": 1}}}, "history": [{"created_by": None}] * 2},
    ],
)
def test_a_strange_config_breaks_no_page(alice: User, public_app: Repository, config: dict[str, Any]) -> None:
    images.push_image(public_app, "odd", by=alice)
    Manifest.objects.update(config=config)
    assert Client().get(f"{TAGS}/odd").status_code == 200


def test_what_a_config_says_is_escaped(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "bad", by=alice)
    evil = "<script>alert(1)</script>"
    config = {"config": {"Cmd": [evil], "Labels": {evil: evil}}, "history": [{"created_by": evil}] * 2}
    Manifest.objects.update(config=config)
    assert evil not in Client().get(f"{TAGS}/bad").content.decode()


@pytest.mark.parametrize("tag", ["none", "0.0.2", "latest"])
def test_a_tag_that_is_not_there_is_404(alice: User, public_app: Repository, tag: str) -> None:
    images.push_image(public_app, "0.0.1", by=alice)
    assert Client().get(f"{TAGS}/{tag}").status_code == 404


# -- history


def test_the_history_tells_every_push(alice: User, bob: User, public_app: Repository) -> None:
    old = images.push_image(public_app, "latest", by=alice, seed="old")
    new = images.push_image(public_app, "latest", by=bob, seed="new")
    images.push_image(public_app, "latest", by=bob, seed="new")
    images.push_image(public_app, "other", by=alice, seed="old")
    page = text_of(Client().get(HISTORY))
    told = [
        "other pushed for the first time",
        "latest pushed again, the same digest",
        "latest moved to another digest",
        "latest pushed for the first time",
    ]
    assert [page.index(words) for words in told] == sorted(page.index(words) for words in told)
    assert f"from {short(old)} to {short(new)}" in page
    assert "docker/28.2.1" not in page, "with what it was pushed is for who may push"
    own = text_of(signed_in(alice).get(HISTORY))
    assert "docker/28.2.1" in own
    assert "password" in own
    only = text_of(Client().get(f"{HISTORY}?tag=other"))
    assert "other pushed for the first time" in only
    assert "latest" not in only


def test_an_empty_history_says_what_will_stand_there(public_app: Repository) -> None:
    assert "Nothing happened yet" in text_of(Client().get(HISTORY))


# -- queries


@pytest.mark.parametrize("path", [BASE, TAGS, HISTORY])
def test_queries_do_not_grow_with_the_rows(alice: User, bob: User, public_app: Repository, path: str) -> None:
    client, people = signed_in(alice), [alice, bob, *(factories.make_user(f"person-{number}") for number in range(4))]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    def push(number: int) -> None:
        images.push_index(public_app, f"tag-{number}", by=people[number], seed=str(number))
        images.push_index(public_app, f"tag-{number}", by=people[number], seed=f"{number} again")

    for number in range(2):
        push(number)
    with_two = queries()
    for number in range(2, 6):
        push(number)
    assert queries() == with_two <= 11


def test_a_large_index_costs_no_more_than_a_small_one(alice: User, public_app: Repository) -> None:
    images.push_index(public_app, "small", by=alice)
    manifest = Manifest.objects.get(kind="index")
    entry = manifest.entries.get(position=0)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(f"{TAGS}/small").status_code == 200
        return len(captured)

    few = queries()
    for position in range(10, 20):
        entry.pk, entry.position = None, position
        entry.save(force_insert=True)
    assert queries() == few


def test_layers_of_a_config_that_does_not_fit_have_no_steps(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "1.0", by=alice)
    config = images.config()
    Manifest.objects.update(config=json.loads(json.dumps(config)) | {"history": config["history"][:1]})
    page = text_of(Client().get(f"{TAGS}/1.0"))
    assert "ADD file" not in page
    assert "2.81 MB" in page
