"""Reads the bytes of a manifest. Pure: no I/O, and no trust in what a client sent.

All four media types of images (Docker's and OCI's, single and multi-platform), and OCI artifacts of any kind.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid
from repositories.images.models import ManifestKind
from repositories.names import DIGEST
from repositories.registry.client import DOCKER_LIST, DOCKER_MANIFEST, MANIFEST_MAX, MANIFEST_TYPES, OCI_INDEX

IMAGE_CONFIGS = frozenset(
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"],
)
INDEX_TYPES = frozenset([DOCKER_LIST, OCI_INDEX])
NO_CONFIGS = IMAGE_CONFIGS | {"application/vnd.oci.empty.v1+json", "application/vnd.unknown.config.v1+json"}
"""Of an artifact, these say nothing about it: it needs a config of some kind to be a manifest."""
MEDIA_TYPE_MAX = 255
PLATFORM_PART_MAX = 64
ENTRIES_MAX = 2_000
"""Entries of an index: each becomes a row. The largest known official image has about 20."""
SIZE_MAX = 2**63 - 1
"""What the database and the registry (int64) can hold, in bytes; of one part and of all together."""
YEAR_MAX = 9999
ANNOTATIONS_MAX = 65_536
"""Of the annotations, this many characters are kept; a manifest could consist of nothing else."""


class ManifestInvalid(Invalid):
    """The bytes are no manifest that the registry could serve."""

    code = "manifest_invalid"
    default = _("manifest invalid")


@dataclass(frozen=True, slots=True)
class Part:
    """A layer, a config or an entry of an index, as the manifest describes it. `size` is in bytes."""

    digest: str
    size: int
    media_type: str
    annotations: dict[str, str] = field(default_factory=dict)
    """Of layers and entries."""


@dataclass(frozen=True, slots=True)
class Platform:
    """Empty strings where it isn't told."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""


@dataclass(frozen=True, slots=True)
class Entry(Part):
    """One manifest of an index."""

    platform: Platform = Platform()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A manifest as data. `total_size` counts config and layers, and is 0 for an index: its children tell."""

    kind: ManifestKind
    media_type: str
    artifact_type: str
    size: int
    total_size: int
    config: Part | None
    subject_digest: str
    layers: tuple[Part, ...]
    entries: tuple[Entry, ...]
    annotations: dict[str, str]


def parse(body: bytes, media_type: str) -> Parsed:
    """The manifest in `body`, sent as `media_type`. Raises ManifestInvalid with the reason."""
    if media_type not in MANIFEST_TYPES:
        raise ManifestInvalid(_("unknown manifest media type"))
    if len(body) > MANIFEST_MAX:
        raise ManifestInvalid(_("a manifest may have 4 MiB"))
    document = _object(read_json(body), "manifest")
    if document.get("schemaVersion") != 2:
        raise ManifestInvalid(_("schemaVersion must be 2"))
    if (document.get("mediaType") or media_type) != media_type:
        raise ManifestInvalid(_("mediaType in the manifest and Content-Type differ"))
    return _index(document, body, media_type) if media_type in INDEX_TYPES else _single(document, body, media_type)


def _index(document: dict[str, Any], body: bytes, media_type: str) -> Parsed:
    listed = _list(document.get("manifests"), "manifests")
    if len(listed) > ENTRIES_MAX:
        raise ManifestInvalid(_("an index may have %(max)d entries") % {"max": ENTRIES_MAX})
    return Parsed(
        kind=ManifestKind.INDEX,
        media_type=media_type,
        artifact_type=_media_type(document, "artifactType"),
        size=len(body),
        total_size=0,
        config=None,
        subject_digest=_subject(document),
        layers=(),
        entries=tuple(_entry(item) for item in listed),
        annotations=_annotations(document),
    )


def _single(document: dict[str, Any], body: bytes, media_type: str) -> Parsed:
    config = _part(document.get("config"), "config")
    layers = _layers(_list(document.get("layers", []), "layers"))
    artifact_type = _media_type(document, "artifactType")
    image = media_type == DOCKER_MANIFEST or (config.media_type in IMAGE_CONFIGS and not artifact_type)
    return Parsed(
        kind=ManifestKind.IMAGE if image else ManifestKind.ARTIFACT,
        media_type=media_type,
        # OCI 1.1, image-spec "Guidelines for artifact usage": without artifactType the config's type tells what it is.
        artifact_type="" if image else artifact_type or config.media_type,
        size=len(body),
        total_size=_total([config, *layers]),
        config=config,
        subject_digest=_subject(document),
        layers=layers,
        entries=(),
        annotations=_annotations(document),
    )


def has_config(parsed: Parsed) -> bool:
    """Whether there is a config to read: an image's, or the JSON with which an artifact describes itself."""
    if parsed.config is None:
        return False
    if parsed.kind == ManifestKind.IMAGE:
        return True
    return parsed.config.media_type.endswith("+json") and parsed.config.media_type not in NO_CONFIGS


