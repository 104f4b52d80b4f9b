"""The registry's client, against a server on loopback that answers what it is told to: rightly, wrongly, not at all."""

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from repositories.registry import client, verify
from repositories.registry.client import (
    BlobUnknown,
    ManifestUnknown,
    RegistryUnavailable,
    RepositoryUnknown,
    TooLarge,
)
from repositories.registry.signing import SERVICE_SUBJECT
from tests.kit.loopback import Server, dead_port, hang, served

BODY = b'{"schemaVersion": 2}'
OCI = client.OCI_MANIFEST


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha512(content: bytes) -> str:
    return f"sha512:{hashlib.sha512(content).hexdigest()}"


@dataclass(frozen=True)
class Sent:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> verify.Verified:
        return verify.verify(self.headers["authorization"].removeprefix("Bearer "))


def sent(raw: bytes) -> Sent:
    head, _empty, body = raw.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    method, target, _version = line.split(" ")
    headers = dict(entry.split(": ", 1) for entry in rest)
    parts = urlsplit(target)
    return Sent(method, parts.path, parse_qs(parts.query), {k.lower(): v for k, v in headers.items()}, body)


def http(status: int, body: bytes = b"", *, registry: bool = True, length: str | None = "", **headers: Any) -> bytes:
    """An answer on the wire. `length`: the header, None for none at all; from a body unless given."""
    lines = [f"HTTP/1.1 {status} Words", "Connection: close"]
    if registry:
        lines.append("Docker-Distribution-Api-Version: registry/2.0")
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@dataclass
class Registry:
    """Answers in order; the last one again and again."""

    server: Server
    answers: list[bytes] = field(default_factory=list)

    def says(self, *answers: bytes) -> None:
        self.answers[:] = answers

    @property
    def asked(self) -> list[Sent]:
        return [sent(raw) for raw in self.server.requests]


@pytest.fixture
def registry(settings) -> Iterator[Registry]:
    answers: list[bytes] = []

    def behave(connection: socket.socket, _server: Server) -> None:
        connection.sendall(answers.pop(0) if len(answers) > 1 else answers[0])

    with ExitStack() as stack:
        server = stack.enter_context(served(behave))
        stack.callback(client._session.cache_clear)
        stack.callback(client._session().close)
        settings.REGISTRY_URL = f"http://127.0.0.1:{server.port}"
        yield Registry(server, answers)


def manifest(body: bytes = BODY, **headers: str) -> bytes:
    told: dict[str, Any] = {"Docker_Content_Digest": sha256(body), "Content_Type": f"{OCI}; charset=utf-8", **headers}
    return http(200, body, **told)


class TestManifests:
    def test_by_tag(self, registry: Registry) -> None:
        registry.says(manifest())
        found = client.get_manifest("alice/app", "latest")
        assert (found.digest, found.media_type, found.body) == (sha256(BODY), OCI, BODY)
        request = registry.asked[0]
        assert (request.method, request.path) == ("GET", "/v2/alice/app/manifests/latest")
        assert request.headers["accept"].split(", ") == list(client.MANIFEST_TYPES)

    def test_the_token_is_our_own_and_reaches_no_further(self, registry: Registry) -> None:
        registry.says(manifest())
        client.get_manifest("alice/app", "latest")
        token = registry.asked[0].token
        assert token.subject == SERVICE_SUBJECT
        assert [(entry.name, entry.actions) for entry in token.access] == [("alice/app", ("pull",))]

    @pytest.mark.parametrize("digest", [sha256(BODY), sha512(BODY)])
    def test_by_digest_whatever_the_header_says(self, registry: Registry, digest) -> None:
        registry.says(manifest(Docker_Content_Digest=sha256(b"another")))
        assert client.get_manifest("alice/app", digest).digest == digest

    @pytest.mark.parametrize("reference", ["latest", sha256(b"another"), sha512(b"another")])
    def test_other_bytes_than_the_digest_says_are_none(self, registry: Registry, reference) -> None:
        registry.says(manifest(Docker_Content_Digest=sha256(b"another")))
        with pytest.raises(RegistryUnavailable, match="digest"):
            client.get_manifest("alice/app", reference)

    def test_a_tag_without_a_digest_proves_nothing(self, registry: Registry) -> None:
        registry.says(http(200, BODY))
        with pytest.raises(RegistryUnavailable):
            client.get_manifest("alice/app", "latest")

    @pytest.mark.parametrize("length", ["", None])
    def test_one_over_the_limit_is_not_read_to_its_end(self, registry: Registry, monkeypatch, length) -> None:
        monkeypatch.setattr(client, "MANIFEST_MAX", 10)
        body = b"x" * 11
        registry.says(http(200, body, length=length, Docker_Content_Digest=sha256(body)))
        with pytest.raises(TooLarge):
            client.get_manifest("alice/app", "latest")

    def test_one_at_the_limit_is(self, registry: Registry, monkeypatch) -> None:
        monkeypatch.setattr(client, "MANIFEST_MAX", len(BODY))
        registry.says(manifest())
        assert client.get_manifest("alice/app", "latest").body == BODY

    def test_head(self, registry: Registry) -> None:
        registry.says(manifest(b"").replace(b"Content-Length: 0", b"Content-Length: 1234"))
        found = client.head_manifest("alice/app", "latest")
        assert (found.digest, found.media_type, found.size) == (sha256(b""), OCI, 1234)
        assert registry.asked[0].method == "HEAD"

    @pytest.mark.parametrize("length", [None, "many", "²", "9" * 19, "-1"])
    def test_head_without_a_length_that_is_one(self, registry: Registry, length) -> None:
        registry.says(http(200, length=length, Docker_Content_Digest=sha256(BODY)))
        with pytest.raises(RegistryUnavailable):
            client.head_manifest("alice/app", "latest")

    @pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "0" * 32])
    def test_head_without_a_digest(self, registry: Registry, digest) -> None:
        registry.says(http(200, BODY, Docker_Content_Digest=digest))
        with pytest.raises(RegistryUnavailable):
            client.head_manifest("alice/app", "latest")


