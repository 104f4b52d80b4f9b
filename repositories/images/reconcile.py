"""Compares a repository with the registry. For now it only adds: what is missing there is reported, never deleted.

An error or an empty listing proves nothing (Portus lost whole catalogs that way, Portus issue 663).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from repositories.images import manifests
from repositories.images.actions import record_found
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag
from repositories.models import Repository
from repositories.names import TAG
from repositories.registry import client

DEEPEST = 3
"""Levels of an index within an index that are followed."""


@dataclass
class Report:
    """Names of tags. `moved` and `missing` are only told; `skipped` says why, for a person."""

    added: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def reconcile(repository: Repository, *, being_pushed: Callable[[str], bool]) -> Report:
    """Add the tags and manifests that the registry has and we have not. One HEAD for each tag.

    `being_pushed` tells whether a tag has an open push intent: that push will be recorded by the gateway, with its
    pusher. Raises RegistryUnavailable when the listing cannot be had; what was added by then stays.
    """
    report = Report()
    known = dict(Tag.objects.filter(repository=repository).values_list("name", "manifest__digest"))
    try:
        listed = list(client.list_tags(repository.full_name))
    except client.RepositoryUnknown:
        listed = []
    report.missing = sorted(set(known) - set(listed))
    for tag in listed:
        _compare(repository, tag, known, being_pushed, report)
    return report


def _compare(
    repository: Repository,
    tag: str,
    known: dict[str, str],
    being_pushed: Callable[[str], bool],
    report: Report,
) -> None:
    if not TAG.fullmatch(tag):
        report.skipped[tag] = "no name of a tag"  # a stray file in the registry's storage is listed too
        return
    try:
        held = client.head_manifest(repository.full_name, tag).digest
        if held == known.get(tag):
            return
        if being_pushed(tag):
            report.skipped[tag] = "being pushed"
        elif tag in known:
            report.moved.append(tag)
        elif add(repository, held, tag=tag):
            report.added.append(tag)
    except (client.RegistryUnavailable, client.ManifestUnknown, client.TooLarge, manifests.ManifestInvalid) as error:
        report.skipped[tag] = str(error)
    except Repository.DoesNotExist:
        report.skipped[tag] = "the repository was deleted meanwhile"


def add(repository: Repository, digest: str, *, tag: str = "", depth: int = 0) -> bool:
    """Record a manifest that the registry holds, the children of an index first. Raises as `client.get_manifest`."""
    raw = client.get_manifest(repository.full_name, digest)
    parsed = manifests.parse(raw.body, raw.media_type)
    if parsed.kind == ManifestKind.INDEX and depth < DEEPEST:
        for entry in parsed.entries:
            _add_child(repository, entry.digest, depth)
    return record_found(repository_id=repository.pk, digest=raw.digest, parsed=parsed, tag=tag)


def _add_child(repository: Repository, digest: str, depth: int) -> None:
    if Manifest.objects.filter(repository=repository, digest=digest).exists():
        return
    try:
        add(repository, digest, depth=depth + 1)
    except (client.ManifestUnknown, client.TooLarge, manifests.ManifestInvalid):
        return  # an index may name what the registry lacks


def children_among(repository: Repository, digests: set[str]) -> set[str]:
    """Those that an index of the repository names. One query."""
    rows = IndexEntry.objects.filter(index__repository=repository, digest__in=digests)
    return set(rows.values_list("digest", flat=True))
