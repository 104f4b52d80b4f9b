"""What Prometheus scrapes at `/-/metrics`: the state of all webhooks, read from the database at each scrape.

So every process of the portal tells the same, whichever a scrape reaches. Nothing about a single namespace, repository
or webhook, and no host, is in it.
"""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from portal.kit import secrets
from repositories.webhooks import operating
from repositories.webhooks.counting import STEPS
from repositories.webhooks.operating import Ended, Queue

PREFIX = "moorage_webhook"
SCHEME = "Bearer "


@require_safe
def scrape(request: HttpRequest) -> HttpResponse:
    """404 without MOORAGE_METRICS_TOKEN, 401 without the token, which is compared in constant time. Twelve queries."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    given = request.headers.get("Authorization", "")
    if not given.startswith(SCHEME) or not secrets.same(given.removeprefix(SCHEME).strip(), settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Webhooks())
    return HttpResponse(
        generate_latest(registry), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
    )


class Webhooks(Collector):
    """The same numbers as on the operators' page, for one scrape."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        queue = operating.read_queue(now)
        yield from _queue(queue)
        yield _gauge(
            "oldest_waiting_seconds", "How long a delivery or an event has waited for a worker.", queue.waited(now)
        )
        ever = operating.ended_ever()
        yield _attempts(ever)
        yield _durations(ever)
        yield from _last_hour(operating.ended_since(now - operating.HOUR))
        given_up = operating.given_up_since(now - operating.DAY)
        yield _gauge("given_up_last_day", "Deliveries that failed for good in the last 24 hours.", given_up)
        yield _webhooks()
        yield from _limits()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _queue(queue: Queue) -> Iterator[Metric]:
    text = f"Deliveries that have not ended, counted up to {operating.MOST + 1} each."
    family = GaugeMetricFamily(f"{PREFIX}_deliveries", text, labels=["state"])
    for state in ("due", "behind", "later", "sending", "held"):
        family.add_metric([state], getattr(queue, state))
    yield family
    yield _gauge("unread_events", "Events that nobody has looked for webhooks of.", queue.unread)


def _attempts(ever: Ended) -> Metric:
    family = CounterMetricFamily(
        f"{PREFIX}_attempts", "Attempts that ended, counted half a minute later.", labels=["outcome"]
    )
    for outcome in ("delivered", "failed", "interrupted"):
        family.add_metric([outcome], getattr(ever, outcome))
    return family


def _durations(ever: Ended) -> Metric:
    """Buckets as Prometheus wants them: each with those below it."""
    family = HistogramMetricFamily(f"{PREFIX}_attempt_duration_seconds", "How long attempts took.")
    total, buckets = 0, []
    for name, count in zip([*(str(step / 1000) for step in STEPS), "+Inf"], ever.steps, strict=True):
        total += count
        buckets.append((name, total))
    family.add_metric([], buckets, sum_value=ever.milliseconds / 1000)
    return family


def _last_hour(hour: Ended) -> Iterator[Metric]:
    """The rate is left out when there was no attempt: an alert rule then has nothing to compare."""
    yield _gauge("attempts_last_hour", "Attempts of the last hour.", hour.attempts)
    if hour.success_rate is not None:
        yield _gauge("success_ratio_last_hour", "Of the attempts of the last hour, from 0 to 1.", hour.success_rate)


def _webhooks() -> Metric:
    text = "Webhooks by state; gone: the receiver answered 410; off: switched off by somebody."
    family = GaugeMetricFamily("moorage_webhooks", text, labels=["state"])
    for state, count in operating.webhook_counts().items():
        family.add_metric([state], count)
    return family


def _limits() -> Iterator[Metric]:
    limits = operating.limits()
    yield _gauge("alert_oldest_seconds", "MOORAGE_WEBHOOK_ALERT_OLDEST_SECONDS.", limits.waited_seconds)
    yield _gauge("alert_success_ratio", "MOORAGE_WEBHOOK_ALERT_SUCCESS_RATE.", limits.success_rate)
