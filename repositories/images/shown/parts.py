"""One image: its layers and how they were made, and its config in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from repositories.images.artifacts import annotations_of, layers_of
from repositories.images.models import IndexEntry, Manifest, ManifestKind
from repositories.images.shown.text import Value, listed, mapped

STEP_MAX = 300
"""Of a build step's command, this many characters are shown."""
EMPTY_OBJECT = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
"""The digest of `{}`, the config of what needs none."""
FILE_NAME = "org.opencontainers.image.title"


@dataclass(frozen=True)
class Layer:
    digest: str
    size: int
    media_type: str
    step: str = ""
    """The build step that made it, when the config tells."""
    name: str = ""
    """Of the file that an artifact's layer is."""


@dataclass(frozen=True)
class Step:
    """One line of how an image was made. Without a layer, it only changed the config."""

    text: str
    layer: Layer | None = None
    number: int = 0
    """Of the layer, from 1."""


@dataclass(frozen=True)
class Part:
    """One image: the tag's own, or one of an index. `manifest` is None for an entry that the registry lacks."""

    platform: str
    digest: str
    size: int
    manifest: Manifest | None
    layers: list[Layer] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    config: list[tuple[str | Promise, list[str]]] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)

    @property
    def label_values(self) -> list[tuple[str, Value]]:
        return [(name, Value(value)) for name, value in self.labels]

    @property
    def config_values(self) -> list[tuple[str | Promise, list[Value]]]:
        return [(label, [Value(line) for line in lines]) for label, lines in self.config]

    @property
    def bars(self) -> list[tuple[Step, float]]:
        """Each step, and how large its layer is beside the largest, in percent."""
        largest = max([1, *(layer.size for layer in self.layers)])
        return [(step, round(100 * step.layer.size / largest, 1) if step.layer else 0) for step in self.steps]

    @property
    def is_config_left_out(self) -> bool:
        """It was read, and is too large to be kept or no JSON object."""
        manifest = self.manifest
        return (
            manifest is not None
            and manifest.kind == ManifestKind.IMAGE
            and manifest.details == Manifest.Details.READ
            and not manifest.config
            and manifest.config_digest != EMPTY_OBJECT
        )


def part_of(manifest: Manifest) -> Part:
    """Of a manifest that is no index."""
    config = mapped(mapped(manifest.config).get("config")) if manifest.kind != ManifestKind.ARTIFACT else {}
    layers = _layers(manifest)
    return Part(
        platform=manifest.platform,
        digest=manifest.digest,
        size=manifest.total_size,
        manifest=manifest,
        layers=layers,
        steps=_aligned(layers, manifest.config),
        config=[(label, lines) for label, lines in _config_rows(config) if lines],
        labels=sorted((str(name), str(value)) for name, value in mapped(config.get("Labels")).items()),
    )


def part_of_entry(entry: IndexEntry, children: Mapping[str, Manifest]) -> Part:
    """Of an entry of an index; `children` are the manifests that the repository has."""
    child = children.get(entry.digest)
    if child is None or child.kind == ManifestKind.INDEX:
        return Part(platform=entry.platform, digest=entry.digest, size=entry.size, manifest=child)
    part = part_of(child)
    return Part(entry.platform or part.platform, *(getattr(part, name) for name in _REST))


_REST = ("digest", "size", "manifest", "layers", "steps", "config", "labels")


def _layers(manifest: Manifest) -> list[Layer]:
    rows = layers_of(manifest)
    steps = [text for text, is_empty in _history(manifest.config) if not is_empty]
    if len(steps) != len(rows):
        steps = [""] * len(rows)
    return [_layer(row, step) for row, step in zip(rows, steps, strict=True)]


def _layer(row: Mapping[str, Any], step: str) -> Layer:
    return Layer(
        str(row.get("digest", "")),
        int(row.get("size", 0)),
        str(row.get("media_type", "")),
        step,
        annotations_of(row).get(FILE_NAME, ""),
    )


def _aligned(layers: list[Layer], config: Any) -> list[Step]:
    """All that the history tells, with the layers where they were made; the layers alone where it does not fit them."""
    history = _history(config)
    if sum(not is_empty for _text, is_empty in history) != len(layers):
        return [Step("", layer, number) for number, layer in enumerate(layers, 1)]
    found, number = [], 0
    for text, is_empty in history:
        number += not is_empty
        found.append(Step(text) if is_empty else Step(text, layers[number - 1], number))
    return found


def _history(config: Any) -> list[tuple[str, bool]]:
    """The build steps, in order, and whether each left no layer; without what the builders put around the commands."""
    steps = [step for step in listed(mapped(config).get("history")) if isinstance(step, dict)]
    return [(_step(str(step.get("created_by", ""))), bool(step.get("empty_layer"))) for step in steps]


def _step(command: str) -> str:
    for around in ("/bin/sh -c #(nop) ", "/bin/sh -c "):
        command = command.removeprefix(around)
    command = " ".join(command.removesuffix("# buildkit").split())
    return command if len(command) <= STEP_MAX else command[:STEP_MAX] + "…"


def _config_rows(config: Mapping[str, Any]) -> list[tuple[str | Promise, list[str]]]:
    return [
        (_("Entrypoint"), _argv(config.get("Entrypoint"))),
        (_("Command"), _argv(config.get("Cmd"))),
        (_("Working directory"), _text(config.get("WorkingDir"))),
        (_("User"), _text(config.get("User"))),
        (_("Ports"), [str(name) for name in mapped(config.get("ExposedPorts"))]),
        (_("Volumes"), [str(name) for name in mapped(config.get("Volumes"))]),
        (_("Stop signal"), _text(config.get("StopSignal"))),
        (_("Health check"), _health(mapped(config.get("Healthcheck")))),
        (_("Environment"), [str(line) for line in listed(config.get("Env"))]),
    ]


def _health(check: Mapping[str, Any]) -> list[str]:
    """Docker's: ["CMD", …], ["CMD-SHELL", text] or ["NONE"]; times in nanoseconds."""
    kind, *words = [str(word) for word in listed(check.get("Test"))] or [""]
    if not words:
        return [kind] if kind else []
    times = [
        f"{name} {check[key] / 1e9:g} s"
        for key, name in (("Interval", "interval"), ("Timeout", "timeout"), ("StartPeriod", "start period"))
        if isinstance(check.get(key), int) and check[key] > 0
    ]
    retries = [f"retries {check['Retries']}"] if isinstance(check.get("Retries"), int) and check["Retries"] else []
    told = ", ".join([*times, *retries])
    return [" ".join(words) if kind == "CMD-SHELL" else _argv(words)[0], *([told] if told else [])]


def _argv(value: Any) -> list[str]:
    words = [str(word) for word in listed(value)]
    return [" ".join(f'"{word}"' if " " in word or not word else word for word in words)] if words else []


def _text(value: Any) -> list[str]:
    return [str(value)] if value else []
