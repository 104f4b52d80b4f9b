"""The request of a delivery: its headers, where it may go, and what is kept of both."""

import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from portal.accounts.actor import Actor
from portal.kit.errors import Invalid
from portal.kit.http import Refused
from repositories.models import Repository
from repositories.webhooks import actions, fanout, sending
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.sender import send_due
from tests.kit.loopback import answer, self_signed, served
from tests.system.receiver import Receiver
from tests.webhooks.conftest import DIGEST, Push

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def sent(hook: Webhook, push: Push, tag: str = "1.0", **changed: Any) -> Attempt:
    """The attempt of a push, after the webhook was changed so."""
    for name, value in changed.items():
        setattr(hook, name, value)
    hook.save()
    fanout.fan_out(push(tag).pk)
    assert send_due() == 1
    return Attempt.objects.select_related("delivery").latest("pk")


# -- headers ----------------------------------------------------------------------------------------------------------


def test_every_request_says_what_it_is(hook: Webhook, delivery: Delivery, receiver: Receiver) -> None:
    assert send_due() == 1
    (request,) = receiver.got("/ci?token=s3cret")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("Moorage-Webhook/")
    assert request.headers["X-Moorage-Event"] == "push"
    assert request.headers["X-Moorage-Delivery"] == delivery.public_id
    recorded = Attempt.objects.get().request_headers
    assert recorded.items() <= request.headers.items()
    assert recorded["Webhook-Signature"] == request.headers["Webhook-Signature"]


def test_headers_of_ones_own_are_sent_and_not_recorded(hook: Webhook, push: Push, receiver: Receiver) -> None:
    own = {"Authorization": "Bearer s3cret-token", "X-Api-Key": " s3cret-key\n", "content-type": "text/plain"}
    attempt = sent(hook, push, headers=own)
    (request,) = receiver.got("/ci?token=s3cret")
    assert request.headers["Authorization"] == "Bearer s3cret-token"
    assert request.headers["X-Api-Key"] == "s3cret-key"
    assert request.headers["Content-Type"] == "text/plain"
    assert attempt.request_headers["Authorization"] == "…"
    assert attempt.request_headers["X-Api-Key"] == "…"
    assert "s3cret" not in str(attempt.request_headers) + attempt.request_url


def test_user_and_password_of_the_url_are_sent_unless_there_is_a_header(
    hook: Webhook, push: Push, receiver: Receiver
) -> None:
    url = receiver.url("/basic").replace("://", "://ci:s3cret@")
    attempt = sent(hook, push, url=url)
    assert receiver.got("/basic")[0].headers["Authorization"] == "Basic Y2k6czNjcmV0"
    assert attempt.request_headers["Authorization"] == "…"
    assert attempt.request_url == receiver.url("/basic")
    attempt = sent(hook, push, headers={"authorization": "Bearer other"})
    sent_headers = {name.lower(): value for name, value in receiver.got("/basic")[1].headers.items()}
    assert sent_headers["authorization"] == "Bearer other"
    assert [name for name in attempt.request_headers if name.lower() == "authorization"] == ["authorization"]


