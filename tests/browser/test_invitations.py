"""Invitations in a real browser: every page by axe, and the way from a list to a member with and without a script."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import BrowserContext, Page, expect

from orgs.invitations import sending
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization
from portal.accounts.models import User
from tests import factories
from tests.browser.conftest import VIEWS, axe
from tests.browser.test_accounts import cookies
from tests.conftest import signed_in
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
CSV = "name,email\nCarol,carol@example.org\nNo address\nBob,bob@example.org\n"
LIST = """bob, carol@example.org
charlie; nobody
bob
alice somebody-with-a-very-long-name@a-department.of-a-large-company.example.org
not-an-address@"""


@pytest.fixture
def base(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def acme(alice: User, charlie: User) -> Organization:
    organization = make_organization(alice)
    add_member(organization, charlie)
    make_team(organization, "image-users")
    return organization


def path_in(message: Any, base: str) -> str:
    return next(line.removeprefix(base) for line in str(message.body).splitlines() if "/invitations/" in line)


def sent(invitation: Invitation, base: str) -> str:
    sending.send(invitation.pk)
    return path_in(mail.outbox[-1], base)


def test_pages_of_owners(base: str, acme: Organization, alice: User, bob: User, inspect: Callable[..., None]) -> None:
    own = cookies(signed_in(alice), base)
    inspect(base, ["/acme/-/invitations", "/acme/-/invitations/new"], own)
    team = acme.teams.get()
    sent(invitations.make_invitation(acme, alice, "bob", role=MemberRole.EDITOR, team=team), base)
    late = invitations.make_invitation(acme, alice, "a-very-long-address-of-somebody@department.example.org")
    sent(late, base)
    invitations.expire(late)
    refused = invitations.make_invitation(acme, alice, "refused@example.org")
    Invitation.objects.filter(pk=refused.pk).update(mail_attempts=sending.MOST_ATTEMPTS)
    invitations.make_invitation(acme, alice, "waits@example.org")
    for state in (InvitationState.ACCEPTED, InvitationState.DECLINED, InvitationState.REVOKED):
        row = invitations.make_invitation(acme, alice, f"{state}@example.org")
        Invitation.objects.filter(pk=row.pk).update(state=state)
    inspect(base, ["/acme/-/invitations", "/acme/-/invitations?state=all", "/acme/-/invitations?q=none"], own)


@pytest.mark.parametrize("view", list(VIEWS))
def test_the_review_step(base: str, acme: Organization, alice: User, bob: User, open_context: Open, view: str) -> None:
    scheme, width, height = VIEWS[view]
    context = open_context(color_scheme=scheme, viewport={"width": width, "height": height})
    context.add_cookies(cookies(signed_in(alice), base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/acme/-/invitations/new")
    page.get_by_label("People").fill(LIST)
    page.locator(".choice").get_by_text("Owner", exact=True).click()
    page.get_by_label("Team (optional)").select_option("image-users")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("3 people will be invited")).to_be_visible()
    assert axe(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_pages_of_the_invited(
    base: str, acme: Organization, alice: User, bob: User, eve: User, inspect: Callable[..., None]
) -> None:
    row = invitations.make_invitation(acme, alice, "mallory@example.org", team=acme.teams.get())
    by_name = invitations.make_invitation(acme, alice, "bob")
    link, own = sent(row, base), sent(by_name, base)
    bobs = cookies(signed_in(bob), base)
    inspect(base, [link, own])
    inspect(base, [link, own, "/organizations"], bobs)
    inspect(base, [link, own], cookies(signed_in(eve), base))
    inspect(base, [link], cookies(signed_in(alice), base))
    invitations.expire(row)
    inspect(base, [link])
    Invitation.objects.filter(pk=row.pk).update(state=InvitationState.REVOKED)
    inspect(base, [link], bobs)


def sign_up_from(page: Page) -> None:
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill("carol")
    assert page.get_by_label("E-mail address").input_value() == "carol@example.org"
    page.locator("#id_password1").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_from_a_csv_file_to_a_member(
    base: str, acme: Organization, alice: User, charlie: User, open_context: Open, script: bool
) -> None:
    owner = open_context(java_script_enabled=script)
    owner.add_cookies(cookies(signed_in(alice), base))  # type: ignore[arg-type]
    page = owner.new_page()
    page.goto(f"{base}/acme/-/invitations")
    page.get_by_role("link", name="Invite people").first.click()
    file: Any = {"name": "people.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    page.get_by_label("Or a CSV file").set_input_files(file)
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("row", name="No address")).to_contain_text("This line has no column “email”.")
    page.get_by_role("button", name="Send 2 invitations").click()
    expect(page.get_by_text("2 people are invited.")).to_be_visible()

    assert sending.sweep() == 2
    guest = open_context(java_script_enabled=script).new_page()
    guest.goto(base + path_in(mail.outbox[0], base))
    sign_up_from(guest)
    guest.get_by_role("button", name="Accept").click()
    expect(guest.get_by_text("Welcome: you belong to acme now.")).to_be_visible()
    assert Membership.objects.get(user__username="carol").role == MemberRole.MEMBER

    page.goto(f"{base}/acme/-/invitations")
    page.get_by_role("button", name="Revoke the invitation of bob@example.org").click()
    expect(page.get_by_text("The invitation of bob@example.org is revoked.")).to_be_visible()
