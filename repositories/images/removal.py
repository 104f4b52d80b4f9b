"""Takes a tag, and no more, out of the registry. HTTP only: what is recorded is the intents' business."""

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Unavailable
from repositories.images.models import PushIntent
from repositories.images.placeholder import CONFIG, Placeholder, placeholder_of
from repositories.registry import client


class DeletionOff(Unavailable):
    code = "deletion_off"
    default = _("The registry is set to delete nothing (its setting storage.delete.enabled).")


def held_digest(repository: str, reference: str) -> str:
    """What the registry has there; empty for nothing. Raises RegistryUnavailable."""
    try:
        return client.head_manifest(repository, reference).digest
    except client.ManifestUnknown:
        return ""


def remove_tag(intent: PushIntent) -> bool:
    """Whether the registry has no such tag any more: False, and nothing is changed, where it points elsewhere by now.

    Goes on where a crash left it. 3 requests on registry 3.x, up to 8 on 2.8, whose last reads the link of each tag.
    Raises RegistryUnavailable, DeletionOff.
    """
    name, tag, stand_in = intent.repository.full_name, intent.tag, placeholder_of(intent.pk)
    held = held_digest(name, tag)
    if held == intent.digest and not _delete(name, tag, intent):
        _replace(name, tag, stand_in, intent)
        held = stand_in.digest
    if held == stand_in.digest:
        _delete(name, stand_in.digest, intent)
    return held in ("", intent.digest, stand_in.digest) and held_digest(name, tag) == ""


def _replace(name: str, tag: str, stand_in: Placeholder, intent: PushIntent) -> None:
    """Where deletion is off, that of what isn't there is refused, too: so it is asked for first."""
    _delete(name, stand_in.digest, intent)
    client.put_blob(name, CONFIG)
    given = client.put_manifest(name, tag, body=stand_in.body, media_type=stand_in.media_type, subject=str(intent.pk))
    if given.status != 201:
        raise client.RegistryUnavailable


def _delete(name: str, reference: str, intent: PushIntent) -> bool:
    """Whether it is deleted, or was not there. False: this registry does not delete by tag."""
    given = client.delete_manifest(name, reference, subject=str(intent.pk))
    if given.status == 405:
        raise DeletionOff
    if given.status == 400 and ":" not in reference:
        return False
    if given.status not in (202, 404):
        raise client.RegistryUnavailable
    return True


def remove_manifest(intent: PushIntent) -> None:
    """Delete the intent's digest, with whatever tags it has there. Raises RegistryUnavailable, DeletionOff."""
    _delete(intent.repository.full_name, intent.digest, intent)
