"""The operators' pages, and the one of a repository: what they show, what their buttons do, and for whom."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.events.models import Event
from repositories.gateway.models import Notification
from repositories.models import Repository
from repositories.registry import client as registry_client
from repositories.sync import health
from repositories.sync.models import Difference, RegistryInstance, RepositorySync, Run
from tests.conftest import signed_in
from tests.factories import make_repository
from tests.factories.sync import make_missing, make_operator, make_round

pytestmark = pytest.mark.django_db
PAGE = "/alice/private-app/-/settings/registry"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def olga(db: None) -> User:
    return make_operator()


@pytest.fixture
def olgas_client(olga: User) -> Client:
    return signed_in(olga)


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


class TestOverview:
    def test_before_the_first_round(self, olgas_client) -> None:
        page = text_of(olgas_client.get("/registry/"))
        assert "Not compared yet" in page
        assert "Last notification none yet" in page

    def test_the_last_round_and_what_it_did(self, olgas_client, private_app) -> None:
        make_round(added=3, removed=1, errors=2, repositories=10)
        page = text_of(olgas_client.get("/registry/"))
        assert "10 repositories, 40 tags" in page
        assert "3 added, 1 removed" in page
        assert "2 repositories: the registry gave no usable answer, so nothing was changed" in page

    def test_how_far_a_round_is(self, olgas_client) -> None:
        make_round("running")
        response = olgas_client.get("/registry/")
        assert "4 of 10 repositories, 40 tags" in text_of(response)
        assert '<progress max="10" value="4"' in response.content.decode()

    def test_a_poll_gets_nothing_until_something_is_new(self, olgas_client) -> None:
        run = make_round("running")
        page = olgas_client.get("/registry/").content.decode()
        seen = re.search(r"seen=(\w+)", page)[1]  # type: ignore[index]
        assert olgas_client.get(f"/registry/?seen={seen}", headers=HTMX).status_code == 204
        Run.objects.filter(pk=run.pk).update(repositories=5)
        answer = olgas_client.get(f"/registry/?seen={seen}", headers=HTMX)
        assert (answer.status_code, "5 of 10" in text_of(answer)) == (200, True)
        assert "<html" not in answer.content.decode()

    def test_what_was_heard_of_the_registry(self, olgas_client) -> None:
        RegistryInstance.objects.create(instance="registry-7")
        at = timezone.now() - timedelta(hours=2)
        Notification.objects.create(event_id="1", at=at, received_at=at, action="push", repository="alice/app")
        page = text_of(olgas_client.get("/registry/"))
        assert "registry-7 first heard of" in page
        assert "Last notification 2 hours ago" in page

    def test_what_could_not_be_compared(self, olgas_client, private_app) -> None:
        RepositorySync.objects.create(repository=private_app, failures=2, error="It did not answer.")
        assert "alice/private-app It did not answer." in text_of(olgas_client.get("/registry/"))

    def test_costs_the_same_for_two_and_for_six(self, olgas_client, alice) -> None:
        counts = []
        for total in (2, 6):
            for number in range(total - Repository.objects.count()):
                row = make_repository(alice, f"app-{total}-{number}")
                make_missing(row, "1.0", run=make_round("stopped"))
                RepositorySync.objects.create(repository=row, failures=1, error="x")
            with CaptureQueriesContext(
                connection,
            ) as queries:
                olgas_client.get("/registry/")
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_is_in_the_menu_of_operators_only(self, olgas_client, alices_client) -> None:
        assert 'href="/registry/"' in olgas_client.get("/explore").content.decode()
        assert 'href="/registry/"' not in alices_client.get("/explore").content.decode()


class TestHealth:
    def test_how_fast_it_answers(self, olgas_client, monkeypatch) -> None:
        times = iter([0.004, 0.002, 0.1])
        monkeypatch.setattr(registry_client, "ping", lambda: next(times))
        assert "Yes The slowest of its answers took 100 ms: 4, 2, 100 ms" in text_of(
            olgas_client.get("/registry/health", headers=HTMX)
        )

    def test_that_it_does_not(self, olgas_client, monkeypatch) -> None:
        def away() -> float:
            raise registry_client.RegistryUnavailable

        monkeypatch.setattr(registry_client, "ping", away)
        page = text_of(olgas_client.get("/registry/health"))
        assert "No The registry does not answer." in page
        assert health.measure() == health.Health((), registry_client.RegistryUnavailable.default)


class TestComparing:
    def test_all(self, olgas_client, olga, queued) -> None:
        assert "All repositories are compared now." in text_of(olgas_client.post("/registry/compare", follow=True))
        run = Run.objects.get()
        assert (run.trigger, run.requested_by, run.repository) == ("button", olga, None)
        assert "A round is under way already." in text_of(olgas_client.post("/registry/compare", follow=True))
        assert Run.objects.count() == 1

    def test_one_that_is_somebody_elses(self, olgas_client, private_app) -> None:
        page = olgas_client.post("/registry/compare", {"repository": "alice/private-app"}, follow=True)
        assert "alice/private-app is compared next." in text_of(page)
        assert Run.objects.get().repository == private_app

    def test_one_that_is_not_there(self, olgas_client) -> None:
        page = olgas_client.post("/registry/compare", {"repository": "alice/nothing"}, follow=True)
        assert "There is no repository of that name." in text_of(page)
        assert not Run.objects.exists()


class TestDeciding:
    @pytest.fixture
    def held(self, private_app: Repository, alice: User) -> Repository:
        Repository.objects.filter(pk=private_app.pk).update(tag_count=10)
        make_missing(private_app, "1.0", "2.0")
        make_missing(make_repository(alice, "other"), "3.0")
        return private_app

    def test_the_plan_names_its_numbers(self, olgas_client, held) -> None:
        page = text_of(olgas_client.get("/registry/"))
        assert "3 tags wait for you" in page
        assert "alice/private-app 2 10 Remove…" in page

    def test_the_confirmation_names_the_tags(self, olgas_client, held) -> None:
        page = text_of(olgas_client.get("/registry/approve"))
        assert "3 tags of 2 repositories" in page
        assert "alice/private-app:1.0 alice/private-app:2.0" in page
        assert "Yes, remove 3 tags" in page
        one = text_of(olgas_client.get("/registry/approve?repository=alice/private-app"))
        assert "2 of the 10 tags of alice/private-app" in one
        assert "alice/other" not in one

    def test_everything_is_approved(self, olgas_client, held, olga) -> None:
        page = olgas_client.post("/registry/approve", {"tags": 3}, follow=True)
        assert "3 removals are approved." in text_of(page)
        assert set(Difference.objects.values_list("state", "decided_by_name")) == {("approved", "olga")}
        assert Event.objects.filter(action="repo.reconcile.approve", actor_name="olga").count() == 2

    def test_one_repository_is_left_as_it_is(self, olgas_client, held) -> None:
        olgas_client.post("/registry/dismiss", {"tags": 2, "repository": "alice/private-app"})
        states = dict(Difference.objects.values_list("tag", "state"))
        assert states == {"1.0": "dismissed", "2.0": "dismissed", "3.0": "held"}

    @pytest.mark.parametrize("address", ["/registry/approve", "/registry/dismiss"])
    def test_a_plan_that_grew_is_shown_anew(self, olgas_client, held, address) -> None:
        make_missing(held, "4.0")
        response = olgas_client.post(address, {"tags": 3})
        assert response.status_code == 409
        assert "The plan has changed since you saw it." in text_of(response)
        assert "4 tags of 2 repositories" in text_of(response)
        assert set(Difference.objects.values_list("state", flat=True)) == {"held"}

    def test_a_plan_that_is_over(self, olgas_client, private_app) -> None:
        page = olgas_client.post("/registry/approve", {"tags": 3}, follow=True)
        assert "Nothing is held any more." in text_of(page)

    def test_a_number_is_needed(self, olgas_client, held) -> None:
        assert olgas_client.post("/registry/approve", {}).status_code == 409
        assert not Difference.objects.exclude(state="held").exists()

    def test_nobody_else_decides(self, alices_client, held) -> None:
        assert alices_client.post("/registry/approve", {"tags": 3}).status_code == 404
        assert set(Difference.objects.values_list("state", flat=True)) == {"held"}


class TestLists:
    def test_differences_by_state(self, olgas_client, private_app) -> None:
        make_missing(private_app, "waits", state="waiting")
        make_missing(private_app, "went", state="repaired")
        open_ones = text_of(olgas_client.get("/registry/differences"))
        assert "waits" in open_ones
        assert "went" not in open_ones
        settled = text_of(olgas_client.get("/registry/differences?state=settled"))
        assert "went Tag that the registry has no more alice/private-app" in settled
        assert "Removed here" in settled
        assert "No differences" in text_of(olgas_client.get("/registry/differences?state=held"))

    def test_runs(self, olgas_client, private_app) -> None:
        assert "No runs yet" in text_of(olgas_client.get("/registry/runs"))
        make_round("failed", error="The registry does not answer.")
        Run.objects.create(trigger="button", repository=private_app, requested_by_name="alice")
        page = text_of(olgas_client.get("/registry/runs"))
        assert "Failed The registry does not answer." in page
        assert "alice/private-app Asked for alice" in page

    def test_pages(self, olgas_client, private_app) -> None:
        make_missing(private_app, *[f"v{number}" for number in range(60)])
        first = olgas_client.get("/registry/differences").content.decode()
        following = re.search(r'rel="next" href="([^"]+)"', first)[1]  # type: ignore[index]
        assert "v9 " in text_of(olgas_client.get(f"/registry/differences{html.unescape(following)}"))


class TestRepository:
    def test_when_it_was_compared(self, alices_client, private_app) -> None:
        assert "Not compared yet" in text_of(alices_client.get(PAGE))
        RepositorySync.objects.create(
            repository=private_app, compared_at=timezone.now(), error="It answered 500.", due_at=timezone.now()
        )
        make_missing(private_app, "1.0", state="waiting")
        page = text_of(alices_client.get(PAGE))
        assert "The last look was not complete, and changed nothing: It answered 500." in page
        assert "1.0 Tag that the registry has no more" in page
        assert "Waits for a second look" in page

    def test_compare_it_now(self, alices_client, private_app, alice, queued) -> None:
        page = text_of(alices_client.post(PAGE, follow=True))
        assert "The registry is asked now." in page
        assert "The registry is being asked…" in page
        assert Run.objects.get().requested_by == alice
        assert Event.objects.filter(action="repo.reconcile", target="alice/private-app").exists()

    def test_only_its_admins(self, bobs_client, public_app) -> None:
        assert bobs_client.get("/alice/public-app/-/settings/registry").status_code == 403
        assert bobs_client.post("/alice/public-app/-/settings/registry").status_code == 403

    def test_is_beside_the_settings(self, alices_client, private_app) -> None:
        assert f'href="{PAGE}"' in alices_client.get("/alice/private-app/-/settings").content.decode()
