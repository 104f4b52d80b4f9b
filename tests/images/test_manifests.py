"""The parser of manifests: every kind that is pushed in real life, and whatever else somebody might send."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from repositories.images.manifests import (
    ANNOTATIONS_MAX,
    ENTRIES_MAX,
    SIZE_MAX,
    ManifestInvalid,
    Parsed,
    Part,
    Platform,
    parse,
    read_created,
    read_json,
    read_platform,
)
from repositories.images.models import ManifestKind
from repositories.registry.client import DOCKER_LIST, DOCKER_MANIFEST, MANIFEST_MAX, MANIFEST_TYPES, OCI_INDEX
from tests.images.fake_registry import LAYER, OCI, OCI_CONFIG, digest_of, image, index, part

EMPTY = "application/vnd.oci.empty.v1+json"


def changed(body: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(body) | changes).encode()


class TestImages:
    @pytest.mark.parametrize("media_type", [OCI, DOCKER_MANIFEST])
    def test_of_one_platform(self, media_type) -> None:
        body = image("app", media_type=media_type, layers=2, size=100)
        parsed = parse(body, media_type)
        assert (parsed.kind, parsed.media_type, parsed.artifact_type) == (ManifestKind.IMAGE, media_type, "")
        assert (parsed.size, parsed.total_size) == (len(body), 300)
        assert parsed.config == Part(digest_of(b"app config"), 100, OCI_CONFIG)
        assert [layer.digest for layer in parsed.layers] == [digest_of(b"app layer 0"), digest_of(b"app layer 1")]
        assert {layer.media_type for layer in parsed.layers} == {LAYER}
        assert (parsed.entries, parsed.subject_digest, parsed.annotations) == ((), "", {})

    @pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
    def test_of_several_platforms(self, media_type) -> None:
        children = [image("one"), image("two")]
        parsed = parse(index(*children, media_type=media_type, attestation=True), media_type)
        assert (parsed.kind, parsed.media_type, parsed.total_size) == (ManifestKind.INDEX, media_type, 0)
        assert [entry.digest for entry in parsed.entries[:2]] == [digest_of(child) for child in children]
        assert [entry.platform for entry in parsed.entries] == [
            Platform("linux", "amd64"),
            Platform("linux", "arm64", "v8"),
            Platform("unknown", "unknown"),
        ]
        assert (parsed.config, parsed.layers) == (None, ())

    def test_media_type_may_be_left_out_of_the_document(self) -> None:
        document = json.loads(image())
        del document["mediaType"]
        for told in ({}, {"mediaType": ""}, {"mediaType": None}):
            assert parse(json.dumps(document | told).encode(), OCI).media_type == OCI

    def test_null_is_an_empty_list(self) -> None:
        """Go's encoder writes it."""
        assert parse(changed(image(), layers=None), OCI).layers == ()
        assert parse(changed(index(), manifests=None), OCI_INDEX).entries == ()

    def test_without_layers(self) -> None:
        document = json.loads(image())
        del document["layers"]
        assert parse(json.dumps(document).encode(), OCI).total_size == 100

    def test_a_sha512_digest(self) -> None:
        layer = {"mediaType": LAYER, "digest": f"sha512:{'0' * 128}", "size": 1}
        assert parse(changed(image(), layers=[layer]), OCI).layers[0].digest == layer["digest"]

    def test_the_windows_version_of_a_platform(self) -> None:
        assert read_platform({"os": "windows", "architecture": "amd64", "os.version": "10.0.1"}).os_version == "10.0.1"
        assert read_platform({"os": 7, "architecture": ["x"]}) == read_platform("windows") == Platform()
        assert len(read_platform({"os": "x" * 1000}).os) == 64


