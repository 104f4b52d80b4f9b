"""Manifest DELETE: never more than the one tag, or the one image without a tag, that the client means.

The registry itself would delete every tag of a digest. Tools such as skopeo look a tag's digest up and delete that, so
a digest with one tag stands for this tag; one with several is refused, and they are named.
"""

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.accounts.middleware import client_address, client_name
from portal.kit.errors import Conflict, MoorageError, NotFound
from repositories.access import Permission, fetch_repository
from repositories.gateway.paths import ManifestPath
from repositories.gateway.push import check_path
from repositories.images import image_actions, tag_actions
from repositories.models import Repository
from repositories.registry import client, denials, verify
from repositories.registry.errors import VERSION, VERSION_HEADER, answer, respond, unauthorized
from repositories.registry.signing import Access

log = logging.getLogger(__name__)

DELETING = ("delete",)


def delete_manifest(request: HttpRequest, path: ManifestPath) -> HttpResponse:
    """Answer a manifest DELETE in the registry's protocol. Never raises."""
    wrong = check_path(path)
    if wrong is not None:
        return wrong
    wanted = [Access(path.name, DELETING)]
    try:
        verified = verify.bearer(request)
        if verified is None:
            return unauthorized(request, wanted)
        if not verified.may(path.name, *DELETING):
            return denials.refuse(request, verified, path.name, DELETING)
        actor = verify.actor_of(verified).seen_from(address=client_address(request), client=client_name(request))
        _delete(actor, path)
    except verify.InvalidToken:
        return unauthorized(request, wanted, error="invalid_token")
    except MoorageError as error:
        return answer(error)
    except DatabaseError:
        # The intent, if there is one, stays open, and the sweep settles it.
        log.exception("The database failed a deletion in %s.", path.name)
        return respond(503, "UNAVAILABLE", "the deletion could not be recorded at this moment; try again")
    return HttpResponse(status=202, headers={VERSION_HEADER: VERSION, "Cache-Control": "no-store"})


def _delete(actor: Actor, path: ManifestPath) -> None:
    """Raises NotFound or Forbidden for a right that was lost since the token was made, and as the actions do."""
    namespace, _slash, name = path.name.partition("/")
    repository = fetch_repository(actor, namespace, name, Permission.DELETE_IMAGES)
    try:
        if path.tag:
            tag_actions.delete_tag(actor=actor, repository=repository, tag=path.tag)
        else:
            _delete_digest(actor, repository, path.reference)
    except NotFound as error:
        raise client.ManifestUnknown(error.message) from error


def _delete_digest(actor: Actor, repository: Repository, digest: str) -> None:
    tags = image_actions.tags_of(repository, digest)
    if len(tags) > 1:
        raise Conflict(
            _("%(digest)s has %(count)d tags: %(tags)s. Delete each by its name, or the image on its page.")
            % {"digest": digest[:19], "count": len(tags), "tags": image_actions.some(tags)}
        )
    if tags:
        # Only the tag: the image is kept for a while, and stays where an image of several platforms has it.
        tag_actions.delete_tag(actor=actor, repository=repository, tag=tags[0], digest=digest)
    else:
        image_actions.delete_image(actor=actor, repository=repository, digest=digest, tags=[])
