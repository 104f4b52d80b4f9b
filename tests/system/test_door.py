"""The front door's rules, each with the real Caddy: in front of backends that say who they are, and of the product."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.embedded import config
from deploy.embedded.address import Address
from deploy.embedded.config import Ports
from deploy.embedded.data import Data
from deploy.embedded.packages import find_tools
from portal.accounts.names import API_SEGMENTS
from tests.system.product import Product, free_port, wait_until


class Backend(BaseHTTPRequestHandler):
    """Answers with its name and with what arrived. The registry refuses every repository called `secret`."""

    protocol_version = "HTTP/1.1"
    name = ""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {"name": self.name, "method": self.command, "path": self.path, "headers": headers, "size": len(body)}
        content = json.dumps(seen).encode()
        challenge = 'Bearer realm="http://realm.invalid/token",service="moorage"'
        refused = self.name == "registry" and "/secret/" in self.path
        self.send_response(401 if refused or self.path == "/v2/" else 200)
        if refused:
            challenge += ',scope="repository:secret:pull",error="insufficient_scope"'
        if refused or self.path == "/v2/":
            self.send_header("Www-Authenticate", challenge)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("X-Backend", self.name)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Says nothing: the test's output is for the test."""


class Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: object) -> None:
        """A door that is stopped drops its kept connections; that is no error of a test."""


