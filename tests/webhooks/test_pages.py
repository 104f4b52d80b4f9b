"""Webhooks, deliveries and attempts on their pages."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks.models import Attempt, Webhook
from tests.factories import webhooks

BASE = "/alice/public-app/-/webhooks"
FORM = {"name": "CI", "url": "https://93.184.215.14/hooks/ci?token=s3cret"}
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def webhook(alice: User, public_app: Repository) -> Webhook:
    return webhooks.make_webhook(alice, public_app)


def test_add_one(alices_client: Client, public_app: Repository) -> None:
    assert "No webhooks yet" in text_of(alices_client.get(BASE))
    page = alices_client.post(BASE, FORM, follow=True)
    assert page.redirect_chain == [(BASE, 302)]
    assert "“CI” hears of every push from now on." in text_of(page)
    assert "93.184.215.14" in text_of(page)
    assert "s3cret" not in page.content.decode()
    assert Webhook.objects.get().url == FORM["url"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("url", ""),
        ("url", "no url"),
        ("url", "ftp://93.184.215.14/"),
        ("url", "http://10.0.0.1/"),
        ("url", "http://169.254.169.254/latest/meta-data/"),
        ("url", "https://93.184.215.14/" + "x" * 2000),
    ],
)
def test_bad_input_is_told_under_the_field(
    alices_client: Client, public_app: Repository, field: str, value: str
) -> None:
    page = alices_client.post(BASE, FORM | {field: value})
    assert page.status_code == 422
    assert f'id="id_{field}_error"' in page.content.decode()
    assert not Webhook.objects.exists()


def test_edit(alices_client: Client, webhook: Webhook) -> None:
    one = f"{BASE}/{webhook.pk}"
    assert "s3cret" in alices_client.get(f"{one}/edit").content.decode()
    refused = alices_client.post(f"{one}/edit", FORM | {"url": "http://10.0.0.1/"})
    assert refused.status_code == 422
    alices_client.post(f"{one}/edit", {"name": "Renamed", "url": "https://93.184.215.14/other"})
    webhook.refresh_from_db()
    assert (webhook.name, webhook.url) == ("Renamed", "https://93.184.215.14/other")


def test_a_url_that_cannot_be_decrypted_is_entered_again(alices_client: Client, webhook: Webhook) -> None:
    Webhook.objects.update(encrypted_url="broken")
    page = alices_client.get(f"{BASE}/{webhook.pk}/edit")
    assert page.status_code == 200
    assert re.search(r'name="url"(?![^>]*value=)', page.content.decode())


def test_switch_off_and_on(alices_client: Client, webhook: Webhook) -> None:
    one = f"{BASE}/{webhook.pk}"
    assert "Switched off" in text_of(alices_client.post(f"{one}/switch", {"is_active": "false"}, follow=True))
    assert "Active" in text_of(alices_client.post(f"{one}/switch", {"is_active": "true"}, follow=True))
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.RECEIVER)
    assert "the receiver answered 410 Gone" in text_of(alices_client.get(BASE))


def test_delete_asks_first(alices_client: Client, webhook: Webhook) -> None:
    assert "Delete this webhook?" in text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    page = alices_client.post(f"{BASE}/{webhook.pk}/delete", follow=True)
    assert "“CI of the shop” is deleted." in text_of(page)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "rest", ["/0", f"/{10**30}", "/1/deliveries/none", "/x", "/1/deliveries/..", "/1/deliveries/a.b"]
)
def test_what_is_not_there_is_404(alices_client: Client, public_app: Repository, rest: str) -> None:
    assert alices_client.get(BASE + rest).status_code == 404


@pytest.mark.parametrize("page", ["list", "deliveries", "delivery"])
def test_queries_do_not_grow_with_the_rows(
    alice: User, alices_client: Client, public_app: Repository, webhook: Webhook, page: str
) -> None:
    delivery = webhooks.make_delivery(webhook)
    one = f"{BASE}/{webhook.pk}"
    path = {"list": BASE, "deliveries": one, "delivery": f"{one}/deliveries/{delivery.public_id}"}[page]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alices_client.get(path).status_code == 200
        return len(captured)

    def add(number: int) -> None:
        webhooks.make_webhook(alice, public_app, name=f"More {number}")
        webhooks.make_delivery(webhook)
        Attempt.objects.create(delivery=delivery, number=number, status=500)

    for number in range(2, 4):
        add(number)
    few = queries()
    for number in range(4, 8):
        add(number)
    assert queries() == few <= 9
