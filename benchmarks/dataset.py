"""A large installation, generated: repositories, tags, manifests and their history. See docs/benchmarks.md.

`python -m benchmarks.dataset` with an installation's environment fills its migrated, empty database; the benchmarks of
pages call `fill`. By default 100,000 repositories in 1,000 namespaces and 1,000,000 tags, 50,000 of them in one
repository, and 1,000 in another.
"""

import argparse
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  models need the settings
from django.db import models  # noqa: E402

from orgs.models import MemberRole, Membership, Organization  # noqa: E402
from portal.accounts.models import Namespace, User  # noqa: E402
from repositories.images.models import Manifest, Tag, TagHistory  # noqa: E402
from repositories.images.versions import version_key  # noqa: E402
from repositories.models import Repository  # noqa: E402

BATCH = 5_000
START = datetime(2026, 1, 1, tzinfo=UTC)
IMAGE = "application/vnd.oci.image.manifest.v1+json"
WORDS = ("api", "web", "worker", "billing", "search", "mail", "auth", "cache", "proxy", "report", "ledger", "export")
BIG, MIDDLE = "org0/big", "org0/middle"
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Size:
    repositories: int = 100_000
    namespaces: int = 1_000
    tags: int = 1_000_000
    big: int = 50_000
    middle: int = 1_000

    @classmethod
    def scaled(cls, scale: float) -> "Size":
        """The large repository stays as it is: that its pages are as quick as those of a small one is the question."""
        whole = cls()
        return cls(
            repositories=max(int(whole.repositories * scale), 200),
            namespaces=max(int(whole.namespaces * scale), 2),
            tags=max(int(whole.tags * scale), whole.big + whole.middle + 1_000),
        )


def fill(size: Size) -> None:
    """Into a migrated, empty database. `alice` is a member of org0, which has both special repositories."""
    namespaces = _people_and_organizations(size)
    _insert(Repository, _repositories(size, namespaces))
    counts = _tag_counts(size, Repository.objects.order_by("pk").values_list("pk", "full_name").iterator())
    _images(counts)


def _people_and_organizations(size: Size) -> list[int]:
    own = Namespace.objects.create(name="alice")
    alice = User.objects.create(namespace=own, username="alice", email="alice@example.org", password="!")
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    _insert(Namespace, (Namespace(name=f"org{number}") for number in range(size.namespaces)))
    ids = list(Namespace.objects.filter(name__startswith="org").order_by("pk").values_list("pk", flat=True))
    _insert(Organization, (Organization(namespace_id=pk) for pk in ids))
    first = Organization.objects.get(namespace_id=ids[0])
    Membership.objects.create(organization=first, user=alice, role=MemberRole.MEMBER)
    return ids


def _repositories(size: Size, namespaces: list[int]) -> Iterator[Any]:
    """One in three is public."""
    names = [(namespaces[0], 0, "big"), (namespaces[0], 0, "middle")]
    names += [
        (namespaces[number % size.namespaces], number % size.namespaces, f"{WORDS[number % len(WORDS)]}-{number}")
        for number in range(size.repositories - 2)
    ]
    for number, (namespace_id, owner, name) in enumerate(names):
        at = START + timedelta(minutes=number * 7919 % size.repositories)
        yield Repository(
            namespace_id=namespace_id,
            name=name,
            full_name=f"org{owner}/{name}",
            visibility="public" if number % 3 == 0 else "private",
            description=f"The {WORDS[number % len(WORDS)]} of team {number % 97}",
            updated_at=at,
            last_pushed_at=at,
            star_count=number % 23,
            pull_count=number * 31 % 10_007,
            tag_count=0,
        )


def _tag_counts(size: Size, repositories: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    each = max((size.tags - size.big - size.middle) // max(size.repositories - 2, 1), 1)
    for pk, full_name in repositories:
        yield pk, {BIG: size.big, MIDDLE: size.middle}.get(full_name, each)


def _images(counts: Iterator[tuple[int, int]]) -> None:
    """Two tags to a manifest; each tag was pushed once, and every third was moved. Repositories in bunches."""
    while bunch := list(islice(counts, 500)):
        for repositories in _bunches(bunch):
            _insert_images(repositories)


def _bunches(counts: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """So that no more than some 50,000 tags are in memory."""
    large = [one for one in counts if one[1] > 500]
    yield from ([one] for one in large)
    yield [one for one in counts if one[1] <= 500]


def _insert_images(counts: list[tuple[int, int]]) -> None:
    _insert(Manifest, (_manifest(pk, number) for pk, count in counts for number in range((count + 1) // 2)))
    ids = dict.fromkeys(pk for pk, _count in counts)
    known: dict[int, list[tuple[int, str]]] = {pk: [] for pk in ids}
    rows = Manifest.objects.filter(repository__in=ids).order_by("pk").values_list("repository_id", "pk", "digest")
    for repository_id, pk, digest in rows.iterator():
        known[repository_id].append((pk, digest))
    _insert(Tag, (_tag(pk, number, known[pk][number // 2][0]) for pk, count in counts for number in range(count)))
    _insert(TagHistory, (row for pk, count in counts for row in _history(pk, count, known[pk])))
    repositories = [Repository(pk=pk, tag_count=count) for pk, count in counts]
    Repository.objects.bulk_update(repositories, ["tag_count"], batch_size=500)


def _manifest(repository_id: int, number: int) -> Any:
    layers = [
        {"digest": _digest(f"layer {repository_id} {part}"), "size": 1_000_000, "media_type": "x"} for part in range(4)
    ]
    return Manifest(
        repository_id=repository_id,
        digest=_digest(f"{repository_id} {number}"),
        media_type=IMAGE,
        kind="image",
        size=1_200,
        total_size=4_000_000 + number,
        os="linux",
        architecture="amd64",
        layers=layers,
        details="read",
        pushed_at=START + timedelta(minutes=number),
    )


def _tag(repository_id: int, number: int, manifest_id: int) -> Any:
    name = f"{number // 100}.{number % 100}"
    return Tag(
        repository_id=repository_id,
        name=name,
        manifest_id=manifest_id,
        pushed_at=START + timedelta(minutes=number),
        pushed_by_name="alice",
        size=4_000_000 + number // 2,
        version_key=version_key(name),
        pull_count=number % 11,
    )


def _history(repository_id: int, count: int, manifests: list[tuple[int, str]]) -> Iterator[Any]:
    for number in range(count):
        name, digest = f"{number // 100}.{number % 100}", manifests[number // 2][1]
        at = START + timedelta(minutes=number)
        yield TagHistory(
            repository_id=repository_id, tag=name, action="created", digest=digest, at=at, actor_name="alice"
        )
        if number % 3 == 0:
            yield TagHistory(
                repository_id=repository_id,
                tag=name,
                action="moved",
                digest=digest,
                previous_digest=manifests[0][1],
                at=at + timedelta(hours=1),
                actor_name="alice",
            )


def _insert(model: type[Row], rows: Iterable[Row]) -> None:
    """In statements of BATCH rows, each with its own transaction, so that a million rows are never in memory."""
    pending = iter(rows)
    while batch := list(islice(pending, BATCH)):
        model._default_manager.bulk_create(batch, batch_size=BATCH)  # noqa: SLF001  any model has it


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataset")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of it, such as 0.01")
    fill(Size.scaled(parser.parse_args().scale))


if __name__ == "__main__":
    main()
