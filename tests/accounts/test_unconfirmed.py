"""Names that nobody confirmed within a week are free again; everybody else's stay."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from portal.accounts import actions
from portal.accounts.models import Namespace, User
from portal.events.models import Event
from tests import factories

pytestmark = pytest.mark.django_db


def joined(user: User, *, days: float) -> None:
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - timedelta(days=days))


def test_after_a_week_the_name_is_free_for_somebody_else(eve) -> None:
    factories.make_access_token(eve)
    joined(eve, days=7.01)
    assert actions.free_unconfirmed_names() == 1
    assert not Namespace.objects.filter(name="eve").exists()
    assert not EmailAddress.objects.filter(email="eve@example.org").exists()
    assert Event.objects.get(action="user.expire").actor_name == "system"
    assert factories.make_user("eve").pk != eve.pk


def test_within_the_week_it_is_kept(eve) -> None:
    joined(eve, days=6.99)
    assert actions.free_unconfirmed_names() == 0
    assert User.objects.filter(username="eve").exists()


def test_who_confirmed_and_who_runs_the_place_is_kept(alice, eve) -> None:
    joined(alice, days=400)
    joined(eve, days=400)
    User.objects.filter(pk=eve.pk).update(is_staff=True)
    assert actions.free_unconfirmed_names() == 0


def test_who_owns_something_is_kept(alice) -> None:
    """An address that was confirmed once and then removed: the images stay, and so does the name."""
    factories.make_repository(alice, "app")
    EmailAddress.objects.all().delete()
    joined(alice, days=400)
    assert actions.free_unconfirmed_names() == 0
