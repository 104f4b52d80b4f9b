"""The first hour, with docker and podman: log in, push, overwrite, pull, search, and what strangers are told."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.images import Image
from tests.system.dockerd import Docker
from tests.system.product import Account, Product, make_image, wait_until
from tests.system.receiver import Receiver, receiving
from tests.system.test_push import OCI, state

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-story")


@pytest.fixture(scope="module")
def stranger(product: Product) -> Account:
    return product.signup("stranger-story")


@pytest.fixture(scope="module")
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def images(product: Product, docker: Docker, alice: Account, tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    """Two images in the engine, named as they will be pushed; Alice is logged in, the stranger too."""
    made = [make_image(tmp_path_factory.mktemp("layout") / str(number)) for number in range(2)]
    for number, image in enumerate(made):
        docker.load(image, f"story:{number}")
    return made


@pytest.fixture(autouse=True, scope="module")
def _logged_in(product: Product, docker: Docker, alice: Account, stranger: Account) -> None:
    for account in (alice, stranger):
        done = docker.run(
            "login",
            "-u",
            account.username,
            "--password-stdin",
            product.host,
            user=account.username,
            stdin=account.password,
        )
        assert "Login Succeeded" in done.stdout


def create(product: Product, account: Account, name: str, *, private: bool) -> None:
    bearer = product.request(
        "POST", "/v2/auth/token", json={"identifier": account.username, "secret": account.password}
    ).json()["access_token"]
    made = product.request(
        "POST",
        f"/v2/namespaces/{account.username}/repositories",
        json={"name": name, "namespace": account.username, "is_private": private, "description": "My first app"},
        headers={"Authorization": f"Bearer {bearer}"},
    )
    assert made.status_code == 201, made.text


def push(product: Product, docker: Docker, account: Account, image: str, name: str) -> str:
    """docker tag and docker push; what docker printed."""
    place = f"{product.host}/{name}"
    docker.run("tag", image, place)
    done = docker.run("push", place, user=account.username, check=False)
    return done.stdout + done.stderr


def test_a_wrong_password_reads_as_docker_people_know_it(product: Product, docker: Docker, alice: Account) -> None:
    done = docker.run(
        "login", "-u", alice.username, "--password-stdin", product.host, user="typo", stdin="wrong", check=False
    )
    assert done.returncode != 0
    assert "unauthorized: incorrect username or password" in done.stderr


def test_an_access_token_in_place_of_the_password(product: Product, docker: Docker, alice: Account, images) -> None:
    secret = product.shell(
        "from portal.accounts import actions; from portal.accounts.credentials import authenticate\n"
        f"print(actions.create_access_token(actor=authenticate({alice.username!r}, {alice.password!r}), "
        "label='ci', level='repo:read')[1])"
    ).strip()
    done = docker.run("login", "-u", alice.username, "--password-stdin", product.host, user="ci", stdin=secret)
    assert "Login Succeeded" in done.stdout
    docker.run("tag", "story:0", f"{product.host}/{alice.username}/by-token")
    refused = docker.run("push", f"{product.host}/{alice.username}/by-token", user="ci", check=False)
    assert refused.returncode != 0
    assert "denied" in refused.stderr


def test_push_overwrite_and_pull(
    product: Product, docker: Docker, alice: Account, images: list[Image], receiver: Receiver
) -> None:
    name = f"{alice.username}/myfirstapp"
    create(product, alice, "myfirstapp", private=False)
    address = receiver.url("/story")
    product.shell(
        "from repositories.models import Repository; from repositories.webhooks.actions import create_webhook\n"
        "from portal.accounts.credentials import authenticate\n"
        f"create_webhook(actor=authenticate({alice.username!r}, {alice.password!r}), "
        f"place=Repository.objects.get(full_name={name!r}), name='ci', url={address!r})"
    )
    first = push(product, docker, alice, "story:0", name)
    assert "latest: digest: sha256:" in first
    assert "0.0.1: digest: sha256:" in push(product, docker, alice, "story:0", f"{name}:0.0.1")
    assert "latest: digest: sha256:" in push(product, docker, alice, "story:1", name)
    found = state(product, name)
    latest, old = found["tags"][1][1], found["tags"][0][1]
    assert found["history"][-1] == ["latest", "moved", latest, old, alice.username]
    assert old in first
    received = receiver.wait("/story", 3)
    assert [got.json["push_data"]["tag"] for got in received] == ["latest", "0.0.1", "latest"]
    payload = received[0].json
    assert payload["repository"]["repo_name"] == name
    assert payload["push_data"]["pusher"] == alice.username
    assert isinstance(payload["push_data"]["pushed_at"], int)
    docker.run("rmi", f"{product.host}/{name}", f"{product.host}/{name}:0.0.1")
    assert f"Digest: {latest}" in docker.run("pull", f"{product.host}/{name}").stdout
    deliveries = product.get(f"/v2/repositories/{name}/tags/latest")
    assert deliveries.json()["digest"] == latest
    wait_until(lambda: product.get(f"/v2/repositories/{name}").json()["pull_count"] == 1, what="the pull to be counted")


def test_search_finds_what_is_public_only(product: Product, docker: Docker, alice: Account, stranger: Account) -> None:
    create(product, alice, "myfirst-secret", private=True)
    for user in ("nobody", stranger.username, alice.username):
        done = docker.run("search", f"{product.host}/myfirst", user=user)
        assert f"{alice.username}/myfirstapp" in done.stdout
        assert "secret" not in done.stdout


def test_what_is_private_does_not_exist_for_others(
    product: Product, docker: Docker, alice: Account, stranger: Account, images
) -> None:
    name = f"{alice.username}/hidden"
    create(product, alice, "hidden", private=True)
    assert "digest: sha256:" in push(product, docker, alice, "story:0", name)
    docker.run("rmi", f"{product.host}/{name}")
    for user in ("nobody", stranger.username):
        done = docker.run("pull", f"{product.host}/{name}", user=user, check=False)
        assert done.returncode != 0
        assert "pull access denied" in done.stderr
        assert "repository does not exist" in done.stderr
    assert product.get(f"/v2/repositories/{name}").status_code == 404
    assert product.get(f"/{name}").status_code == 404
    assert "Digest: sha256:" in docker.run("pull", f"{product.host}/{name}", user=alice.username).stdout


def test_a_push_that_is_refused_says_why(
    product: Product, docker: Docker, alice: Account, stranger: Account, images
) -> None:
    name = f"{alice.username}/myfirstapp"
    said = push(product, docker, stranger, "story:0", f"{name}:mine")
    assert f"{stranger.username} may pull {name} but not push" in said
    assert state(product, name)["tags"][-1][0] != "mine"


def test_an_unconfirmed_account_logs_in_and_pulls_but_does_not_push(
    product: Product, docker: Docker, alice: Account, images
) -> None:
    eve = product.signup("eve-story", confirmed=False)
    done = docker.run(
        "login", "-u", eve.username, "--password-stdin", product.host, user=eve.username, stdin=eve.password
    )
    assert "Login Succeeded" in done.stdout
    assert docker.run("pull", f"{product.host}/{alice.username}/myfirstapp", user=eve.username).returncode == 0
    assert "denied" in push(product, docker, eve, "story:0", f"{eve.username}/app")


def podman(
    product: Product, folder: Path, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    options = [
        "--root",
        str(folder / "root"),
        "--runroot",
        str(folder / "run"),
        "--storage-driver=vfs",
        "--cgroup-manager=cgroupfs",
    ]
    return subprocess.run(
        ["podman", *options, *arguments], check=False, capture_output=True, text=True, timeout=120, input=stdin
    )


@pytest.fixture
def short_path() -> Iterator[Path]:
    """podman takes no run folder of more than 50 characters."""
    with tempfile.TemporaryDirectory(prefix="podman-", dir="/tmp") as folder:
        yield Path(folder)


def test_podman_logs_in_pushes_and_pulls(product: Product, alice: Account, short_path: Path) -> None:
    tmp_path = short_path
    auth = f"--authfile={tmp_path / 'auth.json'}"
    done = podman(
        product,
        tmp_path,
        "login",
        auth,
        "--tls-verify=false",
        "-u",
        alice.username,
        "--password-stdin",
        product.host,
        stdin=alice.password,
    )
    assert "Login Succeeded" in done.stdout, done.stderr
    make_image(tmp_path / "layout")
    place = f"{product.host}/{alice.username}/by-podman:1"
    pulled = podman(product, tmp_path, "pull", "-q", f"oci:{tmp_path / 'layout'}:latest")
    assert pulled.returncode == 0, pulled.stderr
    pushed = podman(product, tmp_path, "push", auth, "--tls-verify=false", pulled.stdout.strip(), place)
    assert pushed.returncode == 0, pushed.stderr
    assert state(product, f"{alice.username}/by-podman")["events"]
    again = podman(product, tmp_path, "pull", auth, "--tls-verify=false", place)
    assert again.returncode == 0, again.stderr


def test_containerds_way(product: Product, alice: Account, stranger: Account) -> None:
    """It posts a form first, grant_type=password, and falls back to GET on 401; 403 or 500 would break it."""
    form = {
        "grant_type": "password",
        "service": "moorage",
        "client_id": "containerd-client",
        "scope": f"repository:{alice.username}/hidden:pull",
        "username": alice.username,
        "password": alice.password,
    }
    answer = product.request("POST", "/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == f"repository:{alice.username}/hidden:pull"
    assert "refresh_token" not in answer.json()
    assert product.request("POST", "/token", data=form | {"password": "wrong"}).status_code == 401
    smaller = product.request(
        "POST", "/token", data=form | {"username": stranger.username, "password": stranger.password}
    )
    assert (smaller.status_code, smaller.json()["scope"]) == (200, "")
    kept = product.request("POST", "/token", data=form | {"access_type": "offline"}).json()["refresh_token"]
    refreshed = product.request(
        "POST",
        "/token",
        data={"grant_type": "refresh_token", "service": "moorage", "refresh_token": kept, "scope": form["scope"]},
    )
    assert (refreshed.status_code, refreshed.json()["refresh_token"]) == (200, kept)
    manifest = product.get(
        f"/v2/{alice.username}/hidden/manifests/latest",
        headers={
            "Authorization": f"Bearer {refreshed.json()['access_token']}",
            "Accept": f"{OCI}, {DOCKER}",
        },
    )
    assert manifest.status_code == 200
