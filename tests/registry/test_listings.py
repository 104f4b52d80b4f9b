"""What docker lists: search and catalog."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from repositories.models import Repository
from tests import factories
from tests.registry.conftest import Ask, basic


def search(query: str = "", *, headers: dict[str, str] | None = None, **more: str) -> Any:
    return Client().get("/v1/search", {"q": query, **more}, headers=headers or {})


def names(response: Any) -> list[str]:
    assert response.status_code == 200
    return [entry["name"] for entry in response.json()["results"]]


class TestSearch:
    def test_ping_makes_docker_send_its_credential(self, db) -> None:
        response = Client().get("/v1/_ping")
        assert response.status_code == 200
        assert response["X-Docker-Registry-Standalone"] == "true"

    def test_finds_what_is_public_in_the_shape_docker_reads(self, public_app, private_app) -> None:
        Repository.objects.filter(pk=public_app.pk).update(description="An app", star_count=3)
        body = search("public").json()
        assert body == {
            "query": "public",
            "num_results": 1,
            "results": [
                {
                    "name": "alice/public-app",
                    "description": "An app",
                    "star_count": 3,
                    "is_official": False,
                    "is_automated": False,
                }
            ],
        }

    def test_never_shows_what_is_private(self, public_app, private_app, bob) -> None:
        assert names(search("app")) == ["alice/public-app"]
        for login in ("bob", "alice"):
            assert names(search("app", headers=basic(login))) == ["alice/public-app"]

    def test_takes_a_registry_token(self, ask: Ask, public_app, bob) -> None:
        token = ask("registry:catalog:search", login="bob").body["token"]
        assert names(search("app", headers={"Authorization": f"Bearer {token}"})) == ["alice/public-app"]

    @pytest.mark.parametrize("header", ["Basic x", "Bearer x.y.z", "Digest x"])
    def test_a_wrong_credential_is_refused(self, alice, header) -> None:
        response = search(headers={"Authorization": header})
        assert response.status_code == 401
        assert response.json()["errors"][0]["code"] == "UNAUTHORIZED"
        assert search(headers=basic("alice", "wrong")).status_code == 401
        assert search(headers=basic("al\0ice")).status_code == 401

    @pytest.mark.parametrize(
        ("n", "count"), [("2", 2), ("0", 1), ("-1", 4), ("x", 4), ("", 4), ("9" * 40, 4), ("٣", 4)]
    )
    def test_takes_any_number(self, alice, n, count) -> None:
        for number in range(4):
            factories.make_repository(alice, f"app{number}", visibility="public")
        assert len(names(search("app", n=n))) == count

    @pytest.mark.parametrize("query", ["", "%", "_", "\0", "x" * 5000, "a'b", "앱"])
    def test_takes_any_query(self, public_app, query) -> None:
        assert search(query).status_code == 200

    def test_only_get(self, db) -> None:
        assert Client().post("/v1/search").status_code == 405


class TestCatalog:
    @pytest.fixture
    def catalog(self, ask: Ask):
        def get(path: str = "/v2/_catalog", login: str = "") -> Any:
            token = ask("registry:catalog:*", login=login).body["token"]
            return Client().get(path, headers={"Authorization": f"Bearer {token}"})

        return get

    def test_challenges_whoever_brings_no_token(self, db) -> None:
        response = Client().get("/v2/_catalog", headers={"Host": "localhost:8000"})
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == (
            'Bearer realm="http://localhost:8000/token",service="moorage",scope="registry:catalog:*"'
        )
        wrong = Client().get("/v2/_catalog", headers={"Authorization": "Bearer x"})
        assert 'error="invalid_token"' in wrong["WWW-Authenticate"]

    def test_lists_what_the_caller_may_see(self, catalog, public_app, private_app, alice, bob) -> None:
        Repository.objects.update(last_pushed_at=timezone.now(), tag_count=1)
        assert catalog(login="alice").json() == {"repositories": ["alice/private-app", "alice/public-app"]}
        assert catalog(login="bob").json() == {"repositories": ["alice/public-app"]}
        assert catalog().json() == {"repositories": ["alice/public-app"]}

    def test_goes_on_where_the_link_leads(self, catalog, alice) -> None:
        for number in range(5):
            factories.make_repository(alice, f"app{number}", visibility="public")
        Repository.objects.update(last_pushed_at=timezone.now(), tag_count=1)
        found, path = [], "/v2/_catalog?n=2"
        while path:
            response = catalog(path)
            found += response.json()["repositories"]
            link = response.headers.get("Link", "")
            assert not link or link.endswith('>; rel="next"')
            path = link.partition(">")[0].lstrip("<")
        assert found == [f"alice/app{number}" for number in range(5)]

    def test_takes_any_position(self, catalog, public_app) -> None:
        assert catalog("/v2/_catalog?last=zzz").json() == {"repositories": []}
        assert catalog("/v2/_catalog?last=%00&n=x").status_code == 200

    def test_only_get(self, db) -> None:
        assert Client().delete("/v2/_catalog").status_code == 405