@dataclass
class Door:
    """A door in front of three backends, as raw HTTP: no client library cleans our paths."""

    port: int
    backends: dict[str, Server]

    def send(
        self, method: str, path: str, *lines: str, host: str | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        head = [f"{method} {path} HTTP/1.1", f"Host: {host or f'localhost:{self.port}'}", "Connection: close", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        start, _, content = answer.partition(b"\r\n\r\n")
        status, *rest = start.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        return int(status.split()[1]), headers, content

    def backend(self, method: str, path: str, *lines: str) -> str:
        """Who answered, or the door's own status."""
        status, headers, _ = self.send(method, path, *lines)
        return headers.get("x-backend", str(status))

    def seen(self, method: str, path: str, *lines: str, host: str | None = None) -> dict[str, dict[str, str]]:
        """What the backend got."""
        return dict(json.loads(self.send(method, path, *lines, host=host)[2]))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from run_door(tmp_path_factory.mktemp("door"))


@pytest.fixture
def lonely_door(tmp_path: Path) -> Iterator[Door]:
    """A door whose backends a test may stop."""
    yield from run_door(tmp_path)


def run_door(folder: Path) -> Iterator[Door]:
    backends = {}
    for name in ("web", "gateway", "registry"):
        handler = type(name, (Backend,), {"name": name})
        backends[name] = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=backends[name].serve_forever, daemon=True).start()
    ports = Ports(**{name: backend.server_port for name, backend in backends.items()}, redis=1)
    address = Address("http", "localhost", free_port())
    tools = find_tools(config.ROOT / ".tools")
    command = [str(tools.caddy), "run", "--adapter", "caddyfile", "--config", str(config.HERE / "Caddyfile")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=config.door_environment(Data(folder), address, ports), stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_open(address.port), what="the door")
        yield Door(address.port, backends)
    finally:
        process.terminate()
        process.wait(timeout=20)
        for backend in backends.values():
            backend.shutdown()
            backend.server_close()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- Who gets what -----------------------------------------------------------------------------------------------------

DIGEST = f"sha256:{'a' * 64}"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
for _method in METHODS:
    setattr(Backend, f"do_{_method}", Backend.answer)

READ = {"GET": "registry", "HEAD": "registry"}
MANIFEST = {**READ, "PUT": "gateway", "DELETE": "gateway"}
UPLOAD = dict.fromkeys(METHODS, "registry")
PORTAL: dict[str, str] = {}
NOBODY = dict.fromkeys(METHODS, "404")
WAITS = {"POST": "gateway", "DELETE": "gateway"}
"""For the registry: what it holds up must not be a page."""

# Path -> method -> who answers; a method that is not named is the portal's.
ROUTES = {
    "/": PORTAL,
    "/alice/app": PORTAL,
    "/token": PORTAL,
    "/healthz": PORTAL,
    "/v1/_ping": PORTAL,
    "/v1/search?q=x": PORTAL,
    "/v2": PORTAL,
    "/v2/": READ,
    "/v2/_catalog": PORTAL,
    "/v2/_catalog/": PORTAL,
    "/v2/alice/app": PORTAL,
    "/v2/alice/app/manifests/latest": MANIFEST,
    f"/v2/alice/app/manifests/{DIGEST}": MANIFEST,
    "/v2/a/b/c/d/manifests/1.0": MANIFEST,
    "/v2/app/manifests/latest": MANIFEST,
    "/v2/alice/app/manifests/": PORTAL,
    "/v2/alice/app/manifests/a/b": PORTAL,
    f"/v2/alice/app/blobs/{DIGEST}": READ,
    f"/v2/alice/app/blobs/{DIGEST}/": PORTAL,
    "/v2/alice/app/blobs/uploads/": UPLOAD,
    "/v2/alice/app/blobs/uploads/?mount=x&from=bob%2Fapp": UPLOAD,
    "/v2/alice/app/blobs/uploads/0e7a?_state=a%2fb//c/.": UPLOAD,
    "/v2/alice/app/blobs/uploads": READ,
    # The registry would read these as manifests of a repository with a longer name.
    "/v2/alice/app/blobs/uploads/x/manifests/latest": MANIFEST,
    "/v2/alice/app/blobs/uploads/x/y": PORTAL,
    f"/v2/alice/app/manifests/x/blobs/{DIGEST}": READ,
    "/v2/alice/app/tags/list": READ,
    "/v2/alice/app/tags/list?n=10": READ,
    "/v2/alice/app/tags/list/": PORTAL,
    "/v2/alice/app/tags/latest": PORTAL,
    f"/v2/alice/app/referrers/{DIGEST}": PORTAL,
    "/V2/alice/app/manifests/latest": PORTAL,
    "/v2x/alice/app/manifests/latest": PORTAL,
    "/alice/app/-/tags/1.0": PORTAL,
    "/alice/app/-/tags/1.0/roll-back": WAITS,
    "/alice/app/-/tags/1.0/restore": WAITS,
    "/alice/payments/app/-/tags/1.0/copy": WAITS,
    "/alice/app/-/tags/1.0/delete": WAITS,
    f"/alice/app/-/images/{DIGEST}/delete": WAITS,
    f"/alice/app/-/images/{DIGEST}/raw": PORTAL,
    "/v2/namespaces/alice/repositories/app/tags/1.0": WAITS,
    "/v2/namespaces/alice/repositories/app/tags/1.0/roll-back": WAITS,
    "/v2/namespaces/alice/repositories/app/tags/1.0/images": PORTAL,
    "/v2/namespaces/alice/repositories/app/tags": PORTAL,
    f"/v2/namespaces/alice/repositories/payments/app/images/{DIGEST}": WAITS,
    "/v2/repositories/alice/app/tags/1.0/": WAITS,
    "/v2/repositories/alice/app/": PORTAL,
    "/-/denied": NOBODY,
    "/-/denied/": NOBODY,
    "/-/denied?x": NOBODY,
    "/-/Denied": NOBODY,
    "//-/denied": NOBODY,
    "/%2d/denied": NOBODY,
    "/x/../-/denied": NOBODY,
    "/-/notifications": NOBODY,
    "/-/notifications/x": NOBODY,
    "/-/%6eotifications": NOBODY,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ROUTES)
def test_route(door: Door, path: str, method: str) -> None:
    assert door.backend(method, path) == ROUTES[path].get(method, "web")


@pytest.mark.parametrize("segment", sorted(API_SEGMENTS))
def test_api_is_the_portals_whatever_follows(door: Door, segment: str) -> None:
    for rest in ("", "/", "/app/manifests/latest", "/app/blobs/uploads/", "/a%2fb", f"/app/blobs/{DIGEST}"):
        for method in ("GET", "PUT", "POST", "DELETE"):
            assert door.backend(method, f"/v2/{segment}{rest}") == "web"


@pytest.mark.parametrize("segment", sorted(API_SEGMENTS))
def test_name_that_begins_like_the_api_is_a_repository(door: Door, segment: str) -> None:
    assert door.backend("GET", f"/v2/{segment}x/app/manifests/latest") == "registry"


AMBIGUOUS = [
    "/v2/alice/../bob/app/manifests/latest",
    "/v2/alice/./app/manifests/latest",
    "/v2/alice/app/.hidden/manifests/latest",
    "/v2/alice//app/manifests/latest",
    "//v2/alice/app/manifests/latest",
    "/v2/alice/%2e%2e/bob/app/manifests/latest",
    "/v2/alice%2fapp/manifests/latest",
    "/v2/alice/app/manifests/a%20b",
    "/v2/alice/app/manifests/%6catest",
    "/v2/%61lice/app/manifests/latest",
    "/%76%32/alice/app/manifests/latest",
    "/x/../v2/alice/app/manifests/latest",
    "/v2/alice/app/blobs/uploads/..",
    "/v2/alice/app/blobs/uploads/../../manifests/latest",
    "/v2/alice/app/blobs/uploads/%2e%2e/%2e%2e/manifests/latest",
    "/v2/alice/app/manifests/ü",
    "/v2/alice/app/manifests/latest%00",
]


@pytest.mark.parametrize("path", AMBIGUOUS)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
def test_path_that_two_servers_could_read_differently_is_refused(door: Door, path: str, method: str) -> None:
    status, headers, content = door.send(method, path)
    assert status == 400
    assert "x-backend" not in headers
    assert headers["content-type"] == "application/json"
    assert headers["docker-distribution-api-version"] == "registry/2.0"
    [error] = json.loads(content)["errors"]
    assert error["code"] == "NAME_INVALID"


def test_escapes_in_the_query_are_nobodys_business(door: Door) -> None:
    assert door.backend("GET", "/v2/alice/app/tags/list?last=%2e%2e//..") == "registry"


# -- What the backends see ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/v2/alice/app/tags/list", "/token"])
def test_clients_cannot_set_what_only_the_door_may_say(door: Door, path: str) -> None:
    lies = [
        "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "X_Forwarded_For: 203.0.113.9",
        "X_Forwarded_Proto: https",
        "X_Original_Uri: /evil",
        "X-Original-Uri: /evil",
        "X-Original-Method: EVIL",
        "X-Real-Ip: 203.0.113.9",
        "Forwarded: for=203.0.113.9;host=evil.example",
        "Authorization: Bearer kept",
    ]
    headers = door.seen("GET", path, *lies)["headers"]
    assert headers["authorization"] == "Bearer kept"
    assert headers["host"] == f"localhost:{door.port}"
    assert {name: value for name, value in headers.items() if name.startswith(("x-", "x_", "forwarded"))} == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": f"localhost:{door.port}",
        "x-forwarded-proto": "http",
    }


