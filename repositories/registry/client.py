"""HTTP client of the registry, the only one. Every call signs its own token for exactly what it does.

Reads raise ManifestUnknown, BlobUnknown or RepositoryUnknown only when the registry itself said so, and
RegistryUnavailable for anything else that is no answer: an error is never proof that something is gone. No function
here may be called inside a transaction.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid, NotFound, Unavailable
from portal.kit.http import InternalSession, RequestError, Response, internal_session
from repositories.names import DIGEST, NAME, TAG
from repositories.registry.signing import SERVICE_SUBJECT, Access, service_token

MANIFEST_MAX = 4 * 1024 * 1024
"""Distribution's limit on a manifest, in bytes."""
LISTING_MAX = 32 * 1024 * 1024
PAGE = 500
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPES = (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)
# All four, always: without the OCI types the registry says MANIFEST_UNKNOWN, without lists it gives the amd64 child.
ACCEPT = ", ".join(MANIFEST_TYPES)
# Seconds: for the connection, for each wait. A push intent's lease is longer than a write can take.
READ_TIMEOUT = (3.0, 10.0)
WRITE_TIMEOUT = (3.0, 15.0)
PING_TIMEOUT = (1.0, 2.0)
# RFC 9110 7.6.1, and what the server in front of us computes itself.
_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "date",
        "server",
    ]
)


class RegistryUnavailable(Unavailable):
    """The registry doesn't answer, or not as a registry does. Nothing follows from it about what it holds."""

    code = "registry_unavailable"
    default = _("The registry does not answer. Please try again in a moment.")


class ManifestUnknown(NotFound):
    code = "manifest_unknown"
    default = _("The registry has no such manifest.")


class BlobUnknown(NotFound):
    code = "blob_unknown"
    default = _("The registry has no such blob.")


class RepositoryUnknown(NotFound):
    """The registry never got anything for this name."""

    code = "name_unknown"
    default = _("The registry has no such repository.")


class TooLarge(Invalid):
    """It is longer than the caller wanted to read."""

    code = "too_large"
    default = _("The registry's answer is too large to be read here.")


@dataclass(frozen=True, slots=True)
class RawManifest:
    """`digest` was computed over `body`, the manifest's very bytes."""

    digest: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a HEAD tells. `size` is the manifest's own, in bytes."""

    digest: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The registry's own answer to a write, to be handed on. No hop-by-hop headers among `headers`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ping() -> float:
    """How long it takes to say that it is there, in seconds. Raises RegistryUnavailable after 3 s."""
    started = time.monotonic()
    with _send("GET", "/v2/", service_token(SERVICE_SUBJECT, []), {}, timeout=PING_TIMEOUT) as response:
        _expect(response, NotFound)
    return time.monotonic() - started


def get_manifest(repository: str, reference: str) -> RawManifest:
    """The manifest by tag or digest, whole. Raises ManifestUnknown, RegistryUnavailable, TooLarge (over 4 MiB).

    The registry reports it as a pull by SERVICE_SUBJECT; so does `head_manifest`.
    """
    with _read("GET", repository, f"manifests/{_reference(reference)}", {"Accept": ACCEPT}) as response:
        _expect(response, ManifestUnknown)
        body = _body(response, MANIFEST_MAX)
    told = response.headers.get("Docker-Content-Digest", "")
    wanted = reference if DIGEST.fullmatch(reference) else told
    digest = _digest_of(body, wanted)
    if digest != wanted:
        raise RegistryUnavailable(_("The registry's manifest does not have the digest that it should have."))
    return RawManifest(digest=digest, media_type=_media_type(response), body=body)


def head_manifest(repository: str, reference: str) -> Descriptor:
    """Digest, type and size of a manifest by tag or digest. Raises ManifestUnknown, RegistryUnavailable."""
    with _read("HEAD", repository, f"manifests/{_reference(reference)}", {"Accept": ACCEPT}) as response:
        _expect(response, ManifestUnknown)
    digest, size = response.headers.get("Docker-Content-Digest", ""), _length(response)
    if not DIGEST.fullmatch(digest) or size is None:
        raise RegistryUnavailable(_("The registry did not tell the digest of a manifest."))
    return Descriptor(digest=digest, media_type=_media_type(response), size=size)


