"""The page of an image by digest, what it says of itself, and strange input that breaks no page."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.images.models import IndexEntry, Manifest
from repositories.images.shown.about import about
from repositories.models import Repository
from tests.conftest import signed_in
from tests.factories import artifacts as make, images
from tests.images.fake_registry import FakeRegistry
from tests.images.test_pages import TAGS, text_of

IMAGES = "/alice/public-app/-/images"
OCI = "org.opencontainers.image."
HTMX = {"HX-Request": "true"}


def page_of(path: str) -> tuple[str, str]:
    """What is read, and the markup."""
    response = Client().get(path)
    assert response.status_code == 200, path
    return text_of(response), response.content.decode()


class TestByDigest:
    def test_names_its_tags_and_pulls_by_digest(self, alice: User, public_app: Repository) -> None:
        manifest = images.push_image(public_app, "1.0", by=alice)
        images.push_image(public_app, "stable", by=alice, seed="1.0")
        text, html = page_of(f"{IMAGES}/{manifest.digest}")
        assert "Tags of this image stable 1.0" in text
        assert f"docker pull testserver/alice/public-app@{manifest.digest}" in html
        assert "app:1.0" not in html

    def test_a_tags_page_names_its_other_tags(self, alice: User, public_app: Repository) -> None:
        images.push_image(public_app, "1.0", by=alice)
        images.push_image(public_app, "stable", by=alice, seed="1.0")
        assert "Other tags of this image stable History" in page_of(f"{TAGS}/1.0")[0]

    def test_of_an_index_tells_what_it_is_part_of(self, alice: User, public_app: Repository) -> None:
        index = images.push_index(public_app, "latest", by=alice)
        digest = index.entries.all()[0].digest
        text = page_of(f"{IMAGES}/{digest}")[0]
        assert f"Part of {index.digest[:19]} latest" in text
        assert "/delete" not in signed_in(alice).get(f"{IMAGES}/{digest}").content.decode(), "its index needs it"

    def test_without_a_tag_says_so(self, alice: User, public_app: Repository) -> None:
        old = images.push_image(public_app, "latest", by=alice, seed="old")
        images.push_image(public_app, "latest", by=alice, seed="new")
        assert "No tag points to this image." in page_of(f"{IMAGES}/{old.digest}")[0]

    def test_that_is_deleted_says_until_when(self, alice: User, public_app: Repository) -> None:
        old = images.push_image(public_app, "latest", by=alice, seed="old")
        images.push_image(public_app, "latest", by=alice, seed="new")
        Manifest.objects.filter(pk=old.pk).update(delete_after="2126-01-02T03:04:05Z")
        assert "This image is deleted. The registry removes it on" in page_of(f"{IMAGES}/{old.digest}")[0]
        html = signed_in(alice).get(f"{IMAGES}/{old.digest}").content.decode()
        assert f'action="{IMAGES}/{old.digest}/restore"' in html

    def test_that_the_registry_lost_cannot_be_pulled(self, alice: User, public_app: Repository) -> None:
        lost = images.push_image(public_app, "latest", by=alice)
        Manifest.objects.update(missing_since="2026-01-02T03:04:05Z")
        text, html = page_of(f"{IMAGES}/{lost.digest}")
        assert "The registry no longer has this image." in text
        assert "docker pull" not in html

    def test_of_another_repository_is_404(self, alice: User, public_app: Repository, private_app: Repository) -> None:
        digest = images.push_image(private_app, "1.0", by=alice).digest
        for path in ("", "/raw"):
            assert Client().get(f"{IMAGES}/{digest}{path}").status_code == 404
            assert Client().get(f"/alice/private-app/-/images/{digest}{path}").status_code == 404


class TestPlatforms:
    def test_one_is_chosen_by_the_address(self, alice: User, public_app: Repository) -> None:
        index = images.push_index(public_app, "latest", by=alice)
        amd, arm = index.entries.all()[:2]
        assert f"linux/amd64 {amd.digest[:19]}" in page_of(f"{TAGS}/latest")[0]
        assert f"linux/arm64/v8 {arm.digest[:19]}" in page_of(f"{TAGS}/latest?platform=linux/arm64/v8")[0]
        text = page_of(f"{TAGS}/latest?platform=<script>")[0]
        assert "This image has no platform &lt;script&gt;." in text
        assert f"linux/amd64 {amd.digest[:19]}" in text

    def test_an_index_of_indexes_links_to_the_inner_one(self, alice: User, public_app: Repository) -> None:
        inner = images.push_index(public_app, "", by=alice)
        entry = {"mediaType": images.INDEX, "digest": inner.digest, "size": 700}
        images.push(public_app, make.index_body([entry]), images.INDEX, "outer", alice)
        text, html = page_of(f"{TAGS}/outer")
        assert "This entry is an index itself." in text
        assert f'href="{IMAGES}/{inner.digest}"' in html
        assert "linux/arm64/v8" in page_of(f"{IMAGES}/{inner.digest}")[0]

    def test_an_empty_index_says_so(self, alice: User, public_app: Repository) -> None:
        images.push(public_app, make.index_body([]), images.INDEX, "none", alice)
        assert "This index names no image." in page_of(f"{TAGS}/none")[0]

    def test_of_a_huge_index_the_first_are_offered(self, alice: User, public_app: Repository) -> None:
        entries = [
            {
                "mediaType": images.IMAGE,
                "digest": images.digest_of(str(number)),
                "size": 5,
                "platform": {"os": "linux", "architecture": f"arch{number}"},
            }
            for number in range(2000)
        ]
        images.push(public_app, make.index_body(entries), images.INDEX, "huge", alice)
        text, html = page_of(f"{TAGS}/huge?platform=linux/arch1999")
        assert html.count('class="platform-card"') == 61
        assert "linux/arch1999" in text
        assert "1940 more are in the raw manifest." in text
        assert len(html) < 200_000

    def test_cost_the_same_for_any_number(self, alice: User, public_app: Repository) -> None:
        index = images.push_index(public_app, "latest", by=alice)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                page_of(f"{TAGS}/latest")
            return len(captured)

        few = queries()
        for number in range(10, 16):
            child = images.push_image(public_app, f"t{number}", by=alice)
            IndexEntry.objects.create(
                index=index, position=number, digest=child.digest, media_type=images.IMAGE, size=9, os="linux"
            )
        assert queries() == few <= 13


class TestStrange:
    def test_a_thousand_layers_are_shown_when_asked_for(self, alice: User, public_app: Repository) -> None:
        layer = "application/vnd.oci.image.layer.v1.tar+gzip"
        images.push(public_app, make.body("x", [(layer, {})] * 1000, config=make.CONFIG), images.IMAGE, "big", alice)
        text, html = page_of(f"{TAGS}/big")
        assert html.count('class="layer-bar"') == 100
        assert "Show 900 steps more" in text
        assert page_of(f"{TAGS}/big?layers=all")[1].count('class="layer-bar"') == 1000

    def test_sizes_that_lie_break_nothing(self, alice: User, public_app: Repository) -> None:
        document = json.loads(images.image_body("lie"))
        document["layers"][0]["size"] = 2**62
        images.push(public_app, json.dumps(document).encode(), images.IMAGE, "lie", alice)
        assert "914 B" in page_of(f"{TAGS}/lie")[0]

    def test_a_huge_label_is_cut(self, alice: User, public_app: Repository) -> None:
        images.push_image(public_app, "1.0", by=alice)
        Manifest.objects.update(config={"config": {"Labels": {"novel": "word " * 100_000}}})
        text, html = page_of(f"{TAGS}/1.0")
        assert "Show all" in text
        assert len(html) < 80_000

    @pytest.mark.parametrize(
        ("tries", "words"),
        [(1, "The configuration is being read."), (3, "The registry did not give the configuration so far.")],
    )
    def test_a_config_that_is_missing_is_said(
        self, alice: User, public_app: Repository, tries: int, words: str
    ) -> None:
        images.push_image(public_app, "1.0", by=alice, read=False)
        Manifest.objects.update(details_tries=tries)
        assert words in page_of(f"{TAGS}/1.0")[0]

    def test_a_config_that_is_left_out_is_said(self, alice: User, public_app: Repository) -> None:
        images.push_image(public_app, "1.0", by=alice)
        Manifest.objects.update(config={})
        assert "The configuration is left out" in page_of(f"{TAGS}/1.0")[0]

    def test_hostile_text_is_escaped_and_never_linked(self, alice: User, public_app: Repository) -> None:
        evil = '"><script>alert(1)</script>'
        told = {f"{OCI}{key}": f"javascript:alert(1)//{evil}" for key in ("source", "url", "title", "base.name")}
        layers = [("text/plain", {f"{OCI}title": evil, "predicateType": evil})]
        body = make.body("x", layers, artifact_type=f"application/{evil}"[:255], annotations=told | {evil: evil})
        images.push(public_app, body, images.IMAGE, "bad", alice)
        html = page_of(f"{TAGS}/bad")[1]
        assert "<script>alert" not in html
        assert 'href="javascript' not in html

    @pytest.mark.parametrize(
        "health",
        [{"Test": None}, {"Test": [5]}, {"Test": ["CMD-SHELL"]}, {"Test": ["CMD", "x"], "Interval": "1s"}, "x"],
    )
    def test_a_strange_health_check(self, alice: User, public_app: Repository, health: Any) -> None:
        images.push_image(public_app, "1.0", by=alice)
        Manifest.objects.update(config={"config": {"Healthcheck": health}})
        page_of(f"{TAGS}/1.0")


def test_a_health_check_in_words(alice: User, public_app: Repository) -> None:
    images.push_image(public_app, "1.0", by=alice)
    check = {"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 30_000_000_000, "Retries": 3}
    Manifest.objects.update(config={"config": {"Healthcheck": check}})
    assert "Health check curl -f localhost interval 30 s, retries 3" in page_of(f"{TAGS}/1.0")[0]


class TestRaw:
    def test_is_the_registrys_bytes_to_be_saved(
        self, alice: User, public_app: Repository, registry: FakeRegistry
    ) -> None:
        manifest = images.push_image(public_app, "1.0", by=alice)
        registry.hold(public_app.full_name, images.image_body("1.0"))
        response = Client().get(f"{IMAGES}/{manifest.digest}/raw")
        assert response.content == images.image_body("1.0")
        assert response["Content-Type"] == images.IMAGE
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"].startswith("attachment")

    def test_is_indented_for_the_page(self, alice: User, public_app: Repository, registry: FakeRegistry) -> None:
        manifest = images.push_image(public_app, "1.0", by=alice)
        registry.hold(public_app.full_name, images.image_body("1.0"))
        response = Client().get(f"{IMAGES}/{manifest.digest}/raw", headers=HTMX)
        assert "&quot;schemaVersion&quot;: 2,\n" in response.content.decode()
        assert response["Content-Type"].startswith("text/html")

    def test_of_an_unknown_type_is_bytes(self, alice: User, public_app: Repository, registry: FakeRegistry) -> None:
        manifest = images.push_image(public_app, "1.0", by=alice)
        registry.hold(public_app.full_name, images.image_body("1.0"), media_type="text/html")
        assert Client().get(f"{IMAGES}/{manifest.digest}/raw")["Content-Type"] == "application/octet-stream"


class TestAbout:
    def of(self, **told: str) -> dict[str, tuple[str, str]]:
        manifest = Manifest(annotations={f"{OCI}{key.replace('_', '.')}": value for key, value in told.items()})
        return {fact.key: (fact.value.text, fact.value.url) for fact in about(manifest).facts}

    def test_the_revision_leads_to_the_commit_where_that_is_known(self) -> None:
        commit = "0123456789abcdef"
        found = self.of(source="https://github.com/a/b.git", revision=commit)
        assert found["revision"] == (commit, f"https://github.com/a/b/commit/{commit}")
        assert self.of(source="https://git.example.org/a", revision=commit)["revision"] == (commit, "")
        assert self.of(source="https://github.com/a/b", revision="main")["revision"] == ("main", "")

    @pytest.mark.parametrize(
        ("name", "url"),
        [
            ("docker.io/library/debian:12", "https://hub.docker.com/_/debian"),
            ("docker.io/grafana/grafana@sha256:00", "https://hub.docker.com/r/grafana/grafana"),
            ("quay.io/a/b:1", ""),
            ("docker.io/../x", ""),
        ],
    )
    def test_the_base_image_leads_to_docker_hub(self, name: str, url: str) -> None:
        assert self.of(base_name=name)["base.name"] == (name, url)

    def test_annotations_count_before_labels_and_both_before_the_old_label_schema(self) -> None:
        labels = {f"{OCI}version": "label", f"{OCI}vendor": "us", "org.label-schema.vendor": "old"}
        labels["org.label-schema.vcs-ref"] = "abc"
        manifest = Manifest(annotations={f"{OCI}version": "annotation"}, config={"config": {"Labels": labels}})
        found = {fact.key: fact.value.text for fact in about(manifest).facts}
        assert found == {"version": "annotation", "vendor": "us", "revision": "abc"}