def test_upload_arrives_whole_whatever_its_size(door: Door) -> None:
    _, _, content = door.send("PATCH", "/v2/alice/app/blobs/uploads/x", body=b"x" * 20_000_000)
    assert json.loads(content)["size"] == 20_000_000


# -- Names of the host -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LocalHost"])
def test_realm_is_where_the_client_came_from(door: Door, name: str) -> None:
    host = f"{name}:{door.port}"
    status, headers, _ = door.send("GET", "/v2/", host=host)
    assert status == 401
    assert headers["www-authenticate"] == f'Bearer realm="http://{host}/token",service="moorage"'
    assert headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("path", ["/", "/v2/", "/v2/alice/app/manifests/latest", "/token", "/-/denied", "/v2/a/../b"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "localhost:1", "localhost.:{port}"]
)
def test_unknown_host_is_refused(door: Door, path: str, host: str) -> None:
    status, headers, _ = door.send("GET", path, host=host.format(port=door.port))
    assert status == 421
    assert "x-backend" not in headers
    assert "www-authenticate" not in headers


# -- Refusals that the portal explains ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_insufficient_scope_is_explained_by_the_portal(door: Door, method: str) -> None:
    body = b"layer" if method != "GET" else b""
    status, headers, content = door.send(
        method, "/v2/secret/blobs/uploads/?mount=x", "Authorization: Bearer t", body=body
    )
    seen = json.loads(content)
    assert (status, headers["x-backend"]) == (200, "web")
    assert (seen["method"], seen["path"]) == ("GET", "/-/denied?mount=x")
    assert seen["headers"]["x-original-method"] == method
    assert seen["headers"]["x-original-uri"] == "/v2/secret/blobs/uploads/?mount=x"
    assert seen["headers"]["authorization"] == "Bearer t"
    assert seen["size"] == 0


def test_plain_challenge_is_not(door: Door) -> None:
    assert door.backend("GET", "/v2/") == "registry"


# -- Parts that are down -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("registry", "GET", "/v2/"),
        ("registry", "POST", "/v2/alice/app/blobs/uploads/"),
        ("gateway", "PUT", "/v2/alice/app/manifests/latest"),
        ("web", "GET", "/v2/repositories/alice/"),
        ("web", "GET", "/token"),
        ("web", "GET", "/v2/secret/manifests/latest"),
    ],
)
def test_docker_gets_an_error_of_the_registry_when_a_part_is_down(
    lonely_door: Door, name: str, method: str, path: str
) -> None:
    lonely_door.backends[name].shutdown()
    lonely_door.backends[name].server_close()
    status, headers, content = lonely_door.send(method, path)
    assert status == 503
    assert headers["content-type"] == "application/json"
    assert headers["retry-after"] == "5"
    assert json.loads(content)["errors"][0]["code"] == "UNAVAILABLE"


def test_browser_gets_a_short_page_when_the_portal_is_down(lonely_door: Door) -> None:
    lonely_door.backends["web"].shutdown()
    lonely_door.backends["web"].server_close()
    status, headers, content = lonely_door.send("GET", "/alice/app")
    assert status == 503
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert b"Back in a moment" in content


# -- The door of the product -------------------------------------------------------------------------------------------


def test_registry_is_behind_the_door(product: Product) -> None:
    answer = product.get("/v2/")
    assert answer.status_code == 401
    assert answer.headers["Www-Authenticate"] == f'Bearer realm="{product.url}/token",service="moorage"'
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_stopped_registry_is_a_503_and_pages_go_on(product: Product) -> None:
    pid = product.pid_of("registry")
    os.kill(pid, signal.SIGSTOP)
    try:
        ready = product.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "ok", "redis": "ok", "registry": "failing", "worker": "ok"}
        assert product.get("/healthz").json() == {"status": "ok"}
    finally:
        os.kill(pid, signal.SIGCONT)
    product.wait_ready()


def test_internal_paths_are_not_there(product: Product) -> None:
    for path in ("/-/notifications", "/-/denied"):
        assert product.request("POST", path, headers={"Authorization": "Bearer x"}).status_code == 404
