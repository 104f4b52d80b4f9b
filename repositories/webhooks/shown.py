"""What pages show of a delivery. Pure."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from repositories.webhooks import catalog, schedule
from repositories.webhooks.models import Attempt, Delivery, Webhook

State = Delivery.State
Text = str | Promise
TONES = {
    State.WAITING: "info",
    State.SENDING: "info",
    State.DELIVERED: "success",
    State.FAILED: "danger",
    State.HELD: "warning",
}
ICONS = {
    State.WAITING: "clock",
    State.SENDING: "send",
    State.DELIVERED: "circle-check",
    State.FAILED: "circle-x",
    State.HELD: "circle-pause",
}
STEPS = {
    "dns": _("Name"),
    "connect": _("Connection"),
    "tls": _("TLS"),
    "first_byte": _("Waiting for the answer"),
    "rest": _("The rest"),
}
LATE = timedelta(seconds=30)
"""Due for longer, a delivery waits for room, or for a worker."""
DEEPEST = 20
"""Levels of JSON that are indented: whoever nests deeper wants to make the page large."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},:]|[^][{},:"\s]+')


@dataclass(frozen=True)
class Step:
    """One stretch of an attempt's time; `start` and `width` in percent of the whole."""

    key: str
    label: Text
    milliseconds: int
    start: float
    width: float


@dataclass(frozen=True)
class ShownAttempt:
    row: Attempt
    delivered: bool
    reason: Text
    """Why it failed, in words; empty when it did not."""
    hint: Text
    """What can be done about it."""
    phrase: str
    steps: list[Step]
    body: str


@dataclass(frozen=True)
class Waits:
    """Why nothing is sent yet. `until` when that is known; `behind` is the delivery that has to be over before."""

    text: Text
    until: datetime | None = None
    behind: Delivery | None = None


def tone(state: str) -> str:
    return TONES[State(state)]


def icon(state: str) -> str:
    return ICONS[State(state)]


def event_label(event_type: str) -> Text:
    """Types that were in the catalogue once stay in the log."""
    kind = catalog.by_name().get(event_type)
    return kind.label if kind else event_type


def phrase(status: int | None) -> str:
    """Such as "Not Found": HTTP's own word for a status, which is not translated."""
    try:
        return HTTPStatus(status).phrase if status is not None else ""
    except ValueError:
        return ""


# -- why it waits, why it ended ---------------------------------------------------------------------------------------


def why_waits(delivery: Delivery, webhook: Webhook, behind: Delivery | None, now: datetime) -> Waits | None:
    """None for one that has ended."""
    if delivery.state == State.SENDING:
        return Waits(_("It is being sent at this moment."))
    if delivery.state == State.HELD:
        return Waits(_("The webhook is paused. It is sent when somebody resumes the webhook."))
    if delivery.state != State.WAITING:
        return None
    if behind is not None:
        words = _("An earlier delivery about the same comes first, so that the newest is told last.")
        return Waits(words, behind=behind)
    due = delivery.next_attempt_at or now
    if webhook.not_before is not None and webhook.not_before > max(due, now):
        return Waits(_("The receiver asked to be left alone (Retry-After)."), webhook.not_before)
    if due > now:
        return Waits(_("The last attempt failed."), due)
    if now - due > LATE:
        return Waits(_("It is due, and waits for room: this receiver, or all workers, are busy."))
    return Waits(_("It is due: a worker takes it within seconds."))


def why_failed(delivery: Delivery, last: Attempt | None) -> Text:
    """In a sentence; empty for one that did not fail. `last`: its last attempt."""
    if delivery.state != State.FAILED:
        return ""
    if not delivery.body:
        return _("The payload could not be made, so nothing was sent: %(error)s") % {"error": delivery.last_error}
    if last is not None and last.status == HTTPStatus.GONE:
        return _("The receiver answered 410 Gone, so the webhook was switched off.")
    if last is not None and last.is_interrupted:
        return _("The sending process ended during this delivery again and again, so it was given up.")
    if _was_tried_for_long(delivery):
        return _("No attempt of a day was answered with a status from 200 to 299, so it was given up.")
    return _("The webhook was switched off before it was delivered, so it was given up.")


