"""How webhooks do, for operators: what waits, how receivers answer, which webhooks fail. 404 for all others."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _, gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import Text
from repositories.pages import answer, seen, sign_in_first
from repositories.sync.access import require_operator
from repositories.webhooks import operating
from repositories.webhooks.operating import Host, Minute, Overview

TONES = {"failing": "warning", "paused": "danger", "gone": "danger"}
WORDS = {
    "active": gettext_lazy("Active"),
    "failing": gettext_lazy("Failing"),
    "paused": gettext_lazy("Paused"),
    "gone": gettext_lazy("Switched off by 410"),
    "off": gettext_lazy("Switched off"),
}
ICONS = {"failing": "triangle-alert", "paused": "circle-pause", "gone": "circle-x"}


@require_safe
@never_cache
@sign_in_first
def overview(request: PortalRequest) -> HttpResponse:
    """Sixteen queries, whatever is in the log. htmx asks every 5 s."""
    require_operator(request.actor)
    return answer(request, "webhooks/operator_overview.html", "webhooks/operator_results.html", _context())


def _context() -> dict[str, Any]:
    told = operating.overview()
    return {
        "part": "webhooks",
        "told": told,
        "figures": figures(told),
        "alerts": alerts(told),
        "rates": rates(told),
        "slowest": [shown_host(host) for host in told.slowest],
        "failing_hosts": [shown_host(host) for host in told.failing_hosts],
        "bars": bars(told.minutes),
        "states": [Tally(WORDS[state], count) for state, count in told.webhooks.items()],
        "failing": [Failing(each, WORDS[each.state], TONES[each.state], ICONS[each.state]) for each in told.failing],
        "more_failing": max(sum(told.webhooks[state] for state in TONES) - len(told.failing), 0),
        "seen": seen(
            [told.queue, round(told.waited)],
            [told.hour, told.day, told.given_up],
            told.minutes,
            [(host.name, host.ended) for host in (*told.slowest, *told.failing_hosts)],
            told.webhooks.items(),
            [(each.row.pk, each.state, each.last_status, each.last_error) for each in told.failing],
        ),
    }


@dataclass(frozen=True, slots=True)
class Tally:
    label: Text
    count: int


@dataclass(frozen=True, slots=True)
class Failing:
    """A webhook in trouble, and how its state is drawn."""

    webhook: operating.FailingWebhook
    label: Text
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the queue, large, with what it means."""

    label: Text
    value: str
    note: Text = ""


def figures(told: Overview) -> list[Figure]:
    queue = told.queue
    rows = [
        Figure(_("Due now"), amount(queue.due), _("could be sent")),
        Figure(_("Due, behind another"), amount(queue.behind), _("an earlier one of the same tag comes first")),
        Figure(_("Next try later"), amount(queue.later), _("failed so far")),
        Figure(_("Being sent"), amount(queue.sending)),
        Figure(_("Held"), amount(queue.held), _("of paused webhooks")),
        Figure(_("Unread events"), amount(queue.unread), _("not looked at yet")),
    ]
    return [Figure(_("Oldest waiting"), _duration(told.waited), _("for a worker")), *rows]


def rates(told: Overview) -> list[Figure]:
    """How attempts ended."""
    return [
        Figure(_("Delivered, last hour"), percent(told.hour.success_rate), _attempts(told.hour.attempts)),
        Figure(_("Delivered, last day"), percent(told.day.success_rate), _attempts(told.day.attempts)),
        Figure(_("Attempts per minute"), f"{told.per_minute:.1f}", _("mean of five minutes")),
        Figure(_("Given up, last day"), amount(told.given_up), _("failed for good")),
    ]


def _attempts(count: int) -> str:
    return ngettext("of %(count)s attempt", "of %(count)s attempts", count) % {"count": f"{count:,}"}


@dataclass(frozen=True, slots=True)
class ShownHost:
    name: str
    attempts: str
    failed: str
    median: str
    p95: str


def shown_host(host: Host) -> ShownHost:
    ended = host.ended
    failed = ended.failed + ended.interrupted
    return ShownHost(
        host.name, f"{ended.attempts:,}", f"{failed:,}", _milliseconds(ended.median), _milliseconds(ended.p95)
    )


def _milliseconds(count: int | None) -> str:
    return "–" if count is None else _("%(count)s ms") % {"count": f"{count:,}"}


def amount(count: int) -> str:
    """Such as "1,234"; what was counted no further says so."""
    return f"> {operating.MOST:,}" if count > operating.MOST else f"{count:,}"


def _duration(seconds: float) -> str:
    if not seconds:
        return _("nothing waits")
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", round(seconds)) % {"count": round(seconds)}
    minutes = round(seconds / 60)
    if minutes < 120:
        return _("%(count)d minutes") % {"count": minutes}
    return _("%(count)d hours") % {"count": round(minutes / 60)}


def percent(rate: float | None) -> str:
    """Rounded down, so that one failure among thousands is not 100 %."""
    return "–" if rate is None else f"{int(rate * 1000) / 10:g} %"


def alerts(told: Overview) -> list[str]:
    """What is beyond the limits that were set, in sentences."""
    found = []
    if told.waits_too_long:
        words = _("The oldest delivery or event has waited %(waited)s for a worker; the limit is %(limit)s.")
        limit = _duration(told.limits.waited_seconds)
        found.append(words % {"waited": _duration(told.waited), "limit": limit})
    if told.fails_too_often:
        words = _("%(rate)s of the last hour's attempts were delivered; the limit is %(limit)s.")
        found.append(words % {"rate": percent(told.hour.success_rate), "limit": percent(told.limits.success_rate)})
    return found


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute, drawn from below: numbers of the picture's own units, of which there are BAR_HEIGHT."""

    at: datetime
    x: int
    delivered: int
    failed: int
    delivered_top: int
    failed_top: int


BAR_HEIGHT = 60


def bars(minutes: list[Minute]) -> list[Bar]:
    """The highest minute is as high as the picture; what there is of anything can be seen."""
    highest = max((row.delivered + row.failed for row in minutes), default=0)
    if not highest:
        return []
    return [_bar(row, x, highest) for x, row in enumerate(minutes)]


def _bar(row: Minute, x: int, highest: int) -> Bar:
    delivered, failed = _units(row.delivered, highest), _units(row.failed, highest)
    delivered = min(delivered, BAR_HEIGHT - failed)
    return Bar(row.at, x * 10, delivered, failed, BAR_HEIGHT - delivered, BAR_HEIGHT - delivered - failed)


def _units(count: int, highest: int) -> int:
    return max(round(count * BAR_HEIGHT / highest), 2) if count else 0
