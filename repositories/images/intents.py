"""Push intents: opened before the registry is asked, settled once by whoever comes first. Deletions have one, too.

Between `open_intent` and `settle` stands no transaction. A crash at any point leaves an open intent, which the sweep
settles by what the registry then holds.
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import Unavailable
from repositories.images import actions as images, manifests, removal, untagging
from repositories.images.models import Manifest, PushIntent, Tag
from repositories.images.placeholder import placeholder_of
from repositories.models import Repository
from repositories.registry import client

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
"""Longer than the gateway waits for the registry (client.WRITE_TIMEOUT), as short as a crash may block a tag."""
SWEEP_LEASE = timedelta(seconds=30)
WAIT_FOR_OTHERS = 10.0
"""Seconds that a push waits for another push of the same tag."""
POLL = 0.05
SWEEP_MOST = 50
TAG_WRITTEN_WITHIN = timedelta(seconds=30)
"""The registry tells of a push before it writes the tag (distribution issue 2625); a slow storage may take so long."""
KEPT = timedelta(days=7)
"""Settled ones are kept so long: a registry that was frozen may still take what was refused."""
FORGET_MOST = 500

State, Kind = PushIntent.State, PushIntent.Kind


def open_intent(
    *,
    actor: Actor,
    repository: Repository,
    reference: str,
    tag: str,
    body: bytes = b"",
    media_type: str = "",
    kind: PushIntent.Kind = Kind.PUSH,
    digest: str = "",
    source: str = "",
) -> PushIntent:
    """Commit who is about to write what. Raises Unavailable when another write of the tag is not done within 10 s.

    The unique constraint on the open intent of a tag decides who goes first. `digest` is of a deletion, which has no
    body.
    """
    deadline = time.monotonic() + WAIT_FOR_OTHERS
    columns = {
        "kind": kind,
        "reference": reference,
        "tag": tag,
        "digest": digest or digest_of(body, like=reference),
        "media_type": media_type,
        "body": body,
        "actor_id": actor.user_id,
        "actor_public_id": actor.public_id,
        "actor_name": actor.name,
        "credential": actor.credential_label[:160],
        "address": actor.address,
        "client": actor.client,
        "source": source[:400],
    }
    intent = _open(repository, tag, columns, deadline)
    if kind is not Kind.PURGE:
        _wait_for_purge(intent, deadline)
    return intent


def _open(repository: Repository, tag: str, columns: dict[str, Any], deadline: float) -> PushIntent:
    while True:
        try:
            with transaction.atomic():
                leased_until = timezone.now() + LEASE
                return PushIntent.objects.create(repository=repository, leased_until=leased_until, **columns)
        except IntegrityError:
            _wait_for_others(repository, tag, deadline)


def _wait_for_others(repository: Repository, tag: str, deadline: float) -> None:
    """Look, and do not try to write: every try would leave the whole manifest behind as a dead row."""
    if not Repository.objects.filter(pk=repository.pk).exists():
        raise Unavailable(_("The repository was deleted while you pushed."))
    while True:
        if time.monotonic() >= deadline:
            raise Unavailable(_("Another push of this tag is under way. Please try again."))
        time.sleep(POLL)
        if not being_pushed(repository, tag):
            return


def _wait_for_purge(intent: PushIntent, deadline: float) -> None:
    """The clean-up deletes by digest, and gives way to whoever has opened an intent before it looked.

    Each commits its own intent first and looks for the other's then: at least one of the two sees the other.
    """
    while PushIntent.objects.filter(repository_id=intent.repository_id, kind=Kind.PURGE, state=State.OPEN).exists():
        if time.monotonic() >= deadline:
            refuse(intent)
            raise Unavailable(_("Deleted images are being removed from this repository. Please try again."))
        time.sleep(POLL)


def others_are_open(intent: PushIntent) -> bool:
    """Whether anybody else is about to write to the repository."""
    rows = PushIntent.objects.filter(repository_id=intent.repository_id, state=State.OPEN)
    return rows.exclude(pk=intent.pk).exists()


def digest_of(body: bytes, *, like: str = "") -> str:
    """The digest of the body, by the algorithm of the digest `like`, or else SHA-256."""
    algorithm = "sha512" if like.startswith("sha512:") else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def settle(intent: PushIntent) -> bool:
    """The registry did it: record what was done and end the intent, in one transaction.

    False when somebody else had settled it, or when the repository was deleted and took its intents with it: the
    conditional update decides.
    """
    record = _recording(intent)
    try:
        with transaction.atomic():
            # The repository's row first, which this locks, then the intent's: so does who deletes the repository, and
            # in another order PostgreSQL would find a deadlock.
            record()
            settled = _end(PushIntent.objects.filter(pk=intent.pk), State.DONE)
            transaction.set_rollback(not settled)
    except Repository.DoesNotExist:
        return False
    return settled


def _recording(intent: PushIntent) -> Callable[[], object]:
    """What is to be written of it. The manifest is parsed here, before the transaction."""
    repository_id, digest, pusher = intent.repository_id, intent.digest, _pusher(intent)
    if intent.kind == Kind.DELETE:
        return partial(
            untagging.record_untagged, repository_id=repository_id, tag=intent.tag, digest=digest, pusher=pusher
        )
    if intent.kind == Kind.PURGE:
        return partial(untagging.record_purged, repository_id=repository_id, digest=digest)
    parsed = manifests.parse(bytes(intent.body), intent.media_type)
    push = images.Push(digest, parsed, intent.tag, pusher, Kind(intent.kind), intent.source)
    return partial(images.record_push, repository_id=repository_id, push=push)


def refuse(intent: PushIntent) -> bool:
    """The registry did not do it.

    False when somebody else had settled the intent, or when a notification named it since the caller read it.
    """
    return _end(PushIntent.objects.filter(pk=intent.pk, seen_at=intent.seen_at), State.REFUSED)


def settle_late(intent: PushIntent) -> bool:
    """The registry took it after all, after we had given up on it: a notification says so, or the registry's answer.

    Opened anew, so that no other push of the tag comes between looking and recording. The manifest is read back, since
    a refused intent keeps no body. False when the registry holds something else by now, or when it is settled already.
    Raises as `client.get_manifest`.
    """
    if intent.kind == Kind.PURGE:
        return False  # nothing that a notification of a push could tell of
    name, told = intent.repository.full_name, intent.digest
    if intent.kind == Kind.DELETE:
        told = placeholder_of(intent.pk).digest
    if client.head_manifest(name, intent.reference).digest != told:
        return False
    body = b"" if intent.kind == Kind.DELETE else client.get_manifest(name, intent.digest).body
    if not _reopen(intent, body):
        return False
    _settle_left_behind(intent.pk)
    return True


def _reopen(intent: PushIntent, body: bytes) -> bool:
    now = timezone.now()
    rows = PushIntent.objects.filter(pk=intent.pk, state=State.REFUSED)
    try:
        with transaction.atomic():
            return bool(rows.update(state=State.OPEN, body=body, seen_at=now, leased_until=now))
    except IntegrityError:
        return False  # another push of the tag is under way, and what the registry holds after that one counts


def hand_over(intent: PushIntent) -> None:
    """Nobody knows whether the registry took it: let the sweep ask, at once."""
    PushIntent.objects.filter(pk=intent.pk, state=State.OPEN).update(leased_until=timezone.now())


def _end(rows: QuerySet[PushIntent], state: PushIntent.State) -> bool:
    return bool(rows.filter(state=State.OPEN).update(state=state, body=b""))


def _pusher(intent: PushIntent) -> images.Pusher:
    return images.Pusher(
        user_id=intent.actor_id,
        public_id=intent.actor_public_id,
        name=intent.actor_name,
        credential_label=intent.credential,
        address=intent.address,
        client=intent.client,
    )


def being_pushed(repository: Repository, tag: str) -> bool:
    return PushIntent.objects.filter(repository=repository, tag=tag, state=State.OPEN).exists()


def sweep() -> None:
    """Settle the intents that were left behind. Two queries when there are none; an error in one stops no other."""
    forget()
    left = PushIntent.objects.filter(state=State.OPEN, leased_until__lte=timezone.now()).order_by("leased_until")
    for pk in list(left.values_list("pk", flat=True)[:SWEEP_MOST]):
        try:
            _settle_left_behind(pk)
        except client.RegistryUnavailable:
            return  # the others would wait as long; the next sweep asks again
        except Exception:
            log.exception("Push intent %s could not be settled.", pk)


def _settle_left_behind(pk: uuid.UUID) -> None:
    now = timezone.now()
    leased = PushIntent.objects.filter(pk=pk, state=State.OPEN, leased_until__lte=now)
    if not leased.update(leased_until=now + SWEEP_LEASE):
        return
    intent = PushIntent.objects.select_related("repository").get(pk=pk)
    try:
        _settle_by_what_is_held(intent)
    except client.RegistryUnavailable:
        hand_over(intent)
        raise


def _settle_by_what_is_held(intent: PushIntent) -> None:
    held = removal.held_digest(intent.repository.full_name, intent.reference)
    if intent.kind == Kind.DELETE:
        _settle_deletion(intent, held)
    elif intent.kind == Kind.PURGE and not held:
        settle(intent)
    elif intent.kind == Kind.PURGE:
        refuse(intent)
    elif held == intent.digest and (intent.seen_at or not _known_before(intent)):
        settle(intent)
    elif (held != intent.digest and _is_being_written(intent)) or not refuse(intent):
        hand_over(intent)


def _settle_deletion(intent: PushIntent, held: str) -> None:
    """One that had begun is brought to its end; one that had not is as if nobody had asked for it."""
    begun = held in ("", placeholder_of(intent.pk).digest)
    if begun and removal.remove_tag(intent):
        settle(intent)
    elif not refuse(intent):
        hand_over(intent)


def _is_being_written(intent: PushIntent) -> bool:
    return intent.seen_at is not None and intent.seen_at > timezone.now() - TAG_WRITTEN_WITHIN


def _known_before(intent: PushIntent) -> bool:
    """When it was there before, only a notification tells whether this push came through too; without one it is as if
    nobody had pushed.
    """
    if intent.tag:
        rows = Tag.objects.filter(repository_id=intent.repository_id, name=intent.tag)
        return rows.filter(manifest__digest=intent.digest).exists()
    return Manifest.objects.filter(repository_id=intent.repository_id, digest=intent.digest).exists()


def forget() -> None:
    """Drop what was settled long ago, a batch at a time."""
    old = PushIntent.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(state=State.OPEN)
    oldest = old.order_by("created_at").values_list("pk", flat=True)[:FORGET_MOST]
    PushIntent.objects.filter(pk__in=list(oldest)).delete()
