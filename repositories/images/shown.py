"""What pages show of an image: its parts, its config in words, and the commands that fetch it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from repositories.images.models import IndexEntry, Manifest, ManifestKind

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
STEP_MAX = 300
"""Of a build step's command, this many characters are shown."""


@dataclass(frozen=True)
class Layer:
    digest: str
    size: int
    media_type: str
    step: str = ""
    """The build step that made it, when the config tells."""


@dataclass(frozen=True)
class Command:
    """`lines`: one command each, to copy."""

    tool: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One image: the tag's own, or one of an index. `manifest` is None for an entry that the registry lacks."""

    platform: str
    digest: str
    size: int
    manifest: Manifest | None
    layers: list[Layer] = field(default_factory=list)
    config: list[tuple[str | Promise, list[str]]] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)


def part_of(manifest: Manifest) -> Part:
    """Of a manifest that is no index."""
    config = _mapping(manifest.config.get("config")) if isinstance(manifest.config, dict) else {}
    return Part(
        platform=manifest.platform,
        digest=manifest.digest,
        size=manifest.total_size,
        manifest=manifest,
        layers=_layers(manifest),
        config=[(label, lines) for label, lines in _config_rows(config) if lines],
        labels=sorted((str(name), str(value)) for name, value in _mapping(config.get("Labels")).items()),
    )


def part_of_entry(entry: IndexEntry, children: Mapping[str, Manifest]) -> Part:
    """Of an entry of an index; `children` are the manifests that the repository has."""
    child = children.get(entry.digest)
    if child is None or child.kind == ManifestKind.INDEX:
        return Part(platform=entry.platform, digest=entry.digest, size=entry.size, manifest=child)
    part = part_of(child)
    return Part(entry.platform or part.platform, *(getattr(part, name) for name in _REST))


_REST = ("digest", "size", "manifest", "layers", "config", "labels")


def _layers(manifest: Manifest) -> list[Layer]:
    rows = [row for row in manifest.layers if isinstance(row, dict)]
    steps = _steps(manifest.config)
    if len(steps) != len(rows):
        steps = [""] * len(rows)
    return [
        Layer(str(row.get("digest", "")), int(row.get("size", 0)), str(row.get("media_type", "")), step)
        for row, step in zip(rows, steps, strict=True)
    ]


def _steps(config: Any) -> list[str]:
    """The build steps that made a layer, in order, without what the builders put around them."""
    history = config.get("history") if isinstance(config, dict) else None
    if not isinstance(history, list):
        return []
    made = [step for step in history if isinstance(step, dict) and not step.get("empty_layer")]
    return [_step(str(step.get("created_by", ""))) for step in made]


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
        (_("Ports"), [str(name) for name in _mapping(config.get("ExposedPorts"))]),
        (_("Volumes"), [str(name) for name in _mapping(config.get("Volumes"))]),
        (_("Stop signal"), _text(config.get("StopSignal"))),
        (_("Environment"), [str(line) for line in _list(config.get("Env"))]),
    ]


def _argv(value: Any) -> list[str]:
    words = [str(word) for word in _list(value)]
    return [" ".join(f'"{word}"' if " " in word or not word else word for word in words)] if words else []


def _text(value: Any) -> list[str]:
    return [str(value)] if value else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def pull_command(manifest: Manifest, full_name: str, tag: str, host: str) -> str:
    """The one line that fetches a tag; docker's, unless it is no image."""
    name = f"{host}/{full_name}"
    if manifest.kind != ManifestKind.ARTIFACT:
        return f"docker pull {name}" if tag == "latest" else f"docker pull {name}:{tag}"
    if manifest.artifact_type == HELM_CONFIG:
        return f"helm pull oci://{name} --version {tag}{_plain('--plain-http')}"
    return f"oras pull {name}:{tag}{_plain('--plain-http')}"


def pull_commands(manifest: Manifest, full_name: str, tag: str, host: str) -> list[Command]:
    """For each tool, by tag and by digest."""
    name, digest = f"{host}/{full_name}", manifest.digest
    insecure = _plain("--tls-verify=false")
    if manifest.kind == ManifestKind.ARTIFACT:
        by_digest = f"oras pull {name}@{digest}{_plain('--plain-http')}"
        tool = "Helm" if manifest.artifact_type == HELM_CONFIG else "ORAS"
        return [Command(tool, (pull_command(manifest, full_name, tag, host),)), Command("ORAS", (by_digest,))]
    return [
        Command("Docker", (f"docker pull {name}:{tag}", f"docker pull {name}@{digest}")),
        Command("Podman", (f"podman pull{insecure} {name}:{tag}", f"podman pull{insecure} {name}@{digest}")),
        Command(
            "Skopeo",
            tuple(
                f"skopeo copy{_plain('--src-tls-verify=false')} docker://{name}{reference} oci:{folder}"
                for reference, folder in ((f":{tag}", f"image:{tag}"), (f"@{digest}", "image"))
            ),
        ),
    ]


def _plain(option: str) -> str:
    """Tools other than docker ask for TLS on loopback, too."""
    return "" if settings.TLS else f" {option}"
