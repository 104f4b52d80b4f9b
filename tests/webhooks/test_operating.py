"""What operators see of all webhooks together: counts of attempts, the queue, the page and the API."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.events.models import Unread
from repositories.models import Repository
from repositories.webhooks import counting, fanout, operating
from repositories.webhooks.counting import count_attempts
from repositories.webhooks.models import Attempt, Count, CountedUpTo, Delivery, Webhook
from repositories.webhooks.operating import Ended
from tests import factories
from tests.conftest import signed_in
from tests.factories.sync import make_operator
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db
PAGE = "/registry/webhooks"
HTMX = {"HX-Request": "true"}
NOW = datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
def ci(alice: User, public_app: Repository) -> Webhook:
    hook = make_webhook(alice, public_app, "CI")
    Unread.objects.all().delete()  # of the repository's creation
    return hook


@pytest.fixture
def olga(db: None) -> Client:
    return signed_in(make_operator())


def attempted(hook: Webhook, *, ago: timedelta = timedelta(minutes=1), **attempt: Any) -> Attempt:
    """An attempt that ended so long ago."""
    delivery = make_delivery(hook, state="delivered", **attempt)
    row = delivery.attempts.get()
    row.started_at = timezone.now() - ago - timedelta(milliseconds=row.duration_ms)
    row.save()
    return row


def being_sent(hook: Webhook) -> None:
    row = make_delivery(hook, state="sending")
    Delivery.objects.filter(pk=row.pk).update(next_attempt_at=None, leased_until=timezone.now() + timedelta(seconds=30))


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


class TestCounting:
    def test_each_attempt_once_by_minute_by_host_and_for_ever(self, ci: Webhook) -> None:
        with time_machine.travel(NOW, tick=False):
            attempted(ci, duration_ms=40)
            attempted(ci, duration_ms=700, status=500)
            attempted(ci, duration_ms=10_500, status=None, error="The receiver did not answer in time.")
            attempted(ci, duration_ms=0, status=None, error="The process ended.", is_interrupted=True)
            assert count_attempts() == 4
            assert count_attempts() == 0
        told = Count.objects.values_list("span", "at", "host", "delivered", "failed", "interrupted")
        minute, hour = NOW.replace(minute=29, second=0), NOW.replace(minute=0, second=0)
        assert set(told) == {
            ("ever", NOW, "", 1, 2, 1),
            ("minute", minute, "", 1, 2, 1),
            ("hour", hour, ci.host, 1, 2, 1),
        }
        ever = Count.objects.get(span="ever")
        assert (ever.milliseconds, ever.within_50, ever.within_1000, ever.longer) == (11_240, 1, 1, 1)

    def test_later_ones_are_added(self, ci: Webhook) -> None:
        with time_machine.travel(NOW, tick=False):
            attempted(ci)
            count_attempts()
        with time_machine.travel(NOW + timedelta(seconds=5), tick=False):
            attempted(ci, status=500)
            count_attempts()
        assert set(Count.objects.values_list("span", "delivered", "failed")) == {
            ("ever", 1, 1),
            ("minute", 1, 1),
            ("hour", 1, 1),
        }

    def test_nothing_is_passed_over_that_may_still_be_written_before(self, ci: Webhook) -> None:
        settled = attempted(ci)
        attempted(ci, ago=timedelta(seconds=3))
        attempted(ci)
        assert count_attempts() == 1
        assert CountedUpTo.objects.get().attempt_id == settled.pk
        with time_machine.travel(timezone.now() + timedelta(seconds=30)):
            assert count_attempts() == 2

    def test_one_from_before_the_clock_was_set_back_stops_nothing(self, ci: Webhook) -> None:
        attempted(ci, ago=-timedelta(days=1))
        attempted(ci)
        assert count_attempts() == 2

    def test_batch_by_batch(self, ci: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counting, "BATCH", 2)
        for _each in range(5):
            attempted(ci)
        assert count_attempts() == 5
        assert Count.objects.get(span="ever").delivered == 5

    def test_two_runs_at_once_count_once(self, ci: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
        row = attempted(ci)
        after = counting._after

        def while_another_counts(attempt_id: int) -> Any:
            found = list(after(attempt_id))
            CountedUpTo.objects.update(attempt_id=row.pk)
            return iter(found)

        monkeypatch.setattr(counting, "_after", while_another_counts)
        assert count_attempts() == 0
        assert not Count.objects.exists()

    def test_minutes_of_long_ago_go_and_what_is_for_ever_stays(self, ci: Webhook) -> None:
        attempted(ci)
        count_attempts()
        with time_machine.travel(timezone.now() + timedelta(days=2)):
            count_attempts()
        assert [row.span for row in Count.objects.all()] == ["ever"]

    def test_an_old_log_is_counted_for_ever_alone(self, ci: Webhook) -> None:
        attempted(ci, ago=timedelta(days=3))
        count_attempts()
        assert [(row.span, row.delivered) for row in Count.objects.all()] == [("ever", 1)]


class TestNumbers:
    @pytest.mark.parametrize(
        ("steps", "median", "p95"),
        [
            ({}, None, None),
            ({0: 1}, 5, 10),
            ({2: 90, 7: 10}, 39, 1750),
            ({10: 4}, 10_000, 10_000),
        ],
    )
    def test_quantiles_lie_between_two_steps(self, steps: dict[int, int], median: int, p95: int) -> None:
        ended = Ended(steps=tuple(steps.get(number, 0) for number in range(11)))
        assert (ended.median, ended.p95) == (median, p95)

    def test_the_queue_by_what_each_waits_for(self, ci: Webhook, push: Any, alice: User) -> None:
        fanout.fan_out(push("1.0").pk)
        fanout.fan_out(push("1.0").pk)
        fanout.fan_out(push("2.0").pk)
        now = timezone.now() + timedelta(minutes=3)
        first, second, other = Delivery.objects.order_by("pk")
        Delivery.objects.filter(pk=first.pk).update(next_attempt_at=now + timedelta(hours=1), attempt_count=1)
        being_sent(ci)
        push("3.0")
        queue = operating.read_queue(now)
        assert (queue.due, queue.behind, queue.later, queue.sending, queue.unread) == (1, 1, 1, 1, 1)
        assert queue.due_since == other.next_attempt_at
        assert 179 < queue.waited(now) < 185
        assert second.order_key == first.order_key

    def test_whom_the_receiver_asked_to_wait_waits_for_no_worker(self, ci: Webhook, push: Any) -> None:
        fanout.fan_out(push().pk)
        now = timezone.now()
        Webhook.objects.update(not_before=now + timedelta(hours=1))
        queue = operating.read_queue(now + timedelta(minutes=5))
        assert (queue.due, queue.behind, queue.due_since, queue.waits_since) == (0, 1, None, None)
        assert queue.waited(now) == 0

    def test_what_is_held(self, ci: Webhook, push: Any) -> None:
        Webhook.objects.update(is_active=False, disabled_by="failing", paused_at=timezone.now())
        fanout.fan_out(push().pk)
        queue = operating.read_queue(timezone.now())
        assert (queue.held, queue.due) == (1, 0)

    def test_an_event_that_nobody_reads_waits_too(self, ci: Webhook, push: Any) -> None:
        event = push()
        assert operating.read_queue(timezone.now()).waits_since == event.at

    def test_counting_ends_somewhere(self, ci: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(operating, "MOST", 2)
        for _each in range(5):
            make_delivery(ci, state="failed")
        assert operating.given_up_since(timezone.now() - timedelta(hours=1)) == 3

    def test_webhooks_by_state(self, alice: User, public_app: Repository) -> None:
        now = timezone.now()
        for columns in (
            {},
            {"failing_since": now},
            {"failing_since": now, "is_active": False, "disabled_by": "failing"},
            {"failing_since": now, "is_active": False, "disabled_by": "receiver"},
            {"failing_since": now, "is_active": False, "disabled_by": "person"},
        ):
            Webhook.objects.filter(pk=make_webhook(alice, public_app).pk).update(**columns)
        assert operating.webhook_counts() == {"active": 1, "failing": 1, "paused": 1, "gone": 1, "off": 1}
        assert [each.state for each in operating.failing_webhooks()] == ["failing", "paused", "gone"]

    def test_why_a_webhook_fails(self, ci: Webhook) -> None:
        Webhook.objects.update(failing_since=timezone.now())
        row = make_delivery(ci, state="waiting")
        Delivery.objects.filter(pk=row.pk).update(last_status=502, last_error="Bad gateway.")
        make_delivery(ci, state="waiting")
        (told,) = operating.failing_webhooks()
        assert (told.last_status, told.last_error) == (502, "Bad gateway.")


class TestPage:
    def test_what_it_tells(self, olga: Client, ci: Webhook) -> None:
        attempted(ci, duration_ms=40)
        attempted(ci, duration_ms=40, status=500)
        count_attempts()
        Webhook.objects.update(failing_since=timezone.now())
        page = text_of(olga.get(PAGE))
        assert "Due now 0 could be sent" in page
        assert "Delivered, last hour 50 % of 2 attempts" in page
        assert "93.184.215.14 38 ms 49 ms 2 1" in page
        assert "CI alice/public-app 93.184.215.14 Failing" in page
        assert "Oldest waiting nothing waits" in page
        assert "s3cret" not in page

    def test_nothing_yet(self, olga: Client) -> None:
        page = text_of(olga.get(PAGE))
        assert "No attempts in the last hour." in page
        assert "No host has answered yet." in page
        assert "None: the last attempt of each was delivered." in page

    def test_what_waits_too_long_and_fails_too_often_is_said(
        self, olga: Client, ci: Webhook, push: Any, settings: Any
    ) -> None:
        settings.WEBHOOK_ALERT_SUCCESS_RATE = 0.96
        fanout.fan_out(push().pk)
        Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=7))
        for number in range(operating.ENOUGH - 1):
            attempted(ci, status=200 if number else 500)
        count_attempts()
        assert "attempts were delivered" not in text_of(olga.get(PAGE)), "too few to say so"
        attempted(ci)
        count_attempts()
        page = text_of(olga.get(PAGE))
        assert "has waited 7 minutes for a worker; the limit is 60 seconds." in page
        assert "95 % of the last hour's attempts were delivered; the limit is 96 %." in page

    def test_a_poll_gets_nothing_until_something_is_new(self, olga: Client, ci: Webhook) -> None:
        seen = re.search(r"seen=(\w+)", olga.get(PAGE).content.decode())[1]  # type: ignore[index]
        assert olga.get(f"{PAGE}?seen={seen}", headers=HTMX).status_code == 204
        being_sent(ci)
        answer = olga.get(f"{PAGE}?seen={seen}", headers=HTMX)
        assert (answer.status_code, "<html" in answer.content.decode()) == (200, False)

    def test_costs_the_same_for_two_and_for_six(self, olga: Client, alice: User) -> None:
        counts = []
        for total in (2, 6):
            for number in range(total):
                hook = make_webhook(alice, factories.make_repository(alice, f"app-{total}-{number}"))
                Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now(), host=f"h{number}.example")
                attempted(hook, status=500)
                make_delivery(hook, state="waiting")
            count_attempts()
            with CaptureQueriesContext(connection) as queries:
                assert olga.get(PAGE).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_is_beside_the_registrys_pages(self, olga: Client) -> None:
        assert f'href="{PAGE}"' in olga.get("/registry/runs").content.decode()


def test_the_same_by_the_api(olga: Client, ci: Webhook) -> None:
    attempted(ci, duration_ms=40)
    attempted(ci, duration_ms=900, status=500)
    count_attempts()
    Webhook.objects.update(failing_since=timezone.now())
    told = olga.get("/v2/registry/webhooks").json()
    assert told["queue"] == {
        "due": 0,
        "behind": 0,
        "later": 0,
        "sending": 0,
        "held": 0,
        "unread": 0,
        "oldest_waiting_seconds": 0.0,
    }
    assert (told["last_hour"]["attempts"], told["last_hour"]["success_rate"]) == (2, 0.5)
    assert [(host["host"], host["failed"]) for host in told["failing_hosts"]] == [(ci.host, 1)]
    assert [(each["name"], each["place"], each["state"]) for each in told["troubled"]] == [
        ("CI", "alice/public-app", "failing")
    ]
    assert told["alerts"]["waits_too_long"] is False
    assert "s3cret" not in str(told)


def test_the_admin_shows_nothing_secret(ci: Webhook) -> None:
    operator = make_operator()
    User.objects.filter(pk=operator.pk).update(is_staff=True)
    Webhook.objects.update(template='{"token": "s3cret"}', format="template", encrypted_old_secret="gAAAA-old")
    delivery = make_delivery(ci, state="waiting")
    ci.refresh_from_db()
    for row, name in ((ci, "webhook"), (delivery, "delivery")):
        page = signed_in(operator).get(reverse(f"admin:webhooks_{name}_change", args=[row.pk]))
        assert page.status_code == 200
        for secret in (ci.encrypted_url, ci.encrypted_secret, ci.encrypted_old_secret, "s3cret", ci.url):
            assert secret not in page.content.decode()
    assert ci.host in signed_in(operator).get(reverse("admin:webhooks_webhook_change", args=[ci.pk])).content.decode()