class TestArtifacts:
    def test_by_artifact_type(self) -> None:
        body = image(artifactType="application/vnd.example+json", config=part("{}", size=2, media_type=EMPTY))
        parsed = parse(body, OCI)
        assert (parsed.kind, parsed.artifact_type) == (ManifestKind.ARTIFACT, "application/vnd.example+json")

    def test_by_the_type_of_the_config(self) -> None:
        """Helm charts and the like, from before artifactType."""
        helm = "application/vnd.cncf.helm.config.v1+json"
        parsed = parse(image(config=part("chart", media_type=helm)), OCI)
        assert (parsed.kind, parsed.artifact_type) == (ManifestKind.ARTIFACT, helm)

    def test_what_it_belongs_to(self) -> None:
        subject = part("signed image", media_type=OCI)
        parsed = parse(image(subject=subject, artifactType="application/vnd.example.sbom"), OCI)
        assert parsed.subject_digest == subject["digest"]

    def test_an_index_may_be_one(self) -> None:
        parsed = parse(index(artifactType="application/vnd.example", subject=part("x", media_type=OCI)), OCI_INDEX)
        assert (parsed.kind, parsed.artifact_type) == (ManifestKind.INDEX, "application/vnd.example")
        assert parsed.subject_digest == digest_of(b"x")

    def test_null_is_no_artifact_type(self) -> None:
        assert parse(image(artifactType=None), OCI).kind == ManifestKind.IMAGE

    def test_docker_images_are_images_whatever_their_config(self) -> None:
        plugin = part("plugin", media_type="application/vnd.docker.plugin.v1+json")
        assert parse(image(media_type=DOCKER_MANIFEST, config=plugin), DOCKER_MANIFEST).kind == ManifestKind.IMAGE


class TestAnnotations:
    def test_are_kept_when_they_are_text(self) -> None:
        told = {"org.opencontainers.image.source": "https://example.org", "number": 7, "list": []}
        kept = {"org.opencontainers.image.source": "https://example.org"}
        assert parse(image(annotations=told), OCI).annotations == kept

    @pytest.mark.parametrize("annotations", [None, [], "text", 7])
    def test_of_another_shape_are_none(self, annotations) -> None:
        assert parse(image(annotations=annotations), OCI).annotations == {}

    def test_are_kept_as_long_as_there_is_room(self) -> None:
        told = {"first": "short", "huge": "x" * ANNOTATIONS_MAX, "last": "short"}
        assert parse(image(annotations=told), OCI).annotations == {"first": "short", "last": "short"}

    def test_hold_nothing_that_a_database_refuses(self) -> None:
        body = image().replace(b'"schemaVersion"', b'"annotations": {"a\\u0000": "\\ud800x"}, "schemaVersion"')
        assert parse(body, OCI).annotations == {"a\ufffd": "?x"}


class TestRefused:
    @pytest.mark.parametrize("media_type", ["", "text/plain", OCI.upper(), "application/json"])
    def test_another_media_type(self, media_type) -> None:
        with pytest.raises(ManifestInvalid, match="unknown manifest media type"):
            parse(image(), media_type)

    def test_another_media_type_than_the_documents(self) -> None:
        with pytest.raises(ManifestInvalid, match="differ"):
            parse(image(media_type=OCI), DOCKER_MANIFEST)

    def test_longer_than_the_registry_takes(self) -> None:
        assert parse(image() + b" " * (MANIFEST_MAX - len(image())), OCI).size == MANIFEST_MAX
        with pytest.raises(ManifestInvalid, match="4 MiB"):
            parse(image() + b" " * MANIFEST_MAX, OCI)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"[]",
            b"7",
            b'"x"',
            b"null",
            b"NaN",
            b"[" * 100_000,
            b'{"a":' * 3000,
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_what_is_no_json_object(self, body) -> None:
        with pytest.raises(ManifestInvalid):
            parse(body, OCI)

    @pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
    def test_numbers_that_json_does_not_have(self, number) -> None:
        with pytest.raises(ManifestInvalid, match="not JSON"):
            read_json(b'{"x": ' + number + b"}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"schemaVersion": 1},
            {"schemaVersion": "2"},
            {"schemaVersion": None},
            {"config": None},
            {"config": []},
            {"config": {}},
            {"layers": {}},
            {"layers": [7]},
            {"layers": [part("x") | {"digest": "sha256:short"}]},
            {"layers": [part("x") | {"digest": 7}]},
            {"layers": [part("x") | {"size": -1}]},
            {"layers": [part("x") | {"size": 1.0}]},
            {"layers": [part("x") | {"size": True}]},
            {"layers": [part("x") | {"size": "1"}]},
            {"layers": [part("x") | {"size": SIZE_MAX + 1}]},
            {"layers": [part("x") | {"size": SIZE_MAX}]},  # more than there is, with the config
            {"layers": [part("x") | {"mediaType": 7}]},
            {"layers": [part("x") | {"mediaType": "x" * 256}]},
            {"artifactType": 7},
            {"subject": "sha256"},
            {"subject": {}},
        ],
    )
    def test_an_image_that_is_none(self, changes) -> None:
        with pytest.raises(ManifestInvalid):
            parse(changed(image(), **changes), OCI)

    @pytest.mark.parametrize("manifests", [{}, "x", [7], [{}], [{"digest": "x"}]])
    def test_an_index_that_is_none(self, manifests) -> None:
        with pytest.raises(ManifestInvalid):
            parse(changed(index(), manifests=manifests), OCI_INDEX)

    def test_an_index_of_too_many(self) -> None:
        entry = {"digest": digest_of(b"x"), "size": 1, "mediaType": OCI}
        assert len(parse(changed(index(), manifests=[entry] * ENTRIES_MAX), OCI_INDEX).entries) == ENTRIES_MAX
        with pytest.raises(ManifestInvalid, match=str(ENTRIES_MAX)):
            parse(changed(index(), manifests=[entry] * (ENTRIES_MAX + 1)), OCI_INDEX)


