"""What stands in examples/, tried: the receiver in Flask for real, Jenkins and GitHub as strict readers."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from repositories.webhooks.formats import shipped
from tests.system.product import ROOT, Account, Product, free_port, make_image, wait_until
from tests.system.receiver import Receiver, receiving
from tests.system.test_webhooks_product import Api
from tests.webhooks.receivers import Fake, dockerhub, others

EXAMPLES = ROOT / "examples"
TOKEN = "6a2c8d1e-9f04-4b7a-8f53-0a9d1c2b3e4f"
NAME = "alice-examples/app"


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-examples")


@pytest.fixture(scope="module")
def api(product: Product, alice: Account, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Of a repository that is there: the first push makes it."""
    layout = tmp_path_factory.mktemp("image") / "layout"
    make_image(layout)
    product.push(layout, f"{NAME}:first", alice)
    return Api(product, alice, "app")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


class Flask:
    """The example, as its README starts it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/webhook"
        self._folder, self._port = folder, port

    @contextmanager
    def running(self, secret: str) -> Iterator[None]:
        command = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(self._port)]
        environment = os.environ | {"MOORAGE_WEBHOOK_SECRET": secret, "INBOX": str(self._folder / "inbox.sqlite3")}
        with (self._folder / "flask.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=EXAMPLES / "flask_receiver", env=environment, stdout=log, stderr=log
            )
        try:
            wait_until(self._listens, what="the receiver's start")
            yield
        finally:
            process.kill()
            process.wait(timeout=10)

    def deployed(self) -> list[str]:
        return re.findall(r"INFO deploy (\S+) \(sha256:", self.log())

    def log(self) -> str:
        return (self._folder / "flask.log").read_text()

    def _listens(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def settled(api: Api, hook: int, count: int) -> list[dict[str, Any]]:
    """The webhook's deliveries, the newest first, once all have ended."""

    def ended() -> list[dict[str, Any]] | None:
        found = list(api("GET", f"/{hook}/deliveries")["results"])
        return found if len(found) == count and all(row["state"] == "delivered" for row in found) else None

    found: list[dict[str, Any]] = wait_until(ended, pause=0.3, what=f"{count} deliveries")
    return found


def test_the_receiver_in_flask_acts_once_on_what_is_signed(
    product: Product, alice: Account, api: Api, layout: Path, tmp_path: Path
) -> None:
    flask = Flask(tmp_path, free_port())
    hook = api("POST", name="Flask", url=flask.url, format="moorage")
    image = make_image(layout)
    with flask.running(hook["secret"]):
        api("POST", f"/{hook['id']}/ping")
        settled(api, hook["id"], 1)
        assert "nothing to do for ping" in wait_until(flask.log, what="a word")
        product.push(layout, f"{NAME}:1.0", alice)
        (pushed, _ping) = settled(api, hook["id"], 2)
        wait_until(flask.deployed, what="the deployment")
        assert image.digest in flask.log()

        forged = {"Webhook-Id": "x", "Webhook-Timestamp": "1", "Webhook-Signature": "v1,AAAA"}
        for headers in ({}, forged, forged | {"Webhook-Signature": "nonsense"}):
            assert requests.post(flask.url, b'{"type": "push"}', headers=headers, timeout=5).status_code == 401

        api("POST", f"/{hook['id']}/deliveries/{pushed['id']}/redeliver")
        settled(api, hook["id"], 3)
    with flask.running(hook["secret"]):  # what is done is not done again, after a kill -9 either
        product.push(layout, f"{NAME}:2.0", alice)
        settled(api, hook["id"], 4)
        wait_until(lambda: len(flask.deployed()) > 1, what="the second deployment")
    assert flask.deployed() == [f"{product.host}/{NAME}:1.0", f"{product.host}/{NAME}:2.0"]


def test_the_receiver_in_flask_refuses_another_secret(api: Api, tmp_path: Path) -> None:
    flask = Flask(tmp_path, free_port())
    hook = api("POST", name="Flask", url=flask.url, format="moorage")
    with flask.running("whsec_AAAA" + hook["secret"][10:]):
        ping = api("POST", f"/{hook['id']}/ping")

        def answered() -> int | None:
            status: int | None = api("GET", f"/{hook['id']}/deliveries/{ping['id']}")["last_status"]
            return status

        assert wait_until(answered, pause=0.3, what="the answer") == 401


def test_the_jenkins_example_builds_and_its_result_is_at_the_tag(
    product: Product, alice: Account, api: Api, receiver: Receiver, layout: Path
) -> None:
    jenkins = Fake(dockerhub.jenkins(TOKEN), status=302, headers={"Location": "../"})
    url = receiver.on(f"/dockerhub-webhook/{TOKEN}/notify", jenkins)
    hook = api("POST", name="Jenkins", url=url)
    make_image(layout)
    product.push(layout, f"{NAME}:production", alice)
    assert [row["last_status"] for row in settled(api, hook["id"], 1)] == [302]
    (build,) = jenkins.understood
    script = (EXAMPLES / "jenkins" / "Jenkinsfile").read_text()
    for name in re.findall(r"DOCKER_TRIGGER_\w+", script):
        assert build[name], name
    report = dockerhub.jenkins_report("SUCCESS")
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    answer = requests.post(build["callback_url"], report, headers=json_type, timeout=10)
    assert answer.status_code == 200, answer.text
    path = "/v2/namespaces/alice-examples/repositories/app/tags/production/statuses"
    (status,) = product.get(path, headers=api.headers).json()
    assert (status["context"], status["state"]) == ("Jenkins", "success")
    assert status["target_url"].startswith("https://jenkins.example.org/dockerhub-webhook/details/")


def test_the_github_example_sends_what_its_workflow_reads(
    product: Product, alice: Account, api: Api, receiver: Receiver, layout: Path
) -> None:
    readme = (EXAMPLES / "github_dispatch" / "README.md").read_text()
    headers = dict(re.findall(r"\| Header \| `([\w-]+): ([^`]+)` \|", readme))
    template = next(each for each in shipped() if each.key == "github")
    assert headers.keys() == template.headers.keys()
    github = Fake(others.github_dispatch("acme", "deploy", "github_pat_1"), status=204)
    url = receiver.on("/repos/acme/deploy/dispatches", github)
    headers["Authorization"] = "Bearer github_pat_1"
    hook = api("POST", name="GitHub", url=url, format="template", template=template.text, headers=headers)
    image = make_image(layout)
    product.push(layout, f"{NAME}:github", alice)
    settled(api, hook["id"], 1)
    (told,) = github.understood

    workflow = (EXAMPLES / "github_dispatch" / "workflows" / "deploy.yml").read_text()
    assert told["event_type"] in yaml.safe_load(workflow)[True]["repository_dispatch"]["types"]  # YAML reads `on` so
    for path in re.findall(r"github\.event\.client_payload\.([\w.]+)", workflow):
        value: Any = told["client_payload"]
        for part in path.split("."):
            value = value[part]
        assert value, path
    assert told["client_payload"]["tag"]["pull_reference_by_digest"] == f"{product.host}/{NAME}@{image.digest}"
    for name in ("id", "cause", "time", "summary", "actor", "namespace", "repository", "url", "tag"):
        assert f"`{name}`" in readme, name
        assert name in told["client_payload"]


def test_examples_name_files_that_are_there() -> None:
    for page in EXAMPLES.rglob("*.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).resolve().exists(), f"{page}: {link}"
