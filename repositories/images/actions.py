"""Everything that writes manifests, tags and their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.events.record import record
from portal.kit import jobs
from repositories.images.holding import held
from repositories.images.manifests import SIZE_MAX, Entry, Parsed, Part, has_config
from repositories.images.models import IndexEntry, Manifest, ManifestKind, PushIntent, Tag, TagHistory
from repositories.images.versions import version_key
from repositories.models import Repository

READ_DETAILS = "repositories.images.read_details"
Moved = TagHistory.Action


@dataclass(frozen=True, slots=True)
class Pusher:
    """Who pushed, as the push intent remembers them: the person may be gone by now."""

    user_id: int | None = None
    public_id: str = ""
    name: str = ""
    credential_label: str = ""
    address: str = ""
    client: str = ""


UNKNOWN = Pusher()
"""Of what was found in the registry: nobody saw it come."""


Kind = PushIntent.Kind
# What a tag's history says of each kind; of a push, what it did to the tag. And how the event's name ends.
HISTORY = {Kind.ROLL_BACK: Moved.ROLLED_BACK, Kind.RESTORE: Moved.RESTORED, Kind.COPY: Moved.COPIED}
VERBS = {Kind.PUSH: "push", Kind.ROLL_BACK: "rollback", Kind.RESTORE: "restore", Kind.COPY: "copy"}


@dataclass(frozen=True, slots=True)
class Push:
    """What arrived. `tag` is empty for a push by digest; `source` is of a copy, such as `acme/app:1.0`."""

    digest: str
    parsed: Parsed
    tag: str = ""
    pusher: Pusher = UNKNOWN
    kind: PushIntent.Kind = Kind.PUSH
    source: str = ""


def record_push(*, repository_id: int, push: Push) -> Manifest:
    """Write manifest, tag, history, counters and, for a tag, the event of the push's kind. Called by `intents.settle`.

    Inside the caller's transaction, which also ends the push intent, so that both happen or neither. Holds the
    repository's row meanwhile; 8 to 14 queries. Raises Repository.DoesNotExist when it was deleted meanwhile.
    """
    now = timezone.now()
    repository = lock_repository(repository_id)
    manifest = _keep_manifest(repository, push, now)
    if not push.tag:
        return manifest
    history = _point_tag(repository, manifest, push, now)
    record(
        f"repo.tag.{VERBS[push.kind]}",
        actor=push.pusher,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}:{push.tag}",
        old={"digest": history.previous_digest} if history.previous_digest else None,
        new=_told(manifest, history) | ({"source": push.source} if push.source else {}),
    )
    return manifest


def record_found(*, repository_id: int, digest: str, parsed: Parsed, tag: str = "", previous: str = "") -> bool:
    """Write what the registry holds and we did not know of: a manifest, and the tag if there is none of that name.

    A tag that points to `previous` here is moved to what the registry holds. No event, so no webhook: an old image is
    no push. Returns whether anything was new. One transaction of its own.
    """
    push = Push(digest=digest, parsed=parsed, tag=tag)
    with transaction.atomic():
        repository = lock_repository(repository_id)
        known = Manifest.objects.filter(repository=repository, digest=digest).exists()
        manifest = _keep_manifest(repository, push, timezone.now())
        here = Tag.objects.filter(repository=repository, name=tag).values_list("manifest__digest", flat=True).first()
        if not tag or (here is not None and (here != previous or here == digest)):
            return not known
        _point_tag(repository, manifest, push, timezone.now(), found=True)
    return True


def lock_repository(repository_id: int) -> Repository:
    """Two writes to one repository's tags wait for each other (on SQLite all writes do)."""
    return Repository.objects.select_for_update(of=("self",)).get(pk=repository_id)


def _keep_manifest(repository: Repository, push: Push, now: datetime) -> Manifest:
    """Looks, then writes, without get_or_create's savepoints: whoever gets here holds the repository's row."""
    parsed = push.parsed
    known = Manifest.objects.filter(repository=repository, digest=push.digest).first()
    if known is not None:
        _keep_again(known, push, now)
        return known
    columns = _columns(parsed)
    if parsed.kind == ManifestKind.INDEX:
        columns["total_size"] = _size_of_children(repository, parsed)
    columns["untagged_at"] = None if _is_held(repository, push) else now
    manifest = Manifest.objects.create(repository=repository, digest=push.digest, pushed_at=now, **columns)
    IndexEntry.objects.bulk_create(
        [_entry(manifest, position, entry) for position, entry in enumerate(parsed.entries)], batch_size=200
    )
    _hold_children(repository, parsed)
    if manifest.details == Manifest.Details.PENDING:
        jobs.enqueue(READ_DETAILS, manifest.pk)
    return manifest


def _is_held(repository: Repository, push: Push) -> bool:
    """Whether something points to it, or it is attached to something. At most one query."""
    if push.tag or push.parsed.subject_digest:
        return True
    return IndexEntry.objects.filter(digest=push.digest, index__repository=repository).exists()


def _hold_children(repository: Repository, parsed: Parsed) -> None:
    digests = {entry.digest for entry in parsed.entries}
    if digests:
        children = Manifest.objects.filter(repository=repository, digest__in=digests)
        children.update(untagged_at=None, delete_after=None)


