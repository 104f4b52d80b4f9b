"""What a deletion would take along. Rows only: no registry is asked."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.kit.errors import NotFound
from repositories.deletion import preview
from repositories.deletion.preview import Preview, Why
from repositories.images.models import Manifest
from repositories.models import Repository
from tests.factories import images

pytestmark = pytest.mark.django_db
WHOLE = 2_811_969 + 914 + 1_472
"""Of an image of the factory: two layers and a config, in bytes."""


def artifact(repository: Repository, by: User, *, subject: str = "", tag: str = "", seed: str = "sig") -> Manifest:
    document = json.loads(images.image_body(seed))
    if subject:
        document["subject"] = {"mediaType": images.IMAGE, "digest": subject, "size": 1}
    return images.push(repository, json.dumps(document).encode(), images.IMAGE, tag, by)


def gone(found: Preview) -> dict[str, Why]:
    return {one.manifest.digest: one.why for one in found.gone}


class TestATag:
    def test_whose_image_has_no_other_takes_the_image_along(self, private_app, alice) -> None:
        image = images.push_image(private_app, "1.0", by=alice)
        found = preview.of_tags(private_app, ["1.0", "unknown"])
        assert [tag.name for tag in found.tags] == ["1.0"]
        assert gone(found) == {image.digest: Why.NAMED}
        assert (found.kept, found.refused, found.shared, found.is_exact) == ([], [], 0, True)
        assert found.freed == WHOLE + image.size

    def test_whose_image_has_another_leaves_the_image(self, private_app, alice) -> None:
        image = images.push_image(private_app, "1.0", by=alice, seed="one")
        images.push_image(private_app, "stable", by=alice, seed="one")
        found = preview.of_tags(private_app, ["1.0"])
        assert (found.gone, found.freed) == ([], 0)
        assert [(one.manifest.digest, one.tags) for one in found.kept] == [(image.digest, ("stable",))]
        assert gone(preview.of_tags(private_app, ["1.0", "stable"])) == {image.digest: Why.NAMED}

    def test_of_a_platform_leaves_what_an_index_has(self, private_app, alice) -> None:
        index = images.push_index(private_app, "multi", by=alice)
        child = index.entries.all()[0].digest
        images.push(private_app, images.image_body("index linux/amd64"), images.IMAGE, "amd64", alice)
        found = preview.of_tags(private_app, ["amd64"])
        assert [(one.manifest.digest, one.indexes) for one in found.kept] == [(child, (index.digest,))]
        assert found.gone == []

    def test_that_is_immutable_is_refused_by_its_rule(self, private_app, alice) -> None:
        images.push_image(private_app, "1.0", by=alice)
        images.push_image(private_app, "latest", by=alice)
        private_app.immutability, private_app.immutable_rules = "matching", [r"\d.*"]
        found = preview.of_tags(private_app, ["1.0", "latest"])
        assert [(one.tag, one.rule) for one in found.refused] == [("1.0", r"\d.*")]


class TestWhatGoesAlong:
    def test_the_platforms_that_nothing_else_has(self, private_app, alice) -> None:
        index = images.push_index(private_app, "multi", by=alice)
        amd64, arm64, _sbom = (entry.digest for entry in index.entries.all())
        assert gone(preview.of_tags(private_app, ["multi"])) == {
            index.digest: Why.NAMED,
            amd64: Why.PLATFORM,
            arm64: Why.PLATFORM,
        }
        images.push(private_app, images.image_body("index linux/amd64"), images.IMAGE, "amd64", alice)
        found = preview.of_tags(private_app, ["multi"])
        assert amd64 not in gone(found)
        assert [(one.manifest.digest, one.tags) for one in found.kept] == [(amd64, ("amd64",))]

    def test_what_is_attached_by_subject_and_by_tag(self, private_app, alice) -> None:
        image = images.push_image(private_app, "1.0", by=alice)
        signature = artifact(private_app, alice, subject=image.digest)
        cosign = artifact(private_app, alice, tag=image.digest.replace(":", "-") + ".sig", seed="cosign")
        other = artifact(private_app, alice, tag="sha256-00.sig", seed="other")
        found = gone(preview.of_tags(private_app, ["1.0"]))
        assert found == {image.digest: Why.NAMED, signature.digest: Why.ATTACHED, cosign.digest: Why.ATTACHED}
        assert other.digest not in found


class TestBytes:
    def test_layers_that_another_image_uses_stay(self, private_app, alice) -> None:
        image = images.push_image(private_app, "1.0", by=alice, seed="base")
        document = json.loads(images.image_body("other"))
        document["layers"][0] = json.loads(images.image_body("base"))["layers"][0]
        images.push(private_app, json.dumps(document).encode(), images.IMAGE, "2.0", alice)
        found = preview.of_tags(private_app, ["1.0"])
        assert found.shared == 2_811_969
        assert found.freed == WHOLE - 2_811_969 + image.size
        both = preview.of_tags(private_app, ["1.0", "2.0"])
        assert both.shared == 0
        assert both.freed == 2 * WHOLE - 2_811_969 + sum(one.manifest.size for one in both.gone)

    def test_that_were_not_all_compared_are_said_to_be_a_most(self, private_app, alice, monkeypatch) -> None:
        monkeypatch.setattr(preview, "COMPARED", 1)
        for tag in ("1.0", "2.0", "3.0"):
            images.push_image(private_app, tag, by=alice)
        assert not preview.of_tags(private_app, ["1.0"]).is_exact
        assert preview.of_tags(private_app, ["1.0", "2.0"]).is_exact


class TestAnImage:
    def test_names_all_its_tags(self, private_app, alice) -> None:
        image = images.push_image(private_app, "stable", by=alice, seed="one")
        images.push_image(private_app, "1.0", by=alice, seed="one")
        found = preview.of_image(private_app, image.digest)
        assert [tag.name for tag in found.tags] == ["1.0", "stable"]
        assert gone(found) == {image.digest: Why.NAMED}

    def test_of_another_repository_is_not_found(self, private_app, public_app, alice) -> None:
        image = images.push_image(public_app, "1.0", by=alice)
        with pytest.raises(NotFound):
            preview.of_image(private_app, image.digest)


def test_it_costs_as_many_queries_for_six_tags_as_for_two(private_app: Repository, alice: User) -> None:
    def cost(names: list[str]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            preview.of_tags(private_app, names)
        return len(queries)

    names = [f"{number}.0" for number in range(6)]
    for name in names:
        images.push_index(private_app, name, by=alice, seed=name)
    assert cost(names[:2]) == cost(names) <= 17
