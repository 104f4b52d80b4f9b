"""Manifests through the front door: real registry, real clients. What arrives is recorded once, what doesn't is not."""

import base64
import hashlib
import json
import secrets
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.product import Account, Product, make_image, wait_until

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def carol(product: Product) -> Account:
    return product.signup("carol-push")


class Client:
    """A registry client by plain HTTP, for what the real ones never send."""

    def __init__(self, product: Product, account: Account, repository: str) -> None:
        self.product, self.repository = product, f"{account.username}/{repository}"
        self.token = product.token(f"repository:{self.repository}:pull,push", account=account)

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | more

    def blob(self, content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        started = self.product.request("POST", f"/v2/{self.repository}/blobs/uploads/", headers=self.headers())
        assert started.status_code == 202, started.text
        place = requests.compat.urljoin(self.product.url, started.headers["Location"])
        done = requests.put(
            f"{place}&digest={digest}",
            data=content,
            headers=self.headers(**{"Content-Type": "application/octet-stream"}),
            timeout=30,
        )
        assert done.status_code == 201, done.text
        return {"digest": digest, "size": len(content), "mediaType": "application/octet-stream"}

    def manifest(self, text: str = "") -> bytes:
        config = self.blob(
            json.dumps({"os": "linux", "architecture": "arm64", "text": text or secrets.token_hex(8)}).encode()
        )
        config["mediaType"] = "application/vnd.oci.image.config.v1+json"
        layer = self.blob(secrets.token_bytes(1000))
        return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}).encode()

    def put(self, reference: str, body, *, media_type: str = OCI, timeout: float = 30) -> requests.Response:
        headers = self.headers(**{"Content-Type": media_type})
        path = f"/v2/{self.repository}/manifests/{reference}"
        return self.product.request("PUT", path, data=body, headers=headers, timeout=timeout)


def query(product: Product, sql: str, *values: str) -> list[list]:
    """Read-only, past the product: a `manage.py shell` takes seconds."""
    with closing(sqlite3.connect(f"file:{product.data / 'db.sqlite3'}?mode=ro", uri=True, timeout=10)) as database:
        return [list(row) for row in database.execute(sql, values)]


def state(product: Product, repository: str) -> dict[str, Any]:
    """What the database says of a repository: tags, history, push events, open intents."""
    joined = "JOIN repositories_repository r ON r.id = {}.repository_id WHERE r.full_name = ?"
    tags = (
        "SELECT t.name, m.digest, t.pushed_by_name FROM images_tag t JOIN images_manifest m ON m.id = t.manifest_id "
        + joined.format("t")
        + " ORDER BY t.name"
    )
    history = (
        "SELECT h.tag, h.action, h.digest, h.previous_digest, h.actor_name FROM images_taghistory h "
        + joined.format("h")
        + " ORDER BY h.id"
    )
    events = (
        "SELECT target, new, actor_name FROM events_event "
        "WHERE action = 'repo.tag.push' AND target LIKE ? || ':%' ORDER BY id"
    )
    intents = f"SELECT count(*) FROM images_pushintent i {joined.format('i')} AND i.state = 'open'"
    return {
        "tags": query(product, tags, repository),
        "history": query(product, history, repository),
        "events": [[t, json.loads(n)["digest"], a] for t, n, a in query(product, events, repository)],
        "open": query(product, intents, repository)[0][0],
    }


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_fifty_pushes_into_one_repository_at_once(product: Product, carol: Account) -> None:
    client = Client(product, carol, "fifty")
    bodies = {f"1.{number}": client.manifest() for number in range(50)}
    ready = threading.Barrier(len(bodies))

    def push(tag: str) -> int:
        ready.wait()
        return client.put(tag, bodies[tag], timeout=60).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        assert set(pool.map(push, bodies)) == {201}
    found = state(product, client.repository)
    assert {tag: digest for tag, digest, _pusher in found["tags"]} == {t: digest_of(b) for t, b in bodies.items()}
    assert sorted(target for target, _digest, _actor in found["events"]) == sorted(
        f"{client.repository}:{tag}" for tag in bodies
    )
    counted = "SELECT tag_count FROM repositories_repository WHERE full_name = ?"
    assert query(product, counted, client.repository) == [[50]]
    assert found["open"] == 0