def test_a_stored_header_that_is_ours_by_now_is_not_sent(hook: Webhook, push: Push, receiver: Receiver) -> None:
    sent(hook, push, headers={"Webhook-Id": "forged", "Host": "forged"})
    (request,) = receiver.got("/ci?token=s3cret")
    assert "forged" not in request.headers.values()


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"Host": "x"}, "The header Host is set by Moorage."),
        ({"webhook-signature": "x"}, "is set by Moorage"),
        ({"X-Moorage-Event": "x"}, "is set by Moorage"),
        ({"x-hub-signature-256": "x"}, "is set by Moorage"),
        ({"Transfer-Encoding": "chunked"}, "is set by Moorage"),
        ({"X A": "x"}, "'X A' is no name of a header"),
        ({"": "x"}, "'' is no name of a header"),
        ({"X-A\r\nHost": "x"}, "is no name of a header"),
        ({"Ü": "x"}, "is no name of a header"),
        ({"X-A": "b\r\nHost: c"}, "holds a character that headers cannot carry"),
        ({"X-A": "b\x00"}, "holds a character"),
        ({"X-A": "ü"}, "holds a character"),
        ({"X-A": "  "}, "The header X-A has no value."),
        ({"X-A": "b", "x-a": "c"}, "The header x-a is there twice."),
        ({f"X-{number}": "x" for number in range(21)}, "may have 20 headers"),
        ({"X-A": "x" * 8192}, "may have 8192 characters together"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_with_a_sentence(headers: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        sending.check_headers(headers)


def test_headers_that_receivers_ask_for_may_be_set() -> None:
    sending.check_headers({"Authorization": "Bearer x", "Accept": "application/vnd.github+json", "X-Api-Key": "a b\t"})
    sending.check_headers({f"X-{number}": "x" * 100 for number in range(20)})


# -- the URL ----------------------------------------------------------------------------------------------------------


def test_placeholders_are_filled_in_for_each_delivery(hook: Webhook, push: Push, receiver: Receiver) -> None:
    url = receiver.url("/{repository}/{tag}?d={digest}&e={event}&id={delivery}")
    attempt = sent(hook, push, url=url)
    path = f"/{attempt.delivery.repository_name}/1.0"
    digest = DIGEST.replace(":", "%3A")
    assert len(receiver.got(f"{path}?d={digest}&e=push&id={attempt.delivery.public_id}")) == 1
    assert attempt.request_url == receiver.url(path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/{image}", "http://{tag}.example/"])
def test_a_bad_placeholder_is_told_when_the_webhook_is_saved(as_alice: Actor, public_app: Repository, url: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.create_webhook(actor=as_alice, place=public_app, name="CI", url=url)
    assert list(caught.value.fields or {}) == ["url"]


def test_a_key_that_is_lost_is_a_failure_in_words(hook: Webhook, delivery: Delivery, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert send_due() == 1
    assert "cannot be decrypted" in Attempt.objects.get().error


# -- where it may go --------------------------------------------------------------------------------------------------


def test_a_redirect_is_a_failure_that_names_its_target(hook: Webhook, push: Push, receiver: Receiver) -> None:
    with served(answer(OK)) as inner:
        redirect = f"HTTP/1.1 307 Moved\r\nLocation: {inner.url('/secret')}\r\nContent-Length: 0\r\n\r\n".encode()
        with served(answer(redirect)) as server:
            attempt = sent(hook, push, url=server.url())
        assert inner.requests == []
    assert (attempt.status, attempt.delivery.state) == (307, Delivery.State.WAITING)
    assert attempt.error == f"Redirects are not followed; this one leads to {inner.url('/secret')}"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PUBLIC_URL", "http://localhost:{port}"),
        ("EXTRA_HOSTS", ["127.0.0.1:{port}"]),
        ("REGISTRY_URL", "http://127.0.0.1:{port}"),
        ("REDIS_URL", "redis://:password@127.0.0.1:{port}/0"),
        ("INNER_ADDRESSES", ["127.0.0.1:{port}"]),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "127.0.0.2", "2130706433"])
def test_the_portal_is_not_called_by_itself_although_loopback_is_open(
    settings: Settings, setting: str, value: Any, host: str
) -> None:
    with served(answer(OK)) as server, served(answer(OK)) as another:
        text = [each.replace("{port}", str(server.port)) for each in ([value] if isinstance(value, str) else value)]
        setattr(settings, setting, text[0] if isinstance(value, str) else text)
        with pytest.raises(Refused, match=f"port {server.port}, belongs to this portal itself"):
            sending.check_url_template(server.url(host=host))
        sending.check_url_template(another.url(host=host))  # another port of the same machine is somebody else


@pytest.mark.parametrize("port", [":443", "", ":80"])
def test_the_portals_own_name_is_refused_in_any_spelling(settings: Settings, port: str) -> None:
    settings.PUBLIC_URL, settings.EXTRA_HOSTS = "https://hub.example.org", ["images.example.org"]
    scheme = "http" if port == ":80" else "https"
    for host in ("hub.example.org", "HUB.example.org.", "images.example.org"):
        with pytest.raises(Refused, match="belongs to this portal itself"):
            sending.check_url_template(f"{scheme}://{host}{port}/v2/")
    sending.check_url_template("https://hub.example.org:8443/jenkins")
    sending.check_url_template("https://ci.hub.example.org/")


def test_a_name_that_leads_to_an_inner_part_is_refused_when_it_is_called(
    hook: Webhook, push: Push, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolver(_host: str, port: int, **_kwargs: Any) -> list[Any]:
        return [(0, 0, 0, "", ("10.1.2.3", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    settings.WEBHOOK_NETWORKS, settings.REGISTRY_URL = ["10.0.0.0/8"], "http://registry:5000"
    attempt = sent(hook, push, url="http://innocent.example:5000/")
    assert attempt.error == "innocent.example, port 5000, belongs to this portal itself."
    assert attempt.status is None


def test_a_private_authority_is_trusted_where_the_operator_says_so(
    hook: Webhook, push: Push, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda _h, port, **_k: [(0, 0, 0, "", ("127.0.0.1", port))])
    context, ca_file = self_signed(tmp_path, "ci.internal")
    with served(answer(OK), tls=context) as server:
        url = server.url(scheme="https", host="ci.internal")
        refused = sent(hook, push, url=url)
        assert (refused.status, refused.timings.get("tls")) == (None, None)
        assert refused.error == "The certificate was not accepted: it is self-signed, and not known here."
        settings.WEBHOOK_CA_FILE = ca_file
        trusted = sent(hook, push, "2.0")
    assert (trusted.status, trusted.error) == (200, "")
    assert {"dns", "connect", "tls", "first_byte"} == set(trusted.timings)


def test_nothing_of_an_answer_breaks_the_record(hook: Webhook, push: Push) -> None:
    head = b"HTTP/1.1 500 Oh\xff\r\nX-Bad: \x00\xff\r\nSet-Cookie: session=s3cret\r\nContent-Length: 4\r\n\r\n"
    data = head + b"\x00\xff\xed\xa0"
    with served(answer(data)) as server:
        attempt = sent(hook, push, url=server.url())
    assert attempt.status == 500
    assert attempt.response_headers["Set-Cookie"] == "…"
    assert "\x00" not in attempt.response_body + str(attempt.response_headers)


def test_the_request_that_is_recorded_is_the_one_that_was_sent(hook: Webhook, push: Push, receiver: Receiver) -> None:
    attempt = sent(hook, push)
    (request,) = receiver.got("/ci?token=s3cret")
    assert request.body == bytes(attempt.delivery.body)
    own = {"Accept", "Accept-Encoding", "Connection", "Content-Length", "Host"}
    assert set(request.headers) - set(attempt.request_headers) == own
