"""What pages show of a delivery. Pure."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from repositories.webhooks.models import Attempt, Delivery

State = Delivery.State
TONES = {State.WAITING: "info", State.SENDING: "info", State.DELIVERED: "success", State.FAILED: "danger"}
ICONS = {State.WAITING: "clock", State.SENDING: "send", State.DELIVERED: "circle-check", State.FAILED: "circle-x"}
STEPS = {
    "dns": _("Name"),
    "connect": _("Connection"),
    "tls": _("TLS"),
    "first_byte": _("Waiting for the answer"),
    "rest": _("The rest"),
}


@dataclass(frozen=True)
class Step:
    """One stretch of an attempt's time; `start` and `width` in percent of the whole."""

    key: str
    label: str | Promise
    milliseconds: int
    start: float
    width: float


@dataclass(frozen=True)
class ShownAttempt:
    row: Attempt
    delivered: bool
    reason: str | Promise
    """Why it failed, in words; empty when it did not."""
    phrase: str
    steps: list[Step]
    body: str


def tone(state: str) -> str:
    return TONES[State(state)]


def icon(state: str) -> str:
    return ICONS[State(state)]


def phrase(status: int | None) -> str:
    """Such as "Not Found": HTTP's own word for a status, which is not translated."""
    try:
        return HTTPStatus(status).phrase if status is not None else ""
    except ValueError:
        return ""


def shown_attempt(row: Attempt) -> ShownAttempt:
    delivered = row.status is not None and 200 <= row.status < 300 and not row.error
    return ShownAttempt(
        row=row,
        delivered=delivered,
        reason="" if delivered else _reason(row),
        phrase=phrase(row.status),
        steps=_steps(row),
        body=pretty(row.response_body),
    )


def _reason(row: Attempt) -> str | Promise:
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


def pretty(text: str) -> str:
    """JSON with line breaks; anything else as it came."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
