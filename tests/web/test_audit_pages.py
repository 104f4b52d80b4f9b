"""The audit log's pages: who may read which, what they show, and how they are filtered."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs.models import MemberRole
from portal.accounts.actor import ANONYMOUS, SYSTEM
from portal.events.models import Event
from portal.web.audit.shown import changes_of, short_client
from repositories.actions import create_repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import events, orgs
from tests.web.brackets import speak_brackets, untranslated

CAST = ("nobody", "stranger", "member", "editor", "owner", "operator")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(alice):
    return orgs.make_organization(alice, "acme")


@pytest.fixture
def app(acme, alice):
    return create_repository(
        actor=factories.actor(alice), namespace="acme", name="app", visibility="private", description=""
    )


@pytest.fixture
def cast(acme, alice):
    """Name -> a signed-in browser."""
    member, editor, operator = (factories.make_user(name) for name in ("member", "editor", "operator"))
    orgs.add_member(acme, member)
    orgs.add_member(acme, editor, MemberRole.EDITOR)
    operator.is_superuser = operator.is_staff = True
    operator.save()
    people = {"stranger": factories.make_user("stranger"), "member": member, "editor": editor, "owner": alice}
    return {"nobody": Client()} | {name: signed_in(user) for name, user in (people | {"operator": operator}).items()}


# What nobody, a stranger, a member, an editor, an owner and an operator get.
TABLE = {
    "organization_audit": (302, 404, 403, 403, 200, 404),
    "organization_audit_export": (401, 404, 403, 403, 200, 404),
    "repository_audit": (404, 404, 403, 200, 200, 404),
    "repository_audit_export": (404, 404, 403, 200, 200, 404),
    "own_audit": (302, 200, 200, 200, 200, 200),
    "own_audit_export": (401, 200, 200, 200, 200, 200),
    "whole_audit": (302, 404, 404, 404, 404, 200),
    "whole_audit_export": (401, 404, 404, 404, 404, 200),
}


def address(name: str) -> str:
    if name.startswith("organization"):
        return reverse(name, args=["acme"])
    return reverse(name, args=["acme", "app"] if name.startswith("repository") else [])


@pytest.mark.parametrize("name", TABLE)
def test_who_may_read_which_log(cast, app, name) -> None:
    got = {who: client.get(address(name)).status_code for who, client in cast.items()}
    assert [got[who] for who in CAST] == list(TABLE[name])
    for client in cast.values():
        assert client.post(address(name)).status_code in {403, 405}


def test_no_page_of_the_log_is_missing_from_the_table() -> None:
    from portal.web.audit.urls import urlpatterns

    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def targets(client: Client, name: str, **query: str) -> list[str]:
    """What the page shows, newest first."""
    answer = client.get(address(name), query)
    assert answer.status_code == 200, answer.content
    return [shown.row.target for shown in answer.context["events"]]


def test_each_log_has_its_own_events_and_no_others(cast, app, alice, bob) -> None:
    before = Event.objects.latest("id")
    events.make_event(alice, namespace="acme", target="acme")
    events.make_event(bob, namespace="acme", repository_id=app.pk, target="acme/app")
    events.make_event(ANONYMOUS, "repo.access_refused", namespace="acme", target="acme/app")
    events.make_event(ANONYMOUS, "repo.access_refused", namespace="acme", target="acme/app2")
    events.make_event(alice, namespace="bob", target="bob/app")
    events.make_event(bob, namespace="alice", target="alice/app")
    events.make_event(bob, namespace="bob", target="bob/secret")
    new = {"from": before.at.strftime("%Y-%m-%dT%H:%M")}

    def last(who: str, name: str, count: int) -> list[str]:
        return targets(cast[who], name, **new)[:count]

    assert last("owner", "organization_audit", 4) == ["acme/app2", "acme/app", "acme/app", "acme"]
    assert last("owner", "repository_audit", 3) == ["acme/app", "acme/app", "acme/app"]
    assert last("owner", "own_audit", 3) == ["alice/app", "bob/app", "acme"]
    assert last("operator", "whole_audit", 7) == [
        "bob/secret",
        "alice/app",
        "bob/app",
        "acme/app2",
        "acme/app",
        "acme/app",
        "acme",
    ]
    assert "bob/secret" not in targets(cast["owner"], "own_audit")
    assert targets(cast["stranger"], "own_audit") == ["stranger"]


def test_a_name_that_was_free_again_brings_no_old_events(alice, alices_client) -> None:
    Event.objects.create(
        action="user.login_failed", namespace="alice", target="alice", at=timezone.now() - timedelta(days=90)
    )
    assert "user.login_failed" not in alices_client.get(reverse("own_audit")).content.decode().partition("<tbody")[2]


@pytest.fixture
def three(acme, alice, bob):
    """Alice's is of 10:00, Bob's of 11:00, the robot's of 12:00 on a day to come."""
    day = datetime(2030, 1, 1, tzinfo=UTC)
    rows = [(alice, "org.team.create", 10), (bob, "repo.delete", 11), (events.robot(), "repo.tag.push", 12)]
    for by, action, hour in rows:
        actor = by if not hasattr(by, "username") else factories.actor(by)
        Event.objects.create(
            at=day + timedelta(hours=hour),
            action=action,
            namespace="acme",
            target=f"acme/{action}",
            actor_id=actor.public_id,
            actor_name=actor.name,
            credential=actor.credential_label,
        )
    return signed_in(alice)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"person": "bob"}, ["repo.delete"]),
        ({"person": "acme:ci"}, ["repo.tag.push"]),
        ({"action": "org"}, ["org.team.create"]),
        ({"action": "repo"}, ["repo.tag.push", "repo.delete"]),
        ({"action": "repo.delete"}, ["repo.delete"]),
        ({"target": "acme/repo"}, ["repo.tag.push", "repo.delete"]),
        ({"from": "2030-01-01T11:00"}, ["repo.tag.push", "repo.delete"]),
        ({"to": "2030-01-01T11:00"}, ["repo.delete", "org.team.create"]),
        ({"to": "2030-01-01"}, ["repo.tag.push", "repo.delete", "org.team.create"]),
        ({"from": "2030-01-01T11:00", "to": "2030-01-01T11:59", "person": "bob", "action": "repo"}, ["repo.delete"]),
        ({"person": "bob", "action": "org"}, []),
    ],
)
def test_filters(three, query, found) -> None:
    """What the fixtures themselves recorded is of before 2030."""
    page = three.get(address("organization_audit"), {"from": "2030-01-01T00:00"} | query)
    assert [shown.row.action for shown in page.context["events"]] == found
    for value in query.values():
        assert f'value="{value}"' in page.content.decode() or "2030-01-01" in value


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "Enter a valid date/time"),
        ({"from": "2030-01-02T00:00", "to": "2030-01-01T00:00"}, "The end lies before the beginning"),
        ({"action": "repo.explode"}, "is not one of the available choices"),
        ({"person": "a\0b"}, "Null characters are not allowed"),
    ],
)
def test_filters_that_make_no_sense_say_so_and_export_nothing(three, query, said) -> None:
    page = three.get(address("organization_audit"), query)
    assert page.status_code == 200
    assert said in page.content.decode()
    assert "events" not in page.context
    assert three.get(address("organization_audit_export"), query).status_code == 400
    assert not Event.objects.filter(action="audit.export").exists()