class TestWhenItWasBuilt:
    @pytest.mark.parametrize(
        ("created", "moment"),
        [
            ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
            ("2026-01-02T03:04:05.12+01:00", datetime(2026, 1, 2, 2, 4, 5, 120000, tzinfo=UTC)),
            ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
            ("0001-01-01T00:00:00Z", None),  # Go's zero time
            ("0001-01-01T00:00:00+14:00", None),
            ("9999-12-31T23:59:59-14:00", None),
            ("2026-13-01T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
            (".", None),
            (7, None),
            (None, None),
        ],
    )
    def test_is_what_the_config_says(self, created, moment) -> None:
        assert read_created({"created": created}) == moment

    def test_is_unknown_when_it_says_nothing(self) -> None:
        assert read_created({}) is None

    @given(st.text() | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()))
    def test_can_be_told_in_every_zone(self, created) -> None:
        moment = read_created({"created": created})
        assert moment is None or moment.astimezone(UTC) == moment


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=5) | st.dictionaries(st.text(max_size=8), values, max_size=5),
    max_leaves=20,
)
digests = st.sampled_from([digest_of(b"a"), f"sha512:{'0' * 128}"]) | json_values
parts = st.fixed_dictionaries(
    {"digest": digests, "size": st.integers() | json_values, "mediaType": st.just(LAYER) | json_values},
    optional={"platform": json_values, "annotations": json_values},
)
manifests = st.fixed_dictionaries(
    {"schemaVersion": st.just(2) | json_values},
    optional={
        "mediaType": st.sampled_from(MANIFEST_TYPES) | json_values,
        "artifactType": json_values,
        "config": parts | json_values,
        "layers": st.lists(parts | json_values, max_size=4) | json_values,
        "manifests": st.lists(parts | json_values, max_size=4) | json_values,
        "subject": parts | json_values,
        "annotations": json_values,
    },
)


class TestWhateverComes:
    """Parses, or raises ManifestInvalid; and what was parsed can be stored."""

    def check(self, body: bytes, media_type: str) -> None:
        try:
            parsed = parse(body, media_type)
        except ManifestInvalid:
            return
        self.check_storable(parsed)

    def check_storable(self, parsed: Parsed) -> None:
        assert parsed.size <= MANIFEST_MAX
        assert 0 <= parsed.total_size <= SIZE_MAX
        described = [*parsed.layers, *parsed.entries, *([parsed.config] if parsed.config else [])]
        assert all(0 <= item.size <= SIZE_MAX and len(item.media_type) <= 255 for item in described)
        told = json.dumps([parsed.annotations, parsed.artifact_type, [item.media_type for item in described]])
        assert "\\u0000" not in told
        assert str(json.loads(told)).encode()

    @given(json_values | manifests, st.sampled_from(MANIFEST_TYPES))
    @settings(max_examples=300)
    def test_any_json(self, document, media_type) -> None:
        self.check(json.dumps(document).encode(), media_type)

    @given(st.binary(max_size=300), st.sampled_from(MANIFEST_TYPES) | st.text())
    @example(b'{"schemaVersion": 2, "manifests": [], "annotations": {"\\udc00": ""}}', OCI_INDEX)
    def test_any_bytes(self, body, media_type) -> None:
        self.check(body, media_type)

    @given(st.binary(max_size=20), st.integers(min_value=0, max_value=len(image()) - 1))
    def test_any_damage_to_a_good_one(self, damage, at) -> None:
        body = image()
        self.check(body[:at] + damage + body[at + len(damage) :], OCI)
