"""A team lead sets up who may pull and push: organization, invitations, teams, patterns, robots, with real clients."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.system.dockerd import Docker
from tests.system.product import Account, Product, make_image, wait_until
from tests.system.test_push import state

ORG = "acme"


@dataclass
class Api:
    """The API as one person, who signed in with their password."""

    product: Product
    account: Account
    _bearer: str = field(default="", init=False)

    def __call__(self, method: str, path: str, json: Any = None, *, status: int = 200) -> Any:
        if not self._bearer:
            login = {"identifier": self.account.username, "secret": self.account.password}
            self._bearer = self.product.request("POST", "/v2/auth/token", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {self._bearer}"}
        answer = self.product.request(method, path, json=json, headers=headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text


@dataclass
class World:
    """The cast, and the API as the owner."""

    product: Product
    docker: Docker
    owner: Account
    bob: Account
    carol: Account
    mallory: Account
    dave: Account
    api: Api

    def push(self, who: Account, name: str, image: str = "org:0") -> str:
        """docker push as somebody who logged in; what docker printed."""
        place = f"{self.product.host}/{name}"
        self.docker.run("tag", image, place)
        done = self.docker.run("push", place, user=who.username, check=False)
        return done.stdout + done.stderr

    def pull(self, who: Account, name: str) -> str:
        place = f"{self.product.host}/{name}"
        self.docker.run("rmi", place, check=False)
        done = self.docker.run("pull", place, user=who.username, check=False)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def world(product: Product, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Bob and Carol are members, Mallory was invited by an address without an account; Bob writes, Carol reads."""
    owner, bob, carol, dave = (product.signup(name) for name in ("olga", "bob", "carol", "dave"))
    docker.load(make_image(tmp_path_factory.mktemp("layout") / "image"), "org:0")
    for account in (owner, bob, carol, dave):
        login(product, docker, account.username, account.password, user=account.username)
    api = Api(product, owner)
    api("POST", "/v2/orgs", {"orgname": ORG, "full_name": "Acme"}, status=201)
    invited = {"org": ORG, "role": "member", "invitees": [bob.username, carol.username, "mallory@example.org"]}
    api("POST", "/v2/invites/bulk", invited, status=202)
    for account in (bob, carol):
        accept(product, account)
    for name, member, role in (("image-admins", bob, "write"), ("image-users", carol, "read")):
        api("POST", f"/v2/orgs/{ORG}/groups", {"name": name, "description": "By the story"}, status=201)
        api("POST", f"/v2/orgs/{ORG}/groups/{name}/members", {"member": member.username})
        api("POST", f"/v2/orgs/{ORG}/groups/{name}/grants", {"pattern": "payments/*", "permission": role}, status=201)
    create(api, "api")
    groups = {group["name"]: group["id"] for group in api("GET", f"/v2/orgs/{ORG}/groups")["results"]}
    for name, role in (("image-admins", "write"), ("image-users", "read")):
        given = {"group_id": groups[name], "permission": role}
        api("POST", f"/v2/repositories/{ORG}/api/groups", given)
    return World(product, docker, owner, bob, carol, Account("mallory", ""), dave, api)


def login(product: Product, docker: Docker, name: str, secret: str, *, user: str) -> None:
    done = docker.run("login", "-u", name, "--password-stdin", product.host, user=user, stdin=secret)
    assert "Login Succeeded" in done.stdout


def accept(product: Product, account: Account) -> None:
    api = Api(product, account)
    for invite in api("GET", "/v2/user/invites")["data"]:
        api("POST", f"/v2/invites/{invite['id']}/accept")


def create(api: Api, name: str) -> None:
    body = {"name": name, "namespace": ORG, "is_private": True, "description": "By the story"}
    api("POST", f"/v2/namespaces/{ORG}/repositories", body, status=201)


def members(world: World) -> set[str]:
    return {row["username"] for row in world.api("GET", f"/v2/orgs/{ORG}/members?page_size=100")["results"]}