def test_a_broken_cursor_is_refused(three) -> None:
    assert three.get(address("organization_audit"), {"cursor": "x"}).status_code == 400


def test_pages_lead_on_and_back_with_the_same_filters(acme, alice, alices_client) -> None:
    for number in range(120):
        events.make_event(alice, namespace="acme", target=f"acme/{number}")
    first = alices_client.get(address("organization_audit"), {"action": "repo.update"})
    assert [shown.row.target for shown in first.context["events"]][:2] == ["acme/119", "acme/118"]
    html = first.content.decode()
    assert 'rel="prev"' not in html
    assert f"?action=repo.update&amp;cursor={first.context['page'].next}" in html
    second = alices_client.get(
        address("organization_audit"), {"action": "repo.update", "cursor": first.context["page"].next}
    )
    assert second.context["events"][0].row.target == "acme/69"
    back = alices_client.get(
        address("organization_audit"), {"action": "repo.update", "cursor": second.context["page"].previous}
    )
    assert back.context["events"][0].row.target == "acme/119"
    form = second.content.decode().partition('class="audit-filters"')[2].partition("</form>")[0]
    assert "cursor" not in form, "another filter begins at page one"


def test_says_when_it_had_to_stop_looking(acme, alice, bob, alices_client, monkeypatch) -> None:
    monkeypatch.setattr("portal.events.reads.STEPS", (1, 2))
    for number in range(8):
        events.make_event(bob, "repo.star" if number else "repo.delete", namespace="acme", target=f"acme/{number}")
    query = {"person": "bob", "action": "repo.delete"}
    page = alices_client.get(address("organization_audit"), query)
    assert "Nothing among the events looked at so far" in page.content.decode()
    page = alices_client.get(address("organization_audit"), query | {"cursor": page.context["page"].next})
    page = alices_client.get(address("organization_audit"), query | {"cursor": page.context["page"].next})
    assert [shown.row.target for shown in page.context["events"]] == ["acme/0"]
    assert not page.context["page"].next


