"""Examples for the description of the API."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105  of Standard Webhooks' documentation
_WEBHOOK: dict[str, Any] = {
    "id": 7,
    "name": "Deploy",
    "repository": "acme/api",
    "namespace": "acme",
    "url": "https://ci.example.org/hooks/api?tag={tag}",
    "host": "ci.example.org",
    "events": ["push", "tag.delete"],
    "tag_patterns": ["v.*"],
    "repository_pattern": "*",
    "format": "moorage",
    "template": "",
    "headers": {"Authorization": None},
    "github_signature": False,
    "is_signed": True,
    "old_secret_until": None,
    "is_active": True,
    "state": "active",
    "disabled_by": "",
    "failing_since": None,
    "not_before": None,
    "paused_at": None,
    "created_at": "2026-11-24T09:00:00Z",
    "created_by": "alice",
}
_DELIVERY: dict[str, Any] = {
    "id": "6f0c1f6e0a4e4d52b1c5a9b0c7f9d3aa",
    "event": "push",
    "action": "repo.tag.push",
    "event_id": "b1c64d7f2f0b4d0f9d1c1a2f3e4d5c6b",
    "repository": "acme/api",
    "tag": "v1.4",
    "summary": "v1.4",
    "state": "waiting",
    "attempt_count": 1,
    "next_attempt_at": "2026-11-24T10:00:11Z",
    "created_at": "2026-11-24T10:00:00Z",
    "finished_at": None,
    "is_redelivery": False,
    "last_status": 503,
    "last_error": "",
    "last_duration_ms": 84,
}
_ATTEMPT = {
    "number": 1,
    "started_at": "2026-11-24T10:00:00Z",
    "duration_ms": 84,
    "timings": {"dns": 3, "connect": 11, "tls": 22, "first_byte": 47},
    "address": "93.184.215.14",
    "request_url": "https://ci.example.org/hooks/api",
    "request_headers": {"Content-Type": "application/json", "Authorization": "…"},
    "status": 503,
    "response_headers": {"Retry-After": "10"},
    "response_body": "deploying",
    "response_truncated": False,
    "error": "",
    "interrupted": False,
}


def _answer(name: str, value: Any, *codes: str) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=list(codes) or ["200"])


def _request(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


IN_A_LIST = _answer("a webhook", _WEBHOOK)
ONE = _answer("a webhook", _WEBHOOK)
NEW = _answer("the new webhook", _WEBHOOK | {"secret": _SECRET}, "201")
REQUEST = _request(
    "releases only, with a header of one's own",
    {
        "name": "Deploy",
        "url": "https://ci.example.org/hooks/api?tag={tag}",
        "events": ["push", "tag.delete"],
        "tag_patterns": ["v.*"],
        "format": "moorage",
        "headers": {"Authorization": "Bearer s3cret"},
    },
)
PATCH = _request(
    "another event, the header's value kept",
    {"events": ["push"], "headers": {"Authorization": None}},
)
ROTATE = _request("a secret that leaked", {"keep_old": False})
ROTATED = _answer("the new secret", {"secret": _SECRET, "old_secret_until": None})
COUNT = _answer("how many", {"deliveries": 42}, "200", "202")
RANGE = _request("what failed since the morning", {"state": "failed", "since": "2026-11-24T06:00:00Z"})
DELIVERY = _answer("one that is tried again", _DELIVERY)
DELIVERY_FULL = _answer(
    "one that is tried again",
    _DELIVERY | {"content_type": "application/json", "request_body": '{"type":"push"}', "attempts": [_ATTEMPT]},
)
PREVIEW = _request(
    "a template", {"format": "template", "template": '{"text": {{ repository.full_name | tojson }}}', "event": "push"}
)
