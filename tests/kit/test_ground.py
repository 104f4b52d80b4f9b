"""Paging, secrets, jobs, and middlewares of the ground."""

import base64
import json

import pytest
from django.db import transaction
from django.test import Client, RequestFactory
from hypothesis import given, strategies as st

from portal.kit import jobs, secrets
from portal.kit.errors import Invalid, NotFound, RateLimited
from portal.kit.middleware import ErrorPages, HubSlashes
from portal.kit.paging import keyset
from repositories.models import Repository
from tests import factories

NO_CURSORS = [1, [], [0, {}, 1]]
# As somebody would write them by hand: of the right shape, and nothing that a database can compare.
NO_MOMENTS = ["2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"]


class TestKeyset:
    @pytest.fixture
    def rows(self, alice):
        for number in range(7):
            factories.make_repository(alice, f"app-{number}")
        Repository.objects.filter(name__in=["app-2", "app-3", "app-4"]).update(star_count=5)
        return Repository.objects.all()

    @pytest.mark.parametrize(
        "by", ["id", "-id", "name", "-name", "updated_at", "-updated_at", "star_count", "-star_count"]
    )
    def test_walks_every_row_once_forth_and_back(self, rows, by) -> None:
        expected = [row.pk for row in rows.order_by(by, "-id" if by.startswith("-") else "id")]
        page, forth = keyset(rows, by=by, size=3), []
        assert page.previous == ""
        while True:
            forth.append([row.pk for row in page.rows])
            if not page.next:
                break
            page = keyset(rows, by=by, cursor=page.next, size=3)
        assert [pk for page_of_keys in forth for pk in page_of_keys] == expected
        back = [[row.pk for row in page.rows]]
        while page.previous:
            page = keyset(rows, by=by, cursor=page.previous, size=3)
            back.insert(0, [row.pk for row in page.rows])
        assert back == forth

    def test_costs_one_query_on_any_page(self, rows, django_assert_num_queries) -> None:
        with django_assert_num_queries(1):
            page = keyset(rows, size=3)
        with django_assert_num_queries(1):
            keyset(rows, cursor=page.next, size=3)

    def test_of_nothing_is_empty(self, db) -> None:
        page = keyset(Repository.objects.all())
        assert (list(page.rows), page.next, page.previous) == ([], "", "")

    @pytest.mark.parametrize(
        "cursor",
        [
            "x",
            "%%%",
            "é",
            "bm8",
            *(base64.urlsafe_b64encode(json.dumps(v).encode()).decode() for v in NO_CURSORS),
        ],
    )
    def test_refuses_a_cursor_that_is_none(self, db, cursor) -> None:
        with pytest.raises(Invalid):
            keyset(Repository.objects.all(), cursor=cursor)

    @pytest.mark.parametrize(
        ("by", "value"), [*(("updated_at", {"t": text}) for text in NO_MOMENTS), ("name", "\ud800"), ("name", "\0")]
    )
    def test_refuses_what_no_database_can_compare(self, db, by, value) -> None:
        cursor = base64.urlsafe_b64encode(json.dumps([0, value, 1]).encode()).decode()
        with pytest.raises(Invalid):
            keyset(Repository.objects.all(), by=by, cursor=cursor)

    @given(st.text())
    def test_any_text_is_a_cursor_or_refused(self, text) -> None:
        from portal.kit.paging import _decode

        try:
            _backward, (_value, pk) = _decode(text)
        except Invalid:
            return
        assert isinstance(pk, int)


class TestSecrets:
    def test_come_back_from_encryption_and_under_an_older_key(self, settings) -> None:
        from cryptography.fernet import Fernet

        sealed = secrets.encrypt("hush")
        assert "hush" not in sealed
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
        assert secrets.decrypt(sealed) == "hush"
        settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
        with pytest.raises(ValueError, match="No key"):
            secrets.decrypt(sealed)

    def test_tokens_differ_and_carry_their_prefix(self) -> None:
        one, other = secrets.new_token("moor_pat_"), secrets.new_token("moor_pat_")
        assert one != other
        assert one.startswith("moor_pat_")
        assert len(one) > 50
        assert secrets.hash_token(one) != secrets.hash_token(other)

    def test_comparison(self) -> None:
        assert secrets.same("a", "a")
        assert not secrets.same("a", "ä")


class TestJobs:
    def test_are_sent_after_commit_and_never_after_a_rollback(self, transactional_db, queued) -> None:
        with transaction.atomic():
            jobs.enqueue("one", 1)
            assert queued == []
        with transaction.atomic():
            jobs.enqueue("two", 2)
            transaction.set_rollback(True)
        assert queued == [("one", (1,))]


def test_a_broker_that_is_away_fails_nothing(caplog, monkeypatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("portal.kit.jobs.current_app.send_task", _away)
    jobs._send("repositories.webhooks.fan_out", (1,))
    assert "was not queued (ConnectionError)" in caplog.text


def _away(*args: object, **kwargs: object) -> None:
    raise ConnectionError("redis://:secret@127.0.0.1")


class TestMiddleware:
    @pytest.mark.parametrize(
        ("asked", "served"),
        [
            ("/v2/users/login/", "/v2/users/login"),
            ("/v2/users/login", "/v2/users/login"),
            ("/v2/", "/v2/"),
            ("/new/", "/new/"),
        ],
    )
    def test_the_api_is_served_with_and_without_a_slash(self, asked, served) -> None:
        request = RequestFactory().patch(asked)
        HubSlashes(lambda request: request.path_info)(request)  # type: ignore[arg-type, return-value]
        assert request.path_info == served

    def test_errors_become_pages(self, db) -> None:
        pages = ErrorPages(lambda request: None)  # type: ignore[arg-type, return-value]
        request = RequestFactory().get("/")
        missing, limited = pages.process_exception(request, NotFound()), pages.process_exception(request, RateLimited())
        assert missing is not None
        assert limited is not None
        assert (missing.status_code, limited.status_code, limited["Retry-After"]) == (404, 429, "60")
        assert pages.process_exception(request, ValueError()) is None

    def test_a_page_that_is_none_is_404(self, db) -> None:
        assert Client().get("/no/such/page/here/at/all-").status_code == 404
