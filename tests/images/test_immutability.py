"""Which tags a repository's rules cover: the rule itself, the page that sets it, and what it says of the tags."""

import re
import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, strategies

from portal.accounts.actor import SYSTEM, Actor
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Forbidden, Invalid, Unavailable
from repositories import tag_rules
from repositories.actions import archive_repository, protect_tags
from repositories.images import tag_actions, writes
from repositories.images.immutability import SHOWN, TagImmutable, coverage, covered, covering_rule
from repositories.images.models import Manifest, PushIntent, Tag
from repositories.models import Repository
from tests import factories
from tests.factories import images
from tests.images.fake_registry import FakeRegistry
from tests.web.brackets import speak_brackets, untranslated

SETTINGS = "/alice/private-app/-/settings/tags"
OFF, ALL, MATCHING = "off", "all", "matching"

# setting, rules, exceptions, tag -> the rule that keeps it ("" for all tags), None when it may be moved
TABLE: list[tuple[str, list[str], list[str], str, str | None]] = [
    (OFF, ["v.*"], [], "v1", None),
    (ALL, [], [], "latest", ""),
    (ALL, ["v.*"], ["latest"], "latest", None),
    (ALL, [], ["latest"], "latest2", ""),
    (MATCHING, ["v.*"], [], "v1", "v.*"),
    (MATCHING, ["v.*"], [], "V1", None),
    (MATCHING, ["(?i)v.*"], [], "V1", "(?i)v.*"),
    (MATCHING, ["v"], [], "v1", None),
    (MATCHING, ["1"], [], "v1", None),
    (MATCHING, [r"\d+\.\d+\.\d+"], [], "1.2.3", r"\d+\.\d+\.\d+"),
    (MATCHING, [r"\d+\.\d+\.\d+"], [], "1.2.3-rc1", None),
    (MATCHING, ["a.*", ".*z"], [], "z", ".*z"),
    (MATCHING, ["a.*", ".*z"], [], "az", "a.*"),
    (MATCHING, ["v.*"], [".*-dev", "v0.*"], "v1-dev", None),
    (MATCHING, ["v.*"], [".*-dev", "v0.*"], "v0.1", None),
    (MATCHING, ["v.*"], [".*-dev", "v0.*"], "v1", "v.*"),
    (MATCHING, ["a|b.*"], [], "a", "a|b.*"),
    (MATCHING, ["a|b.*"], [], "ab", None),
    (MATCHING, ["^v.*$"], [], "v1", "^v.*$"),
]


@pytest.mark.parametrize(("setting", "rules", "exceptions", "tag", "expected"), TABLE)
def test_what_covers_a_tag(
    setting: str, rules: list[str], exceptions: list[str], tag: str, expected: str | None
) -> None:
    repository = Repository(immutability=setting, immutable_rules=rules, immutable_exceptions=exceptions)
    assert covering_rule(repository, tag) == expected
    assert covered(repository, [tag, tag]) == ({tag} if expected is not None else set())


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", []),
        (" , ,", []),
        ("v.*", ["v.*"]),
        ("v.*, latest ,", ["v.*", "latest"]),
        (r"v\d{1,3},(a,b),[,x]", [r"v\d{1,3}", "(a,b)", "[,x]"]),
        ("}),a", ["})", "a"]),
    ],
)
def test_one_text_of_rules_is_parted_where_no_pattern_is(text: str, rules: list[str]) -> None:
    assert tag_rules.split(text) == rules


@given(strategies.text(max_size=300))
def test_whatever_is_written_is_a_pattern_or_refused_with_words(pattern: str) -> None:
    said = tag_rules.problem(pattern)
    if said:
        with pytest.raises(Invalid):
            tag_rules.checked("rules", ["v.*", f"x{pattern}" if not pattern.strip() else pattern])
    else:
        tag_rules.first_match([pattern], "1.0")


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|aa)+$", "(.*)*x", "a?" * 100 + "a" * 55])
def test_no_pattern_makes_a_push_slow(pattern: str) -> None:
    """Which Python's own would: the first of these takes it years."""
    assert tag_rules.checked("rules", [pattern]) == [pattern]
    begun = time.perf_counter()
    tag_rules.first_match([pattern], "a" * 127 + "c")
    assert time.perf_counter() - begun < 0.1