def test_an_event_is_told_in_words_and_in_full(acme, app, alice, alices_client) -> None:
    events.make_event(
        alice,
        "repo.change_privacy",
        namespace="acme",
        repository_id=app.pk,
        target="acme/app",
        old={"visibility": "private"},
        new={"visibility": "public"},
    )
    html = alices_client.get(address("organization_audit")).content.decode()
    row = html.partition("<tbody")[2].partition("</tbody>")[0]
    for text in (
        "Visibility changed",
        "<code",
        "repo.change_privacy",
        "private</del>",
        "public</ins>",
        "203.0.113.9",
        "Firefox 140",
        events.BROWSER,
        'href="/acme/app"',
        'href="/alice"',
        "<time datetime=",
        "session",
    ):
        assert text in row, text


def test_robots_the_system_and_nobody_are_no_people(acme, alice, alices_client) -> None:
    events.make_event(events.robot(), namespace="acme", target="acme/x")
    events.make_event(SYSTEM, namespace="acme", target="acme/x")
    events.make_event(ANONYMOUS, namespace="acme", target="acme/x")
    rows = alices_client.get(address("organization_audit")).content.decode().partition("<tbody")[2].split("</tbody>")
    assert "not signed in" in rows[0]
    assert "Moorage itself" in rows[1]
    assert "<span>acme:ci</span>" in rows[2]
    assert "organization access token: ci" in rows[2]
    assert 'href="/acme:ci"' not in rows[2]


def test_links_lead_only_to_what_is_there_and_may_be_seen(acme, app, alice, bob, alices_client) -> None:
    secret = factories.make_repository(bob, "secret")
    events.make_event(alice, "org.settings.update", namespace="acme", target="acme")
    events.make_event(alice, namespace="acme", repository_id=999_999, target="acme/gone")
    events.make_event(alice, namespace="bob", repository_id=secret.pk, target="bob/secret")
    html = alices_client.get(reverse("own_audit")).content.decode()
    assert '<a href="/acme">acme</a>' in html
    assert 'href="/acme/gone"' not in html
    assert 'href="/bob/secret"' not in html


def test_text_of_events_is_never_markup(acme, alice, alices_client) -> None:
    bad = "<script>alert(1)</script>"
    events.make_event(alice, namespace="acme", target=bad, old={bad: bad}, new={bad: [bad]})
    assert bad not in alices_client.get(address("organization_audit")).content.decode()


