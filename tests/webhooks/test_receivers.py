"""Each receiver that webhooks are made for takes what it is sent: by the real sending, to a strict reader."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.actor import Actor
from repositories.models import Repository
from repositories.webhooks import actions, fanout
from repositories.webhooks.formats import shipped
from repositories.webhooks.models import BuildStatus, Delivery, Webhook
from repositories.webhooks.sender import send_due
from tests.system.receiver import Receiver, redirect
from tests.webhooks.conftest import DIGEST, Push
from tests.webhooks.receivers import Fake, Reader, dockerhub, harbor, others

HOST, NAME = "localhost:8000", "alice/public-app"
TOKEN = "6a2c8d1e-9f04-4b7a-8f53-0a9d1c2b3e4f"
Deliver = Callable[..., Delivery]

pytestmark = pytest.mark.django_db


@pytest.fixture
def deliver(as_alice: Actor, public_app: Repository, push: Push) -> Deliver:
    """A webhook, a push of `tag`, one attempt: deliver(url, tag="1.0", format="moorage", …)."""

    def to(url: str, *, tag: str = "1.0", media_type: str = "", **choices: Any) -> Delivery:
        hook = actions.create_webhook(actor=as_alice, place=public_app, name="CI", url=url, **choices)
        told = {"media_type": media_type} if media_type else {}
        assert fanout.fan_out(push(tag, **told).pk) == 1
        assert send_due() == 1
        return Delivery.objects.get(webhook=hook)

    return to


def template(key: str) -> dict[str, str]:
    return {"format": "template", "template": next(each.text for each in shipped() if each.key == key)}


def assert_taken(delivery: Delivery, status: int = 200) -> None:
    """Where it was not, the reader's words are in the attempt's answer."""
    said = "; ".join(delivery.attempts.values_list("response_body", flat=True))
    assert (delivery.state, delivery.last_status, delivery.last_error) == ("delivered", status, ""), said


# -- Docker Hub's payload ---------------------------------------------------------------------------------------------

READERS: dict[str, tuple[Reader, str, dict[str, str]]] = {
    "keel": (dockerhub.keel, "/v1/webhooks/dockerhub", {}),
    "kargo": (dockerhub.kargo, "/webhooks/9d1c2b", {"kind": "image"}),
    "argo-cd": (dockerhub.argo_cd("s3cret"), "/api/webhook?type=dockerhub&secret=s3cret", {}),
}


@pytest.mark.parametrize(("read", "path", "more"), READERS.values(), ids=READERS)
def test_a_name_without_a_host_is_taken_for_one_of_docker_hub(
    deliver: Deliver, receiver: Receiver, read: Reader, path: str, more: dict[str, str]
) -> None:
    fake = Fake(read)
    assert_taken(deliver(receiver.on(path, fake)))
    assert fake.understood == [{"registry": "docker.io", "repository": NAME, "tag": "1.0", **more}]


@pytest.mark.parametrize("receiver_name", ["keel", "kargo"])
def test_the_qualified_format_names_the_registry(deliver: Deliver, receiver: Receiver, receiver_name: str) -> None:
    read, path, more = READERS[receiver_name]
    fake = Fake(read)
    assert_taken(deliver(receiver.on(path, fake), format="dockerhub-qualified"))
    assert fake.understood == [{"registry": HOST, "repository": NAME, "tag": "1.0", **more}]


def test_kargo_tells_a_chart_by_its_media_type(deliver: Deliver, receiver: Receiver) -> None:
    fake = Fake(dockerhub.kargo)
    assert_taken(deliver(receiver.on("/webhooks/9d1c2b", fake), media_type="application/vnd.cncf.helm.config.v1+json"))
    assert fake.understood[0]["kind"] == "chart"


def test_flux_is_told_the_page_and_the_tag(deliver: Deliver, receiver: Receiver) -> None:
    fake = Fake(dockerhub.flux)
    assert_taken(deliver(receiver.on("/hook/0f1e2d", fake)))
    assert fake.understood == [{"url": f"http://{HOST}/{NAME}", "tag": "1.0"}]


def test_flux_checks_the_signature_as_githubs(
    as_alice: Actor, public_app: Repository, push: Push, receiver: Receiver
) -> None:
    hook = actions.create_webhook(
        actor=as_alice,
        place=public_app,
        name="Flux",
        url=receiver.url("/hook/0f1e2d"),
        format="moorage",
        github_signature=True,
        headers={"X-GitHub-Event": "push"},
    )
    fake, stranger = Fake(dockerhub.flux_github(hook.new_secret)), Fake(dockerhub.flux_github("another token"))
    for behaviour, state in ((stranger, "waiting"), (fake, "delivered")):
        receiver.on("/hook/0f1e2d", behaviour)
        assert fanout.fan_out(push(state).pk) == 1
        send_due()
        assert Delivery.objects.get(summary=state).state == state
    assert (fake.understood, stranger.understood) == ([{"event": "push"}], [])


def test_argo_cd_refuses_another_secret(deliver: Deliver, receiver: Receiver) -> None:
    path = "/api/webhook?type=dockerhub&secret=wrong"
    assert deliver(receiver.on(path, Fake(dockerhub.argo_cd("s3cret")))).last_status == 401


# -- Jenkins ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def jenkins() -> Fake:
    """As the plugin answers: with the way back."""
    return Fake(dockerhub.jenkins(TOKEN), status=302, headers={"Location": "../"})


def test_jenkins_queues_a_build_once_although_it_answers_with_a_redirect(
    deliver: Deliver, receiver: Receiver, jenkins: Fake
) -> None:
    delivery = deliver(receiver.on(f"/dockerhub-webhook/{TOKEN}/notify", jenkins))
    assert_taken(delivery, 302)
    assert send_due() == 0
    (build,) = jenkins.understood
    assert build.pop("callback_url").startswith(f"http://{HOST}/{NAME}/-/webhooks/callback/")
    assert build == {
        "DOCKER_TRIGGER_REPO_NAME": NAME,
        "DOCKER_TRIGGER_DOCKER_HUB_HOST": "localhost",
        "DOCKER_TRIGGER_TAG": "1.0",
        "DOCKER_TRIGGER_PUSHER": "alice",
    }


def test_jenkins_refuses_another_token(deliver: Deliver, receiver: Receiver, jenkins: Fake) -> None:
    delivery = deliver(receiver.on("/dockerhub-webhook/wrong/notify", jenkins))
    assert (delivery.state, delivery.last_status) == ("waiting", 403)


@pytest.mark.parametrize(
    "location",
    [
        "/login?from=%2Fdockerhub-webhook",
        "/",
        "https://elsewhere.example/dockerhub-webhook/",
        "notify/",
        "/dockerhub-web",
        "https://127.0.0.1/dockerhub-webhook/token/notify",
        "http://[127.0.0.1/",
    ],
)
def test_other_redirects_are_failures(deliver: Deliver, receiver: Receiver, location: str) -> None:
    delivery = deliver(receiver.on("/dockerhub-webhook/token/notify", redirect(location)))
    assert (delivery.state, delivery.last_status) == ("waiting", 302)
    assert "Redirects are not followed" in delivery.last_error


@pytest.mark.parametrize(("result", "state"), [("SUCCESS", "success"), ("UNSTABLE", "failure"), ("FAILURE", "error")])
def test_what_jenkins_reports_is_kept_for_the_tag(
    deliver: Deliver, receiver: Receiver, jenkins: Fake, client: Client, result: str, state: str
) -> None:
    deliver(receiver.on(f"/dockerhub-webhook/{TOKEN}/notify", jenkins))
    path = jenkins.understood[0]["callback_url"].removeprefix(f"http://{HOST}")
    answer = client.post(path, dockerhub.jenkins_report(result), content_type="application/json; charset=utf-8")
    assert answer.status_code == 200, answer.content
    status = BuildStatus.objects.get()
    assert (status.tag, status.digest, status.context, status.state) == ("1.0", DIGEST, "Jenkins", state)
    assert status.target_url.startswith("https://jenkins.example.org/dockerhub-webhook/details/")


# -- Harbor's payload -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "understood"),
    [
        (harbor.argo_cd("s3cret"), {"registry": HOST, "repository": NAME, "tag": "1.0"}),
        (harbor.kargo("s3cret"), {"image": f"{HOST}/{NAME}", "tags": ["1.0"]}),
        (harbor.flux("s3cret"), {}),
    ],
    ids=["argo-cd", "kargo", "flux"],
)
def test_harbors_readers_learn_registry_and_tag(
    deliver: Deliver, receiver: Receiver, read: Reader, understood: dict[str, Any]
) -> None:
    fake = Fake(read)
    assert_taken(deliver(receiver.on("/hook", fake), headers={"Authorization": "s3cret"}, **template("harbor")))
    assert fake.understood == [understood]


@pytest.mark.parametrize("read", [harbor.argo_cd("s3cret"), harbor.kargo("s3cret"), harbor.flux("s3cret")])
def test_harbors_readers_refuse_another_secret(deliver: Deliver, receiver: Receiver, read: Reader) -> None:
    delivery = deliver(receiver.on("/hook", Fake(read)), headers={"Authorization": "wrong"}, **template("harbor"))
    assert delivery.last_status in {400, 401}


# -- Addresses and headers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["1.0", "a.b_c-D"])
def test_portainer_reads_the_tag_from_the_address(deliver: Deliver, receiver: Receiver, tag: str) -> None:
    fake = Fake(others.portainer(TOKEN), status=204)
    receiver.on(f"/api/webhooks/{TOKEN}?tag={tag}", fake)
    assert_taken(deliver(receiver.url(f"/api/webhooks/{TOKEN}?tag={{tag}}"), tag=tag), 204)
    assert fake.understood == [{"tag": tag}]


def test_watchtower_wants_a_bearer_token_and_the_image(deliver: Deliver, receiver: Receiver) -> None:
    fake = Fake(others.watchtower("s3cret"))
    receiver.on("/v1/update?image=localhost:8000/alice%2Fpublic-app", fake)
    url = receiver.url("/v1/update?image=localhost:8000/{repository}")
    assert_taken(deliver(url, headers={"Authorization": "Bearer s3cret"}))
    assert fake.understood == [{"images": [f"{HOST}/{NAME}"]}]


def test_watchtower_refuses_another_token(deliver: Deliver, receiver: Receiver) -> None:
    url = receiver.on("/v1/update", Fake(others.watchtower("s3cret")))
    assert deliver(url, headers={"Authorization": "Bearer wrong"}).last_status == 401


def test_azure_gets_the_addresss_user_and_password_as_basic(deliver: Deliver, receiver: Receiver) -> None:
    url = receiver.on("/docker/hook", Fake(others.azure("$site", "p@ss:w/rd")))
    delivery = deliver(url.replace("://", "://$site:p%40ss%3Aw%2Frd@"))
    assert_taken(delivery)
    assert "p%40ss" not in json.dumps(list(delivery.attempts.values("request_url", "request_headers")))


# -- Formats of their own ---------------------------------------------------------------------------------------------


def test_github_starts_workflows(deliver: Deliver, receiver: Receiver) -> None:
    fake = Fake(others.github_dispatch("acme", "deploy", "github_pat_1"), status=204)
    headers = dict(next(each.headers for each in shipped() if each.key == "github"))
    headers["Authorization"] = headers["Authorization"].replace("⟨token⟩", "github_pat_1")
    assert_taken(
        deliver(receiver.on("/repos/acme/deploy/dispatches", fake), headers=headers, **template("github")), 204
    )
    (told,) = fake.understood
    assert told["event_type"] == "moorage.push"
    assert told["client_payload"]["repository"] == NAME
    assert (told["client_payload"]["tag"]["name"], told["client_payload"]["tag"]["digest"]) == ("1.0", DIGEST)


@pytest.mark.parametrize(
    ("key", "read", "status", "body"),
    [
        ("slack", others.slack, 200, b"ok"),
        ("teams", others.teams, 202, b""),
        ("discord", others.discord, 204, b""),
    ],
)
def test_chats_show_a_sentence(
    deliver: Deliver, receiver: Receiver, key: str, read: Reader, status: int, body: bytes
) -> None:
    fake = Fake(read, status=status, body=body)
    assert_taken(deliver(receiver.on("/services/T0/B0/secret", fake), **template(key)), status)
    (told,) = fake.understood[0].values()
    assert f"{NAME}:1.0" in told


def test_every_shipped_template_has_a_reader_here() -> None:
    assert {each.key for each in shipped()} == {"slack", "teams", "discord", "github", "harbor"}


def test_every_format_is_read_by_somebody() -> None:
    """`moorage` and `cloudevents` are read by libraries: tests of formats and examples/flask_receiver."""
    read = {"dockerhub", "dockerhub-qualified", "template"}
    assert set(Webhook.Format.values) - read == {"moorage", "cloudevents"}
