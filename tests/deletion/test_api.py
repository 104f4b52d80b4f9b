"""The API of deletion, with a real registry behind: Docker Hub's paths for tags, ours for the rest."""

from typing import Any

import pytest

from portal.accounts.models import User
from repositories.images.models import Manifest
from repositories.models import Repository
from tests.conftest import signed_in
from tests.deletion.conftest import NAME, digest_of, events

pytestmark = pytest.mark.django_db
NEW = "/v2/namespaces/alice/repositories/private-app"
OLD = f"/v2/repositories/{NAME}"


@pytest.fixture
def api(alice: User) -> Any:
    return signed_in(alice)


class TestATag:
    @pytest.mark.parametrize("path", [f"{NEW}/tags/1.0", f"{OLD}/tags/1.0", f"{OLD}/tags/1.0/"])
    def test_goes_alone(self, app, registry, api, path) -> None:
        answer = api.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert registry.tags(NAME) == ["2.0", "stable"]
        assert api.get(path).status_code == 404

    def test_that_is_immutable(self, app, registry, api) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="all")
        answer = api.delete(f"{NEW}/tags/1.0")
        assert answer.status_code == 403
        assert "immutable" in answer.json()["message"]


class TestAPreview:
    def test_of_a_tag(self, app, api) -> None:
        image, told = digest_of("2.0"), api.get(f"{NEW}/-/deletion-preview?tag=2.0").json()
        assert told["tags"] == ["2.0"]
        assert [(one["digest"], one["why"], one["kind"]) for one in told["gone"]] == [(image, "named", "image")]
        assert (told["kept"], told["refused"], told["is_exact"]) == ([], [], True)
        assert told["freed"] > 0

    def test_of_an_image(self, app, api) -> None:
        told = api.get(f"{NEW}/-/deletion-preview?digest={digest_of('1.0')}").json()
        assert told["tags"] == ["1.0", "stable"]

    @pytest.mark.parametrize(
        ("query", "status"), [("", 400), ("tag=9", 404), (f"tag=1&digest=sha256:{'0' * 64}", 400), ("digest=x", 400)]
    )
    def test_of_nothing_that_is_there(self, app, api, query, status) -> None:
        assert api.get(f"{NEW}/-/deletion-preview?{query}").status_code == status


def test_a_deleted_image_is_kept_after_all(app: Repository, api: Any) -> None:
    digest = digest_of("2.0")
    api.delete(f"{NEW}/tags/2.0")
    assert Manifest.objects.get(digest=digest).delete_after is not None
    answer = api.post(f"{NEW}/images/{digest}/restore")
    assert (answer.status_code, answer.json()["digest"], answer.json()["delete_after"]) == (200, digest, None)
    assert events("repo.image") == [("repo.image.restore", f"{NAME}@{digest}")]
    assert api.post(f"{NEW}/images/{digest}/restore").status_code == 409
