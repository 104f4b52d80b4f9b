"""What the door hands to the portal of the registry's protocol, besides the token service."""

from django.http import HttpRequest, HttpResponse

from repositories.gateway import delete, notifications as hints, push
from repositories.gateway.paths import is_blob, parse_manifest
from repositories.registry.errors import not_allowed, respond


def registry_path(request: HttpRequest) -> HttpResponse:
    """Manifest PUT and DELETE; 405 or 404 in the registry's format for the rest, which fails closed."""
    path = parse_manifest(request.path_info)
    if path is not None:
        if request.method == "PUT":
            return push.put_manifest(request, path)
        if request.method == "DELETE":
            return delete.delete_manifest(request, path)
        return not_allowed("GET", "HEAD", "PUT", "DELETE")
    if is_blob(request.path_info):
        # With a delete token the registry would take a layer away from every tag that uses it.
        return not_allowed("GET", "HEAD")
    return respond(404, "NAME_UNKNOWN", "no such path in the registry's protocol")


def notifications(request: HttpRequest) -> HttpResponse:
    return hints.receive(request)