Read = Callable[[], object]
READS: list[tuple[Read, type[Exception]]] = [
    (lambda: client.get_manifest("alice/app", "latest"), ManifestUnknown),
    (lambda: client.head_manifest("alice/app", "latest"), ManifestUnknown),
    (lambda: client.get_blob("alice/app", sha256(BODY), limit=100), BlobUnknown),
    (lambda: list(client.list_tags("alice/app")), RepositoryUnknown),
    (lambda: list(client.catalog()), RepositoryUnknown),
]


class TestFailures:
    @pytest.mark.parametrize(("read", "unknown"), READS)
    def test_what_the_registry_does_not_have(self, registry: Registry, read, unknown) -> None:
        registry.says(http(404, b'{"errors": []}'))
        with pytest.raises(unknown):
            read()

    @pytest.mark.parametrize(("read", "_unknown"), READS)
    def test_a_404_of_something_else_proves_nothing(self, registry: Registry, read, _unknown) -> None:
        for told in ({}, {"Docker_Distribution_Api_Version": "registry/1.0"}):
            registry.says(http(404, b"<html>", registry=False, **told))
            with pytest.raises(RegistryUnavailable, match="404"):
                read()

    @pytest.mark.parametrize("status", [204, 206, 302, 307, 400, 401, 403, 429, 500, 502, 503])
    @pytest.mark.parametrize(("read", "_unknown"), READS)
    def test_any_other_status_proves_nothing(self, registry: Registry, read, _unknown, status) -> None:
        registry.says(http(status, Location="http://127.0.0.1:1/"))
        with pytest.raises(RegistryUnavailable, match=str(status)):
            read()
        assert len(registry.asked) == 1

    @pytest.mark.parametrize(("read", "_unknown"), READS)
    def test_nobody_listens(self, settings, read, _unknown) -> None:
        settings.REGISTRY_URL = f"http://127.0.0.1:{dead_port()}"
        with pytest.raises(RegistryUnavailable) as caught:
            read()
        assert caught.value.status == 503

    @pytest.mark.parametrize(("read", "_unknown"), READS)
    def test_an_answer_that_is_none(self, registry: Registry, read, _unknown) -> None:
        registry.says(b"SSH-2.0-OpenSSH_9.2\r\n")
        with pytest.raises(RegistryUnavailable):
            read()

    @pytest.mark.parametrize(("read", "_unknown"), [READS[0], *READS[2:]])
    def test_a_body_that_breaks_off(self, registry: Registry, read, _unknown) -> None:
        registry.says(http(200, b'{"tags": [], "repositories": []}', length="50", Docker_Content_Digest=sha256(BODY)))
        with pytest.raises(RegistryUnavailable):
            read()

    def test_a_registry_that_falls_silent(self, settings, monkeypatch) -> None:
        monkeypatch.setattr(client, "READ_TIMEOUT", (0.2, 0.2))
        with served(hang) as silent:
            settings.REGISTRY_URL = silent.url("")
            with pytest.raises(RegistryUnavailable):
                client.head_manifest("alice/app", "latest")

    @pytest.mark.parametrize("name", ["", "Alice/app", "alice//app", "alice/../bob", "alice/app?n=1", "alice/app\n"])
    def test_a_name_that_is_none_is_a_slip_of_ours(self, registry: Registry, name) -> None:
        reads: list[Read] = [
            lambda: client.get_manifest(name, "latest"),
            lambda: list(client.list_tags(name)),
            lambda: client.delete_manifest(name, "latest", subject="x"),
        ]
        for read in reads:
            with pytest.raises(ValueError, match="no repository name"):
                read()
        assert registry.asked == []

    @pytest.mark.parametrize("reference", ["", "..", "a/b", "sha256:abc", "x" * 129, "latest?", "latest\n"])
    def test_a_reference_that_is_none_likewise(self, registry: Registry, reference) -> None:
        with pytest.raises(ValueError, match="neither a tag nor a digest"):
            client.head_manifest("alice/app", reference)
        assert registry.asked == []


