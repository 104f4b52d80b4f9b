"""Paths of the registry's protocol, by Distribution's grammar."""

import pytest
from hypothesis import given, strategies as st

from repositories.gateway.paths import ManifestPath, is_blob, parse_manifest

SHA256 = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("path", "name", "reference"),
    [
        ("/v2/alice/app/manifests/latest", "alice/app", "latest"),
        ("/v2/alice/deep/er/app/manifests/1.0", "alice/deep/er/app", "1.0"),
        (f"/v2/alice/app/manifests/{SHA256}", "alice/app", SHA256),
        ("/v2/alice/manifests/manifests/latest", "alice/manifests", "latest"),
        ("/v2/alice/manifests/x/manifests/latest", "alice/manifests/x", "latest"),
    ],
)
def test_a_manifest(path, name, reference) -> None:
    found = parse_manifest(path)
    assert found == ManifestPath(name, reference)
    assert found.valid_name
    assert found.valid_reference
    assert found.tag == ("" if ":" in reference else reference)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/manifests/latest",
        "/v2/alice/app/manifests/",
        "/v2/alice/app/manifests/a/b",
        "/v2/alice/app/blobs/x",
        "/alice/app/manifests/latest",
        "/v2/alice/app/manifests",
    ],
)
def test_another_kind_of_path(path) -> None:
    assert parse_manifest(path) is None


@pytest.mark.parametrize(
    "name",
    [
        "alice",
        "Alice/app",
        "alice//app",
        "/alice/app",
        "alice/app/",
        "alice/../app",
        "alice/./app",
        "alice/a%2fb",
        "alice/-app",
        "alice/a..b",
        "alice/äpp",
        "localhost:5000/app",
        "alice/" + "a" * 250,
    ],
)
def test_a_name_that_no_repository_has(name) -> None:
    assert not ManifestPath(name, "latest").valid_name


def test_the_longest_name() -> None:
    assert ManifestPath("alice/" + "a" * 249, "latest").valid_name


@pytest.mark.parametrize(
    "reference",
    ["", "-x", "x\n", ".x", "a" * 129, "a b", "ä", "sha256:short", "md5:" + "a" * 32, f"sha256:{'A' * 64}", ":"],
)
def test_a_reference_that_is_neither_tag_nor_digest(reference) -> None:
    assert not ManifestPath("alice/app", reference).valid_reference


@pytest.mark.parametrize("reference", ["_", "a" * 128, "1.0-rc.1_x", f"sha512:{'0' * 128}"])
def test_a_reference(reference) -> None:
    assert ManifestPath("alice/app", reference).valid_reference


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_path_that_is_taken_apart_is_the_same_put_together(name, reference) -> None:
    path = f"/v2/{name}/manifests/{reference}"
    found = parse_manifest(path)
    if found is not None:
        assert f"/v2/{found.name}/manifests/{found.reference}" == path
        if found.valid_name and found.valid_reference:
            assert set(path) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.:-")
            assert not any(dots in found.name for dots in ("..", "//", "/.", "./"))


@pytest.mark.parametrize(
    ("path", "blob"),
    [
        (f"/v2/alice/app/blobs/{SHA256}", True),
        ("/v2/alice/app/blobs/uploads/x", False),
        ("/v2/alice/app/manifests/x", False),
        ("/v2/blobs/x", False),
    ],
)
def test_a_blob(path, blob) -> None:
    assert is_blob(path) is blob
