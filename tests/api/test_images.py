"""Images by digest in the API."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.images.artifacts import HELM_CONFIG
from repositories.images.models import Manifest
from repositories.models import Repository
from repositories.registry import client
from tests.factories import artifacts as make, images
from tests.images.fake_registry import FakeRegistry, install

pytestmark = pytest.mark.django_db
PATH = "/v2/namespaces/alice/repositories/public-app/images"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    return install(monkeypatch)


def get(path: str = "", **query: Any) -> Any:
    answer = Client().get(f"{PATH}{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_list_has_every_manifest_newest_first(alice: User, public_app: Repository) -> None:
    index = images.push_index(public_app, "latest", by=alice)
    chart = images.push_chart(public_app, "chart", by=alice)
    rows = get()["results"]
    assert [row["digest"] for row in rows][:2] == [chart.digest, index.digest]
    assert [row["content"] for row in rows] == ["helm", None, None, None]
    assert [row["tags"] for row in rows] == [["chart"], ["latest"], [], []]
    assert {row["architecture"] for row in rows} == {"", "amd64", "arm64"}


def test_the_list_of_what_no_tag_holds(alice: User, public_app: Repository) -> None:
    old = images.push_image(public_app, "latest", by=alice, seed="old")
    new = images.push_image(public_app, "latest", by=alice, seed="new")
    assert [row["digest"] for row in get(tagged="false")["results"]] == [old.digest]
    assert [row["digest"] for row in get(tagged="true")["results"]] == [new.digest]


@pytest.mark.parametrize("query", [{}, {"tagged": "false"}])
def test_the_list_is_paged_at_a_constant_cost(alice: User, public_app: Repository, query: dict[str, str]) -> None:
    for number in range(6):
        images.push_image(public_app, "latest", by=alice, seed=str(number))

    def page(address: str) -> tuple[Any, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = Client().get(address).json()
        return answer, len(captured)

    path = f"{PATH}?{'&'.join(f'{key}={value}' for key, value in query.items())}"
    whole, cost = page(path)
    seen, address = [], f"{path}&page_size=2"
    while address:
        answer, now = page(address)
        assert now <= cost
        seen += [row["digest"] for row in answer["results"]]
        address = answer["next"]
    assert seen == [row["digest"] for row in whole["results"]]
    assert len(seen) == 6 - len(query)


def test_one_image_with_all_that_is_known_of_it(alice: User, public_app: Repository) -> None:
    manifest = images.push_image(public_app, "1.0", by=alice)
    images.push_image(public_app, "stable", by=alice, seed="1.0")
    make.sign(
        public_app,
        manifest.digest,
        by=alice,
        certificate=make.certificate("alice@example.org", "https://sso.example.org"),
    )
    told = get(f"/{manifest.digest}")
    assert told["tags"] == ["stable", "1.0"]
    assert [layer["instruction"][:8] for layer in told["layers"]] == ["ADD file", "ENV LANG", "RUN /bin"]
    assert [layer["digest"] is None for layer in told["layers"]] == [False, True, False]
    assert told["config"]["config"]["Entrypoint"] == ["/bin/server"]
    assert told["config_state"] == "read"
    assert told["about"] == {"source": "https://example.org/app"}
    assert told["is_signed"]
    assert told["attachments"][0]["signer"] == {"name": "alice@example.org", "issuer": "https://sso.example.org"}
    assert (told["attachments"][0]["content"], told["attachments"][0]["found_by"]) == ("signature", "tag")


def test_a_multi_platform_image_names_its_platforms(alice: User, public_app: Repository) -> None:
    index = make.push_built(public_app, "1.0", by=alice)
    told = get(f"/{index.digest}")
    assert [row["platform"] for row in told["platforms"]] == ["linux/amd64"]
    assert told["layers"] == []
    assert [(row["content"], row["format"]) for row in told["attachments"]] == [
        ("sbom", "SPDX"),
        ("attestation", "SLSA provenance"),
    ]
    child = get(f"/{told['platforms'][0]['digest']}")
    assert child["part_of"] == [index.digest]


@pytest.mark.parametrize("name", ["x" * 64, "0" * 64])
def test_an_image_that_is_not_there(public_app: Repository, name: str) -> None:
    assert Client().get(f"{PATH}/sha256:{name}").status_code == 404


def test_an_image_of_another_repository_is_not_shown(
    alice: User, public_app: Repository, private_app: Repository, registry: FakeRegistry
) -> None:
    digest = images.push_image(private_app, "1.0", by=alice).digest
    for path in ("", "/manifest"):
        assert Client().get(f"{PATH}/{digest}{path}").status_code == 404
    assert get(f"/{digest}/referrers")["manifests"] == []
    assert registry.calls == []


def test_the_manifest_is_the_registrys(alice: User, public_app: Repository, registry: FakeRegistry) -> None:
    manifest = images.push_image(public_app, "1.0", by=alice)
    registry.hold(public_app.full_name, images.image_body("1.0"))
    answer = Client().get(f"{PATH}/{manifest.digest}/manifest")
    assert answer.content == images.image_body("1.0")
    assert answer["Content-Type"] == images.IMAGE
    assert answer["Docker-Content-Digest"] == manifest.digest
    assert answer["Content-Disposition"].startswith('attachment; filename="public-app-sha256-')


def test_a_manifest_that_the_registry_lost(alice: User, public_app: Repository, registry: FakeRegistry) -> None:
    manifest = images.push_image(public_app, "1.0", by=alice)
    assert Client().get(f"{PATH}/{manifest.digest}/manifest").status_code == 404
    registry.away = True
    assert Client().get(f"{PATH}/{manifest.digest}/manifest").status_code == 503


def test_referrers_have_ocis_form(alice: User, public_app: Repository) -> None:
    digest = images.push_image(public_app, "1.0", by=alice).digest
    sbom = make.attach(public_app, digest, "application/spdx+json", by=alice)
    make.sign(public_app, digest, by=alice)
    told = get(f"/{digest}/referrers")
    assert told["mediaType"] == client.OCI_INDEX
    assert [row["artifactType"] for row in told["manifests"]] == [make.SIMPLE_SIGNING, "application/spdx+json"]
    only = get(f"/{digest}/referrers", artifactType="application/spdx+json")["manifests"]
    assert [row["digest"] for row in only] == [sbom.digest]


def test_a_config_that_is_left_out_is_said(alice: User, public_app: Repository) -> None:
    manifest = images.push_image(public_app, "1.0", by=alice)
    Manifest.objects.update(config={})
    assert get(f"/{manifest.digest}")["config_state"] == "left out"


def test_a_charts_config_is_told(alice: User, public_app: Repository) -> None:
    chart = make.push_artifact(public_app, "1", HELM_CONFIG, by=alice, config={"name": "shop"})
    told = get(f"/{chart.digest}")
    assert (told["content"], told["config"], told["layers"][0]["name"]) == ("helm", {"name": "shop"}, "data")


def test_a_tag_tells_who_signed_it_and_what_is_attached(alice: User, public_app: Repository) -> None:
    path = "/v2/namespaces/alice/repositories/public-app/tags"
    manifest = images.push_image(public_app, "1.0", by=alice)
    built = make.push_built(public_app, "built", by=alice)
    make.sign(public_app, manifest.digest, certificate=make.certificate("alice@example.org", "https://sso.example.org"))
    make.sign(public_app, built.entries.get(position=0).digest)
    told = {row["name"]: row for row in Client().get(path).json()["results"]}
    keys = ("is_signed", "signed_by", "attestations")
    assert [told["1.0"][key] for key in keys] == [True, ["alice@example.org"], []]
    assert [told["built"][key] for key in keys] == [True, [], ["sbom", "attestation"]]
    assert Client().get(f"{path}/1.0").json() == told["1.0"]
