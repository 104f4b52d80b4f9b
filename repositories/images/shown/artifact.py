"""The facts that an artifact tells in its config: a chart's name, a model's size. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.artifacts import HELM, MODEL, WASM, Kind
from repositories.images.models import Manifest
from repositories.images.shown.text import Value, linked, listed, mapped, told

MOST = 50
"""Dependencies and the like that are shown."""


@dataclass(frozen=True, slots=True)
class Dependency:
    name: str
    version: str
    repository: Value


@dataclass(frozen=True, slots=True)
class Facts:
    rows: list[tuple[Text, list[Value]]] = field(default_factory=list)
    dependencies: list[Dependency] = field(default_factory=list)


def facts_of(kind: Kind | None, manifest: Manifest) -> Facts:
    """Empty for a kind whose config has no form that is known here, and until the config was read."""
    config = mapped(manifest.config)
    read = _READERS.get(kind.key) if kind else None
    if read is None or not config:
        return Facts()
    rows = [(label, [value for value in values if value.text][:MOST]) for label, values in read(config)]
    dependencies = _dependencies(config) if kind is HELM else []
    return Facts([(label, values) for label, values in rows if values], dependencies)


Rows = Iterable[tuple[Text, list[Value]]]


def _texts(*values: Any) -> list[Value]:
    """The first of them that says something."""
    return [linked(text) for text in map(told, values) if text][:1]


def _all(values: Any) -> list[Value]:
    return [linked(told(value)) for value in listed(values)[:MOST]]


def _chart(config: Mapping[str, Any]) -> Rows:
    """Chart.yaml as JSON (helm.sh/docs/topics/charts)."""
    people = [mapped(person) for person in listed(config.get("maintainers"))[:MOST]]
    return [
        (_("Chart"), _texts(config.get("name"))),
        (_("Version"), _texts(config.get("version"))),
        (_("App version"), _texts(config.get("appVersion"))),
        (_("Type"), _texts(config.get("type"))),
        (_("Kubernetes"), _texts(config.get("kubeVersion"))),
        (_("Description"), _texts(config.get("description"))),
        (_("Website"), _texts(config.get("home"))),
        (_("Source"), _all(config.get("sources"))),
        (_("Maintainers"), [Value(told(person.get("name")) or told(person.get("email"))) for person in people]),
        (_("Keywords"), _all(config.get("keywords"))),
        (_("State"), [Value(str(_("deprecated")))] if config.get("deprecated") is True else []),
    ]


def _dependencies(config: Mapping[str, Any]) -> list[Dependency]:
    rows = [mapped(row) for row in listed(config.get("dependencies"))[:MOST]]
    return [
        Dependency(told(row.get("name")), told(row.get("version")), linked(told(row.get("repository"))))
        for row in rows
        if told(row.get("name"))
    ]


def _model(config: Mapping[str, Any]) -> Rows:
    """Of ModelPack (descriptor, config), Docker's models (config), KitOps (package, model) and Ollama (flat)."""
    about = mapped(config.get("descriptor")) or mapped(config.get("package"))
    inner = mapped(config.get("config")) or mapped(config.get("model"))
    return [
        (_("Model"), _texts(about.get("name"), inner.get("name"))),
        (_("Version"), _texts(about.get("version"))),
        (_("Family"), _texts(about.get("family"), config.get("model_family"), inner.get("architecture"))),
        (_("Format"), _texts(inner.get("format"), config.get("model_format"), inner.get("framework"))),
        (_("Parameters"), _texts(inner.get("paramSize"), inner.get("parameters"), config.get("model_type"))),
        (_("Quantization"), _texts(inner.get("quantization"), config.get("file_type"))),
        (_("Precision"), _texts(inner.get("precision"))),
        (_("Vendor"), _texts(about.get("vendor"))),
        (_("Licence"), _all(about.get("licenses")) or _texts(inner.get("license"))),
        (_("Source"), _texts(about.get("sourceURL"))),
        (_("Documentation"), _texts(about.get("docURL"))),
    ]


def _wasm(config: Mapping[str, Any]) -> Rows:
    """The CNCF's wasm OCI artifact: its config has a component with what it imports and exports."""
    component = mapped(config.get("component"))
    return [
        (_("Target"), _texts(component.get("target"), config.get("os"))),
        (_("Author"), _texts(config.get("author"))),
        (_("Exports"), _all(component.get("exports"))),
        (_("Imports"), _all(component.get("imports"))),
    ]


_READERS: dict[str, Callable[[Mapping[str, Any]], Rows]] = {HELM.key: _chart, MODEL.key: _model, WASM.key: _wasm}