class TestBlobs:
    @pytest.mark.parametrize("digest", [sha256(BODY), sha512(BODY)])
    def test_one(self, registry: Registry, digest) -> None:
        registry.says(http(200, BODY))
        assert client.get_blob("alice/app", digest, limit=len(BODY)) == BODY
        assert registry.asked[0].path == f"/v2/alice/app/blobs/{digest}"

    def test_one_without_a_length(self, registry: Registry) -> None:
        registry.says(http(200, BODY, length=None))
        assert client.get_blob("alice/app", sha256(BODY), limit=len(BODY)) == BODY

    @pytest.mark.parametrize("length", ["", None, "1000000000"])
    def test_one_that_is_too_large(self, registry: Registry, length) -> None:
        registry.says(http(200, BODY, length=length))
        with pytest.raises(TooLarge):
            client.get_blob("alice/app", sha256(BODY), limit=len(BODY) - 1)

    def test_one_that_is_another(self, registry: Registry) -> None:
        registry.says(http(200, b"another"))
        with pytest.raises(RegistryUnavailable, match="digest"):
            client.get_blob("alice/app", sha256(BODY), limit=100)


def page(names: list[str] | None, link: str = "", key: str = "tags") -> bytes:
    body = json.dumps({"name": "alice/app", key: names}).encode()
    told: dict[str, Any] = {"Link": link} if link else {}
    return http(200, body, **told)


class TestListings:
    def test_a_single_page(self, registry: Registry) -> None:
        registry.says(page(["1.0", "latest"]))
        assert list(client.list_tags("alice/app")) == ["1.0", "latest"]
        request = registry.asked[0]
        assert (request.path, request.query) == ("/v2/alice/app/tags/list", {"n": ["500"]})

    @pytest.mark.parametrize("names", [None, []])
    def test_none(self, registry: Registry, names) -> None:
        registry.says(page(names))
        assert list(client.list_tags("alice/app")) == []

    def test_pages_follow_the_link(self, registry: Registry) -> None:
        registry.says(
            page(["a", "b+c"], '</v2/alice/app/tags/list?last=b%2Bc&n=2>; rel="next"'),
            page(["d"], '<http://elsewhere.example/v2/x?n=2&last=d>; rel="next"'),
            page(["e"], '</v2/alice/app/tags/list?last=e>; rel="prev"'),
        )
        assert list(client.list_tags("alice/app")) == ["a", "b+c", "d", "e"]
        assert [request.query.get("last") for request in registry.asked] == [None, ["b+c"], ["d"]]
        assert {request.path for request in registry.asked} == {"/v2/alice/app/tags/list"}

    def test_a_link_without_last_is_the_end(self, registry: Registry) -> None:
        registry.says(page(["a"], '</v2/alice/app/tags/list?n=2>; rel="next"'))
        assert list(client.list_tags("alice/app")) == ["a"]

    @pytest.mark.parametrize("marks", [["a"], ["a", "b"], ["a", "b", "c"]])
    def test_one_that_goes_in_a_circle_is_no_listing(self, registry: Registry, marks) -> None:
        pages = [page([mark], f'</v2/alice/app/tags/list?last={mark}>; rel="next"') for mark in marks]
        registry.says(*(pages * 5))
        with pytest.raises(RegistryUnavailable, match="does not end"):
            list(client.list_tags("alice/app"))
        assert len(registry.asked) == len(marks) + 1

    def test_a_failure_midway_is_one(self, registry: Registry) -> None:
        registry.says(page(["a"], '</v2/alice/app/tags/list?last=a>; rel="next"'), http(500))
        tags = client.list_tags("alice/app")
        assert next(tags) == "a"
        with pytest.raises(RegistryUnavailable):
            next(tags)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"null",
            b"7",
            b"{}",
            b'{"tags": 7}',
            b'{"tags": "abc"}',
            b'{"tags": {"a": 1}}',
            b"\xff",
        ],
    )
    def test_a_body_that_is_no_listing(self, registry: Registry, body) -> None:
        registry.says(http(200, body))
        with pytest.raises(RegistryUnavailable, match="cannot be read"):
            list(client.list_tags("alice/app"))

    def test_one_that_is_too_large(self, registry: Registry, monkeypatch) -> None:
        monkeypatch.setattr(client, "LISTING_MAX", 10)
        registry.says(page(["a"]))
        with pytest.raises(RegistryUnavailable):
            list(client.list_tags("alice/app"))

    def test_the_catalog(self, registry: Registry) -> None:
        registry.says(
            page(["alice/app"], '</v2/_catalog?last=alice%2Fapp&n=1>; rel="next"', "repositories"),
            page(["bob/app"], key="repositories"),
        )
        assert list(client.catalog()) == ["alice/app", "bob/app"]
        first, second = registry.asked
        assert second.query["last"] == ["alice/app"]
        assert [(entry.type, entry.name, entry.actions) for entry in first.token.access] == [
            ("registry", "catalog", ("*",))
        ]