@pytest.mark.parametrize("name", ["organization_audit", "repository_audit", "own_audit", "whole_audit"])
def test_two_events_cost_as_many_queries_as_six(cast, app, alice, django_assert_max_num_queries, name) -> None:
    client = cast["operator" if name == "whole_audit" else "owner"]

    def add(count: int) -> None:
        for number in range(count):
            other = factories.make_repository(alice, f"r{Event.objects.count()}")
            events.make_event(alice, namespace="acme", repository_id=app.pk, target=f"acme/app:{number}")
            events.make_event(alice, namespace="acme", repository_id=other.pk, target=other.full_name)
            events.make_event(alice, "org.settings.update", namespace="acme", target="acme")

    def queries() -> int:
        with django_assert_max_num_queries(12) as asked:
            assert client.get(address(name)).status_code == 200
        return len(asked)

    add(2)
    two = queries()
    add(4)
    assert queries() == two


def test_htmx_gets_the_part_that_changes(acme, alices_client) -> None:
    part = alices_client.get(address("organization_audit"), headers=HTMX).content.decode()
    assert "<html" not in part
    assert "audit-filters" not in part
    assert "Export as CSV" in part


def test_empty_logs_say_what_will_stand_there(acme, app, alices_client) -> None:
    filtered = alices_client.get(address("organization_audit"), {"person": "nobody-of-this-name"}).content.decode()
    assert "No event passes these filters" in filtered
    assert "Nothing happened yet" not in filtered


def test_every_log_has_its_way_to_it(cast, app) -> None:
    def has(who: str, page: str, name: str) -> bool:
        return f'href="{address(name)}"' in cast[who].get(page).content.decode()

    assert has("owner", "/acme/-/members", "organization_audit")
    assert not has("member", "/acme/-/members", "organization_audit")
    assert has("owner", "/acme/app", "repository_audit")
    assert not has("member", "/acme/app", "repository_audit")
    assert has("member", "/accounts/profile/", "own_audit")
    assert not has("member", "/accounts/profile/", "whole_audit")
    assert has("operator", "/accounts/profile/", "whole_audit")


@pytest.mark.parametrize("query", [{}, {"person": "nobody"}, {"from": "x"}])
def test_every_text_is_translated(app, alice, alices_client, monkeypatch, query) -> None:
    """Names, values and what clients call themselves are the same in every language."""
    for by in (alice, events.robot(), SYSTEM, ANONYMOUS):
        events.make_event(by, namespace="acme", target="acme/app", old={"role": "read"}, new={"role": None})
    speak_brackets(monkeypatch)
    data = ("Firefox", "UTC", "role", "read", "session", "system", "organization access token: ci")
    names = ("acme:ci", "acme/app", "acme", "app", "alice", "testserver", "name", "owner", "visibility", "private")
    for name in ("organization_audit", "repository_audit", "own_audit"):
        page = alices_client.get(address(name), query).content.decode().replace(events.BROWSER, "")
        assert untranslated(page, *data, *names) == []


@pytest.mark.parametrize(
    ("client", "short"),
    [
        (events.BROWSER, "Firefox 140"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "Chrome 126"),
        ("Mozilla/5.0 (Win) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge 126"),
        ("docker/28.2.2 go/go1.24 kernel/6.8", "docker/28.2.2"),
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("", ""),
    ],
)
def test_clients_are_named_in_few_words(client, short) -> None:
    assert short_client(client) == short


def test_changes_stand_beside_each_other() -> None:
    event = Event(
        old={"role": "read", "gone": ["a", "b"], "limits": None},
        new={"role": "write", "is_active": True, "limits": [{"path": "x"}], "off": False},
    )
    assert [(change.name, change.old, change.new) for change in changes_of(event)] == [
        ("role", "read", "write"),
        ("is active", None, "yes"),
        ("limits", "none", '[{"path": "x"}]'),
        ("off", None, "no"),
        ("gone", "a, b", None),
    ]