def test_those_who_accepted_are_members_and_the_others_are_invited(world: World) -> None:
    assert members(world) >= {"olga", "bob", "carol"}
    wait_until(lambda: world.product.mails(to="mallory@example.org"), what="the mail of the invitation")
    mail = world.product.mails(to="mallory@example.org")[-1].get_body(("plain",))
    assert mail is not None
    text = mail.get_content()
    link = next(word for word in text.split() if "/organizations/invitations/" in word)
    page = world.product.get(link.removeprefix(world.product.url))
    assert page.status_code == 200, link
    assert ORG in page.text


def test_bob_pushes_and_pulls(world: World) -> None:
    assert "digest: sha256:" in world.push(world.bob, f"{ORG}/api:1")
    assert "Digest: sha256:" in world.pull(world.bob, f"{ORG}/api:1")


def test_a_push_creates_what_bobs_pattern_covers_and_nothing_else(world: World) -> None:
    assert "digest: sha256:" in world.push(world.bob, f"{ORG}/payments/new:1")
    found = world.api("GET", f"/v2/repositories/{ORG}/payments/new")
    assert found["is_private"]
    assert "denied" in world.push(world.bob, f"{ORG}/elsewhere:1")
    world.api("GET", f"/v2/repositories/{ORG}/elsewhere", status=404)


def test_carol_pulls_and_is_told_why_she_may_not_push(world: World) -> None:
    assert "Digest: sha256:" in world.pull(world.carol, f"{ORG}/api:1")
    assert "Digest: sha256:" in world.pull(world.carol, f"{ORG}/payments/new:1")
    said = world.push(world.carol, f"{ORG}/api:2")
    assert f"carol may pull {ORG}/api but not push (" in said
    assert "team image-users" in said


def test_skopeo_is_told_the_same(world: World, layout: Path) -> None:
    make_image(layout)
    pushed = world.product.push(layout, f"{ORG}/api:skopeo", world.bob)
    assert pushed.returncode == 0
    refused = world.product.push(layout, f"{ORG}/api:skopeo", world.carol, check=False)
    assert refused.returncode != 0
    assert f"carol may pull {ORG}/api but not push (" in refused.stderr


@pytest.fixture
def short_path() -> Iterator[Path]:
    """podman takes no run folder of more than 50 characters."""
    with tempfile.TemporaryDirectory(prefix="podman-", dir="/tmp") as folder:
        yield Path(folder)