@pytest.mark.django_db
class TestCoverage:
    @pytest.fixture
    def app(self, private_app: Repository, alice: User) -> Repository:
        images.push_image(private_app, "v1", by=alice)
        manifest = Manifest.objects.get()
        names = ["v2", "v2-dev", "latest", *(f"1.{n:02}" for n in range(20))]
        Tag.objects.bulk_create(Tag(repository=private_app, name=name, manifest=manifest) for name in names)
        return private_app

    def test_counts_each_rule_and_what_exceptions_free(self, app: Repository) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = coverage(app, everything=False, rules=["v.*", "v1|1.*"], exceptions=[".*-dev", "latest"])
        assert len(queries) == 1
        assert (found.total, found.immutable.count) == (24, 22)
        assert [(row.rule, row.count) for row in found.rules] == [("v.*", 3), ("v1|1.*", 21)]
        assert [(row.rule, row.count) for row in found.exceptions] == [(".*-dev", 1), ("latest", 0)]
        assert found.rules[0].first == ["v1", "v2", "v2-dev"]
        assert (len(found.rules[1].first), found.rules[1].more) == (SHOWN, 21 - SHOWN)

    def test_agrees_with_what_a_push_is_checked_against(self, app: Repository) -> None:
        names = set(app.tags.values_list("name", flat=True))
        for everything, rules, exceptions in (
            (False, ["v.*"], []),
            (True, [], ["1.*"]),
            (False, [".*"], ["v.*", "l.*"]),
        ):
            app.immutability = ALL if everything else MATCHING
            app.immutable_rules, app.immutable_exceptions = rules, exceptions
            found = coverage(app, everything=everything, rules=rules, exceptions=exceptions)
            assert found.immutable.count == len(covered(app, names))


