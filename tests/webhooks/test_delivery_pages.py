"""The log of a webhook, and the page of a delivery."""

import re
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks.models import Attempt, Delivery, Webhook
from tests.factories import webhooks

BASE = "/alice/public-app/-/webhooks"
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def webhook(alice: User, public_app: Repository) -> Webhook:
    return webhooks.make_webhook(alice, public_app)


def test_deliveries_are_listed_with_their_answer(alices_client: Client, webhook: Webhook) -> None:
    assert "Nothing sent yet" in text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    webhooks.make_delivery(webhook, "0.0.1", state="failed", status=404)
    webhooks.make_delivery(webhook, "0.0.2", state="waiting", status=None, error="No answer within 10 s.")
    webhooks.make_delivery(webhook, "0.0.3")
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    assert "0.0.3 Delivered 200 OK 43 ms 1 just now" in page
    assert "0.0.2 Waiting No answer within 10 s. 43 ms 1 just now next try in 4 minutes" in page
    assert "0.0.1 Failed 404 Not Found 43 ms 1" in page


def test_a_poll_that_has_seen_it_all_gets_nothing(alices_client: Client, webhook: Webhook) -> None:
    webhooks.make_delivery(webhook, "0.0.1", state="waiting")
    again = re.search(r'hx-get="([^"]+seen=[^"]+)"', alices_client.get(f"{BASE}/{webhook.pk}").content.decode())
    assert again
    assert alices_client.get(again[1], headers=HTMX).status_code == 204
    Delivery.objects.update(state=Delivery.State.DELIVERED)
    part = alices_client.get(again[1], headers=HTMX).content.decode()
    assert "Delivered" in part
    assert "<html" not in part


def test_a_delivery_shows_request_and_response(alices_client: Client, webhook: Webhook) -> None:
    delivery = webhooks.make_delivery(webhook)
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{delivery.public_id}")
    shown = text_of(page).replace("&quot;", '"')
    for words in (
        "Attempt 1 200 OK",
        "POST https://93.184.215.14/hooks/ci",
        "Webhook-Id 0123456789abcdef",
        '{ "queued": true }',
        '"push_data": { "tag": "latest" }',
        "Name 2 ms Connection 9 ms Waiting for the answer 30 ms The rest 2 ms",
    ):
        assert words in shown, words
    assert "hx-trigger" not in page.content.decode()  # it has ended


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        ({"status": 500}, "The receiver answered 500 Internal Server Error; a status from 200 to 299 means received."),
        ({"status": 410}, "The receiver answered 410 Gone, so the webhook was switched off."),
        ({"status": 599}, "The receiver answered 599 ;"),
        ({"status": None, "error": "No such host."}, "No such host."),
        ({"status": None, "error": ""}, "There was no answer."),
        ({"status": 302, "error": "Redirects are not followed"}, "Redirects are not followed"),
    ],
)
def test_a_failure_is_explained(alices_client: Client, webhook: Webhook, attempt: dict[str, Any], reason: str) -> None:
    delivery = webhooks.make_delivery(webhook, state="failed", **attempt)
    assert reason in text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{delivery.public_id}"))


def test_what_a_receiver_answers_is_escaped(alices_client: Client, webhook: Webhook) -> None:
    evil = "<script>alert(1)</script>"
    delivery = webhooks.make_delivery(
        webhook, response_body=evil, response_headers={evil: evil}, response_truncated=True, timings={"dns": "x"}
    )
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{delivery.public_id}")
    assert evil not in page.content.decode()
    assert "only its beginning is kept" in text_of(page)


def test_an_open_delivery_says_when_it_is_tried_next(alices_client: Client, webhook: Webhook) -> None:
    waiting = webhooks.make_delivery(webhook, state="waiting", status=503)
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{waiting.public_id}")
    assert "Next try in 4 minutes" in text_of(page)
    assert 'hx-trigger="every 3s"' in page.content.decode()
    Delivery.objects.update(state=Delivery.State.SENDING)
    Attempt.objects.all().delete()
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{waiting.public_id}")
    assert "Next try under way" in text_of(page)
    assert "No attempt so far" in text_of(page)


def test_send_again(alices_client: Client, webhook: Webhook, queued: list[Any]) -> None:
    old = webhooks.make_delivery(webhook)
    one = f"{BASE}/{webhook.pk}/deliveries"
    response = alices_client.post(f"{one}/{old.public_id}/redeliver")
    again = Delivery.objects.exclude(pk=old.pk).get()
    assert response["Location"] == f"{one}/{again.public_id}"
    assert again.redelivery_of == old
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    assert "sent again" in page


def test_send_again_says_why_not(alices_client: Client, webhook: Webhook) -> None:
    delivery = webhooks.make_delivery(webhook, state="sending")
    one = f"{BASE}/{webhook.pk}/deliveries/{delivery.public_id}"
    assert "This delivery is being sent at this moment." in text_of(alices_client.post(f"{one}/redeliver", follow=True))
    Webhook.objects.update(is_active=False)
    page = alices_client.post(f"{one}/redeliver", follow=True)
    assert "The webhook is switched off. Switch it on first." in text_of(page)


def test_a_delivery_is_found_below_its_own_webhook_only(
    alice: User, alices_client: Client, public_app: Repository, webhook: Webhook
) -> None:
    other = webhooks.make_webhook(alice, public_app, name="Other")
    delivery = webhooks.make_delivery(webhook)
    assert alices_client.get(f"{BASE}/{other.pk}/deliveries/{delivery.public_id}").status_code == 404
    assert alices_client.post(f"{BASE}/{other.pk}/deliveries/{delivery.public_id}/redeliver").status_code == 404