def test_an_image_its_second_tag_and_what_overwrites_it(product: Product, carol: Account, tmp_path: Path) -> None:
    name = f"{carol.username}/story"
    first, second = make_image(tmp_path / "one"), make_image(tmp_path / "two")
    product.push(tmp_path / "one", f"{name}:latest", carol)
    product.push(tmp_path / "one", f"{name}:0.0.1", carol)
    product.push(tmp_path / "two", f"{name}:latest", carol)
    found = state(product, name)
    assert found["tags"] == [["0.0.1", first.digest, carol.username], ["latest", second.digest, carol.username]]
    assert found["history"] == [
        ["latest", "created", first.digest, "", carol.username],
        ["0.0.1", "created", first.digest, "", carol.username],
        ["latest", "moved", second.digest, first.digest, carol.username],
    ]
    assert len(found["events"]) == 3
    product.skopeo(
        "copy",
        "--src-tls-verify=false",
        f"docker://{product.host}/{name}:latest",
        f"oci:{tmp_path / 'back'}",
        account=carol,
    )
    manifest = json.loads((tmp_path / "back" / "index.json").read_text())["manifests"][0]
    assert manifest["digest"] == second.digest


def test_platform_and_size_are_read_from_the_config(product: Product, carol: Account) -> None:
    client = Client(product, carol, "details")
    body = client.manifest()
    assert client.put("1", body).status_code == 201
    columns = "SELECT m.details, m.os, m.architecture, m.total_size FROM images_manifest m "
    join = "JOIN repositories_repository r ON r.id = m.repository_id WHERE r.full_name = ?"
    size = sum(part["size"] for part in [json.loads(body)["config"], *json.loads(body)["layers"]])
    wanted = [["read", "linux", "arm64", size]]
    wait_until(lambda: query(product, columns + join, client.repository) == wanted, what="the details")


def test_a_multi_platform_image_is_one_push(product: Product, carol: Account, tmp_path: Path) -> None:
    name = f"{carol.username}/multi"
    image = make_image(tmp_path / "multi", platforms=3)
    product.push(tmp_path / "multi", f"{name}:1.0", carol)
    found = state(product, name)
    assert found["events"] == [[f"{name}:1.0", image.digest, carol.username]]
    assert len(found["history"]) == 1


def test_a_chunked_manifest_is_read_to_its_end(product: Product, carol: Account) -> None:
    client = Client(product, carol, "chunked")
    body = client.manifest()
    answer = client.put("1", iter([body[:100], body[100:]]))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == digest_of(body)
    assert answer.headers["Location"]


def test_the_registrys_own_answer_comes_back(product: Product, carol: Account) -> None:
    client = Client(product, carol, "answers")
    body = client.manifest()
    answer = client.put(digest_of(body), body)
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest_of(body))
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    found = state(product, client.repository)
    assert (found["tags"], found["events"], found["open"]) == ([], [], 0)


