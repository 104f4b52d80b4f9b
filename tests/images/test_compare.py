"""What differs between two images, as data."""

from typing import Any

import pytest

from repositories.images.compare import Comparison, compare
from repositories.images.models import Manifest, ManifestKind
from tests.factories.images import LAYER, config, digest_of

BASE = ("base", 2_000_000)


def image(*layers: tuple[str, int], seed: str = "config", **values: Any) -> Manifest:
    """A manifest that no database holds; `values` are its columns."""
    rows = [{"digest": digest_of(name), "size": size, "media_type": LAYER} for name, size in layers]
    return Manifest(
        **{
            "digest": digest_of(f"{seed}{layers}{values}"),
            "media_type": "application/vnd.oci.image.manifest.v1+json",
            "kind": ManifestKind.IMAGE,
            "size": 500,
            "total_size": sum(size for _name, size in layers) + 1_000,
            "config_digest": digest_of(seed),
            "details": Manifest.Details.READ,
            "layers": rows,
            "config": config(),
            "os": "linux",
            "architecture": "amd64",
        }
        | values
    )


def states(found: Comparison) -> list[tuple[str, str]]:
    """Of the layers, by the names that `image` gave them."""
    names = {digest_of(name): name for name in ("base", "one", "two", "three", "empty")}
    return [(row.state, names[row.layer.digest]) for row in found.layers.rows]


def changes(found: Comparison, section: str) -> dict[str, tuple[str | None, str | None]]:
    (only,) = [each for each in found.sections if each.name == section]
    return {change.name: (change.old, change.new) for change in only.changes}


def test_the_same_image_differs_in_nothing() -> None:
    found = compare(image(BASE), image(BASE))
    assert found.is_same
    assert (found.download, found.size_difference, found.differs, found.notes) == (0, 0, [], [])
    assert states(found) == [("same", "base")]
    assert "labels" in [section.name for section in found.alike]


def test_layers_are_kept_taken_away_and_added_and_only_the_new_ones_are_fetched() -> None:
    old = image(BASE, ("one", 300), ("two", 40))
    new = image(BASE, ("three", 7), ("two", 40), seed="other config")
    found = compare(old, new)
    assert states(found) == [("same", "base"), ("removed", "one"), ("added", "three"), ("same", "two")]
    layers = found.layers
    assert (layers.same, layers.added, layers.removed) == (2, 1, 1)
    assert (layers.same_size, layers.added_size, layers.removed_size) == (2_000_040, 7, 300)
    assert found.download == 500 + 1_000 + 7, "manifest, config, and the layer that is new"
    assert found.size_difference == -293


def test_a_config_that_both_share_is_not_fetched_again() -> None:
    assert compare(image(BASE), image(BASE, ("one", 9))).download == 500 + 9


def test_a_layer_that_stands_twice_is_one_blob_and_order_loses_nothing() -> None:
    empty = ("empty", 32)
    found = compare(image(BASE, empty, ("one", 5)), image(("one", 5), empty, BASE, empty, ("two", 8), ("two", 8)))
    assert [state for state, _name in states(found)] == ["same"] * 4 + ["added"] * 2
    assert (found.layers.added_size, found.layers.removed_size) == (8, 0)
    back = compare(image(empty, empty, ("two", 8)), image(BASE))
    assert states(back) == [("removed", "empty"), ("removed", "empty"), ("removed", "two"), ("added", "base")]
    assert back.layers.removed_size == 40


def test_settings_environment_ports_volumes_labels_and_annotations_are_told_one_by_one() -> None:
    document = config()
    document["created"] = "2026-11-20T10:00:00Z"
    document["config"] |= {
        "Entrypoint": ["/bin/server", "two words"],
        "Cmd": None,
        "User": "65532",
        "Healthcheck": {"Test": ["CMD", "true"]},
        "Env": ["PATH=/bin", "SHELL=/bin/sh=x", "EMPTY="],
        "ExposedPorts": {"9090/tcp": {}},
        "Volumes": {"/data": {}},
        "Labels": {"org.opencontainers.image.source": "https://example.org/app", "tier": "2"},
    }
    found = compare(image(BASE), image(BASE, config=document, annotations={"a": "1"}))
    assert changes(found, "settings") == {
        "entrypoint": ("/bin/server", '/bin/server "two words"'),
        "cmd": ('--listen 0.0.0.0:8080 "two words"', None),
        "user": (None, "65532"),
        "healthcheck": (None, '{"Test": ["CMD", "true"]}'),
        "created": ("2026-11-01T10:00:00Z", "2026-11-20T10:00:00Z"),
    }
    assert changes(found, "environment") == {
        "PATH": ("/usr/local/sbin:/usr/local/bin:/usr/bin:/bin", "/bin"),
        "LANG": ("C.UTF-8", None),
        "SHELL": (None, "/bin/sh=x"),
        "EMPTY": (None, ""),
    }
    assert changes(found, "ports") == {"8080/tcp": ("", None), "9090/tcp": (None, "")}
    assert changes(found, "volumes") == {"/data": (None, "")}
    assert changes(found, "labels") == {"tier": (None, "2")}
    assert changes(found, "annotations") == {"a": (None, "1")}
    labels = next(section for section in found.sections if section.name == "labels")
    assert labels.same == 1
    assert {change.state for section in found.sections for change in section.changes} == {"added", "removed", "changed"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"config": {}, "details": "pending"}, "is still being read"),
        ({"config": {}, "details": "failed"}, "could not be read"),
        ({"config": {}}, "too large, or no JSON"),
        ({"architecture": "arm64"}, "two platforms: linux/amd64 and linux/arm64"),
        ({"kind": "artifact", "artifact_type": "text/x", "config": {}}, "two kinds of things: Image and Artifact"),
        ({"kind": "index", "layers": [], "config": {}}, "an index within an index"),
    ],
)
def test_what_cannot_be_compared_is_said(values: dict[str, Any], sentence: str) -> None:
    notes = [str(note) for note in compare(image(BASE), image(BASE, **values)).notes]
    assert any(sentence in note for note in notes), notes


@pytest.mark.parametrize(
    "hostile",
    [
        {"config": "no object"},
        {"config": {"Env": "A=1", "Labels": ["x"], "ExposedPorts": 5, "Cmd": {"a": 1}, "User": 7}},
        {"config": {"Env": [None, 3, "NOEQUALS"], "Labels": {"a": None, "b": {"c": []}}}, "history": "x"},
        {"config": {"Entrypoint": [1, {"x": "<script>"}], "Volumes": {"": None}}, "created": ["no", "time"]},
    ],
)
def test_configs_of_any_shape_break_nothing(hostile: dict[str, Any]) -> None:
    broken = image(BASE, config=hostile, annotations="no mapping", total_size=0)
    for found in (compare(image(BASE), broken), compare(broken, image(BASE)), compare(broken, broken)):
        assert all(isinstance(change.old, str | None) for section in found.sections for change in section.changes)
        assert found.download >= 0


def test_thirty_thousand_layers_are_compared_in_a_moment() -> None:
    many = [(f"layer {number}", 1) for number in range(30_000)]
    names = {"old": many, "new": [*many[::-1][:-1], ("another", 1)]}
    found = compare(image(*names["old"]), image(*names["new"]))
    assert (found.layers.same, found.layers.added, found.layers.removed) == (29_999, 1, 1)
