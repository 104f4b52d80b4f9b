"""Every page for everybody: name x person x expected status. A page that is missing here fails the build.

The API has a table of its own (tests/api/test_table.py), and so have the roles behind both (tests/repositories).
The organization `acme` has the private repository `api` and the base permission none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from orgs.models import BasePermission, MemberRole
from portal.accounts.models import User
from repositories.actions import add_comment
from repositories.deletion.bulk_actions import start_deletion
from repositories.deletion.bulk_filter import Selection
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import images, invitations, webhooks
from tests.factories.orgs import add_member, make_organization, make_team
from tests.factories.robots import make_robot

pytestmark = pytest.mark.django_db

PEOPLE = ("nobody", "stranger", "reader", "writer", "guest", "editor", "owner", "olga")
"""The reader and the writer are members, by a team; the guest is admin of the repository and no member;
Olga is a stranger who runs the portal."""
Row = tuple[int, ...]
NOT: Row = (405,) * 8
"""A method that the page has not, whoever asks."""
EVERYBODY: Row = (200,) * 8
NOBODY: Row = (200, *(302,) * 7)
SIGNED_IN: Row = (302, *(200,) * 7)
# nobody, stranger, reader, writer, guest, editor, owner, Olga
MINE: Row = (302, 404, 404, 404, 404, 404, 200, 404)
OPERATOR: Row = (302, 404, 404, 404, 404, 404, 404, 200)
MEMBERS: Row = (302, 404, 200, 200, 404, 200, 200, 404)
EDITORS: Row = (302, 404, 403, 403, 404, 200, 200, 404)
OWNERS: Row = (302, 404, 403, 403, 404, 403, 200, 404)
OWN_OR_EDITORS: Row = (302, 404, 200, 403, 404, 200, 200, 404)
OWN_OR_OWNERS: Row = (302, 404, 200, 403, 404, 403, 200, 404)
READERS: Row = (404, 404, 200, 200, 200, 200, 200, 404)
ADMINS: Row = (404, 404, 403, 403, 200, 200, 200, 404)
WRITERS: Row = (404, 404, 403, 200, 200, 200, 200, 404)


def done(row: Row, code: int) -> Row:
    """The same people, where success has another number."""
    return tuple(code if status == 200 else status for status in row)


def writes(row: Row, code: int) -> Row:
    """Likewise, where nobody is refused instead of being led to sign in."""
    return (401, *done(row, code)[1:])


# Name: what GET and what POST with an empty form answer.
TABLE: dict[str, tuple[Row, Row]] = {
    "home": (EVERYBODY, NOT),
    "explore": (EVERYBODY, NOT),
    "search": (EVERYBODY, NOT),
    "theme": (NOT, done(EVERYBODY, 302)),
    "api_reference": (EVERYBODY, NOT),
    "api_schema": (EVERYBODY, NOT),
    "api_schema_json": (EVERYBODY, NOT),
    "healthz": (EVERYBODY, NOT),
    "readyz": (done(EVERYBODY, 503), NOT),  # no registry runs here
    "registry": (OPERATOR, NOT),
    "registry_health": (OPERATOR, NOT),
    "registry_differences": (OPERATOR, NOT),
    "registry_runs": (OPERATOR, NOT),
    "registry_webhooks": (OPERATOR, NOT),
    "registry_compare": (NOT, writes(OPERATOR, 302)),
    "registry_approve": (done(OPERATOR, 302), writes(OPERATOR, 302)),  # nothing is held
    "registry_dismiss": (done(OPERATOR, 302), writes(OPERATOR, 302)),
    "own_audit": (SIGNED_IN, NOT),
    "own_audit_export": (writes(SIGNED_IN, 200), NOT),
    "whole_audit": (OPERATOR, NOT),
    "whole_audit_export": (writes(OPERATOR, 200), NOT),
    "organization_audit": (OWNERS, NOT),
    "organization_audit_export": (writes(OWNERS, 200), NOT),
    "repository_audit": (ADMINS, NOT),
    "repository_audit_export": (ADMINS, NOT),
    "account_signup": (NOBODY, NOBODY),
    "confirmation_resend": (NOT, done(EVERYBODY, 302)),
    "profile_settings": (SIGNED_IN, SIGNED_IN),
    "namespace_settings": (SIGNED_IN, SIGNED_IN),
    "access_tokens": (SIGNED_IN, NOT),
    "access_token_create": (SIGNED_IN, SIGNED_IN),
    "access_token_switch": (NOT, done(MINE, 302)),
    "access_token_delete": (MINE, done(MINE, 302)),
    "account_login": (NOBODY, NOBODY),
    "account_logout": (SIGNED_IN, done(EVERYBODY, 302)),
    "account_inactive": (EVERYBODY, NOT),
    "account_reauthenticate": (SIGNED_IN, SIGNED_IN),
    "account_email": (SIGNED_IN, done(EVERYBODY, 302)),
    "account_email_verification_sent": (EVERYBODY, NOT),
    "account_change_password": (SIGNED_IN, SIGNED_IN),
    "account_set_password": (done(EVERYBODY, 302), done(EVERYBODY, 302)),
    "account_reset_password": (EVERYBODY, EVERYBODY),
    "account_confirm_login_code": (done(EVERYBODY, 302), done(EVERYBODY, 302)),
    "account_confirm_email": (EVERYBODY, done(EVERYBODY, 404)),
    "account_reset_password_from_key_done": (EVERYBODY, NOT),
    "account_reset_password_from_key": (EVERYBODY, EVERYBODY),
    "account_reset_password_done": (EVERYBODY, NOT),
    "organizations": (SIGNED_IN, NOT),
    "organization_create": (SIGNED_IN, SIGNED_IN),
    "invitation": (EVERYBODY, NOBODY),
    "invitation_accept": (NOT, done(SIGNED_IN, 404)),
    "invitation_decline": (NOT, done(SIGNED_IN, 404)),
    "organization_invitations": (OWNERS, NOT),
    "organization_invite": (OWNERS, writes(OWNERS, 200)),
    "organization_invite_send": (NOT, writes(OWNERS, 422)),
    "organization_invitations_resend": (NOT, writes(OWNERS, 302)),
    "organization_invitation_resend": (NOT, writes(OWNERS, 302)),
    "organization_invitation_revoke": (NOT, writes(OWNERS, 302)),
    "organization_members": (MEMBERS, NOT),
    "organization_members_export": (OWNERS, NOT),
    "organization_member": (MEMBERS, NOT),
    "organization_member_role": (NOT, writes(OWNERS, 400)),
    "organization_member_remove": (OWN_OR_OWNERS, writes(OWN_OR_OWNERS, 302)),
    "organization_member_team_add": (NOT, writes(OWNERS, 404)),
    "organization_teams": (MEMBERS, writes(OWNERS, 200)),
    "organization_team": (MEMBERS, NOT),
    "organization_team_edit": (OWNERS, writes(OWNERS, 200)),
    "organization_team_delete": (OWNERS, writes(OWNERS, 302)),
    "organization_team_member_add": (NOT, writes(OWNERS, 422)),
    "organization_team_member_remove": (NOT, writes(OWNERS, 302)),
    "organization_tokens": (OWNERS, NOT),
    "organization_token_create": (OWNERS, writes(OWNERS, 200)),
    "organization_token": (OWNERS, writes(OWNERS, 200)),
    "organization_token_rotate": (NOT, writes(OWNERS, 422)),
    "organization_token_switch": (NOT, writes(OWNERS, 302)),
    "organization_token_delete": (NOT, writes(OWNERS, 302)),
    "organization_settings": (EDITORS, writes(EDITORS, 422)),
    "organization_delete": (NOT, writes(OWNERS, 422)),
    "repository_create": (SIGNED_IN, SIGNED_IN),
    "namespace": (READERS, NOT),
    "repository_star": (NOT, done(READERS, 302)),
    "repository_comments": (READERS, READERS),
    "repository_comment_delete": (NOT, done(ADMINS, 302)),
    "repository_settings": (ADMINS, ADMINS),
    "repository_archive": (NOT, done(ADMINS, 302)),
    "repository_tag_settings": (ADMINS, ADMINS),
    "repository_registry": (ADMINS, done(ADMINS, 302)),
    "repository_delete": (ADMINS, done(ADMINS, 422)),
    "organization_access": (EDITORS, writes(EDITORS, 302)),
    "organization_team_grants": (OWN_OR_EDITORS, writes(EDITORS, 200)),
    "organization_team_grant": (NOT, writes(EDITORS, 422)),
    "organization_team_grant_remove": (NOT, writes(EDITORS, 302)),
    "repository_access": (ADMINS, NOT),
    "repository_collaborator_add": (NOT, done(ADMINS, 422)),
    "repository_team_add": (NOT, (404, 404, 403, 403, 404, 422, 422, 404)),  # a guest knows no team
    "repository_grant": (NOT, done(ADMINS, 422)),
    "repository_grant_remove": (NOT, (404, 404, 403, 403, 409, 302, 302, 404)),  # the guest would lose their last right
    "repository_people": (done(ADMINS, 302), NOT),
    "repository_people_export": (ADMINS, NOT),
    "repository_check": (ADMINS, NOT),
    "repository_refused": (ADMINS, NOT),
    "repository_visibility": (NOT, done(ADMINS, 400)),
    "organization_rules": (OWNERS, writes(OWNERS, 200)),
    "organization_check": (EDITORS, NOT),
    "organization_refused": (OWNERS, NOT),
    "organization_member_reach": (OWN_OR_EDITORS, NOT),
    "organization_team_reach": (OWN_OR_EDITORS, NOT),
    "organization_team_join_preview": (NOT, writes(OWNERS, 404)),
    "organization_team_leave_preview": (NOT, writes(OWNERS, 200)),
    "organization_token_reach": (OWNERS, NOT),
    "own_reach": (SIGNED_IN, NOT),
    "access_token_reach": (MINE, NOT),
    "repository": (READERS, NOT),
    "repository_tags": (READERS, NOT),
    "repository_tag": (READERS, NOT),
    "repository_image": (READERS, NOT),
    "repository_image_raw": (done(READERS, 503), NOT),
    "repository_history": (READERS, NOT),
    "repository_untagged": (READERS, NOT),
    "repository_tag_delete": (ADMINS, done(ADMINS, 422)),
    "repository_image_delete": (ADMINS, done(ADMINS, 422)),
    "repository_image_restore": (NOT, done(WRITERS, 302)),
    "repository_deletions": (ADMINS, done(ADMINS, 422)),
    "repository_deletion": (ADMINS, NOT),
    "repository_deletion_cancel": (NOT, done(ADMINS, 302)),
    "repository_deletion_restore": (NOT, done(ADMINS, 302)),
    "repository_compare": (READERS, NOT),
    "repository_tag_roll_back": (WRITERS, done(WRITERS, 422)),
    "repository_tag_restore": (WRITERS, done(WRITERS, 409)),  # the tag is there
    "repository_tag_copy": (READERS, done(READERS, 422)),
    "repository_webhooks": (ADMINS, NOT),
    "repository_webhook_new": (ADMINS, ADMINS),
    "repository_webhook_preview": (NOT, ADMINS),
    "repository_webhook": (ADMINS, NOT),
    "repository_webhook_edit": (ADMINS, ADMINS),
    "repository_webhook_switch": (NOT, done(ADMINS, 302)),
    "repository_webhook_delete": (NOT, done(ADMINS, 302)),
    "repository_webhook_rotate": (NOT, ADMINS),
    "repository_webhook_ping": (NOT, done(ADMINS, 302)),
    "repository_webhook_resume": (NOT, done(ADMINS, 302)),
    "repository_redeliver_many": (ADMINS, done(ADMINS, 302)),
    "repository_callback": (NOT, done(EVERYBODY, 404)),  # nobody signed in, and nothing signed
    "repository_delivery": (ADMINS, NOT),
    "repository_redeliver": (NOT, done(ADMINS, 302)),
    "namespace_webhooks": (OWNERS, NOT),
    "namespace_webhook_new": (OWNERS, writes(OWNERS, 200)),
    "namespace_webhook_preview": (NOT, writes(OWNERS, 200)),
    "namespace_webhook": (OWNERS, NOT),
    "namespace_webhook_edit": (OWNERS, writes(OWNERS, 200)),
    "namespace_webhook_switch": (NOT, writes(OWNERS, 302)),
    "namespace_webhook_delete": (NOT, writes(OWNERS, 302)),
    "namespace_webhook_rotate": (NOT, writes(OWNERS, 200)),
    "namespace_webhook_ping": (NOT, writes(OWNERS, 302)),
    "namespace_webhook_resume": (NOT, writes(OWNERS, 302)),
    "namespace_redeliver_many": (OWNERS, writes(OWNERS, 302)),
    "namespace_delivery": (OWNERS, NOT),
    "namespace_redeliver": (NOT, writes(OWNERS, 302)),
}


@dataclass
class World:
    people: dict[str, User]
    addresses: dict[str, str]
    secrets: list[str] = field(default_factory=list)


def pages(patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every page; the API and Django's admin aside."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(("v2/", "^v2/", "admin/")):
            continue
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route)
        else:
            yield str(pattern.name), route


@pytest.fixture
def world(db: None) -> World:
    people = {who: factories.make_user(who) for who in PEOPLE[1:]}
    owner = people["owner"]
    User.objects.filter(pk=people["olga"].pk).update(is_superuser=True, is_staff=True)
    acme = make_organization(owner, "acme", base_permission=BasePermission.NONE)
    add_member(acme, people["editor"], MemberRole.EDITOR)
    for who, role in (("reader", Grant.Role.READ), ("writer", Grant.Role.WRITE)):
        add_member(acme, people[who])
        team = make_team(acme, f"{who}s", people[who])
        Grant.objects.create(namespace=acme.namespace, pattern="api", team=team, role=role)
    repository = Repository.objects.create(namespace=acme.namespace, name="api", full_name="acme/api")
    shared = Grant.objects.create(
        namespace=acme.namespace, pattern="api", user=people["guest"], role=Grant.Role.ADMIN, created_by=owner
    )
    images.push_image(repository, "latest", by=owner)
    webhook, wide = webhooks.make_webhook(owner, repository), webhooks.make_webhook(owner, acme.namespace)
    delivery, of_wide = webhooks.make_delivery(webhook), webhooks.make_delivery(wide)
    invitation = invitations.make_invitation(acme, owner, "dave@example.org")
    secret = invitations.send(invitation).rpartition("/")[2]
    invitations.make_old()
    personal, personal_secret = factories.make_access_token(owner)
    robot, robot_secret = make_robot(owner, acme)
    values = {
        "namespace": "acme",
        "name": "api",
        "username": "reader",
        "team": "readers",
        "tag": "latest",
        "digest": repository.tags.get(name="latest").manifest.digest,
        "job_id": start_deletion(
            actor=factories.actor(owner), repository=repository, selection=Selection(), expected=1
        ).pk,
        "comment_id": add_comment(actor=factories.actor(owner), repository=repository, text="Mine").pk,
        "webhook_id": webhook.pk,
        "delivery_id": delivery.public_id,
        "signed": "x",
        "secret": secret,
        "token": robot.public_id,
    }
    special: dict[str, dict[str, Any]] = {
        "invitation_": {"public_id": invitation.public_id},
        "organization_invitation_": {"public_id": invitation.public_id},
        "access_token_": {"public_id": personal.public_id},
        "organization_token": {"public_id": robot.public_id},
        "organization_team_grant": {"grant_id": Grant.objects.get(team__name="readers").pk},
        "repository_grant": {"grant_id": shared.pk},
        "namespace_": {"webhook_id": wide.pk, "delivery_id": of_wide.public_id},
        "account_confirm_email": {"key": "x"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "x-x"},
    }
    addresses = {name: address(name, route, values, special) for name, route in pages()}
    return World(people, addresses, [personal_secret, robot_secret])


def address(name: str, route: str, values: dict[str, Any], special: dict[str, dict[str, Any]]) -> str:
    wanted = {*re.findall(r"<(?:\w+:)?(\w+)>", route)}
    fitting = [more for prefix, more in special.items() if name.startswith(prefix)]
    known = {**values, **{key: value for more in fitting for key, value in more.items()}}
    return reverse(name, kwargs={key: known[key] for key in wanted})


def test_no_page_is_missing_from_the_table() -> None:
    assert set(TABLE) == {name for name, _route in pages()}


def statuses(world: World, session: str = "", **headers: str) -> dict[str, tuple[int, int]]:
    """Of GET and POST on each page, everything undone after each: signing out, too."""
    found = {}
    for name, url in world.addresses.items():
        read = _status(session, "GET", url, headers)
        found[name] = (read, _status(session, "POST", url, headers))
    return found


def _status(session: str, method: str, url: str, headers: dict[str, str]) -> int:
    client = Client()
    if session:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    with transaction.atomic():
        answer = client.generic(method, url, headers=headers, content_type="application/x-www-form-urlencoded")
        transaction.set_rollback(True)
    return answer.status_code


@pytest.mark.parametrize("who", PEOPLE)
def test_who_gets_what(world: World, who: str) -> None:
    column = PEOPLE.index(who)
    expected = {name: (get[column], post[column]) for name, (get, post) in TABLE.items()}
    session = "" if who == "nobody" else signed_in(world.people[who]).cookies[settings.SESSION_COOKIE_NAME].value
    got = statuses(world, session)
    wrong = {name: (pair, expected[name]) for name, pair in got.items() if pair != expected[name]}
    assert not wrong, f"{who}: page: (got, expected) {wrong}"


def test_pages_take_no_token(world: World) -> None:
    """Who comes to a page with an access token, a person's or a robot's, is nobody there."""
    nobody = {name: (get[0], post[0]) for name, (get, post) in TABLE.items()}
    for secret in world.secrets:
        assert statuses(world, Authorization=f"Bearer {secret}") == nobody