class TestWrites:
    def put(self, **changes: Any) -> client.Answer:
        given: dict[str, Any] = {"body": BODY, "media_type": OCI, "subject": "intent7", **changes}
        return client.put_manifest("alice/app", "1.0", **given)

    def test_a_manifest_is_handed_on_as_it_is(self, registry: Registry) -> None:
        registry.says(http(201))
        self.put(headers={"User-Agent": "docker/28", "Content-Type": "text/plain"})
        request = registry.asked[0]
        assert (request.method, request.path, request.body) == ("PUT", "/v2/alice/app/manifests/1.0", BODY)
        assert request.headers["content-type"] == OCI
        assert request.headers["user-agent"] == "docker/28"
        assert request.token.subject == "intent7"
        assert request.token.may("alice/app", "pull", "push")
        assert not request.token.may("alice/app", "delete")

    def test_the_answer_comes_back_without_what_belongs_to_the_connection(self, registry: Registry) -> None:
        registry.says(http(201, b"{}", Docker_Content_Digest=sha256(BODY), Server="x", Date="y", Location="/v2/z"))
        answer = self.put()
        assert (answer.status, answer.body) == (201, b"{}")
        assert dict(answer.headers) == {
            "Docker-Distribution-Api-Version": "registry/2.0",
            "Docker-Content-Digest": sha256(BODY),
            "Location": "/v2/z",
        }

    @pytest.mark.parametrize("status", [307, 400, 404, 405, 500])
    def test_a_refusal_is_an_answer(self, registry: Registry, status) -> None:
        registry.says(http(status, b'{"errors": []}', Location="http://127.0.0.1:1/"))
        answer = self.put()
        assert (answer.status, answer.body) == (status, b'{"errors": []}')
        assert len(registry.asked) == 1

    def test_deletion_asks_for_nothing_but_deletion(self, registry: Registry) -> None:
        registry.says(http(202))
        answer = client.delete_manifest("alice/app", sha256(BODY), subject="intent8", headers={"User-Agent": "x"})
        assert answer.status == 202
        request = registry.asked[0]
        assert (request.method, request.body) == ("DELETE", b"")
        assert request.headers["user-agent"] == "x"
        assert [(entry.name, entry.actions) for entry in request.token.access] == [("alice/app", ("delete",))]
        client.delete_manifest("alice/app", sha256(BODY), subject="intent8")
        assert registry.asked[1].headers["user-agent"] == "Moorage"

    def test_an_answer_that_breaks_off_or_does_not_come_is_no_answer(self, registry: Registry, settings) -> None:
        registry.says(http(201, b"{", length="10"))
        with pytest.raises(RegistryUnavailable):
            self.put()
        settings.REGISTRY_URL = f"http://127.0.0.1:{dead_port()}"
        with pytest.raises(RegistryUnavailable):
            self.put()