def read_json(body: bytes) -> Any:
    """Strict UTF-8 JSON without NaN, with strings that every database can hold. Raises ManifestInvalid."""
    try:
        return _storable(json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(_("not JSON")) from error


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _storable(value: Any) -> Any:
    """With U+FFFD in place of NUL and `?` of half a surrogate pair, which PostgreSQL refuses. The bytes stay."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestInvalid(_("%(name)s must be an object") % {"name": name})
    return value


def _list(value: Any, name: str) -> list[Any]:
    """Go's encoder writes null for an empty list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ManifestInvalid(_("%(name)s must be a list") % {"name": name})
    return value


def _layers(items: list[Any]) -> tuple[Part, ...]:
    """With their annotations, as names of files and who signed, as long as there is room for all of them."""
    found, room = [], ANNOTATIONS_MAX
    for item in items:
        layer, annotations = _part(item, "layers"), _annotations(item)
        room -= sum(len(key) + len(value) for key, value in annotations.items())
        found.append(replace(layer, annotations=annotations) if annotations and room >= 0 else layer)
    return tuple(found)


def _part(value: Any, name: str) -> Part:
    item = _object(value, name)
    return Part(digest=_digest(item), size=_size(item), media_type=_media_type(item, "mediaType"))


def _entry(value: Any) -> Entry:
    item = _object(value, "manifests")
    return Entry(
        digest=_digest(item),
        size=_size(item),
        media_type=_media_type(item, "mediaType"),
        platform=read_platform(item.get("platform")),
        annotations=_annotations(item),
    )


def _digest(item: dict[str, Any]) -> str:
    digest = item.get("digest")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ManifestInvalid(_("a digest must be sha256 or sha512 in hexadecimal digits"))
    return digest


def _size(item: dict[str, Any]) -> int:
    size = item.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= SIZE_MAX:
        raise ManifestInvalid(_("a size must be a number of bytes"))
    return size


def _total(parts: Iterable[Part]) -> int:
    total = sum(part.size for part in parts)
    if total > SIZE_MAX:
        raise ManifestInvalid(_("the sizes add up to more than there is"))
    return total


def _media_type(item: dict[str, Any], key: str) -> str:
    value = "" if item.get(key) is None else item[key]  # null is empty to Go
    if not isinstance(value, str) or len(value) > MEDIA_TYPE_MAX:
        raise ManifestInvalid(_("%(name)s must be a media type") % {"name": key})
    return value


def _subject(document: dict[str, Any]) -> str:
    subject = document.get("subject")
    return "" if subject is None else _digest(_object(subject, "subject"))


def _annotations(item: dict[str, Any]) -> dict[str, str]:
    """Those that are text, as long as there is room: they are shown, and nothing depends on them."""
    kept: dict[str, str] = {}
    room = ANNOTATIONS_MAX
    annotations = item.get("annotations")
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        if isinstance(value, str) and len(key) + len(value) <= room:
            kept[key] = value
            room -= len(key) + len(value)
    return kept


def read_platform(value: Any) -> Platform:
    """Of an index's entry or of a config, whose keys are the same. What isn't text counts as not told."""
    item = value if isinstance(value, dict) else {}
    parts = (item.get(key, "") for key in ("os", "architecture", "variant", "os.version"))
    return Platform(*(part[:PLATFORM_PART_MAX] if isinstance(part, str) else "" for part in parts))


def read_created(config: dict[str, Any]) -> datetime | None:
    """When the image was built, as its config claims; None for what is no moment.

    Go's zero time, the year 1, is what reproducible builds write: not told. Such years could not be shown in every time
    zone either, nor be read back from PostgreSQL.
    """
    created = config.get("created")
    if not isinstance(created, str):
        return None
    try:
        moment = parse_datetime(_microseconds(created))
    except ValueError:
        return None
    if moment is None or not 1970 <= moment.year < YEAR_MAX:
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _microseconds(text: str) -> str:
    """Go writes nanoseconds, Django reads microseconds."""
    seconds, point, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{seconds}.{digits[:6]}{rest[len(digits) :]}" if point else text