def _was_tried_for_long(delivery: Delivery) -> bool:
    tried = (delivery.finished_at or delivery.trying_since) - delivery.trying_since
    return tried >= schedule.TRIED_FOR and delivery.attempt_count >= schedule.LEAST_ATTEMPTS


# -- an attempt -------------------------------------------------------------------------------------------------------


def shown_attempt(row: Attempt) -> ShownAttempt:
    delivered = was_delivered(row)
    return ShownAttempt(
        row=row,
        delivered=delivered,
        reason="" if delivered else _reason(row),
        hint="" if delivered else _hint(row),
        phrase=phrase(row.status),
        steps=[] if row.is_interrupted else _steps(row),
        body=pretty(row.response_body),
    )


def was_delivered(row: Attempt) -> bool:
    """As `sending.Outcome` judged it: of a redirect that shows a browser the way back no error was recorded."""
    if row.status is None or row.error:
        return False
    shows_back = row.status in {302, 303} and any(name.lower() == "location" for name in row.response_headers)
    return 200 <= row.status < 300 or shows_back


def _reason(row: Attempt) -> Text:
    if row.error:
        return row.error
    if row.status is None:
        return _("There was no answer.")
    if row.status == HTTPStatus.GONE:
        return _("The receiver answered 410 Gone, so the webhook was switched off.")
    return _("The receiver answered %(status)d %(phrase)s; a status from 200 to 299 means received.") % {
        "status": row.status,
        "phrase": phrase(row.status),
    }


def _hint(row: Attempt) -> Text:
    if row.is_interrupted:
        return _("It is sent again with the same Webhook-Id, by which a receiver tells that it got it before.")
    status = row.status or 0
    if status // 100 == 3:
        return _("Enter the address that it leads to as the webhook's URL.")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _("Check the password or token that the webhook sends, and the secret that the receiver verifies with.")
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return _("Check the webhook's URL: the receiver takes no POST there.")
    return ""


def _steps(row: Attempt) -> list[Step]:
    taken = {key: int(row.timings[key]) for key in STEPS if isinstance(row.timings.get(key), int)}
    taken["rest"] = max(row.duration_ms - sum(taken.values()), 0)
    whole = max(sum(taken.values()), 1)
    steps, start = [], 0.0
    for key, milliseconds in taken.items():
        width = round(100 * milliseconds / whole, 2)
        if key != "rest" or milliseconds:
            steps.append(Step(key, STEPS[key], milliseconds, round(start, 2), width))
        start += width
    return steps


# -- bodies -----------------------------------------------------------------------------------------------------------


def pretty(text: str) -> str:
    """JSON with line breaks, every number and repeated key as it came; anything else unchanged."""
    try:
        if not isinstance(json.loads(text), dict | list):
            return text
    except (ValueError, RecursionError):
        return text
    return _indented(text) or text


def _indented(text: str) -> str:
    """Valid JSON, one value a line; empty for what is nested too deep."""
    lines: list[str] = []
    level, line = 0, ""
    parts = _TOKEN.findall(text)
    for part, following in zip(parts, [*parts[1:], " "], strict=True):
        if part in "[{":
            line += part
            if following not in "]}":
                lines.append("  " * level + line)
                level, line = level + 1, ""
        elif part in "]}":
            if line.endswith(("[", "{")):
                line += part
            else:
                lines.append("  " * level + line)
                level, line = level - 1, part
        elif part == ",":
            lines.append("  " * level + line + part)
            line = ""
        else:
            line += ": " if part == ":" else part
        if level > DEEPEST:
            return ""
    return "\n".join([*lines, line])
