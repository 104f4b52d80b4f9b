"""The Push way: a manifest comes in, and the registry and the database both have it, or neither.

verify the token -> may the actor still push -> commit the intent -> forward -> record and end the intent -> answer with
the registry's own answer.
"""

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from portal.accounts.actor import Actor
from portal.accounts.middleware import client_address, client_name
from portal.kit import bodies
from portal.kit.errors import MoorageError
from repositories import actions as repositories
from repositories.gateway.paths import ManifestPath
from repositories.images import intents, manifests, writes
from repositories.registry import client, denials, verify
from repositories.registry.denials import WRITING
from repositories.registry.errors import answer, respond, unauthorized
from repositories.registry.signing import Access

log = logging.getLogger(__name__)


def put_manifest(request: HttpRequest, path: ManifestPath) -> HttpResponse:
    """Answer a manifest PUT in the registry's protocol. Never raises; a refused one leaves the database as it was."""
    wrong = check_path(path)
    if wrong is not None:
        return wrong
    wanted = [Access(path.name, WRITING)]
    try:
        verified = verify.bearer(request)
        if verified is None:
            return unauthorized(request, wanted)
        if not verified.may(path.name, *WRITING):
            return denials.refuse(request, verified, path.name, WRITING)
        actor = verify.actor_of(verified).seen_from(address=client_address(request), client=client_name(request))
        return _put(request, path, actor)
    except verify.InvalidToken:
        return unauthorized(request, wanted, error="invalid_token")
    except MoorageError as error:
        return answer(error)
    except DatabaseError:
        # The intent, if there is one, stays open, and the sweep settles it.
        log.exception("The database failed a push to %s.", path.name)
        return respond(503, "UNAVAILABLE", "the push could not be recorded at this moment; try again")


def check_path(path: ManifestPath) -> HttpResponse | None:
    """The registry's answer to a path outside of its grammar; None for a good one."""
    if not path.valid_name:
        return respond(400, "NAME_INVALID", "invalid repository name", detail={"name": path.name[:300]})
    if not path.valid_reference:
        if path.tag:
            return respond(400, "TAG_INVALID", "manifest tag is not valid")
        return respond(400, "DIGEST_INVALID", "provided digest is not valid")
    return None


def _put(request: HttpRequest, path: ManifestPath, actor: Actor) -> HttpResponse:
    """Raises as `_push`."""
    media_type = str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    try:
        body = bodies.read_body(request, limit=client.MANIFEST_MAX)
        manifests.parse(body, media_type)
    except (manifests.ManifestInvalid, bodies.TooLong, bodies.CutOff) as error:
        return respond(400, "MANIFEST_INVALID", "manifest invalid", detail=str(error.message))
    if not path.tag and intents.digest_of(body, like=path.reference) != path.reference:
        return respond(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    return _push(path, actor, body, media_type)


def _push(path: ManifestPath, actor: Actor, body: bytes, media_type: str) -> HttpResponse:
    """Raises NotFound, Forbidden or Unauthorized for a right that was lost since the token was made, Unavailable."""
    repository = repositories.create_repository_on_push(actor=actor, full_name=path.name)
    given = writes.put(
        actor=actor, repository=repository, reference=path.reference, tag=path.tag, body=body, media_type=media_type
    )
    return _hand_on(given)


def _hand_on(given: client.Answer) -> HttpResponse:
    """The registry's own answer, but for one that is meant for us: it does not take the token that we signed."""
    if given.status in (401, 403):
        log.error("The registry refused the gateway's own token with %d. Is it configured with our key?", given.status)
        return answer(client.RegistryUnavailable())
    response = HttpResponse(given.body, status=given.status, headers=dict(given.headers))
    if "Content-Type" not in given.headers:
        del response.headers["Content-Type"]  # Django's own, of an empty body
    return response
