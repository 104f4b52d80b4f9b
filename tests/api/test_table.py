"""Path x method x credential: read it as the policy of the API. A route that is missing here fails the build."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, resolve

from portal.accounts.api.base import ApiView
from portal.accounts.api.missing import Missing
from tests import factories
from tests.api.world import OPS, World, call, digest, unconfirm
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

CREDENTIALS = (
    "nobody",
    "stranger",
    "owner's session",
    "owner's password",
    "token public_read",
    "token read",
    "token write",
    "token admin",
    "owner unconfirmed",
)

# nobody, stranger, session, password, then tokens: public_read, read, write, admin; last the unconfirmed owner
EVERYBODY = (200, 200, 200, 200, 200, 200, 200, 200, 200)
SIGNED_IN = (401, 200, 200, 200, 200, 200, 200, 200, 200)
PRIVATE = (404, 404, 200, 200, 404, 200, 200, 200, 200)
EDIT = (401, 403, 200, 200, 403, 403, 200, 200, 403)
EDIT_PRIVATE = (404, 404, 200, 200, 404, 403, 200, 200, 403)
OWN = (401, 403, 200, 200, 403, 403, 403, 200, 403)
NO_OPERATOR = (401, 404, 404, 404, 404, 404, 404, 404, 404)
"""Operators are in tests/sync/test_api.py."""
OWN_PRIVATE = (404, 404, 200, 200, 404, 403, 403, 200, 403)
SOCIAL = (401, 204, 204, 204, 403, 403, 204, 204, 403)
SOCIAL_PRIVATE = (404, 404, 204, 204, 404, 403, 204, 204, 403)
CREATE = (401, 403, 201, 201, 403, 403, 201, 201, 403)
OWN_TOKENS = (401, 200, 200, 200, 403, 403, 403, 403, 200)
OWN_LOG = (401, 404, 200, 200, 403, 403, 403, 200, 200)
INVITES = (401, 404, 200, 200, 403, 200, 200, 200, 403)
INVITE = (401, 404, 204, 204, 403, 403, 403, 204, 403)
OWN_INVITE = (401, 404, 200, 200, 403, 403, 403, 403, 403)
ORG_VIEW = (401, 404, 200, 200, 403, 200, 200, 200, 200)
ORG_GRANTED = (401, 404, 200, 200, 403, 200, 200, 200, 403)
ORG_OWNER = (401, 404, 200, 200, 403, 403, 403, 200, 403)
ORG_TOKENS = (401, 404, 200, 200, 403, 403, 403, 403, 403)
OWN_TOKEN = (401, 404, 200, 200, 403, 403, 403, 403, 200)


def done(expected: tuple[int, ...], code: int) -> tuple[int, ...]:
    """The same row where success has another number."""
    return tuple(code if status < 300 else status for status in expected)


PASSWORD = factories.PASSWORD
NEW = {"name": "new/app", "namespace": "alice"}
HOOK = {"name": "deploy", "url": "https://ci.example.org/x"}
ROBOT = {
    "label": "deploy",
    "resources": [{"type": "TYPE_REPO", "path": "acme/api", "scopes": ["scope-image-push"]}],
}
LABEL = {"token_label": "ci", "scopes": ["repo:read"]}
PUBLIC, PRIVATE_APP = "repositories/alice/public/app", "repositories/alice/private/app"
NEW_PUBLIC, NEW_PRIVATE = "namespaces/alice/repositories/public/app", "namespaces/alice/repositories/private/app"
Rows = list[tuple[str, str, Any, tuple[int, ...]]]


def shared(name: str, expected: tuple[int, ...]) -> Rows:
    """The people that a repository is shared with, under both paths."""
    rows: Rows = []
    for base in (f"repositories/{name}", f"namespaces/{name.replace('/', '/repositories/', 1)}"):
        rows += [
            ("GET", f"{base}/collaborators", None, expected),
            ("POST", f"{base}/collaborators", {"user": "bob", "permission": "read"}, done(expected, 201)),
            ("GET", f"{base}/collaborators/guest", None, expected),
            ("PATCH", f"{base}/collaborators/guest", {"permission": "admin"}, expected),
            ("DELETE", f"{base}/collaborators/guest", None, done(expected, 204)),
        ]
    return rows


def granted(base: str) -> Rows:
    """The teams of a private repository in an organization."""
    return [
        ("GET", f"{base}/groups", None, OWN_PRIVATE),
        ("POST", f"{base}/groups", {"group_id": OPS, "permission": "write"}, OWN_PRIVATE),
        ("GET", f"{base}/groups/{OPS}", None, OWN_PRIVATE),
        ("PUT", f"{base}/groups/{OPS}", {"permission": "write"}, OWN_PRIVATE),
        ("PATCH", f"{base}/groups/{OPS}", {"permission": "admin"}, OWN_PRIVATE),
        ("DELETE", f"{base}/groups/{OPS}", None, done(OWN_PRIVATE, 204)),
    ]


def webhooks(place: str, side: str, expected: tuple[int, ...]) -> Rows:
    """Of a repository or a namespace; `side` names the ids of the world that stand in the path."""
    one = f"{place}/webhooks/{{{side}_webhook}}"
    delivery = f"{one}/deliveries/{{{side}_delivery}}"
    return [
        ("GET", f"{place}/webhooks", None, expected),
        ("POST", f"{place}/webhooks", HOOK, done(expected, 201)),
        ("POST", f"{place}/webhooks/preview", {"format": "moorage"}, expected),
        ("GET", one, None, expected),
        ("PATCH", one, {"is_active": False}, expected),
        ("DELETE", one, None, done(expected, 204)),
        ("POST", f"{one}/rotate-secret", {}, expected),
        ("POST", f"{one}/ping", None, done(expected, 202)),
        ("POST", f"{one}/resume", None, done(expected, 409)),  # it is not paused
        ("POST", f"{one}/redeliver", {"state": "delivered"}, done(expected, 202)),
        ("GET", f"{one}/deliveries?state=delivered&q=latest", None, expected),
        ("GET", delivery, None, expected),
        ("POST", f"{delivery}/redeliver", None, done(expected, 202)),
    ]


GRANTS = "orgs/globex/groups/ops/grants"
TABLE: Rows = [
    ("POST", "auth/token", {"identifier": "alice", "secret": PASSWORD}, EVERYBODY),
    ("POST", "users/login", {"username": "alice", "password": PASSWORD}, EVERYBODY),
    ("GET", "access-tokens", None, OWN_TOKENS),
    ("POST", "access-tokens", LABEL, done(OWN_TOKENS, 201)),
    ("GET", "access-tokens/{uuid}", None, OWN_TOKEN),
    ("PATCH", "access-tokens/{uuid}", {"is_active": False}, OWN_TOKEN),
    ("DELETE", "access-tokens/{uuid}", None, done(OWN_TOKEN, 204)),
    ("GET", "api_tokens", None, OWN_TOKENS),
    ("POST", "api_tokens", {"token_label": "ci"}, done(OWN_TOKENS, 201)),
    ("GET", "api_tokens/{uuid}", None, OWN_TOKEN),
    ("PATCH", "api_tokens/{uuid}", {"is_active": False}, OWN_TOKEN),
    ("DELETE", "api_tokens/{uuid}", None, done(OWN_TOKEN, 202)),
    ("GET", "user/orgs", None, SIGNED_IN),
    ("POST", "orgs", {"orgname": "brand-new"}, (401, 201, 201, 201, 403, 403, 403, 201, 403)),
    ("GET", "orgs/acme", None, ORG_VIEW),
    ("PATCH", "orgs/acme", {"company": "Acme"}, ORG_OWNER),
    ("DELETE", "orgs/acme", None, done(ORG_TOKENS, 204)),
    ("GET", "orgs/acme/settings", None, ORG_VIEW),
    ("PUT", "orgs/acme/settings", {"base_permission": "none"}, ORG_OWNER),
    ("GET", "orgs/acme/members", None, ORG_VIEW),
    ("GET", "orgs/acme/members?type=invitee", None, INVITES),
    ("GET", "orgs/acme/members/export", None, ORG_OWNER),
    ("PUT", "orgs/acme/members/bob", {"role": "editor"}, ORG_OWNER),
    ("DELETE", "orgs/acme/members/bob", None, done(ORG_OWNER, 204)),
    ("GET", "orgs/acme/groups", None, ORG_VIEW),
    ("POST", "orgs/acme/groups", {"name": "admins"}, done(ORG_OWNER, 201)),
    ("GET", "orgs/acme/groups/devs", None, ORG_VIEW),
    ("PUT", "orgs/acme/groups/devs", {"name": "dev"}, ORG_OWNER),
    ("PATCH", "orgs/acme/groups/devs", {"name": "dev"}, ORG_OWNER),
    ("DELETE", "orgs/acme/groups/devs", None, done(ORG_OWNER, 204)),
    ("GET", "orgs/acme/groups/devs/members", None, ORG_VIEW),
    ("POST", "orgs/acme/groups/devs/members", {"member": "alice"}, ORG_OWNER),
    ("DELETE", "orgs/acme/groups/devs/members/bob", None, done(ORG_OWNER, 204)),
    ("GET", "orgs/acme/access-tokens", None, ORG_TOKENS),
    ("POST", "orgs/acme/access-tokens", ROBOT, done(ORG_TOKENS, 201)),
    ("GET", "orgs/acme/access-tokens/{org_token}", None, ORG_TOKENS),
    ("PATCH", "orgs/acme/access-tokens/{org_token}", {"is_active": False}, ORG_TOKENS),
    ("DELETE", "orgs/acme/access-tokens/{org_token}", None, done(ORG_TOKENS, 204)),
    ("POST", "orgs/acme/access-tokens/{org_token}/rotate", {"overlap": 3600}, ORG_TOKENS),
    ("GET", "auditlogs/alice", None, OWN_LOG),
    ("GET", "auditlogs/alice/actions", None, OWN_LOG),
    ("GET", "auditlogs/alice/export", None, OWN_LOG),
    ("GET", "namespaces/alice/repositories/public/app/auditlogs", None, OWN),
    ("GET", "namespaces/alice/repositories/private/app/auditlogs", None, OWN_PRIVATE),
    ("GET", "namespaces/alice/repositories/public/app/auditlogs/export", None, OWN),
    ("GET", "namespaces/alice/repositories/private/app/auditlogs/export", None, OWN_PRIVATE),
    ("GET", "orgs/acme/invites", None, INVITES),
    ("GET", "namespaces/alice/repositories/public/app/-/access", None, OWN),
    ("GET", "namespaces/alice/repositories/private/app/-/access", None, OWN_PRIVATE),
    ("GET", "namespaces/alice/repositories/public/app/-/access/check?subject=bob&action=push", None, OWN),
    ("GET", "namespaces/alice/repositories/private/app/-/access/check?subject=bob&action=push", None, OWN_PRIVATE),
    ("GET", "orgs/acme/access/check?subject=bob&action=push&repository=new", None, ORG_OWNER),
    ("POST", "orgs/acme/access/preview", {"base_permission": "none"}, ORG_OWNER),
    ("GET", "orgs/acme/members/bob/access", None, ORG_OWNER),
    ("GET", "orgs/acme/groups/devs/access", None, ORG_GRANTED),
    ("GET", "orgs/acme/access-tokens/{org_token}/access", None, ORG_TOKENS),
    ("GET", "user/repositories/shared", None, SIGNED_IN),
    *shared("alice/public/app", OWN),
    *shared("alice/private/app", OWN_PRIVATE),
    *granted("repositories/globex/cargo"),
    *granted("namespaces/globex/repositories/cargo"),
    # Who is not confirmed is a member like others, and those see what their own teams are granted.
    ("GET", GRANTS, None, (*ORG_VIEW[:-1], 403)),
    ("POST", GRANTS, {"pattern": "*", "permission": "read"}, done(ORG_OWNER, 201)),
    ("PATCH", GRANTS, {"pattern": "ships/*", "permission": "write"}, ORG_OWNER),
    ("DELETE", f"{GRANTS}?pattern=ships/*", None, done(ORG_OWNER, 204)),
    ("POST", "invites/bulk", {"org": "acme", "invitees": ["erin@example.org"]}, done(INVITE, 202)),
    ("PATCH", "invites/{invite}/resend", None, INVITE),
    ("DELETE", "invites/{invite}", None, INVITE),
    ("GET", "user/invites", None, OWN_TOKENS),
    ("POST", "invites/{own_invite}/accept", None, OWN_INVITE),
    ("POST", "invites/{own_invite}/decline", None, (401, 404, 204, 204, 403, 403, 403, 403, 204)),
    ("GET", "user", None, SIGNED_IN),
    ("GET", "users/alice", None, EVERYBODY),
    ("GET", "users/bob/repositories/starred", None, EVERYBODY),
    ("GET", "search/repositories?query=app", None, EVERYBODY),
    ("GET", "repositories/namespaces", None, SIGNED_IN),
    ("GET", "namespaces/alice/repositories", None, EVERYBODY),
    ("GET", "repositories/alice", None, EVERYBODY),
    ("POST", "namespaces/alice/repositories", NEW, CREATE),
    ("POST", "repositories", NEW, CREATE),
    ("GET", "namespaces/alice/repositories/public/app", None, EVERYBODY),
    ("GET", "namespaces/alice/repositories/private/app", None, PRIVATE),
    ("PATCH", "namespaces/alice/repositories/public/app", {"description": "x"}, EDIT),
    ("PATCH", "namespaces/alice/repositories/private/app", {"description": "x"}, EDIT_PRIVATE),
    ("DELETE", "namespaces/alice/repositories/public/app", None, done(OWN, 202)),
    ("DELETE", "namespaces/alice/repositories/private/app", None, done(OWN_PRIVATE, 202)),
    *[
        row
        for app, expected in (("public", OWN), ("private", OWN_PRIVATE))
        for row in (
            ("PATCH", f"namespaces/alice/repositories/{app}/app/immutabletags", {"immutable_tags": True}, expected),
            ("POST", f"namespaces/alice/repositories/{app}/app/immutabletags/verify", {"regex": "v.*"}, expected),
            ("POST", f"namespaces/alice/repositories/{app}/app/-/archive", None, expected),
            ("POST", f"namespaces/alice/repositories/{app}/app/-/unarchive", None, expected),
        )
    ],
    ("PATCH", PUBLIC, {"immutable_tags": True}, OWN),
    ("GET", PUBLIC, None, EVERYBODY),
    ("GET", PRIVATE_APP, None, PRIVATE),
    ("PATCH", PUBLIC, {"full_description": "x"}, EDIT),
    ("PATCH", PUBLIC, {"is_private": True}, OWN),
    ("PATCH", PRIVATE_APP, {"full_description": "x"}, EDIT_PRIVATE),
    ("DELETE", PUBLIC, None, done(OWN, 202)),
    ("DELETE", PRIVATE_APP, None, done(OWN_PRIVATE, 202)),
    ("POST", f"{PUBLIC}/privacy", {"is_private": True}, OWN),
    ("POST", f"{PRIVATE_APP}/privacy", {"is_private": False}, OWN_PRIVATE),
    ("GET", f"{PUBLIC}/stars/count", None, EVERYBODY),
    ("GET", f"{PRIVATE_APP}/stars/count", None, PRIVATE),
    ("POST", f"{PUBLIC}/stars", None, SOCIAL),
    ("POST", f"{PRIVATE_APP}/stars", None, SOCIAL_PRIVATE),
    ("DELETE", f"{PUBLIC}/stars", None, SOCIAL),
    ("DELETE", f"{PRIVATE_APP}/stars", None, SOCIAL_PRIVATE),
    ("GET", f"{PUBLIC}/comments", None, EVERYBODY),
    ("GET", f"{PRIVATE_APP}/comments", None, PRIVATE),
    ("POST", f"{PUBLIC}/comments", {"comment": "hello"}, done(SOCIAL, 201)),
    ("POST", f"{PRIVATE_APP}/comments", {"comment": "hello"}, done(SOCIAL_PRIVATE, 201)),
    ("DELETE", PUBLIC + "/comments/{public_comment}", None, done(OWN, 204)),
    ("DELETE", PRIVATE_APP + "/comments/{private_comment}", None, done(OWN_PRIVATE, 204)),
    ("GET", "namespaces/alice/repositories/public/app/tags", None, EVERYBODY),
    ("GET", "namespaces/alice/repositories/private/app/tags", None, PRIVATE),
    ("GET", "namespaces/alice/repositories/public/app/tags/v1", None, EVERYBODY),
    ("GET", "namespaces/alice/repositories/private/app/tags/v1", None, PRIVATE),
    ("GET", "namespaces/alice/repositories/public/app/tags/v1/images", None, EVERYBODY),
    ("GET", "namespaces/alice/repositories/private/app/tags/v1/images", None, PRIVATE),
    ("GET", "namespaces/alice/repositories/public/app/tags/v1/statuses", None, EVERYBODY),
    ("GET", "namespaces/alice/repositories/private/app/tags/v1/statuses", None, PRIVATE),
    ("GET", "registry/drift", None, NO_OPERATOR),
    ("GET", "registry/differences", None, NO_OPERATOR),
    ("POST", "registry/differences/approve", {"tags": 1}, NO_OPERATOR),
    ("POST", "registry/differences/dismiss", {"tags": 1}, NO_OPERATOR),
    ("GET", "registry/reconcile", None, NO_OPERATOR),
    ("GET", "registry/webhooks", None, NO_OPERATOR),
    ("POST", "registry/reconcile", {}, NO_OPERATOR),
    ("GET", f"{NEW_PUBLIC}/-/reconcile", None, OWN),
    ("GET", f"{NEW_PRIVATE}/-/reconcile", None, OWN_PRIVATE),
    ("POST", f"{NEW_PUBLIC}/-/reconcile", None, done(OWN, 202)),
    ("POST", f"{NEW_PRIVATE}/-/reconcile", None, done(OWN_PRIVATE, 202)),
    ("GET", f"{NEW_PUBLIC}/-/history?tag=v1", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/-/history", None, PRIVATE),
    ("GET", f"{NEW_PUBLIC}/-/compare?from=v1&to=v1", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/-/compare?from=v1&to=v1", None, PRIVATE),
    ("GET", f"{NEW_PUBLIC}/tags/v1/history", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/tags/v1/history", None, PRIVATE),
    # Conflicts: it was nothing else before, it is there, it points there. No registry is asked.
    ("POST", f"{NEW_PUBLIC}/tags/v1/roll-back", {}, done(EDIT, 409)),
    ("POST", f"{NEW_PRIVATE}/tags/v1/roll-back", {}, done(EDIT_PRIVATE, 409)),
    ("POST", f"{NEW_PUBLIC}/tags/v1/restore", {}, done(EDIT, 409)),
    ("POST", f"{NEW_PRIVATE}/tags/v1/restore", {}, done(EDIT_PRIVATE, 409)),
    ("POST", f"{NEW_PUBLIC}/tags/v1/copy", {"tag": "v1"}, done(EDIT, 409)),
    ("POST", f"{NEW_PRIVATE}/tags/v1/copy", {"tag": "v1"}, done(EDIT_PRIVATE, 409)),
    # No registry answers here.
    ("DELETE", f"{NEW_PUBLIC}/tags/v1", None, done(OWN, 503)),
    ("DELETE", f"{NEW_PRIVATE}/tags/v1", None, done(OWN_PRIVATE, 503)),
    ("DELETE", f"{PUBLIC}/tags/v1", None, done(OWN, 503)),
    ("DELETE", f"{PRIVATE_APP}/tags/v1", None, done(OWN_PRIVATE, 503)),
    ("GET", f"{NEW_PUBLIC}/-/deletion-preview?tag=v1", None, OWN),
    ("GET", f"{NEW_PRIVATE}/-/deletion-preview?tag=v1", None, OWN_PRIVATE),
    ("GET", f"{NEW_PUBLIC}/-/deletions", None, OWN),
    ("GET", f"{NEW_PRIVATE}/-/deletions", None, OWN_PRIVATE),
    ("POST", f"{NEW_PUBLIC}/-/deletions", {"tags": ["v1"]}, done(OWN, 202)),
    ("POST", f"{NEW_PRIVATE}/-/deletions", {"name": "v", "dry_run": True}, OWN_PRIVATE),
    # There is no such job.
    ("GET", f"{NEW_PUBLIC}/-/deletions/1", None, done(OWN, 404)),
    ("GET", f"{NEW_PRIVATE}/-/deletions/1", None, done(OWN_PRIVATE, 404)),
    ("POST", f"{NEW_PUBLIC}/-/deletions/1/cancel", None, done(OWN, 404)),
    ("POST", f"{NEW_PRIVATE}/-/deletions/1/cancel", None, done(OWN_PRIVATE, 404)),
    ("POST", f"{NEW_PUBLIC}/-/deletions/1/restore", None, done(OWN, 404)),
    ("POST", f"{NEW_PRIVATE}/-/deletions/1/restore", None, done(OWN_PRIVATE, 404)),
    ("GET", f"{NEW_PUBLIC}/images", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/images", None, PRIVATE),
    ("GET", f"{NEW_PUBLIC}/images/{digest(1)}", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/images/{digest(1)}", None, PRIVATE),
    ("GET", f"{NEW_PUBLIC}/images/{digest(1)}/referrers", None, EVERYBODY),
    ("GET", f"{NEW_PRIVATE}/images/{digest(1)}/referrers", None, PRIVATE),
    # No registry answers here.
    ("GET", f"{NEW_PUBLIC}/images/{digest(1)}/manifest", None, done(EVERYBODY, 503)),
    ("GET", f"{NEW_PRIVATE}/images/{digest(1)}/manifest", None, done(PRIVATE, 503)),
    ("DELETE", f"{NEW_PUBLIC}/images/{digest(1)}", None, done(OWN, 503)),
    ("DELETE", f"{NEW_PRIVATE}/images/{digest(1)}", None, done(OWN_PRIVATE, 503)),
    ("POST", f"{NEW_PUBLIC}/images/{digest(1)}/restore", None, done(EDIT, 409)),
    ("POST", f"{NEW_PRIVATE}/images/{digest(1)}/restore", None, done(EDIT_PRIVATE, 409)),
    ("GET", f"{PUBLIC}/tags", None, EVERYBODY),
    ("GET", f"{PRIVATE_APP}/tags", None, PRIVATE),
    ("GET", f"{PUBLIC}/tags/v1", None, EVERYBODY),
    ("GET", f"{PRIVATE_APP}/tags/v1", None, PRIVATE),
    ("GET", f"{PUBLIC}/tags/v1/images", None, EVERYBODY),
    ("GET", f"{PRIVATE_APP}/tags/v1/images", None, PRIVATE),
    *webhooks(PUBLIC, "public", OWN),
    *webhooks(PRIVATE_APP, "private", OWN_PRIVATE),
    *webhooks("namespaces/alice", "own", ORG_OWNER),
    ("GET", "namespaces/acme/webhooks", None, ORG_OWNER),
    ("POST", "namespaces/acme/webhooks", HOOK, done(ORG_OWNER, 201)),
    ("GET", "namespaces/acme/webhooks/{acme_webhook}", None, ORG_OWNER),
    ("PATCH", "namespaces/acme/webhooks/{acme_webhook}", {"name": "x"}, ORG_OWNER),
    ("DELETE", "namespaces/acme/webhooks/{acme_webhook}", None, done(ORG_OWNER, 204)),
    ("POST", "namespaces/acme/webhooks/{acme_webhook}/ping", None, done(ORG_OWNER, 202)),
    ("GET", "webhooks/events", None, EVERYBODY),
    ("GET", "webhooks/formats", None, EVERYBODY),
]
IDS = [f"{method} {path}" for method, path, _body, _expected in TABLE]


def ask(world: World, credential: str, method: str, path: str, body: Any) -> int:
    """The status, with everything undone afterwards."""
    with transaction.atomic():
        client, token = Client(), ""
        if credential == "owner unconfirmed":
            unconfirm(world.alice)
        if credential in {"owner's session", "owner unconfirmed"}:
            client = signed_in(world.alice)
        elif credential == "stranger":
            client = signed_in(world.charlie)
        elif credential == "owner's password":
            token = world.bearer
        elif credential.startswith("token "):
            token = world.secrets[f"repo:{credential.split()[1]}"]
        answer = call(method, path, body, client=client, token=token)
        transaction.set_rollback(True)
    return int(answer.status_code)


def slashed(path: str) -> str:
    before, mark, query = path.partition("?")
    return f"{before}/{mark}{query}"


@pytest.mark.parametrize(("method", "path", "body", "expected"), TABLE, ids=IDS)
def test_table(world: World, method: str, path: str, body: Any, expected: tuple[int, ...]) -> None:
    path = path.format(**world.names())
    for form in (path, slashed(path)):
        got = {who: ask(world, who, method, form, body) for who in CREDENTIALS}
        assert got == dict(zip(CREDENTIALS, expected, strict=True)), form
    if method == "GET":
        assert tuple(ask(world, who, "HEAD", path, None) for who in CREDENTIALS) == expected


@pytest.mark.parametrize(("method", "path", "body", "expected"), TABLE, ids=IDS)
def test_a_credential_that_died_is_refused_wherever_one_is_read(
    world: World, method: str, path: str, body: Any, expected: tuple[int, ...]
) -> None:
    answer = call(method, path.format(**world.names()), body, token="moor_pat_gone")
    if path in {"auth/token", "users/login"}:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["detail"] == answer.json()["message"]


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif route.startswith("v2/"):
            yield route, pattern


def offered() -> dict[str, type[ApiView]]:
    found = {}
    for route, pattern in routes(get_resolver().url_patterns):
        view: type[ApiView] = pattern.callback.cls  # type: ignore[attr-defined]
        assert issubclass(view, ApiView), route
        found[str(pattern.name)] = view
    return found


def resolved(path: str) -> ResolverMatch:
    """The route of a path in the table, whatever its ids are."""
    invite = "00000000-0000-0000-0000-000000000000"
    names = {"uuid": "x", "org_token": "x", "invite": invite, "own_invite": invite} | {
        f"{side}_{what}": 1 for side in ("public", "private", "own", "acme") for what in WHATS
    }
    return resolve(f"/v2/{path.format(**names)}".partition("?")[0])


def test_no_route_is_missing() -> None:
    covered = {(resolved(path).url_name, method) for method, path, *_ in TABLE}
    wanted = {(name, method) for name, view in offered().items() for method in view.needs}
    assert covered == wanted


WHATS = ("comment", "webhook", "delivery")


@pytest.mark.parametrize("view", sorted({*offered().values()} - {Missing}, key=str), ids=str)
def test_every_handler_declares_what_it_needs_and_nothing_else_is_answered(view: type[ApiView]) -> None:
    handlers = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
    assert handlers & {name.upper() for name in view.http_method_names} == set(view.needs)


def test_methods_that_are_not_offered_are_refused(world: World) -> None:
    offered_by_path: dict[str, set[str]] = {}
    for method, path, *_rest in TABLE:
        offered_by_path.setdefault(path.format(**world.names()), set()).add(method)
    for path, methods in offered_by_path.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
            same_route = {
                m for p, ms in offered_by_path.items() if p.partition("?")[0] == path.partition("?")[0] for m in ms
            }
            if method in same_route:
                continue
            answer = call(method, path, {} if method in {"POST", "PUT", "PATCH"} else None, token=world.bearer)
            assert answer.status_code == 405, (method, path)
            assert answer.json()["message"], (method, path)
