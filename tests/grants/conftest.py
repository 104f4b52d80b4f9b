"""The organization acme: Alice owns it, Olivia is an editor, Bob and Carol are members; Dave is a stranger."""

import pytest
from django.test import Client

from orgs.models import MemberRole, Organization, Team
from portal.accounts.models import User
from repositories import actions as repositories
from repositories.models import Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import add_member, make_organization, make_team


@pytest.fixture
def carol(db: None) -> User:
    return factories.make_user("carol")


@pytest.fixture
def dave(db: None) -> User:
    return factories.make_user("dave")


@pytest.fixture
def olivia(db: None) -> User:
    return factories.make_user("olivia")


@pytest.fixture
def acme(alice: User, bob: User, carol: User, olivia: User) -> Organization:
    organization = make_organization(alice)
    add_member(organization, olivia, MemberRole.EDITOR)
    add_member(organization, bob)
    add_member(organization, carol)
    return organization


def make(alice: User, name: str, *, namespace: str = "acme", visibility: str = "private") -> Repository:
    return repositories.create_repository(
        actor=factories.actor(alice), namespace=namespace, name=name, visibility=visibility
    )


@pytest.fixture
def api(alice: User, acme: Organization) -> Repository:
    return make(alice, "api")


@pytest.fixture
def admins(acme: Organization, bob: User) -> Team:
    return make_team(acme, "image-admins", bob)


@pytest.fixture
def users(acme: Organization, carol: User) -> Team:
    return make_team(acme, "image-users", carol)


@pytest.fixture
def daves_client(dave: User) -> Client:
    return signed_in(dave)


@pytest.fixture
def olivias_client(olivia: User) -> Client:
    return signed_in(olivia)


@pytest.fixture
def carols_client(carol: User) -> Client:
    return signed_in(carol)
