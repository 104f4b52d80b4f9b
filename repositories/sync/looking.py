"""What the registry holds of one repository. HTTP only, over a few connections: no thread touches the database."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from repositories.names import TAG
from repositories.registry import client
from repositories.sync.pace import Pace

CONNECTIONS = 4
CHUNK = 200
"""HEADs between two signs of life."""


@dataclass(slots=True)
class Seen:
    """`held`: tag -> digest. Of what is absent, the registry itself said so: to a HEAD, not only by leaving it out."""

    held: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    absent_manifests: set[str] = field(default_factory=set)
    is_empty: bool = False
    """It lists no tag, or does not know the repository."""
    strays: list[str] = field(default_factory=list)
    """Listed, and no names of tags: files that somebody left in its storage."""


class Looker:
    """The connections of one worker. Close it, or use it in a `with`."""

    def __init__(self, pace: Pace, *, connections: int = CONNECTIONS) -> None:
        self._pace = pace
        self._connections = connections
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="reconcile")

    def __enter__(self) -> "Looker":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def look(self, name: str, *, tags: Collection[str], manifests: Sequence[str], alive: Callable[[], None]) -> Seen:
        """Compare nothing, see everything: the listing, each tag of it and each of ours, and these manifests.

        Calls `alive` every CHUNK requests. Raises RegistryUnavailable at the first answer that is none: half a look
        proves nothing.
        """
        listed = self._listing(name)
        names = {tag for tag in listed if TAG.fullmatch(tag)}
        seen = Seen(is_empty=not names, strays=[tag for tag in listed if tag not in names])
        for tag, digest in self._digests(name, sorted(names.union(tags)), alive):
            if digest:
                seen.held[tag] = digest
            else:
                seen.absent.add(tag)
        for manifest, digest in self._digests(name, manifests, alive):
            if not digest:
                seen.absent_manifests.add(manifest)
        return seen

    def _listing(self, name: str) -> list[str]:
        self._pace.wait()
        try:
            return list(client.list_tags(name))
        except client.RepositoryUnknown:
            return []

    def _digests(self, name: str, references: Sequence[str], alive: Callable[[], None]) -> Iterator[tuple[str, str]]:
        """Reference and digest, which is empty where the registry has nothing."""
        for start in range(0, len(references), CHUNK):
            chunk = references[start : start + CHUNK]
            # A share for each connection, since one task for each request would cost as much as half of it.
            shares = [chunk[number :: self._connections] for number in range(self._connections)]
            for share, digests in zip(shares, self._pool.map(partial(_digests, name, self._pace), shares), strict=True):
                yield from zip(share, digests, strict=True)
            alive()


def _digests(name: str, pace: Pace, references: Sequence[str]) -> list[str]:
    return [_digest(name, pace, reference) for reference in references]


def _digest(name: str, pace: Pace, reference: str) -> str:
    pace.wait()
    started = time.monotonic()
    try:
        return client.head_manifest(name, reference).digest
    except client.ManifestUnknown:
        return ""
    finally:
        pace.told(time.monotonic() - started)