class TestRefusals:
    @pytest.fixture(scope="class")
    def client(self, product: Product, carol: Account) -> Client:
        client = Client(product, carol, "refused")
        client.good = client.manifest()  # type: ignore[attr-defined]
        return client

    @pytest.fixture(autouse=True)
    def _changes_nothing(self, product: Product, client: Client):
        yield
        found = state(product, client.repository)
        assert (found["tags"], found["history"], found["events"], found["open"]) == ([], [], [], 0)

    def code(self, answer: requests.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["errors"][0]["code"]

    def test_a_wrong_digest(self, client) -> None:
        assert self.code(client.put(f"sha256:{'0' * 64}", client.good)) == (400, "DIGEST_INVALID")

    def test_a_reference_that_is_neither(self, client) -> None:
        assert self.code(client.put("sha256:short", client.good)) == (400, "DIGEST_INVALID")
        assert self.code(client.put("-tag", client.good)) == (400, "TAG_INVALID")

    @pytest.mark.parametrize("chunked", [False, True])
    def test_more_than_four_mebibytes(self, client, chunked) -> None:
        body = client.good + b" " * (4 * 1024 * 1024)
        pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
        assert self.code(client.put("1", pieces if chunked else body)) == (400, "MANIFEST_INVALID")

    @pytest.mark.parametrize("media_type", ["", "text/plain", "application/vnd.docker.distribution.manifest.v1+json"])
    def test_an_unknown_media_type(self, client, media_type) -> None:
        assert self.code(client.put("1", client.good, media_type=media_type)) == (400, "MANIFEST_INVALID")

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"schemaVersion":1}', b'{"schemaVersion":2,"config":7}'])
    def test_garbage(self, client, body) -> None:
        assert self.code(client.put("1", body)) == (400, "MANIFEST_INVALID")

    def test_a_missing_blob_is_the_registrys_to_refuse(self, client) -> None:
        document = json.loads(client.good)
        document["layers"][0]["digest"] = f"sha256:{'1' * 64}"
        assert self.code(client.put("1", json.dumps(document))) == (400, "MANIFEST_BLOB_UNKNOWN")

    def test_no_token_and_a_token_for_another_repository(self, product, client, carol) -> None:
        path = f"/v2/{client.repository}/manifests/1"
        bare = product.request("PUT", path, data=client.good, headers={"Content-Type": OCI})
        assert self.code(bare) == (401, "UNAUTHORIZED")
        assert f'scope="repository:{client.repository}:pull,push"' in bare.headers["Www-Authenticate"]
        other = product.token(f"repository:{carol.username}/other:pull,push", account=carol)
        for token in (other, "garbage", client.token[:-3] + "abc"):
            answer = product.request(
                "PUT", path, data=client.good, headers={"Content-Type": OCI, "Authorization": f"Bearer {token}"}
            )
            assert self.code(answer) == (401, "UNAUTHORIZED")
            assert f'realm="{product.url}/token"' in answer.headers["Www-Authenticate"]

    def test_an_expired_token(self, product, client) -> None:
        head, claims, _signature = client.token.split(".")
        code = (
            "import time; from unittest import mock; from repositories.registry import signing\n"
            "now = time.time()\n"
            "with mock.patch('repositories.registry.signing.time.time', lambda: now - 400):\n"
            f"    print(signing.sign({json.loads(base64.urlsafe_b64decode(claims + '=='))['sub']!r}, "
            f"[signing.Access({client.repository!r}, ('pull', 'push'))], credential='PASSWORD').token)"
        )
        token = product.shell(code).strip().splitlines()[-1]
        assert token.split(".")[0] == head
        answer = product.request(
            "PUT",
            f"/v2/{client.repository}/manifests/1",
            data=client.good,
            headers={"Content-Type": OCI, "Authorization": f"Bearer {token}"},
        )
        assert self.code(answer) == (401, "UNAUTHORIZED")

    @pytest.mark.parametrize(
        "path", ["/v2//{}/manifests/1", "/v2/x/../{}/manifests/1", "/v2/%2e%2e/{}/manifests/1", "/v2/{}/manifests/%31"]
    )
    def test_paths_that_two_servers_could_read_differently(self, product, client, path) -> None:
        """Sent raw: a client library would clean them."""
        import http.client

        connection = http.client.HTTPConnection(product.host, timeout=10)
        connection.putrequest("PUT", path.format(client.repository), skip_accept_encoding=True)
        for name, value in client.headers(**{"Content-Type": OCI, "Content-Length": str(len(client.good))}).items():
            connection.putheader(name, value)
        connection.endheaders(client.good)
        assert connection.getresponse().status == 400
        connection.close()

    def test_a_blob_is_not_deleted_and_a_manifest_not_without_the_right(self, product, client) -> None:
        layer = json.loads(client.good)["layers"][0]["digest"]
        for path, refusal in (
            (f"blobs/{layer}", (405, "UNSUPPORTED")),
            (f"manifests/{digest_of(client.good)}", (401, "UNAUTHORIZED")),
        ):
            answer = product.request("DELETE", f"/v2/{client.repository}/{path}", headers=client.headers())
            assert self.code(answer) == refusal

    def test_a_person_who_was_switched_off_after_the_token_was_made(self, product) -> None:
        dave = product.signup("dave-push")
        client = Client(product, dave, "gone")
        body = client.manifest()
        product.shell(
            "from portal.accounts.models import User; User.objects.filter(username='dave-push').update(is_active=False)"
        )
        assert client.put("1", body).status_code == 401
        assert state(product, client.repository)["tags"] == []


def test_a_registry_that_is_down_is_said_in_its_own_format(product: Product, carol: Account) -> None:
    client = Client(product, carol, "down")
    body = client.manifest()
    product.kill("registry")
    answers = [client.put("1", body) for _again in range(3)]
    product.wait_ready()
    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused, "the registry was back before the first try"
    assert {(answer.status_code, answer.json()["errors"][0]["code"]) for answer in refused} == {(503, "UNAVAILABLE")}
    wait_until(lambda: state(product, client.repository)["open"] == 0, what="the intents to be settled")
    found = state(product, client.repository)
    assert len(found["events"]) == len(found["history"]) == len([a for a in answers if a.status_code == 201])
    assert client.put("1", body).status_code == 201


def test_two_pushes_of_one_tag_at_once(product: Product, carol: Account) -> None:
    client = Client(product, carol, "race")
    bodies = [client.manifest() for _each in range(4)]
    gate = threading.Barrier(len(bodies))

    def put(body: bytes) -> int:
        gate.wait()
        return client.put("latest", body).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        assert list(pool.map(put, bodies)) == [201] * len(bodies)
    found = state(product, client.repository)
    digests = [row[2] for row in found["history"]]
    assert sorted(digests) == sorted(digest_of(body) for body in bodies)
    assert [row[3] for row in found["history"]] == ["", *digests[:-1]]
    held = product.request("HEAD", f"/v2/{client.repository}/manifests/latest", headers=client.headers(Accept=OCI))
    assert found["tags"] == [["latest", held.headers["Docker-Content-Digest"], carol.username]]
    assert digests[-1] == held.headers["Docker-Content-Digest"]
    assert len(found["events"]) == len(bodies)
