"""Every write to the registry's manifests: under a push intent, with the rules that hold for a tag checked there.

open the intent -> may this tag be written -> ask the registry -> record and end the intent. No permission is asked for
here, and no transaction is open while the registry is asked. A crash at any point leaves the intent to the sweep.
"""

from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import SYSTEM, Actor
from portal.kit.errors import Conflict, Forbidden, MoorageError, Unavailable
from repositories.images import immutability, intents, removal
from repositories.images.holding import held
from repositories.images.models import Manifest, PushIntent, Tag
from repositories.models import Repository
from repositories.registry import client

Kind = PushIntent.Kind


def put(
    *,
    actor: Actor,
    repository: Repository,
    reference: str,
    tag: str,
    body: bytes,
    media_type: str,
    kind: PushIntent.Kind = Kind.PUSH,
    source: str = "",
    expected: str | None = None,
) -> client.Answer:
    """Write a manifest by tag or digest; the registry's own answer, whatever it is. After 201 it is recorded.

    `tag` is empty for a write by digest. `expected` is the digest that the tag must have, or empty that there must be
    no such tag: somebody decided on what they saw. Raises Conflict when it isn't so, TagImmutable, Unavailable.
    """
    intent = intents.open_intent(
        actor=actor,
        repository=repository,
        reference=reference,
        tag=tag,
        body=body,
        media_type=media_type,
        kind=kind,
        source=source,
    )
    _check_rules(intent, expected)
    try:
        given = client.put_manifest(
            repository.full_name, reference, body=body, media_type=media_type, subject=str(intent.pk)
        )
    except client.RegistryUnavailable:
        intents.hand_over(intent)
        raise
    if given.status == 201:
        # False: it took longer than the lease, and the sweep had given up. It may not be answered unrecorded.
        if not intents.settle(intent):
            intents.settle_late(intent)
    elif given.status < 500:
        intents.refuse(intent)
    else:
        intents.hand_over(intent)
    return given


def untag(*, actor: Actor, repository: Repository, tag: str, digest: str) -> bool:
    """Take a tag that points to `digest` away, and nothing else: the image and its other tags stay.

    False when it points elsewhere by now. Raises TagImmutable, Unavailable, DeletionOff.
    """
    intent = intents.open_intent(
        actor=actor, repository=repository, reference=tag, tag=tag, kind=Kind.DELETE, digest=digest
    )
    _check_rules(intent)
    try:
        removed = removal.remove_tag(intent)
    except client.RegistryUnavailable:
        intents.hand_over(intent)
        raise
    except MoorageError:
        intents.refuse(intent)
        raise
    if removed:
        return intents.settle(intent)
    intents.refuse(intent)
    return False


def purge(*, repository: Repository, digest: str) -> bool:
    """Delete a manifest by digest, if it is to be deleted and nothing holds it: no tag, no index, no write under way.

    False when something does; then nothing is changed. Raises Unavailable, DeletionOff.
    """
    intent = intents.open_intent(
        actor=SYSTEM, repository=repository, reference=digest, tag="", kind=Kind.PURGE, digest=digest
    )
    if intents.others_are_open(intent) or _is_held(repository, digest):
        intents.refuse(intent)
        return False
    try:
        removal.remove_manifest(intent)
    except client.RegistryUnavailable:
        intents.hand_over(intent)
        raise
    except MoorageError:
        intents.refuse(intent)
        raise
    return intents.settle(intent)


def _is_held(repository: Repository, digest: str) -> bool:
    """Or restored meanwhile. Looked at after the intent is open: whoever writes later waits for it."""
    rows = Manifest.objects.filter(repository=repository, digest=digest, delete_after__isnull=False)
    return not rows.filter(~held()).exists()


def _check_rules(intent: PushIntent, expected: str | None = None) -> None:
    """After the intent is open, so that of two writes the second sees what the first has done. Raises TagImmutable,
    Forbidden (archived meanwhile), Unavailable.

    The rules are read anew: they may have been changed while the client sent its layers. One query, and for a tag that
    a rule covers one more, or a question to the registry, which may hold a tag that came another way.
    """
    repository = Repository.objects.filter(pk=intent.repository_id).first()
    if repository is None:
        raise Unavailable(_("The repository was deleted meanwhile."))
    try:
        if expected is not None and _known(repository, intent.tag) != expected:
            raise Conflict(_("The tag was moved or deleted at this moment. Look at it again."))
        if repository.is_archived:
            raise Forbidden(_("The repository is archived: it can be pulled and not changed."))
        rule = immutability.covering_rule(repository, intent.tag) if intent.tag else None
        held = "" if rule is None else _held(repository, intent.tag)
        if rule is not None and held and (held != intent.digest or intent.kind == Kind.DELETE):
            raise immutability.refusal(repository, intent.tag, rule, held)
    except MoorageError:
        intents.refuse(intent)
        raise


def _held(repository: Repository, tag: str) -> str:
    return _known(repository, tag) or removal.held_digest(repository.full_name, tag)


def _known(repository: Repository, tag: str) -> str:
    rows = Tag.objects.filter(repository=repository, name=tag)
    return rows.values_list("manifest__digest", flat=True).first() or ""
