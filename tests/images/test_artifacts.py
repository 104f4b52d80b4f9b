"""Artifacts are recognised and told in their own words; signatures and SBOMs are found under their image."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.images import artifacts
from repositories.images.artifacts import GENERIC, Kind, recognise, statements_of
from repositories.images.certificates import Signer, read_signer
from repositories.images.manifests import parse
from repositories.images.models import Manifest, Tag
from repositories.images.referrers import ATTACHED, signed_digests, subject_of_tag, tag_of_digest
from repositories.models import Repository
from tests.factories import artifacts as make, images
from tests.images.test_pages import TAGS, text_of

IMAGES = "/alice/public-app/-/images"
DIGEST = "sha256:" + "ab" * 32
CHART = {
    "name": "shop",
    "version": "1.2.3",
    "appVersion": "4.5",
    "kubeVersion": ">=1.27",
    "description": "The whole shop",
    "home": "https://shop.example.org",
    "sources": ["https://git.example.org/shop", "javascript:alert(1)"],
    "maintainers": [{"name": "Alice"}, {"email": "bob@example.org"}],
    "deprecated": True,
    "dependencies": [{"name": "postgresql", "version": "15.x", "repository": "oci://charts.example.org"}, 7],
}


def unsaved(body: bytes) -> Manifest:
    parsed = parse(body, images.IMAGE)
    layers = [
        {"digest": p.digest, "size": p.size, "media_type": p.media_type, "annotations": p.annotations}
        for p in parsed.layers
    ]
    return Manifest(kind=parsed.kind, artifact_type=parsed.artifact_type, layers=layers, annotations=parsed.annotations)


class TestRecognised:
    @pytest.mark.parametrize(
        ("artifact_type", "kind"),
        [
            ("application/vnd.cncf.helm.config.v1+json", artifacts.HELM),
            ("application/vnd.cncf.notary.signature", artifacts.SIGNATURE),
            ("application/spdx+json", artifacts.SBOM),
            ("application/vnd.cyclonedx+json", artifacts.SBOM),
            ("application/vnd.in-toto+json", artifacts.ATTESTATION),
            ("application/vnd.wasm.config.v0+json", artifacts.WASM),
            ("application/vnd.cncf.model.manifest.v1+json", artifacts.MODEL),
            ("application/vnd.docker.ai.model.config.v0.1+json", artifacts.MODEL),
            ("application/vnd.cncf.openpolicyagent.config.v1+json", artifacts.POLICY),
            ("application/vnd.cncf.flux.config.v1+json", artifacts.FLUX),
            ("application/sarif+json", artifacts.REPORT),
            ("application/vnd.nobody.has.heard.of.it", GENERIC),
        ],
    )
    def test_by_its_type(self, artifact_type: str, kind: Kind) -> None:
        plain = "application/octet-stream"
        assert recognise(unsaved(make.body("x", [(plain, {})], artifact_type=artifact_type))) is kind
        assert recognise(unsaved(make.body("x", [(plain, {})], config=artifact_type))) is kind

    def test_by_its_layers_although_its_config_is_an_images(self) -> None:
        for media_type, kind in (
            (make.SIMPLE_SIGNING, artifacts.SIGNATURE),
            ("application/vnd.ollama.image.model", artifacts.MODEL),
        ):
            assert recognise(unsaved(make.body("x", [(media_type, {})], config=make.CONFIG))) is kind

    def test_an_image_is_none(self) -> None:
        assert recognise(unsaved(images.image_body("app"))) is None

    @pytest.mark.parametrize(
        ("told", "kind", "subject"),
        [
            ({"in-toto.io/predicate-type": "https://spdx.dev/Document"}, artifacts.SBOM, "SPDX"),
            ({"predicateType": "https://cyclonedx.org/bom"}, artifacts.SBOM, "CycloneDX"),
            ({"predicateType": "https://slsa.dev/provenance/v1"}, artifacts.ATTESTATION, "SLSA provenance"),
            ({"predicateType": "https://example.org/own"}, artifacts.ATTESTATION, "https://example.org/own"),
            ({}, artifacts.ATTESTATION, ""),
        ],
    )
    def test_an_attestation_by_what_it_states(self, told: dict[str, str], kind: Kind, subject: str) -> None:
        manifest = unsaved(make.body("x", [(make.IN_TOTO, told)], config=make.CONFIG))
        statement = statements_of(manifest)[0]
        assert (statement.kind, str(statement.subject)) == (kind, subject)
        assert recognise(manifest) is kind

    @pytest.mark.parametrize(
        ("predicate", "kind"),
        [
            ("https://sigstore.dev/cosign/sign/v1", artifacts.SIGNATURE),
            ("https://slsa.dev/provenance/v1", artifacts.ATTESTATION),
            ("https://example.org/own", artifacts.ATTESTATION),
            ("", artifacts.SIGNATURE),
        ],
    )
    def test_a_sigstore_bundle(self, predicate: str, kind: Kind) -> None:
        bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
        told = {"dev.sigstore.bundle.predicateType": predicate} if predicate else {}
        assert recognise(unsaved(make.body("x", [(bundle, {})], artifact_type=bundle, annotations=told))) is kind

    def test_several_statements_are_attestations(self) -> None:
        told = [{"predicateType": name} for name in ("https://spdx.dev/Document", "https://slsa.dev/provenance/v1")]
        manifest = unsaved(make.body("x", [(make.IN_TOTO, one) for one in told], config=make.CONFIG))
        assert recognise(manifest) is artifacts.ATTESTATION
        assert [statement.kind for statement in statements_of(manifest)] == [artifacts.SBOM, artifacts.ATTESTATION]


class TestSigner:
    def test_is_who_the_certificate_names(self) -> None:
        pem = make.certificate("alice@example.org", "https://accounts.example.org")
        assert read_signer(pem) == Signer("alice@example.org", "https://accounts.example.org")

    @pytest.mark.parametrize(
        "pem", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
    )
    def test_of_anything_else_is_nobody(self, pem: str) -> None:
        assert read_signer(pem) is None


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "attached"),
    [
        (f"sha256-{HEX}.sig", True),
        (f"sha256-{HEX}.att", True),
        (f"sha256-{HEX}.sbom", True),
        (f"sha256-{HEX}", True),
        (f"sha512-{HEX}.sig", True),
        (f"sha256-{HEX[1:]}.sig", False),
        (f"sha256-{HEX}.sig.old", False),
        ("sha256-signed", False),
        ("latest", False),
    ],
)
@pytest.mark.django_db
def test_tags_that_hang_something_on_an_image(alice: User, public_app: Repository, name: str, attached: bool) -> None:
    images.push_image(public_app, name, by=alice)
    assert Tag.objects.filter(ATTACHED).exists() is attached


def test_the_digest_that_such_a_tag_speaks_of() -> None:
    assert subject_of_tag(f"sha256-{HEX}.att") == f"sha256:{HEX}"
    assert subject_of_tag(f"sha512-{HEX}.att") == "", "it tells half of it"
    assert subject_of_tag("latest") == ""
    assert tag_of_digest(f"sha256:{HEX}") == f"sha256-{HEX}"
    assert tag_of_digest(f"sha512:{HEX}{HEX}") == f"sha512-{HEX}"


class TestUnderTheImage:
    def test_cosigns_signature(self, alice: User, public_app: Repository) -> None:
        digest = images.push_image(public_app, "1.0", by=alice).digest
        assert signed_digests(public_app.pk, [digest]) == set()
        pem = make.certificate("alice@example.org", "https://accounts.example.org")
        signature = make.sign(public_app, digest, by=alice, certificate=pem)
        page = text_of(Client().get(f"{TAGS}/1.0"))
        assert "Signed" in page
        assert "Signature Cosign" in page
        assert "by alice@example.org, vouched for by https://accounts.example.org" in page
        assert "does not verify" in page
        assert signed_digests(public_app.pk, [digest, DIGEST]) == {digest}
        own = text_of(Client().get(f"{IMAGES}/{signature.digest}"))
        assert f"It is attached to the image {digest[:19]}" in own

    def test_what_names_it_as_its_subject(self, alice: User, public_app: Repository) -> None:
        digest = images.push_image(public_app, "1.0", by=alice).digest
        sbom = make.attach(public_app, digest, "application/spdx+json", by=alice)
        make.attach(public_app, DIGEST, "application/vnd.cncf.notary.signature", by=alice)
        page = Client().get(f"{TAGS}/1.0")
        assert "SBOM SPDX" in text_of(page)
        assert f"{IMAGES}/{sbom.digest}" in page.content.decode()
        assert "Signed" not in text_of(page), "what is attached to another image is not shown"
        assert f"It is attached to the image {digest[:19]}" in text_of(Client().get(f"{IMAGES}/{sbom.digest}"))

    def test_what_buildkit_put_into_the_index(self, alice: User, public_app: Repository) -> None:
        make.push_built(public_app, "1.0", by=alice)
        page = text_of(Client().get(f"{TAGS}/1.0"))
        assert "SBOM SPDX" in page
        assert "Attestation SLSA provenance" in page
        assert "unknown" not in page

    def test_what_buildkit_put_there_and_the_registry_lacks(self, alice: User, public_app: Repository) -> None:
        index = make.push_built(public_app, "1.0", by=alice)
        Manifest.objects.filter(digest=index.entries.get(os="unknown").digest).delete()
        page = text_of(Client().get(f"{TAGS}/1.0"))
        assert "Attestation sha256:" in page
        assert "missing" in page

    def test_costs_the_same_for_any_number(self, alice: User, public_app: Repository) -> None:
        digest = images.push_image(public_app, "1.0", by=alice).digest
        make.sign(public_app, digest, by=alice)
        make.attach(public_app, digest, "application/spdx+json", by=alice)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert Client().get(f"{TAGS}/1.0").status_code == 200
            return len(captured)

        few = queries()
        for number in range(6):
            make.attach(public_app, digest, f"application/vnd.example.{number}", by=alice)
        assert queries() == few <= 13


class TestFacts:
    def test_of_a_chart(self, alice: User, public_app: Repository) -> None:
        make.push_artifact(public_app, "1.2.3", artifacts.HELM_CONFIG, by=alice, config=CHART)
        response = Client().get(f"{TAGS}/1.2.3")
        page = text_of(response)
        for words in ("Helm chart", "App version 4.5", "Alice", "bob@example.org", "deprecated", "postgresql 15.x"):
            assert words in page, words
        html = response.content.decode()
        assert 'href="https://shop.example.org"' in html
        assert 'href="javascript' not in html

    @pytest.mark.parametrize(
        ("artifact_type", "config", "words"),
        [
            (
                "application/vnd.cncf.model.config.v1+json",
                {"descriptor": {"name": "llama", "licenses": ["MIT"]}, "config": {"paramSize": "8b", "format": "gguf"}},
                ["AI model", "Model llama", "Parameters 8b", "Format gguf", "Licence MIT"],
            ),
            (
                "application/vnd.docker.ai.model.config.v0.1+json",
                {
                    "config": {
                        "format": "gguf",
                        "quantization": "Q4_K_M",
                        "parameters": "1.24B",
                        "architecture": "llama",
                    }
                },
                ["Quantization Q4_K_M", "Parameters 1.24B", "Family llama"],
            ),
            (
                "application/vnd.wasm.config.v0+json",
                {"os": "wasip2", "component": {"exports": ["wasi:http/incoming-handler@0.2.0"], "imports": []}},
                ["WebAssembly", "Target wasip2", "Exports wasi:http/incoming-handler@0.2.0"],
            ),
        ],
    )
    def test_of_models_and_wasm(
        self, alice: User, public_app: Repository, artifact_type: str, config: Any, words: list[str]
    ) -> None:
        make.push_artifact(public_app, "1", artifact_type, by=alice, config=config, files=["model.gguf"])
        page = text_of(Client().get(f"{TAGS}/1"))
        for word in [*words, "Files", "model.gguf", "oras pull"]:
            assert word in page, word

    @pytest.mark.parametrize(
        "config",
        [
            [],
            {"dependencies": {}, "maintainers": "x", "sources": {"a": 1}, "name": [1]},
            {"dependencies": [{"name": {}}]},
        ],
    )
    def test_of_a_strange_chart_break_no_page(self, alice: User, public_app: Repository, config: Any) -> None:
        make.push_artifact(public_app, "1", artifacts.HELM_CONFIG, by=alice, config=config)
        assert Client().get(f"{TAGS}/1").status_code == 200