def get_blob(repository: str, digest: str, *, limit: int) -> bytes:
    """A blob of at most `limit` bytes: an image's config. Raises BlobUnknown, TooLarge, RegistryUnavailable.

    A registry that redirects to its storage counts as unavailable: switch `storage.redirect` off.
    """
    with _read("GET", repository, f"blobs/{_reference(digest)}", {}) as response:
        _expect(response, BlobUnknown)
        if (_length(response) or 0) > limit:
            raise TooLarge
        body = _body(response, limit)
    if _digest_of(body, digest) != digest:
        raise RegistryUnavailable(_("The registry's blob does not have the digest that it should have."))
    return body


def list_tags(repository: str) -> Iterator[str]:
    """All tags, page by page. Raises RepositoryUnknown, RegistryUnavailable, also midway: then nothing is proven."""
    access = Access(repository, ("pull",))
    yield from _pages(f"/v2/{_name(repository)}/tags/list", "tags", access)


def catalog() -> Iterator[str]:
    """Every repository that the registry's storage knows, page by page. Slow on object stores."""
    yield from _pages("/v2/_catalog", "repositories", Access("catalog", ("*",), type="registry"))


def put_manifest(
    repository: str,
    reference: str,
    *,
    body: bytes,
    media_type: str,
    subject: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Forward a manifest as `subject`; the registry's own answer, whatever it is. Raises RegistryUnavailable.

    After RegistryUnavailable the registry may nevertheless hold the manifest.
    """
    sent = {**(headers or {}), "Content-Type": media_type}
    return _write("PUT", repository, reference, subject, ("pull", "push"), headers=sent, body=body)


def delete_manifest(
    repository: str, reference: str, *, subject: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Delete by digest, with every tag on it; or by tag, which 2.8 refuses with 400 and 3.x does. As `put_manifest`."""
    return _write("DELETE", repository, reference, subject, ("delete",), headers=headers or {}, body=None)


def put_blob(repository: str, content: bytes) -> str:
    """Upload a small blob of our own; its digest. Raises RegistryUnavailable."""
    digest = _digest_of(content, "")
    token = service_token(SERVICE_SUBJECT, [Access(repository, ("pull", "push"))])
    start = f"/v2/{_name(repository)}/blobs/uploads/"
    with _send("POST", start, token, {}, timeout=WRITE_TIMEOUT) as response:
        place = urlsplit(response.headers.get("Location", ""))
        if response.status_code != 202 or not place.path.startswith(start):
            raise RegistryUnavailable(_("The registry takes no upload."))
    params = {name: values[0] for name, values in parse_qs(place.query).items()} | {"digest": digest}
    with _send("PUT", place.path, token, {}, body=content, params=params, timeout=WRITE_TIMEOUT) as response:
        if response.status_code != 201:
            raise RegistryUnavailable(_("The registry takes no upload."))
    return digest


def mount_blob(repository: str, digest: str, *, source: str) -> bool:
    """Make a blob of the repository `source` one of `repository` too, without moving bytes. False: it is not there.

    Raises RegistryUnavailable.
    """
    token = service_token(SERVICE_SUBJECT, [Access(repository, ("pull", "push")), Access(source, ("pull",))])
    path, params = f"/v2/{_name(repository)}/blobs/uploads/", {"mount": _reference(digest), "from": _name(source)}
    with _send("POST", path, token, {}, params=params, timeout=WRITE_TIMEOUT) as response:
        if response.status_code == 202:  # it began an upload instead
            _cancel_upload(response, path, token)
        elif response.status_code != 201:
            raise RegistryUnavailable(_("The registry mounts no layer."))
        return response.status_code == 201


def _cancel_upload(response: Response, start: str, token: str) -> None:
    """Or the registry keeps a file of it for a week."""
    place = urlsplit(response.headers.get("Location", ""))
    if place.path.startswith(start):
        params = {name: values[0] for name, values in parse_qs(place.query).items()}
        _send("DELETE", place.path, token, {}, params=params, timeout=WRITE_TIMEOUT).close()


def _write(
    method: str,
    repository: str,
    reference: str,
    subject: str,
    actions: tuple[str, ...],
    *,
    headers: Mapping[str, str],
    body: bytes | None,
) -> Answer:
    path = f"/v2/{_name(repository)}/manifests/{_reference(reference)}"
    token = service_token(subject, [Access(repository, actions)])
    with _send(method, path, token, headers, body=body, timeout=WRITE_TIMEOUT) as response:
        content = _body(response, MANIFEST_MAX)
    kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP}
    return Answer(status=response.status_code, headers=kept, body=content)


