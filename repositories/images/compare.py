"""What differs between two images. Pure: no query, and no trust in what the configs and sizes say."""

import json
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.models import Manifest, ManifestKind
from repositories.images.shown import Layer, part_of

State = Literal["same", "added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One value on both sides; None on the side that has none."""

    name: str
    old: str | None
    new: str | None
    label: Text = ""
    """For a name of ours; names that people gave are shown as they are."""

    @property
    def state(self) -> State:
        return _state(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Section:
    """Values of one kind that differ, and how many do not."""

    name: str
    label: Text
    changes: list[Change]
    same: int


@dataclass(frozen=True, slots=True)
class LayerChange:
    """`state` is never "changed": a layer is its digest."""

    state: State
    layer: Layer


@dataclass(frozen=True, slots=True)
class Layers:
    """In the order of the new image; what was taken away stands where it was. Sizes are in bytes, compressed."""

    rows: list[LayerChange]
    same_size: int = 0
    added_size: int = 0
    removed_size: int = 0

    def count(self, state: State) -> int:
        return sum(row.state == state for row in self.rows)

    @property
    def same(self) -> int:
        return self.count("same")

    @property
    def added(self) -> int:
        return self.count("added")

    @property
    def removed(self) -> int:
        return self.count("removed")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`download`: bytes that a machine which has the old image fetches for the new one, where blobs are kept by digest.

    `notes` say what could not be compared, and why.
    """

    old: Manifest
    new: Manifest
    layers: Layers
    download: int
    sections: list[Section]
    notes: list[Text] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        return self.old.digest == self.new.digest

    @property
    def size_difference(self) -> int:
        return self.new.total_size - self.old.total_size

    @property
    def larger(self) -> int:
        """By how many bytes the new image is larger, compressed; 0 when it is not."""
        return max(0, self.size_difference)

    @property
    def smaller(self) -> int:
        return max(0, -self.size_difference)

    @property
    def differs(self) -> list[Section]:
        return [section for section in self.sections if section.changes]

    @property
    def alike(self) -> list[Section]:
        """Those where something is told and nothing differs."""
        return [section for section in self.sections if section.same and not section.changes]


def compare(old: Manifest, new: Manifest) -> Comparison:
    """Two manifests of one image each; of indexes, of which `compare_platforms.choose` takes one, little is left."""
    layers = _layers(old, new)
    return Comparison(
        old=old,
        new=new,
        layers=layers,
        download=_download(old, new, layers),
        sections=[_section(name, label, read, old, new) for name, label, read in _SECTIONS],
        notes=_notes(old, new),
    )


def _notes(old: Manifest, new: Manifest) -> list[Text]:
    notes: list[Text] = []
    if old.kind != new.kind:
        words = {"old": old.get_kind_display(), "new": new.get_kind_display()}
        notes.append(_("These are two kinds of things: %(old)s and %(new)s.") % words)
    elif old.kind == ManifestKind.ARTIFACT and old.artifact_type != new.artifact_type:
        words = {"old": old.artifact_type, "new": new.artifact_type}
        notes.append(_("These are artifacts of two types: %(old)s and %(new)s.") % words)
    if old.platform and new.platform and old.platform != new.platform:
        words = {"old": old.platform, "new": new.platform}
        notes.append(_("These are for two platforms: %(old)s and %(new)s.") % words)
    for manifest in {manifest.digest: manifest for manifest in (old, new)}.values():
        notes += _unread(manifest)
    return notes


def _unread(manifest: Manifest) -> list[Text]:
    """Why the configuration of an image is not compared."""
    words = {"digest": manifest.digest[:19]}
    if manifest.kind == ManifestKind.INDEX:
        return [_("%(digest)s is an index within an index: compare its images by their digests.") % words]
    if manifest.kind != ManifestKind.IMAGE or _config_of(manifest):
        return []
    if manifest.details == Manifest.Details.PENDING:
        return [_("The configuration of %(digest)s is still being read: look again in a moment.") % words]
    if manifest.details == Manifest.Details.FAILED:
        return [_("The configuration of %(digest)s could not be read from the registry.") % words]
    return [_("The configuration of %(digest)s tells nothing: it is empty, too large, or no JSON.") % words]


# -- layers


def _layers(old: Manifest, new: Manifest) -> Layers:
    """In linear time: a manifest of 4 MiB can name 30,000 layers."""
    before, after = part_of(old).layers, part_of(new).layers
    kept = {layer.digest for layer in before} & {layer.digest for layer in after}
    rows: list[LayerChange] = []
    passed: set[str] = set()
    waiting = deque(before)
    for layer in after:
        rows += _taken_away(waiting, kept)
        if layer.digest in kept:
            while layer.digest not in passed:
                passed.add(waiting.popleft().digest)
                if layer.digest not in passed:
                    rows += _taken_away(waiting, kept)
        rows.append(LayerChange("same" if layer.digest in kept else "added", layer))
    rows += [LayerChange("removed", layer) for layer in waiting if layer.digest not in kept]
    return Layers(rows, **{f"{state}_size": _size(rows, state) for state in ("same", "added", "removed")})


def _taken_away(waiting: deque[Layer], kept: Container[str]) -> list[LayerChange]:
    """Those that come next and that the new image has not."""
    rows = []
    while waiting and waiting[0].digest not in kept:
        rows.append(LayerChange("removed", waiting.popleft()))
    return rows


def _size(rows: Iterable[LayerChange], state: str) -> int:
    """A layer that an image names twice, such as the empty one, is one blob."""
    return sum({row.layer.digest: row.layer.size for row in rows if row.state == state}.values())


def _download(old: Manifest, new: Manifest, layers: Layers) -> int:
    if old.digest == new.digest:
        return 0
    config = 0 if old.config_digest == new.config_digest else _config_size(new)
    return new.size + config + layers.added_size


def _config_size(manifest: Manifest) -> int:
    """What is left of the whole; the layers' sizes are as the manifest tells them."""
    return max(0, manifest.total_size - sum(layer.size for layer in part_of(manifest).layers))


# -- configuration, labels, annotations

Values = Mapping[str, str | None]


def _section(name: str, label: Text, read: Callable[[Manifest], Values], old: Manifest, new: Manifest) -> Section:
    before, after = read(old), read(new)
    names = list(dict.fromkeys([*before, *after]))
    labels = _LABELS if name == "settings" else {}
    changes = [Change(key, before.get(key), after.get(key), labels.get(key, "")) for key in names]
    differing = [change for change in changes if change.state != "same"]
    told = sum(change.old is not None for change in changes if change.state == "same")
    return Section(name, label, differing, told)


def _config_of(manifest: Manifest) -> Mapping[str, Any]:
    return _mapping(_mapping(manifest.config).get("config"))


def _settings(manifest: Manifest) -> Values:
    config = _config_of(manifest)
    return {name: _text(config.get(key)) for name, key in _SETTINGS.items()} | {
        "created": _text(_mapping(manifest.config).get("created"))
    }


def _environment(manifest: Manifest) -> Values:
    """Of a name that is set twice the last counts, as in a process."""
    lines = _config_of(manifest).get("Env")
    pairs = [line.partition("=") for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return {name: value for name, _equals, value in pairs}


def _ports(manifest: Manifest) -> Values:
    return dict.fromkeys(map(str, _mapping(_config_of(manifest).get("ExposedPorts"))), "")


def _volumes(manifest: Manifest) -> Values:
    return dict.fromkeys(map(str, _mapping(_config_of(manifest).get("Volumes"))), "")


def _labels(manifest: Manifest) -> Values:
    labels = _mapping(_config_of(manifest).get("Labels"))
    return {str(name): str(value) for name, value in sorted(labels.items())}


def _annotations(manifest: Manifest) -> Values:
    return {str(name): str(value) for name, value in sorted(_mapping(manifest.annotations).items())}


_SETTINGS = {
    "entrypoint": "Entrypoint",
    "cmd": "Cmd",
    "working_dir": "WorkingDir",
    "user": "User",
    "stop_signal": "StopSignal",
    "healthcheck": "Healthcheck",
    "shell": "Shell",
}
_LABELS: Mapping[str, Text] = {
    "created": _("Built"),
    "entrypoint": _("Entrypoint"),
    "cmd": _("Command"),
    "working_dir": _("Working directory"),
    "user": _("User"),
    "stop_signal": _("Stop signal"),
    "healthcheck": _("Health check"),
    "shell": _("Shell"),
}
_SECTIONS: tuple[tuple[str, Text, Callable[[Manifest], Values]], ...] = (
    ("settings", _("Settings"), _settings),
    ("environment", _("Environment"), _environment),
    ("ports", _("Ports"), _ports),
    ("volumes", _("Volumes"), _volumes),
    ("labels", _("Labels"), _labels),
    ("annotations", _("Annotations"), _annotations),
)


def _text(value: Any) -> str | None:
    """A command as one would type it; anything else that is no text as JSON. None for what says nothing."""
    if value in (None, "", [], {}):
        return None
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(json.dumps(word, ensure_ascii=False) if " " in word or not word else word for word in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _state(old: str | None, new: str | None) -> State:
    if old == new:
        return "same"
    if old is None:
        return "added"
    return "removed" if new is None else "changed"