@pytest.mark.django_db
class TestPage:
    def post(self, client: Client, **more: str) -> tuple[int, str]:
        body = {"immutability": MATCHING, "rules": "v.*", "exceptions": "", **more}
        response = client.post(SETTINGS, body)
        return response.status_code, re.sub(r"<[^>]+>|\s+", " ", response.content.decode())

    def test_saves_one_pattern_a_line(self, alices_client: Client, private_app: Repository) -> None:
        status, _text = self.post(alices_client, rules=" v.* \r\n\r\nlatest\r\nv.*", exceptions=".*-dev")
        private_app.refresh_from_db()
        assert (status, private_app.immutability) == (302, MATCHING)
        assert (private_app.immutable_rules, private_app.immutable_exceptions) == (["v.*", "latest"], [".*-dev"])
        event = Event.objects.get(action="repo.immutable.tags.updated")
        assert event.actor_name == "alice"
        assert event.new == {
            "immutability": MATCHING,
            "immutable_rules": ["v.*", "latest"],
            "immutable_exceptions": [".*-dev"],
        }

    @pytest.mark.parametrize(
        ("rules", "sentence"),
        [
            ("v[", "“v[”: missing ]: ["),
            ("", "Give at least one rule"),
            ("x" * 256, "255 characters"),
            ("\n".join(f"v{n}" for n in range(31)), "At most 30"),
        ],
    )
    def test_says_what_is_wrong_under_the_field(
        self, alices_client: Client, private_app: Repository, rules: str, sentence: str
    ) -> None:
        status, text = self.post(alices_client, rules=rules)
        private_app.refresh_from_db()
        assert (status, private_app.immutability) == (422, OFF)
        assert sentence in text

    def test_previews_without_saving(self, alices_client: Client, private_app: Repository, alice: User) -> None:
        images.push_image(private_app, "v1", by=alice)
        status, text = self.post(alices_client, rules="v.*\nv(", preview="1")
        assert (status, "1 of 1 tag is immutable" in text.replace("  ", " ")) == (200, True)
        assert "missing )" in text
        body = {"immutability": ALL, "rules": "", "exceptions": "v1", "preview": "1"}
        part = alices_client.post(SETTINGS, body, headers={"HX-Request": "true"})
        assert "<html" not in part.content.decode()
        assert "frees 1 tag" in part.content.decode()
        private_app.refresh_from_db()
        assert private_app.immutability == OFF

    def test_is_closed_while_archived(self, alices_client: Client, as_alice, private_app: Repository) -> None:
        archive_repository(actor=as_alice, repository=private_app)
        response = alices_client.get(SETTINGS)
        assert response.status_code == 403
        assert "archived" in response.content.decode()
        with pytest.raises(Forbidden):
            protect_tags(actor=as_alice, repository=private_app, immutability=ALL)

    def test_every_text_goes_through_gettext(
        self, alices_client: Client, private_app: Repository, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        images.push_image(private_app, "latest", by=alice)
        actor = factories.actor(alice)
        protect_tags(actor=actor, repository=private_app, immutability=MATCHING, rules=["lat.*"], exceptions=["late.*"])
        speak_brackets(monkeypatch)
        names = ("alice", "private-app", "testserver", "latest", "lat.*", "late.*", "v.*", "docker", "kB", "MB", " B")
        assert untranslated(alices_client.get(SETTINGS).content.decode(), *names) == []


@pytest.mark.django_db
class TestWrites:
    """What is checked under the push intent, with a registry in memory."""

    def put(self, app: Repository, tag: str, seed: str, reference: str = "") -> int:
        body = images.image_body(seed)
        return writes.put(
            actor=SYSTEM, repository=app, reference=reference or tag, tag=tag, body=body, media_type=images.IMAGE
        ).status

    def protected(self, app: Repository, *exceptions: str) -> Repository:
        Repository.objects.filter(pk=app.pk).update(immutability=ALL, immutable_exceptions=list(exceptions))
        return app  # as it was read before: the rules count as they are when the intent is open

    def test_a_covered_tag_is_made_once(self, private_app: Repository, registry: FakeRegistry) -> None:
        app = self.protected(private_app, "latest")
        assert self.put(app, "v1", "one") == 201
        assert self.put(app, "v1", "one") == 201
        with pytest.raises(TagImmutable, match="v1 of alice/private-app is immutable: it stays at sha256:"):
            self.put(app, "v1", "two")
        for seed in ("one", "two"):
            assert self.put(app, "latest", seed) == 201
        digest = images.digest_of(images.image_body("three"))
        assert self.put(app, "", "three", reference=digest) == 201
        assert not PushIntent.objects.filter(state=PushIntent.State.OPEN).exists()

    def test_a_tag_that_came_another_way_counts(self, private_app: Repository, registry: FakeRegistry) -> None:
        held = registry.hold(private_app.full_name, images.image_body("theirs"), "v1")
        with pytest.raises(TagImmutable, match=held[:19]):
            self.put(self.protected(private_app), "v1", "ours")
        assert registry.manifests[private_app.full_name, "v1"].digest == held

    def test_a_registry_that_is_away_lets_nothing_pass(self, private_app: Repository, registry: FakeRegistry) -> None:
        registry.away = True
        with pytest.raises(Unavailable):
            self.put(self.protected(private_app), "v1", "one")
        assert not PushIntent.objects.filter(state=PushIntent.State.OPEN).exists()

    def test_a_copy_does_not_move_a_covered_tag(
        self, private_app: Repository, registry: FakeRegistry, as_alice: Actor
    ) -> None:
        for tag in ("v1", "v2"):
            self.put(private_app, tag, tag)
        self.protected(private_app)
        with pytest.raises(TagImmutable):
            tag_actions.copy_tag(actor=as_alice, source=private_app, reference="v1", repository=private_app, tag="v2")
        assert (
            tag_actions.copy_tag(
                actor=as_alice, source=private_app, reference="v1", repository=private_app, tag="v3"
            ).name
            == "v3"
        )

    def test_what_was_archived_meanwhile_takes_nothing(self, private_app: Repository, registry: FakeRegistry) -> None:
        Repository.objects.filter(pk=private_app.pk).update(archived_at=timezone.now())
        with pytest.raises(Forbidden, match="archived"):
            self.put(private_app, "v1", "one")
        assert [call for call in registry.calls if call[0] == "PUT"] == []
        assert not PushIntent.objects.filter(state=PushIntent.State.OPEN).exists()

    def test_the_pages_say_why(self, private_app: Repository, registry: FakeRegistry, alices_client: Client) -> None:
        for seed in ("one", "two"):
            self.put(private_app, "v1", seed)
        before, now = (images.digest_of(images.image_body(seed)) for seed in ("one", "two"))
        self.protected(private_app)
        for page, body in (("roll-back", {"digest": before}), ("delete", {"digest": now})):
            answer = alices_client.post(f"/alice/private-app/-/tags/v1/{page}", body)
            assert answer.status_code == 403, page
            assert f"The tag v1 of alice/private-app is immutable: it stays at {now[:19]}" in answer.content.decode()
        assert Tag.objects.get().manifest.digest == now