@cache
def _session() -> InternalSession:
    return internal_session(connections=32)


def _read(method: str, repository: str, path: str, headers: Mapping[str, str]) -> Response:
    token = service_token(SERVICE_SUBJECT, [Access(repository, ("pull",))])
    return _send(method, f"/v2/{_name(repository)}/{path}", token, headers, timeout=READ_TIMEOUT)


def _send(
    method: str,
    path: str,
    token: str,
    headers: Mapping[str, str],
    *,
    timeout: tuple[float, float],
    body: bytes | None = None,
    params: Mapping[str, str] | None = None,
) -> Response:
    """The body, but of a HEAD, is still on the wire: read it with `_body`, and close the response."""
    try:
        return _session().request(
            method,
            settings.REGISTRY_URL + path,
            headers={**headers, "Authorization": f"Bearer {token}"},
            body=body,
            params=params,
            timeout=timeout,
            # A body that nobody reads costs the connection, also where there is none.
            stream=method != "HEAD",
        )
    except RequestError as error:
        raise RegistryUnavailable from error


def _body(response: Response, limit: int) -> bytes:
    """Raises RegistryUnavailable when it breaks off, TooLarge when it is longer than `limit` bytes."""
    pieces, length = [], 0
    try:
        for piece in response.iter_content(65536):
            pieces.append(piece)
            length += len(piece)
            if length > limit:
                raise TooLarge
    except RequestError as error:
        raise RegistryUnavailable from error
    return b"".join(pieces)


def _expect(response: Response, unknown: type[NotFound]) -> None:
    """Raise unless the answer is 200: `unknown` for the registry's own 404, RegistryUnavailable for all else."""
    if response.status_code == 404 and _is_registry(response):
        raise unknown
    if response.status_code != 200:
        message = _("The registry answered with status %(status)d.") % {"status": response.status_code}
        raise RegistryUnavailable(message)


def _is_registry(response: Response) -> bool:
    """A 404 of a proxy or of a wrong address proves nothing."""
    return response.headers.get("Docker-Distribution-Api-Version", "").startswith("registry/2")


def _pages(path: str, key: str, access: Access) -> Iterator[str]:
    last, seen = "", set[str]()
    while True:
        params = {"n": str(PAGE)} | ({"last": last} if last else {})
        token = service_token(SERVICE_SUBJECT, [access])
        with _send("GET", path, token, {}, params=params, timeout=READ_TIMEOUT) as response:
            _expect(response, RepositoryUnknown)
            names = _listing(response, key)
        yield from names
        last = _next(response)
        if not last:
            return
        if last in seen:
            raise RegistryUnavailable(_("The registry's listing does not end."))
        seen.add(last)


def _listing(response: Response, key: str) -> list[str]:
    try:
        names = json.loads(_body(response, LISTING_MAX))[key] or []  # null, when there are none
    except (ValueError, KeyError, TypeError, TooLarge) as error:
        raise RegistryUnavailable(_("The registry's listing cannot be read.")) from error
    if not isinstance(names, list):
        raise RegistryUnavailable(_("The registry's listing cannot be read."))
    return [str(name) for name in names]


def _next(response: Response) -> str:
    """The `last` of the Link header: only that, so that the registry cannot send us elsewhere."""
    link = response.headers.get("Link", "")
    address, _semicolon, relation = link.partition(";")
    if 'rel="next"' not in relation:
        return ""
    return parse_qs(urlsplit(address.strip().strip("<>")).query).get("last", [""])[0]


def _digest_of(body: bytes, wanted: str) -> str:
    algorithm = "sha512" if wanted.startswith("sha512:") else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def _length(response: Response) -> int | None:
    """What the header says, if it says a number of at most 18 digits."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _name(repository: str) -> str:
    """As part of a path. Whoever forwards a client's path has checked it; a slip there must not reach the registry."""
    if not NAME.fullmatch(repository):
        raise ValueError(f"{repository!r} is no repository name.")
    return repository


def _reference(reference: str) -> str:
    if not TAG.fullmatch(reference) and not DIGEST.fullmatch(reference):
        raise ValueError(f"{reference!r} is neither a tag nor a digest.")
    return reference