def mark_untagged(manifest_ids: Sequence[int], now: datetime) -> None:
    """Say of those of the manifests that nothing points to any more since when that is so. One query.

    Called, with the repository held, by whoever took a tag or an index away from them.
    """
    rows = Manifest.objects.filter(pk__in=manifest_ids, untagged_at=None, subject_digest="")
    rows.filter(~held()).update(untagged_at=now)


def _keep_again(manifest: Manifest, push: Push, now: datetime) -> None:
    """Whoever pushes it again wants it kept. Details that could not be read get another chance."""
    manifest.pushed_at = now
    manifest.delete_after = manifest.missing_since = None
    if push.tag:
        manifest.untagged_at = None
    if manifest.details == Manifest.Details.FAILED:
        manifest.details, manifest.details_tries = Manifest.Details.PENDING, 0
        jobs.enqueue(READ_DETAILS, manifest.pk)
    manifest.save(
        update_fields=["pushed_at", "delete_after", "missing_since", "untagged_at", "details", "details_tries"]
    )


def _columns(parsed: Parsed) -> dict[str, Any]:
    """Of what has no config worth reading the manifest itself told everything."""
    return {
        "media_type": parsed.media_type,
        "artifact_type": parsed.artifact_type,
        "kind": parsed.kind,
        "size": parsed.size,
        "total_size": parsed.total_size,
        "config_digest": parsed.config.digest if parsed.config else "",
        "subject_digest": parsed.subject_digest,
        "layers": [_layer(layer) for layer in parsed.layers],
        "annotations": parsed.annotations,
        "details": Manifest.Details.PENDING if has_config(parsed) else Manifest.Details.READ,
    }


def _layer(layer: Part) -> dict[str, Any]:
    told = {"digest": layer.digest, "size": layer.size, "media_type": layer.media_type}
    return told | ({"annotations": layer.annotations} if layer.annotations else {})


def _entry(index: Manifest, position: int, entry: Entry) -> IndexEntry:
    return IndexEntry(
        index=index,
        position=position,
        digest=entry.digest,
        media_type=entry.media_type,
        size=entry.size,
        os=entry.platform.os,
        architecture=entry.platform.architecture,
        variant=entry.platform.variant,
        os_version=entry.platform.os_version,
        annotations=entry.annotations,
    )


def _size_of_children(repository: Repository, parsed: Parsed) -> int:
    """Children are pushed before their index; one that is missing counts nothing. Nobody checks the sizes they tell."""
    digests = {entry.digest for entry in parsed.entries}
    children = Manifest.objects.filter(repository=repository, digest__in=digests)
    return min(sum(children.values_list("total_size", flat=True)), SIZE_MAX)


def _point_tag(
    repository: Repository, manifest: Manifest, push: Push, now: datetime, *, found: bool = False
) -> TagHistory:
    rows = Tag.objects.filter(repository=repository, name=push.tag)
    previous_id, previous = rows.values_list("manifest", "manifest__digest").first() or (None, "")
    written = {
        "manifest": manifest,
        "size": manifest.total_size,
        "pushed_at": now,
        "pushed_by_id": push.pusher.user_id,
        "pushed_by_name": push.pusher.name,
    }
    if previous and previous != push.digest:
        written |= {"moved_from": previous, "moved_at": now, "moved_by_name": push.pusher.name}
    if previous:
        rows.update(**written)
    else:
        written |= {"version_key": version_key(push.tag), "created_by_id": push.pusher.user_id}
        Tag.objects.create(repository=repository, name=push.tag, **written)
    if previous_id is not None and previous != push.digest:
        mark_untagged([previous_id], now)
    counted = {} if previous else {"tag_count": F("tag_count") + 1}
    Repository.objects.filter(pk=repository.pk).update(updated_at=now, last_pushed_at=now, **counted)
    action = Moved.FOUND if found else HISTORY.get(push.kind) or _what_happened(previous, push.digest)
    before = "" if previous == push.digest else previous
    return keep_history(
        repository, push.tag, action, push.digest, previous=before, pusher=push.pusher, at=now, source=push.source
    )


def keep_history(
    repository: Repository,
    tag: str,
    action: TagHistory.Action,
    digest: str,
    *,
    previous: str,
    pusher: Pusher,
    at: datetime,
    source: str = "",
) -> TagHistory:
    return TagHistory.objects.create(
        repository=repository,
        tag=tag,
        action=action,
        digest=digest,
        previous_digest=previous,
        at=at,
        actor_id=pusher.user_id,
        actor_name=pusher.name,
        credential=pusher.credential_label,
        client=pusher.client,
        source=source,
    )


def _what_happened(previous: str, digest: str) -> TagHistory.Action:
    if not previous:
        return Moved.CREATED
    return Moved.REPEATED if previous == digest else Moved.MOVED


def _told(manifest: Manifest, history: TagHistory) -> dict[str, Any]:
    """What the event says of the image: as much as is known at once."""
    entries = manifest.entries.all() if manifest.kind == ManifestKind.INDEX else ()
    return {
        "tag": history.tag,
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "previous_digest": history.previous_digest,
        "platforms": [entry.platform for entry in entries if entry.platform and not entry.is_attestation],
        "size": manifest.total_size,
    }
