"""The pages on which people make and change webhooks, of a repository and of a namespace."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.models import MemberRole, Organization
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.models import Event
from repositories.models import Grant, Repository
from repositories.webhooks import actions
from repositories.webhooks.formats.shipped import shipped
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.placeholders import EXAMPLES
from tests.conftest import signed_in
from tests.factories import webhooks
from tests.factories.orgs import add_member, make_organization

BASE = "/alice/public-app/-/webhooks"
OWN = "/alice/-/webhooks"
URL = "https://93.184.215.14/hooks/ci?token=s3cret"
FORM = {"name": "CI", "url": URL, "events": ["push"], "format": "dockerhub", "repository_pattern": "*"}
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def webhook(alice: User, public_app: Repository) -> Webhook:
    return webhooks.make_webhook(alice, public_app)


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice, "acme")


@pytest.mark.parametrize("base", [BASE, OWN, "/acme/-/webhooks"])
def test_make_one(alices_client: Client, public_app: Repository, acme: Organization, base: str) -> None:
    assert "No webhooks yet" in text_of(alices_client.get(base))
    page = alices_client.post(f"{base}/new", FORM)
    assert page.status_code == 201
    assert "no-store" in page["Cache-Control"]
    row = Webhook.objects.get()
    assert row.signing_secrets(timezone.now())[0] in text_of(page)
    assert (row.url, row.place) == (URL, base[1:].partition("/-/")[0])
    listed = alices_client.get(base)
    assert "CI 93.184.215.14 Push dockerhub Active nothing sent yet" in text_of(listed)
    assert "s3cret" not in listed.content.decode()
    assert "whsec_" not in alices_client.get(f"{base}/{row.pk}").content.decode()
    assert Event.objects.get(action="repo.webhook.create").target == f"{row.place}: CI"


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
        ("events", []),
        ("events", ["star"]),  # not in Docker Hub's format
        ("events", ["nonsense"]),
        ("tag_patterns", "v["),
        ("format", "nonsense"),
        ("repository_pattern", "a*b"),
    ],
)
def test_bad_input_is_told_under_the_field(alices_client: Client, alice: User, field: str, value: Any) -> None:
    page = alices_client.post(f"{OWN}/new", FORM | {field: value})
    assert page.status_code == 422
    assert f'id="id_{field}_error"' in page.content.decode()
    assert not Webhook.objects.exists()


def test_all_that_is_wrong_is_told_at_once(alices_client: Client, public_app: Repository) -> None:
    wrong = {"name": "", "url": "", "format": "nonsense", "headers_name": ["X-Team"], "headers_value": [""]}
    page = alices_client.post(f"{BASE}/new", wrong).content.decode()
    assert [f for f in ("name", "url", "format", "events", "headers") if f'id="id_{f}_error"' not in page] == []


@pytest.mark.parametrize(
    ("names", "values", "problem"),
    [
        (["X-Team"], [""], "“X-Team” has no value."),
        ([""], ["shop"], "Give each header a name."),
        (["X-Team", "x-team"], ["a", "b"], "“x-team” is there twice."),
        (["Authorization"], ["Bearer ⟨token⟩"], "Put a value of your own in place of “Bearer ⟨token⟩”."),
        (["Webhook-Id"], ["mine"], "Webhook-Id"),
        (["Bad Name"], ["x"], "Bad Name"),
        ([f"X-{number}" for number in range(21)], ["x"] * 21, "At most 20 headers."),
    ],
)
def test_headers_are_checked(
    alices_client: Client, public_app: Repository, names: list[str], values: list[str], problem: str
) -> None:
    page = alices_client.post(f"{BASE}/new", FORM | {"headers_name": names, "headers_value": values})
    assert page.status_code == 422
    assert re.search(rf'id="id_headers_error">.*?{re.escape(problem)}', page.content.decode(), re.DOTALL)


def test_headers_are_kept_replaced_and_dropped_without_being_shown(
    alices_client: Client, as_alice: Actor, public_app: Repository
) -> None:
    headers = {"Authorization": "Bearer one", "X-Team": "two", "X-Old": "three"}
    row = actions.create_webhook(actor=as_alice, place=public_app, name="CI", url=URL, headers=headers)
    page = alices_client.get(f"{BASE}/{row.pk}/edit").content.decode()
    assert all(name in page for name in headers)
    assert not any(value in page for value in headers.values())
    sent = {"headers_name": ["Authorization", "X-Team", "X-New"], "headers_value": ["", "2", "four"]}
    alices_client.post(f"{BASE}/{row.pk}/edit", FORM | sent)
    row.refresh_from_db()
    assert row.headers == {"Authorization": "Bearer one", "X-Team": "2", "X-New": "four"}


def test_rows_of_headers_come_and_go_with_and_without_script(alices_client: Client, public_app: Repository) -> None:
    typed = FORM | {"name": "Typed", "headers_name": ["X-A", "X-B"], "headers_value": ["a", "b"]}
    more = alices_client.post(f"{BASE}/new", typed | {"add_header": "1"}, headers=HTMX).content.decode()
    assert (more.count('name="headers_name"'), "Name of header 3" in more, "<html" in more) == (1, True, False)
    assert alices_client.post(f"{BASE}/new", typed | {"remove_header": "1"}, headers=HTMX).content == b""
    page = alices_client.post(f"{BASE}/new", typed | {"add_header": "1"}).content.decode()
    assert page.count('name="headers_name"') == 3
    fewer = alices_client.post(f"{BASE}/new", typed | {"remove_header": "1"})
    assert fewer.status_code == 200
    page = fewer.content.decode()
    assert (page.count('name="headers_name"'), 'value="X-A"' in page, 'value="Typed"' in page) == (1, False, True)
    assert not Webhook.objects.exists()


def test_edit(alices_client: Client, webhook: Webhook) -> None:
    one = f"{BASE}/{webhook.pk}"
    assert "s3cret" in alices_client.get(f"{one}/edit").content.decode()
    assert alices_client.post(f"{one}/edit", FORM | {"url": "http://10.0.0.1/"}).status_code == 422
    changed = FORM | {
        "name": "Renamed",
        "format": "moorage",
        "events": ["push", "star"],
        "tag_patterns": "v.*\n\nlatest",
    }
    page = alices_client.post(f"{one}/edit", changed | {"github_signature": "on"}, follow=True)
    assert "“Renamed” is saved." in text_of(page)
    webhook.refresh_from_db()
    assert (webhook.name, webhook.format, webhook.events) == ("Renamed", "moorage", ["push", "star"])
    assert (webhook.tag_patterns, webhook.github_signature) == (["v.*", "latest"], True)
    again = alices_client.get(f"{one}/edit").content.decode()
    assert re.search(r'value="star"[^>]* checked', again)


def test_what_cannot_be_decrypted_is_entered_again(alices_client: Client, webhook: Webhook) -> None:
    Webhook.objects.update(encrypted_url="broken", encrypted_headers="broken")
    page = alices_client.get(f"{BASE}/{webhook.pk}/edit")
    assert page.status_code == 200
    assert re.search(r'name="url"(?![^>]*value=)', page.content.decode())
    alices_client.post(f"{BASE}/{webhook.pk}/edit", FORM)
    webhook.refresh_from_db()
    assert (webhook.url, webhook.headers) == (URL, {})


def test_the_secret_is_rotated(alices_client: Client, webhook: Webhook) -> None:
    one = f"{BASE}/{webhook.pk}"
    old = webhook.signing_secrets(timezone.now())
    page = alices_client.post(f"{one}/rotate")
    webhook.refresh_from_db()
    new = webhook.signing_secrets(timezone.now())
    assert (len(new), new[1:]) == (2, old)
    assert new[0] in text_of(page)
    assert "signed with the secret of before, too" in text_of(page)
    assert "with two secrets until" in text_of(alices_client.get(one))
    Webhook.objects.update(old_secret_until=timezone.now())
    assert "Signed yes" in text_of(alices_client.get(one))
    alone = alices_client.post(f"{one}/rotate", {"old": "drop"})
    webhook.refresh_from_db()
    assert len(webhook.signing_secrets(timezone.now())) == 1
    assert "with this secret alone" in text_of(alone)


def test_one_without_a_secret_gets_one(alices_client: Client, webhook: Webhook) -> None:
    Webhook.objects.update(encrypted_secret="")
    assert "Its deliveries are not signed" in text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    assert "with this secret alone" in text_of(alices_client.post(f"{BASE}/{webhook.pk}/rotate"))


@pytest.mark.parametrize("base", [BASE, OWN])
def test_a_ping_leads_to_its_delivery(
    alices_client: Client, as_alice: Actor, public_app: Repository, queued: list[Any], base: str
) -> None:
    place = public_app if base == BASE else public_app.namespace
    row = actions.create_webhook(actor=as_alice, place=place, name="CI", url=URL)
    answer = alices_client.post(f"{base}/{row.pk}/ping")
    assert answer["Location"] == f"{base}/{row.pk}/deliveries/{Delivery.objects.get().public_id}"
    assert alices_client.get(answer["Location"]).status_code == 200


def test_one_that_is_off_sends_no_ping(alices_client: Client, webhook: Webhook) -> None:
    Webhook.objects.update(is_active=False)
    page = alices_client.post(f"{BASE}/{webhook.pk}/ping", follow=True)
    assert "The webhook is switched off. Switch it on first." in text_of(page)


def test_a_paused_one_is_resumed_with_what_it_missed(
    alices_client: Client, webhook: Webhook, queued: list[Any]
) -> None:
    for number in range(2):
        webhooks.make_delivery(webhook, str(number), state="held")
    now = timezone.now()
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.FAILING, failing_since=now, paused_at=now)
    listed = alices_client.get(BASE)
    assert "Paused first failure just now" in text_of(listed)
    assert f'action="{BASE}/{webhook.pk}/resume"' in listed.content.decode()
    page = alices_client.post(f"{BASE}/{webhook.pk}/resume", follow=True)
    assert "The 2 deliveries that it missed are sent now" in text_of(page)
    again = alices_client.post(f"{BASE}/{webhook.pk}/resume", follow=True)
    assert "This webhook is not paused." in text_of(again)


def test_resuming_says_that_nothing_was_missed(alices_client: Client, webhook: Webhook, queued: list[Any]) -> None:
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.FAILING)
    page = alices_client.post(f"{BASE}/{webhook.pk}/resume", follow=True)
    assert "“CI of the shop” works again. It missed nothing." in text_of(page)


def test_switch_off_and_on(alices_client: Client, webhook: Webhook, queued: list[Any]) -> None:
    one = f"{BASE}/{webhook.pk}"
    assert "Switched off" in text_of(alices_client.post(f"{one}/switch", {"is_active": "false"}, follow=True))
    assert "Active" in text_of(alices_client.post(f"{one}/switch", {"is_active": "true"}, follow=True))
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.RECEIVER)
    assert "the receiver answered 410 Gone" in text_of(alices_client.get(BASE))
    assert "it wants to hear no more" in text_of(alices_client.get(one))


def test_the_list_tells_the_last_answer(alices_client: Client, webhook: Webhook) -> None:
    webhooks.make_delivery(webhook, "1", status=200)
    webhooks.make_delivery(webhook, "2", state="waiting", status=503)
    Delivery.objects.filter(summary="1").update(last_status=200)
    Delivery.objects.filter(summary="2").update(last_status=503)
    Webhook.objects.update(failing_since=timezone.now())
    assert "Failing first failure just now 503 Service Unavailable just now" in text_of(alices_client.get(BASE))


def test_delete_asks_first(alices_client: Client, webhook: Webhook) -> None:
    assert "Delete this webhook?" in text_of(alices_client.get(f"{BASE}/{webhook.pk}"))
    page = alices_client.post(f"{BASE}/{webhook.pk}/delete", follow=True)
    assert "“CI of the shop” is deleted." in text_of(page)
    assert not Webhook.objects.exists()


def test_webhooks_of_the_namespace_are_named_to_who_manages_them(
    alice: User, bob: User, as_alice: Actor, acme: Organization
) -> None:
    repository = Repository.objects.create(namespace=acme.namespace, name="api", full_name="acme/api")
    for name, pattern in (("All of it", "*"), ("Only web", "web*")):
        actions.create_webhook(actor=as_alice, place=acme.namespace, name=name, url=URL, repository_pattern=pattern)
    add_member(acme, bob, MemberRole.MEMBER)
    Grant.objects.create(namespace=acme.namespace, pattern="api", user=bob, role=Grant.Role.ADMIN)
    address = f"/{repository.full_name}/-/webhooks"
    owner, admin = text_of(signed_in(alice).get(address)), text_of(signed_in(bob).get(address))
    assert "A webhook of acme hears of this repository, too: All of it 93.184.215.14" in owner
    assert "Only web" not in owner
    assert "A webhook of acme hears of this repository, too. The owners of acme manage it." in admin
    assert "All of it" not in admin


def test_a_namespace_chooses_between_repositories(alices_client: Client, alice: User, public_app: Repository) -> None:
    assert 'name="repository_pattern"' not in alices_client.get(f"{BASE}/new").content.decode()
    alices_client.post(
        f"{OWN}/new", FORM | {"repository_pattern": "public*", "events": ["repository.create"], "format": "moorage"}
    )
    row = Webhook.objects.get()
    assert (row.namespace, row.repository_pattern, row.events) == (alice.namespace, "public*", ["repository.create"])
    assert "public*" in text_of(alices_client.get(f"{OWN}/{row.pk}"))


def test_who_may_manage_an_organizations_webhooks(bob: User, charlie: User, acme: Organization) -> None:
    add_member(acme, bob, MemberRole.EDITOR)
    assert signed_in(bob).get("/acme/-/webhooks").status_code == 403
    assert signed_in(charlie).get("/acme/-/webhooks").status_code == 404
    assert signed_in(bob).get("/charlie/-/webhooks").status_code == 404
    assert Client().get("/charlie/-/webhooks")["Location"].startswith("/accounts/login/")


def test_one_is_found_in_its_own_place_only(alices_client: Client, webhook: Webhook, acme: Organization) -> None:
    for other in (OWN, "/acme/-/webhooks"):
        assert alices_client.get(f"{other}/{webhook.pk}").status_code == 404
        assert alices_client.post(f"{other}/{webhook.pk}/delete").status_code == 404


@pytest.mark.parametrize("rest", ["/0", f"/{10**30}", "/x"])
def test_what_is_not_there_is_404(alices_client: Client, public_app: Repository, rest: str) -> None:
    assert alices_client.get(BASE + rest).status_code == 404


def payload_of(response: Any) -> Any:
    found = re.search(r'<pre class="code-block"[^>]*>(.*?)</pre>', response.content.decode(), re.DOTALL)
    assert found
    return json.loads(found[1].replace("&quot;", '"'))


def test_the_next_payload_is_previewed(alices_client: Client, public_app: Repository) -> None:
    part = alices_client.post(f"{BASE}/preview", FORM, headers=HTMX)
    assert payload_of(part)["repository"]["repo_name"] == "alice/public-app"
    assert "<html" not in part.content.decode()
    chosen = FORM | {"format": "moorage", "events": ["push", "star"], "preview_event": "star"}
    page = alices_client.post(f"{BASE}/new", chosen | {"preview": "1"})
    assert (page.status_code, payload_of(page)["type"]) == (200, "star")
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("wrong", [{"events": []}, {"format": "nonsense"}, {"events": ["star"]}])
def test_a_preview_of_nothing_says_so(alices_client: Client, public_app: Repository, wrong: dict[str, Any]) -> None:
    part = alices_client.post(f"{BASE}/preview", FORM | wrong, headers=HTMX)
    assert "Choose an event that the format can tell of" in text_of(part)


def test_a_shipped_template_is_put_in_with_the_headers_it_needs(alices_client: Client, public_app: Repository) -> None:
    typed = FORM | {"headers_name": ["accept", ""], "headers_value": ["mine", ""], "starter": "github"}
    page = alices_client.post(f"{BASE}/new", typed | {"use_template": "1"}).content.decode()
    assert re.search(r'value="template"[^>]* checked', page)
    assert "moorage.{{ type }}" in page
    assert re.findall(r'name="headers_name" value="([^"]*)"', page) == [
        "accept",
        "Authorization",
        "X-GitHub-Api-Version",
    ]
    assert "https://api.github.com/repos/" in page
    assert not Webhook.objects.exists()
    unknown = alices_client.post(f"{BASE}/new", typed | {"use_template": "1", "starter": "nonsense"})
    assert unknown.status_code == 200
    assert not Webhook.objects.exists()


def test_each_shipped_template_can_be_saved(alices_client: Client, public_app: Repository) -> None:
    for each in shipped():
        chosen = {
            "format": "template",
            "template": each.text,
            "events": [name for name in ("push", "tag.delete") if name in each.events],
        }
        sent = chosen | {"template": each.text.replace("\n", "\r\n")}
        assert alices_client.post(f"{BASE}/new", FORM | sent).status_code == 201, each.key
        assert Webhook.objects.latest("pk").template == each.text


def test_the_placeholders_of_a_url_are_told(alices_client: Client, public_app: Repository) -> None:
    page = alices_client.get(f"{BASE}/new").content.decode()
    assert [name for name in EXAMPLES if f"<code>{{{name}}}</code>" not in page] == []


def test_a_preview_tells_what_is_wrong_with_a_template(alices_client: Client, public_app: Repository) -> None:
    part = alices_client.post(f"{BASE}/preview", FORM | {"format": "template", "template": "{{ tag"}, headers=HTMX)
    assert 'class="message is-warning"' in part.content.decode()


@pytest.mark.parametrize("base", [BASE, OWN])
def test_queries_do_not_grow_with_the_rows(
    alice: User, as_alice: Actor, alices_client: Client, public_app: Repository, base: str
) -> None:
    place = public_app if base == BASE else public_app.namespace

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alices_client.get(base).status_code == 200
        return len(captured)

    def add(number: int) -> None:
        row = actions.create_webhook(actor=as_alice, place=place, name=f"More {number}", url=URL)
        actions.create_webhook(actor=as_alice, place=public_app.namespace, name=f"More {number}", url=URL)
        webhooks.make_delivery(row)

    for number in range(2):
        add(number)
    few = queries()
    for number in range(2, 6):
        add(number)
    assert queries() == few <= 11
