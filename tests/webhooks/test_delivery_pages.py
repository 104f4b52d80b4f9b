"""The log of a webhook, and the page of a delivery."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks import actions
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.shown import pretty
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
    assert "3 deliveries Send all of these again…" in page
    assert "0.0.3 Push Delivered 200 OK 43 ms 1 just now" in page
    assert "0.0.2 Push Waiting next try in 4 minutes No answer within 10 s. 43 ms 1 just now" in page
    assert "0.0.1 Push Failed 404 Not Found 43 ms 1" in page


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
    assert "It is being sent at this moment." in text_of(page)
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


# -- the filter -------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(webhook: Webhook) -> Webhook:
    """A delivered push of yesterday, one that failed, one that waits, and a star."""
    old = webhooks.make_delivery(webhook, "1.0")
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=1))
    webhooks.make_delivery(webhook, "2.0", state="failed", status=500)
    webhooks.make_delivery(webhook, "2.1", state="waiting", status=503)
    star = webhooks.make_delivery(webhook, "dave")
    Delivery.objects.filter(pk=star.pk).update(event_type="star", repository_name="alice/public-app")
    return webhook


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["dave", "2.1", "2.0", "1.0"]),
        ("state=failed", ["2.0"]),
        ("event=star", ["dave"]),
        ("q=2.", ["2.1", "2.0"]),
        ("q=PUBLIC-app", ["dave"]),
        ("from={today}", ["dave", "2.1", "2.0"]),
        ("to={yesterday}", ["1.0"]),
        ("from={yesterday}&to={today}&q=2.&state=waiting", ["2.1"]),
    ],
)
def test_the_log_shows_what_is_asked_for(alices_client: Client, log: Webhook, query: str, found: list[str]) -> None:
    now = timezone.now()
    query = query.format(today=day(now), yesterday=day(now - timedelta(days=1)))
    page = alices_client.get(f"{BASE}/{log.pk}?{query}", headers=HTMX).content.decode()
    assert re.findall(r'class="log-what" href="[^"]+">([^<]+)</a>', page) == found
    assert f"{len(found)} deliver" in page


def test_nothing_matches(alices_client: Client, log: Webhook) -> None:
    page = text_of(alices_client.get(f"{BASE}/{log.pk}?q=none"))
    assert "Nothing matches" in page
    assert "Nothing sent yet" not in page
    assert "Send all of these again" not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-02-02&to=2026-02-01", "The end lies before the beginning."),
        ("from=soon", "Enter a valid date/time."),
        ("state=lost", "Select a valid choice."),
    ],
)
def test_a_broken_filter_is_explained(alices_client: Client, log: Webhook, query: str, words: str) -> None:
    page = alices_client.get(f"{BASE}/{log.pk}?{query}")
    assert words in text_of(page)
    assert alices_client.get(f"{BASE}/{log.pk}/redeliver?{query}").status_code == 302


def test_pages_keep_the_filter(alices_client: Client, webhook: Webhook) -> None:
    for number in range(27):
        webhooks.make_delivery(webhook, f"3.{number}")
        webhooks.make_delivery(webhook, "other", state="failed")
    page = alices_client.get(f"{BASE}/{webhook.pk}?q=3.")
    assert "27 deliveries" in text_of(page)
    more = re.search(r'rel="next" href="([^"]+)"', page.content.decode())
    assert more
    rest = alices_client.get(f"{BASE}/{webhook.pk}{more[1].replace('&amp;', '&')}").content.decode()
    assert re.findall(r'class="log-what" href="[^"]+">([^<]+)</a>', rest) == ["3.1", "3.0"]


def test_a_count_ends_somewhere(alices_client: Client, log: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repositories.webhooks.delivery_views.COUNTED", 3)
    monkeypatch.setattr("repositories.webhooks.delivery_reads.count_up_to.__defaults__", (3,))
    assert "More than 3 deliveries" in text_of(alices_client.get(f"{BASE}/{log.pk}"))


# -- why it waits, why it failed --------------------------------------------------------------------------------------


def test_what_waits_behind_another_says_so(alices_client: Client, webhook: Webhook) -> None:
    first, second = (webhooks.make_delivery(webhook, "1.0", state="waiting", status=503) for _ in range(2))
    for number, row in enumerate((first, second)):
        Delivery.objects.filter(pk=row.pk).update(order_key="tag:1:1.0", event_key=number)
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    assert "1.0 Push Waiting behind an earlier one" in page
    assert "1.0 Push Waiting next try in 4 minutes" in page
    one = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{second.public_id}")
    assert "An earlier delivery about the same comes first" in text_of(one)
    assert f'href="{BASE}/{webhook.pk}/deliveries/{first.public_id}">See the delivery before it' in one.content.decode()


def test_a_receiver_that_asked_to_wait_is_named(alices_client: Client, webhook: Webhook) -> None:
    row = webhooks.make_delivery(webhook, "1.0", state="waiting", status=429)
    Webhook.objects.update(not_before=timezone.now() + timedelta(hours=2, minutes=1))
    assert "next try in 2 hours" in text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}"))
    assert "The receiver asked to be left alone (Retry-After). Next try in 2 hours" in page


def test_a_paused_webhook_tells_what_it_holds(alices_client: Client, webhook: Webhook) -> None:
    row = webhooks.make_delivery(webhook, "1.0", state="held", status=500)
    webhooks.make_delivery(webhook, "1.1", state="held", status=500)
    Delivery.objects.update(next_attempt_at=None)
    Webhook.objects.update(is_active=False, disabled_by="failing", failing_since=timezone.now())
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    assert "2 deliveries are held. What is held is sent when the webhook is resumed, the oldest first." in page
    assert "1.1 Push Held until the webhook is resumed" in page
    assert "Send all of these again" not in page
    one = text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}"))
    assert "The webhook is paused. It is sent when somebody resumes the webhook." in one


@pytest.mark.parametrize(
    ("delivery", "attempt", "words"),
    [
        ({"body": b"", "last_error": "no tag"}, {}, "The payload could not be made, so nothing was sent: no tag"),
        ({}, {"status": 410}, "The receiver answered 410 Gone, so the webhook was switched off."),
        ({}, {"status": None, "is_interrupted": True, "error": "Ended."}, "ended during this delivery again and again"),
        ({"days": 1}, {"status": 500}, "No attempt of a day was answered with a status from 200 to 299"),
        ({}, {"status": 500}, "The webhook was switched off before it was delivered"),
    ],
)
def test_an_end_is_explained(
    alices_client: Client, webhook: Webhook, delivery: dict[str, Any], attempt: dict[str, Any], words: str
) -> None:
    row = webhooks.make_delivery(webhook, state="failed", **attempt)
    if days := delivery.pop("days", 0):
        delivery |= {"trying_since": timezone.now() - timedelta(days=days, minutes=1), "attempt_count": 12}
    Delivery.objects.filter(pk=row.pk).update(**delivery)
    if "body" in delivery:
        Attempt.objects.all().delete()
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}"))
    assert words in page
    assert ("Copy as curl" in page) == ("body" not in delivery)


def test_an_interrupted_attempt_is_no_missing_answer(alices_client: Client, webhook: Webhook) -> None:
    row = webhooks.make_delivery(webhook, status=None, is_interrupted=True, error="The process ended.")
    page = text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}"))
    assert "Attempt 1 Interrupted" in page
    assert "The process ended. It is sent again with the same Webhook-Id" in page
    assert "No answer" not in page


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        ({"status": 302, "error": "Redirects are not followed"}, "Enter the address that it leads to"),
        ({"status": 401}, "Check the password or token"),
        ({"status": 404}, "Check the webhook"),
    ],
)
def test_a_failure_says_what_helps(alices_client: Client, webhook: Webhook, attempt: dict[str, Any], hint: str) -> None:
    row = webhooks.make_delivery(webhook, state="failed", **attempt)
    assert hint in text_of(alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}"))


def test_a_redirect_that_counts_as_taken_is_no_failure(alices_client: Client, webhook: Webhook) -> None:
    row = webhooks.make_delivery(webhook, status=302, response_headers={"location": "/jenkins/hooks"})
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{row.public_id}")
    assert '<span class="badge is-success">302 Found</span>' in page.content.decode()
    assert "a status from 200 to 299 means received" not in text_of(page)


def test_the_same_event_is_linked_both_ways(alices_client: Client, webhook: Webhook, queued: list[Any]) -> None:
    first = webhooks.make_delivery(webhook, state="failed", status=500)
    alices_client.post(f"{BASE}/{webhook.pk}/deliveries/{first.public_id}/redeliver")
    again = Delivery.objects.exclude(pk=first.pk).get()
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{first.public_id}").content.decode()
    assert f'{again.public_id}">Sent again</a>' in page
    page = alices_client.get(f"{BASE}/{webhook.pk}/deliveries/{again.public_id}").content.decode()
    assert f'{first.public_id}">First delivery</a>' in page


# -- sending many again -----------------------------------------------------------------------------------------------


def test_what_the_filter_shows_is_sent_again_after_a_look_at_the_number(
    alices_client: Client, log: Webhook, queued: list[Any]
) -> None:
    address = f"{BASE}/{log.pk}/redeliver"
    page = alices_client.get(f"{address}?q=2.")
    assert "Tag or repository 2. To be sent 2" in text_of(page)
    assert "Send 2 deliveries again" in text_of(page)
    fields = dict(re.findall(r'type="hidden" name="(q|to)" value="([^"]+)"', page.content.decode()))
    assert set(fields) == {"q", "to"}
    late = webhooks.make_delivery(log, "2.2")
    Delivery.objects.filter(pk=late.pk).update(created_at=timezone.now() + timedelta(seconds=2))
    assert "2 deliveries are being sent again." in text_of(alices_client.post(address, fields, follow=True))
    copies = Delivery.objects.exclude(redelivery_of=None)
    assert [row.summary for row in copies] == ["2.0"]  # the one that waited is due now itself
    assert Delivery.objects.get(summary="2.1").next_attempt_at <= timezone.now()  # type: ignore[operator]
    assert "There was nothing to send again." in text_of(alices_client.post(address, {"q": "none"}, follow=True))


def test_too_many_are_refused(alices_client: Client, log: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "REDELIVERED_AT_ONCE", 2)
    address = f"{BASE}/{log.pk}/redeliver"
    page = text_of(alices_client.get(address))
    assert "These are more than 2 deliveries, which is as many as can be sent again at once." in page
    assert "more than 2 These" in page.replace("To be sent ", "")
    assert not re.search(r"Send \d+ deliver", page)
    assert "These are more than 2 deliveries." in text_of(alices_client.post(address, follow=True))


def test_a_webhook_that_is_off_sends_nothing_again(alices_client: Client, log: Webhook) -> None:
    Webhook.objects.update(is_active=False)
    address = f"{BASE}/{log.pk}/redeliver"
    assert "The webhook is switched off. Switch it on first." in text_of(alices_client.get(address))
    assert "The webhook is switched off. Switch it on first." in text_of(alices_client.post(address, follow=True))


# -- namespaces -------------------------------------------------------------------------------------------------------


def test_a_namespace_has_the_same_pages(alice: User, alices_client: Client, public_app: Repository) -> None:
    hook = webhooks.make_webhook(alice, alice.namespace)
    row = webhooks.make_delivery(hook, "1.0", state="failed", status=500)
    Delivery.objects.update(repository_name="alice/public-app")
    one = f"/alice/-/webhooks/{hook.pk}"
    assert "1.0 Push · alice/public-app Failed 500" in text_of(alices_client.get(one))
    page = alices_client.get(f"{one}/deliveries/{row.public_id}")
    assert "Repository alice/public-app" in text_of(page)
    again = alices_client.post(f"{one}/deliveries/{row.public_id}/redeliver")
    assert again["Location"].startswith(f"{one}/deliveries/")
    assert "1 delivery is being sent again." in text_of(alices_client.post(f"{one}/redeliver", follow=True))
    assert alices_client.get(f"{BASE}/{hook.pk}").status_code == 404


# -- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"b": [1.10, 1e400, {}], "b": "{,:}"}', '{\n  "b": [\n    1.10,\n    1e400,\n    {}\n  ],\n  "b": "{,:}"\n}'),
        ("[]", "[]"),
        ("plain", "plain"),
        ('"text"', '"text"'),
        ("[" * 30 + "]" * 30, "[" * 30 + "]" * 30),
        ("[" * 60_000, "[" * 60_000),
    ],
)
def test_json_is_indented_and_nothing_in_it_changed(text: str, shown: str) -> None:
    assert pretty(text) == shown
