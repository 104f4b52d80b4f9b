"""How webhooks do, for operators."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, Need
from repositories.sync.access import require_operator
from repositories.webhooks import operating
from repositories.webhooks.operating import Ended, FailingWebhook, Host, Overview

UP_TO = f"Counted up to {operating.MOST + 1}."


class QueueShape(serializers.Serializer[Any]):
    due = serializers.IntegerField(help_text=f"Could be sent now. {UP_TO}")
    behind = serializers.IntegerField(
        help_text="Due, but an earlier one of the same tag comes first, or the receiver asked to be left alone."
    )
    later = serializers.IntegerField(help_text=f"Failed, and wait for their next try. {UP_TO}")
    sending = serializers.IntegerField()
    held = serializers.IntegerField(help_text=f"Of webhooks that are paused. {UP_TO}")
    unread = serializers.IntegerField(help_text=f"Events that nobody has looked for webhooks of. {UP_TO}")
    oldest_waiting_seconds = serializers.FloatField(
        help_text="How long a delivery or an event has waited for a worker; 0 when nothing waits."
    )


class EndedShape(serializers.Serializer[Any]):
    attempts = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    interrupted = serializers.IntegerField(help_text="The sending process died before it knew the answer.")
    success_rate = serializers.FloatField(allow_null=True, help_text="From 0 to 1. Null without attempts.")
    median_ms = serializers.IntegerField(allow_null=True, help_text="About.")
    p95_ms = serializers.IntegerField(allow_null=True, help_text="About.")


class HostShape(EndedShape):
    host = serializers.CharField()


class FailingShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    place = serializers.CharField(help_text="The repository's full name, or the namespace.")
    host = serializers.CharField()
    state = serializers.CharField(help_text="`failing`, `paused`, or `gone` after an answer of 410.")
    failing_since = serializers.DateTimeField()
    paused_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField()


class WebhookCounts(serializers.Serializer[Any]):
    active = serializers.IntegerField()
    failing = serializers.IntegerField(help_text="Their last attempt failed.")
    paused = serializers.IntegerField(help_text="Failed for a day.")
    gone = serializers.IntegerField(help_text="Switched off by an answer of 410.")
    off = serializers.IntegerField(help_text="Switched off by somebody.")


class AlertsShape(serializers.Serializer[Any]):
    waits_too_long = serializers.BooleanField()
    fails_too_often = serializers.BooleanField()
    oldest_seconds = serializers.FloatField(help_text="The limit.")
    success_rate = serializers.FloatField(help_text="The limit, of the last hour's attempts.")


class OperatingAnswer(serializers.Serializer[Any]):
    queue = QueueShape()
    last_hour = EndedShape()
    last_day = EndedShape()
    attempts_per_minute = serializers.FloatField(help_text="Mean of the last five minutes that were counted.")
    given_up_last_day = serializers.IntegerField(help_text="Deliveries that failed for good.")
    webhooks = WebhookCounts()
    troubled = FailingShape(many=True, help_text="Those that fail, are paused or gone: the twenty of longest ago.")
    slowest_hosts = HostShape(many=True, help_text="Of the last day, by their mean; ten at most.")
    failing_hosts = HostShape(many=True, help_text="Of the last day, those with most failures; ten at most.")
    alerts = AlertsShape()


class Operating(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Say how webhooks do", tags=["registry"], responses=OperatingAnswer)
    def get(self, request: Request) -> Response:
        """Queue, success, hosts, and webhooks in trouble. For operators."""
        require_operator(self.actor)
        return Response(OperatingAnswer(_told(operating.overview())).data)


def _told(overview: Overview) -> dict[str, Any]:
    return {
        "queue": asdict(overview.queue) | {"oldest_waiting_seconds": overview.waited},
        "last_hour": _ended(overview.hour),
        "last_day": _ended(overview.day),
        "attempts_per_minute": overview.per_minute,
        "given_up_last_day": overview.given_up,
        "webhooks": overview.webhooks,
        "troubled": [_failing(each) for each in overview.failing],
        "slowest_hosts": [_host(host) for host in overview.slowest],
        "failing_hosts": [_host(host) for host in overview.failing_hosts],
        "alerts": {
            "waits_too_long": overview.waits_too_long,
            "fails_too_often": overview.fails_too_often,
            "oldest_seconds": overview.limits.waited_seconds,
            "success_rate": overview.limits.success_rate,
        },
    }


def _ended(ended: Ended) -> dict[str, Any]:
    names = ("attempts", "delivered", "failed", "interrupted", "success_rate")
    told = {name: getattr(ended, name) for name in names}
    return told | {"median_ms": ended.median, "p95_ms": ended.p95}


def _host(host: Host) -> dict[str, Any]:
    return {"host": host.name} | _ended(host.ended)


def _failing(each: FailingWebhook) -> dict[str, Any]:
    names = ("id", "name", "place", "host", "failing_since", "paused_at")
    told = {name: getattr(each.row, name) for name in names}
    return told | {"state": each.state, "last_status": each.last_status, "last_error": each.last_error}
