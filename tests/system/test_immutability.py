"""Immutable tags and the archive, with the real gateway and registry: races, and what clients are told."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.system.dockerd import Docker
from tests.system.product import Account, Product, make_image, wait_until
from tests.system.test_push import OCI, Client, digest_of, state

SENTENCE = "The tag {tag} of {name} is immutable by the rule “v.*”: it stays at {digest}. Use another tag."


@pytest.fixture(scope="module")
def erin(product: Product) -> Account:
    return product.signup("erin-immutable")


def api(product: Product, account: Account, method: str, path: str, body: object = None) -> requests.Response:
    given = {"identifier": account.username, "secret": account.password}
    token = product.request("POST", "/v2/auth/token", json=given).json()["access_token"]
    return product.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


def at(client: Client, rest: str) -> str:
    namespace, _slash, name = client.repository.partition("/")
    return f"/v2/namespaces/{namespace}/repositories/{name}/{rest}"


def protect(client: Client, account: Account, *rules: str) -> None:
    body = {"immutable_tags": True, "immutable_tags_rules": list(rules)}
    answer = api(client.product, account, "PATCH", at(client, "immutabletags"), body)
    assert answer.status_code == 200, answer.text


def refusal(client: Client, tag: str, digest: str) -> str:
    return SENTENCE.format(tag=tag, name=client.repository, digest=digest[:19])


def assert_refused(answer: requests.Response, words: str) -> None:
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED"), answer.text
    assert answer.json()["errors"][0]["message"] == words


def test_of_many_pushes_at_once_exactly_one_makes_the_tag(product: Product, erin: Account) -> None:
    """Each of another image, over and over: the first to open its intent wins, the others are told by what."""
    client = Client(product, erin, "race")
    client.put("first", client.manifest())
    protect(client, erin, "v.*")
    for round_ in range(5):
        tag, bodies = f"v{round_}", [client.manifest() for _number in range(8)]
        ready = threading.Barrier(len(bodies))

        def push(body: bytes, tag: str = tag, ready: threading.Barrier = ready) -> requests.Response:
            ready.wait()
            return client.put(tag, body, timeout=60)

        with ThreadPoolExecutor(len(bodies)) as pool:
            answers = list(pool.map(push, bodies))
        winners = [digest_of(body) for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 201]
        assert len(winners) == 1
        for answer in answers:
            if answer.status_code != 201:
                assert_refused(answer, refusal(client, tag, winners[0]))
        assert [row[1] for row in state(product, client.repository)["tags"] if row[0] == tag] == winners
        held = product.request("HEAD", f"/v2/{client.repository}/manifests/{tag}", headers=client.headers(Accept=OCI))
        assert held.headers["Docker-Content-Digest"] == winners[0]


def test_the_same_image_again_succeeds_and_any_other_does_not(product: Product, erin: Account, tmp_path: Path) -> None:
    client = Client(product, erin, "again")
    first = make_image(tmp_path / "one")
    make_image(tmp_path / "two")
    product.push(tmp_path / "one", f"{client.repository}:v1", erin)
    protect(client, erin, "v.*")
    product.push(tmp_path / "one", f"{client.repository}:v1", erin)
    refused = product.push(tmp_path / "two", f"{client.repository}:v1", erin, check=False)
    assert refused.returncode != 0
    assert refusal(client, "v1", first.digest) in refused.stderr
    product.push(tmp_path / "two", f"{client.repository}:v2", erin)
    product.push(tmp_path / "two", f"{client.repository}:latest", erin)
    product.push(tmp_path / "one", f"{client.repository}:latest", erin)
    found = [[row[0], row[1]] for row in state(product, client.repository)["tags"]]
    assert ["v1", first.digest] in found
    assert ["latest", first.digest] in found


def test_a_rule_that_comes_while_pushes_are_under_way(product: Product, erin: Account) -> None:
    """The one that the registry works on was checked before and is done; the one that waits behind it is refused."""
    client = Client(product, erin, "meanwhile")
    bodies = [client.manifest() for _number in range(3)]
    assert client.put("v1", bodies[0]).status_code == 201
    registry, answers = product.pid_of("registry"), {}
    os.kill(registry, signal.SIGSTOP)
    try:
        threads = []
        for number in (1, 2):
            threads.append(
                threading.Thread(
                    target=lambda number=number: answers.update({number: client.put("v1", bodies[number], timeout=60)})
                )
            )
            threads[-1].start()
            wait_until(lambda: state(product, client.repository)["open"] == 1, what="the first intent")
        protect(client, erin, "v.*")
    finally:
        os.kill(registry, signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert answers[1].status_code == 201
    assert_refused(answers[2], refusal(client, "v1", digest_of(bodies[1])))
    assert_refused(client.put("v1", bodies[0]), refusal(client, "v1", digest_of(bodies[1])))
    assert state(product, client.repository)["tags"][0][1] == digest_of(bodies[1])


def test_a_push_whose_layers_were_sent_before_the_rule_came(product: Product, erin: Account) -> None:
    client = Client(product, erin, "layers")
    first, second = client.manifest(), client.manifest()
    assert client.put("v1", first).status_code == 201
    protect(client, erin, "v.*")
    assert_refused(client.put("v1", second), refusal(client, "v1", digest_of(first)))
    assert client.put(digest_of(second), second).status_code == 201  # by digest it is no tag's business


def test_a_covered_tag_is_neither_deleted_nor_rolled_back(product: Product, erin: Account) -> None:
    client = Client(product, erin, "deleted")
    former, body = client.manifest(), client.manifest()
    for each in (former, body):
        assert client.put("v1", each).status_code == 201
    protect(client, erin, "v.*")
    rolled = api(product, erin, "POST", at(client, "tags/v1/roll-back"), {"digest": digest_of(former)})
    assert (rolled.status_code, rolled.json()["detail"]) == (403, refusal(client, "v1", digest_of(body)))
    token = product.token(f"repository:{client.repository}:pull,delete", account=erin)
    for reference in ("v1", digest_of(body)):
        path = f"/v2/{client.repository}/manifests/{reference}"
        answer = product.request("DELETE", path, headers={"Authorization": f"Bearer {token}"})
        assert_refused(answer, refusal(client, "v1", digest_of(body)))
    assert [row[1] for row in state(product, client.repository)["tags"]] == [digest_of(body)]


def test_docker_prints_the_sentences(product: Product, erin: Account, docker: Docker, tmp_path: Path) -> None:
    client = Client(product, erin, "docker")
    docker.run("login", "-u", erin.username, "--password-stdin", product.host, user="erin", stdin=erin.password)
    place = f"{product.host}/{client.repository}:v1"

    def push(name: str, *, check: bool = True) -> str:
        docker.load(make_image(tmp_path / name), f"{name}:latest")
        docker.run("tag", f"{name}:latest", place)
        done = docker.run("push", place, user="erin", check=check)
        return done.stdout + done.stderr

    push("immutable-one")
    digest = state(product, client.repository)["tags"][0][1]
    protect(client, erin, "v.*")
    assert f"denied: {refusal(client, 'v1', digest)}" in push("immutable-two", check=False)
    assert api(product, erin, "POST", at(client, "-/archive")).status_code == 200
    said = push("immutable-three", check=False)
    assert f"{erin.username} may pull {client.repository} but not push" in said
    assert "The repository is archived: it can be pulled and not changed." in said
    docker.run("rmi", "--force", place)
    docker.run("pull", place, user="erin")


def test_an_archived_repository_is_pulled_and_not_pushed_even_with_an_older_token(
    product: Product, erin: Account
) -> None:
    client = Client(product, erin, "archived")
    body, other = client.manifest(), client.manifest()
    assert client.put("v1", body).status_code == 201
    assert api(product, erin, "POST", at(client, "-/archive")).status_code == 200
    assert_refused(client.put("v2", other), "The repository is archived: it can be pulled and not changed.")
    held = product.request("GET", f"/v2/{client.repository}/manifests/v1", headers=client.headers(Accept=OCI))
    assert held.status_code == 200
    assert api(product, erin, "POST", at(client, "-/unarchive")).status_code == 200
    assert client.put("v2", other).status_code == 201