def test_podman_obeys_too(world: World, short_path: Path) -> None:
    def podman(*arguments: str) -> subprocess.CompletedProcess[str]:
        store = ["--root", f"{short_path}/root", "--runroot", f"{short_path}/run", "--storage-driver=vfs"]
        command = ["podman", *store, "--cgroup-manager=cgroupfs", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    place = f"{world.product.host}/{ORG}/api"
    pulled = podman("pull", "-q", "--tls-verify=false", f"--creds={world.carol.credentials}", f"{place}:1")
    assert pulled.returncode == 0, pulled.stderr
    image = pulled.stdout.strip()
    refused = podman("push", "--tls-verify=false", f"--creds={world.carol.credentials}", image, f"{place}:podman")
    assert refused.returncode != 0
    assert "denied" in refused.stderr or "not push" in refused.stderr
    pushed = podman("push", "--tls-verify=false", f"--creds={world.bob.credentials}", image, f"{place}:podman")
    assert pushed.returncode == 0, pushed.stderr


def test_dave_outside_sees_nothing_anywhere(world: World) -> None:
    said = world.pull(world.dave, f"{ORG}/api:1")
    assert "pull access denied" in said
    assert "repository does not exist" in said
    dave = Api(world.product, world.dave)
    for path in (f"/v2/repositories/{ORG}/api", f"/v2/orgs/{ORG}", f"/v2/orgs/{ORG}/members", f"/v2/orgs/{ORG}/groups"):
        dave("GET", path, status=404)
    assert dave("GET", f"/v2/search/repositories/?query={ORG}")["results"] == []
    for path in (f"/{ORG}", f"/{ORG}/api", f"/{ORG}/-/members"):
        assert world.product.get(path).status_code in {302, 404}


def test_the_base_permission_lets_every_member_pull_or_nobody(world: World) -> None:
    create(world.api, "handbook")
    assert "digest: sha256:" in world.push(world.owner, f"{ORG}/handbook:1")
    assert "Digest: sha256:" in world.pull(world.carol, f"{ORG}/handbook:1")
    world.api("PUT", f"/v2/orgs/{ORG}/settings", {"base_permission": "none"})
    assert "pull access denied" in world.pull(world.carol, f"{ORG}/handbook:1")
    Api(world.product, world.carol)("GET", f"/v2/repositories/{ORG}/handbook", status=404)
    assert "Digest: sha256:" in world.pull(world.carol, f"{ORG}/api:1")
    world.api("PUT", f"/v2/orgs/{ORG}/settings", {"base_permission": "read"})
    assert "Digest: sha256:" in world.pull(world.carol, f"{ORG}/handbook:1")


def test_ci_pushes_with_an_organization_token_for_one_repository(world: World) -> None:
    resources = [{"type": "TYPE_REPO", "path": f"{ORG}/api", "scopes": ["scope-image-push"]}]
    made = world.api(
        "POST", f"/v2/orgs/{ORG}/access-tokens", {"label": "ci", "description": "", "resources": resources}, status=201
    )
    login(world.product, world.docker, ORG, made["token"], user="ci")
    ci = Account("ci", "")
    assert "digest: sha256:" in world.push(ci, f"{ORG}/api:by-ci")
    assert "denied" in world.push(ci, f"{ORG}/payments/new:by-ci")
    assert "pull access denied" in world.pull(ci, f"{ORG}/payments/new:1")
    assert state(world.product, f"{ORG}/api")["history"][-1][-1] == f"{ORG}:ci"
    world.api("PATCH", f"/v2/orgs/{ORG}/access-tokens/{made['id']}", {"is_active": False})
    assert "denied" in world.push(ci, f"{ORG}/api:by-ci") + "" or "unauthorized" in world.push(ci, f"{ORG}/api:by-ci")


def test_bob_leaves_the_team_and_what_he_holds_dies(world: World) -> None:
    scope = f"repository:{ORG}/api:pull,push"
    held = world.product.token(scope, account=world.bob)
    claims = jwt.decode(held, options={"verify_signature": False})
    assert claims["access"][0]["actions"] == ["pull", "push"]
    assert claims["exp"] - time.time() <= 240, "the registry allows one more minute: five in all"
    world.api("DELETE", f"/v2/orgs/{ORG}/groups/image-admins/members/bob", status=204)
    assert f"bob may pull {ORG}/api but not push (base permission read)" in world.push(world.bob, f"{ORG}/api:late")
    manifest = world.product.request(
        "PUT",
        f"/v2/{ORG}/api/manifests/late",
        data=b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}',
        headers={"Authorization": f"Bearer {held}", "Content-Type": "application/vnd.oci.image.index.v1+json"},
    )
    assert manifest.status_code == 403, "the gateway asks again: a tag is never written by who lost the right"
    smaller = jwt.decode(world.product.token(scope, account=world.bob), options={"verify_signature": False})
    assert smaller["access"][0]["actions"] == ["pull"]


def test_the_owner_sees_who_has_access_and_why(world: World) -> None:
    rows = world.api("GET", f"/v2/namespaces/{ORG}/repositories/api/-/access?page_size=100")["results"]
    why = {row["name"]: (row["role"], " ".join(reason["text"] for reason in row["reasons"])) for row in rows}
    assert why["olga"][0] == "admin"
    assert "owner of the organization" in why["olga"][1]
    assert why["carol"][0] == "read"
    assert "team image-users" in why["carol"][1]
    assert "base permission read" in why["carol"][1]
    assert why["bob"] == ("read", "base permission read")
    assert "dave" not in why


def test_why_was_ci_denied(world: World) -> None:
    checked = world.api("GET", f"/v2/orgs/{ORG}/access/check?repository=api&subject=carol&action=push")
    assert checked["allowed"] is False
    assert "team image-users" in str(checked)
    assert world.api("GET", f"/v2/orgs/{ORG}/access/check?repository=payments/later&subject=carol&action=pull")[
        "allowed"
    ]
