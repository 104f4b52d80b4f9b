"""What an image says of itself in annotations and labels: title, source, revision, licence, base image. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.artifacts import annotations_of
from repositories.images.models import Manifest
from repositories.images.shown.text import Value, linked, mapped

OCI = "org.opencontainers.image."
_LABEL_SCHEMA = "org.label-schema."
# Key, word, and what the older Label Schema called it. In the order of the page.
_FACTS: tuple[tuple[str, Text, str], ...] = (
    ("version", _("Version"), "version"),
    ("revision", _("Revision"), "vcs-ref"),
    ("source", _("Source"), "vcs-url"),
    ("url", _("Website"), "url"),
    ("documentation", _("Documentation"), "usage"),
    ("licenses", _("Licence"), ""),
    ("vendor", _("Vendor"), "vendor"),
    ("authors", _("Authors"), ""),
    ("ref.name", _("Reference"), ""),
    ("base.name", _("Base image"), ""),
    ("base.digest", _("Base digest"), ""),
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# Where a commit has its page, by the host of the source. Elsewhere nobody can know.
_COMMITS = {"https://github.com/": "/commit/", "https://gitlab.com/": "/-/commit/", "https://codeberg.org/": "/commit/"}


@dataclass(frozen=True, slots=True)
class Fact:
    key: str
    label: Text
    value: Value
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """`others` are the annotations that no fact was made of."""

    title: str = ""
    description: str = ""
    facts: list[Fact] = field(default_factory=list)
    others: list[tuple[str, Value]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.title or self.description or self.facts)


def about(*manifests: Manifest) -> About:
    """Of an image, and of the index around it: the first that says something counts, annotations before labels."""
    told: dict[str, str] = {}
    others: dict[str, Value] = {}
    for manifest in manifests:
        annotations, labels = annotations_of(manifest), _labels(manifest)
        told = {**_named(labels), **_named(annotations), **told}
        others = {**{key: linked(value) for key, value in sorted(annotations.items()) if not _is_fact(key)}, **others}
    facts = [_fact(key, label, told) for key, label, _old in _FACTS if told.get(key)]
    return About(
        title=told.get("title", "")[:200],
        description=told.get("description", "")[:1000],
        facts=facts,
        others=list(others.items()),
    )


def _labels(manifest: Manifest) -> Mapping[str, str]:
    labels = mapped(mapped(mapped(manifest.config).get("config")).get("Labels"))
    return {str(key): value for key, value in labels.items() if isinstance(value, str)}


def _named(told: Mapping[str, str]) -> dict[str, str]:
    """By the short names of OCI, with what the Label Schema said where OCI's words are missing."""
    olds = {"title": "name", "description": "description"} | {key: old for key, _label, old in _FACTS if old}
    found = {key: told.get(_LABEL_SCHEMA + old, "") for key, old in olds.items()}
    found |= {key.removeprefix(OCI): value for key, value in told.items() if key.startswith(OCI)}
    return {key: value.strip() for key, value in found.items() if value.strip()}


def _is_fact(key: str) -> bool:
    name = key.removeprefix(OCI)
    known = {"title", "description", "created", *(fact for fact, _label, _old in _FACTS)}
    return name != key and name in known


def _fact(key: str, label: Text, told: Mapping[str, str]) -> Fact:
    text = told[key]
    if key == "revision":
        return Fact(key, label, Value(text, _commit(told.get("source", ""), text)), is_code=True)
    if key == "base.name":
        return Fact(key, label, Value(text, _on_hub(text)), is_code=True)
    return Fact(key, label, linked(text), is_code=key in ("version", "ref.name", "base.digest"))


def _commit(source: str, revision: str) -> str:
    """Empty where the host's way of addressing commits is not known."""
    if not _COMMIT.fullmatch(revision):
        return ""
    path = next((path for host, path in _COMMITS.items() if source.startswith(host)), "")
    return f"{source.partition('#')[0].rstrip('/').removesuffix('.git')}{path}{revision}" if path else ""


def _on_hub(name: str) -> str:
    """Docker Hub's page of an image such as `docker.io/library/debian:12`; empty for other registries."""
    found = re.fullmatch(r"docker\.io/(library/)?([a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)?)(?:[:@].*)?", name)
    if found is None:
        return ""
    kind = "_" if found[1] else "r"
    return f"https://hub.docker.com/{kind}/{found[2]}"
