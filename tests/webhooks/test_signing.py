"""Signatures, read by Standard Webhooks' own library and by an HMAC written out here."""

import hashlib
import hmac
from datetime import timedelta

import pytest
import standardwebhooks
import time_machine
from django.utils import timezone

from repositories.webhooks import fanout, signing
from repositories.webhooks.models import OVERLAP, Delivery, Webhook
from repositories.webhooks.sender import send_due
from tests.system.receiver import Received, Receiver
from tests.webhooks.conftest import Push

PATH = "/ci?token=s3cret"


def last(receiver: Receiver) -> Received:
    return receiver.got(PATH)[-1]


def is_signed(request: Received, secret: str) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(request.body, request.headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def test_an_attempt_is_signed_as_standard_webhooks_says(hook: Webhook, delivery: Delivery, receiver: Receiver) -> None:
    assert send_due() == 1
    request = last(receiver)
    assert is_signed(request, hook.new_secret)
    assert not is_signed(request, signing.new_secret())
    names = {name.lower(): value for name, value in request.headers.items()}
    assert names["webhook-id"] == delivery.event_id
    assert abs(int(names["webhook-timestamp"]) - timezone.now().timestamp()) < 30
    assert "x-hub-signature-256" not in names


def test_two_secrets_sign_while_a_rotation_overlaps(hook: Webhook, push: Push, receiver: Receiver) -> None:
    old, new = hook.new_secret, signing.new_secret()
    hook.set_secret(new)
    hook.save()
    fanout.fan_out(push("1").pk)
    assert send_due() == 1
    assert is_signed(last(receiver), old)
    assert is_signed(last(receiver), new)
    later = timezone.now() + OVERLAP + timedelta(seconds=1)
    with time_machine.travel(later, tick=True):
        fanout.fan_out(push("2").pk)
        assert send_due() == 1
        assert not is_signed(last(receiver), old)
        assert is_signed(last(receiver), new)


def test_another_attempt_has_the_same_id_and_a_time_of_its_own(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    assert send_due() == 1
    first = last(receiver)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        Delivery.objects.update(state=Delivery.State.WAITING, next_attempt_at=timezone.now())
        assert send_due() == 1
        second = last(receiver)
        assert is_signed(second, hook.new_secret)
        assert not is_signed(first, hook.new_secret)  # too old by now
    ids, times = ([each.headers[name] for each in (first, second)] for name in ("Webhook-Id", "Webhook-Timestamp"))
    assert ids[0] == ids[1]
    assert int(times[1]) - int(times[0]) >= 3600
    assert first.body == second.body


def test_a_body_that_was_changed_is_not_signed(hook: Webhook, delivery: Delivery, receiver: Receiver) -> None:
    assert send_due() == 1
    request = last(receiver)
    changed = Received(request.path, request.headers, request.body.replace(b"latest", b"others"), request.at)
    assert changed.body != request.body
    assert not is_signed(changed, hook.new_secret)


def test_githubs_signature_is_an_option_and_made_with_the_newest_secret(
    hook: Webhook, push: Push, receiver: Receiver
) -> None:
    hook.set_secret(signing.new_secret())
    newest = signing.new_secret()
    hook.set_secret(newest)
    hook.github_signature = True
    hook.save()
    fanout.fan_out(push().pk)
    assert send_due() == 1
    request = last(receiver)
    expected = hmac.new(newest.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Hub-Signature-256"] == f"sha256={expected}"


def test_a_webhook_without_a_secret_signs_nothing(hook: Webhook, push: Push, receiver: Receiver) -> None:
    Webhook.objects.filter(pk=hook.pk).update(encrypted_secret="", github_signature=True)
    fanout.fan_out(push().pk)
    assert send_due() == 1
    names = {name.lower() for name in last(receiver).headers}
    assert not names & {"webhook-signature", "x-hub-signature-256"}


def test_githubs_own_example() -> None:
    # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signing.github_signature("It's a Secret to Everybody", b"Hello, World!") == expected


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_secret_has_its_signature(count: int) -> None:
    secrets = [signing.new_secret() for _ in range(count)]
    made = signing.signature(secrets, webhook_id="e", timestamp=1, body=b"{}")
    assert len(made.split()) == count
    assert len(set(made.split())) == count
