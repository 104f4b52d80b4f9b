"""manage.py adopt, against a real registry that was there before: by rule, by dry run, again, and interrupted."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from orgs.models import Organization
from portal.accounts.models import Namespace, User
from portal.events.models import Event
from repositories.actions import archive_repository
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from repositories.sync import adopting
from repositories.sync.adoption import How, Rules, plan
from repositories.sync.management.commands.adopt import Progress
from tests import factories
from tests.real_registry import BINARIES, RealRegistry, running_registry

pytestmark = pytest.mark.django_db


@pytest.fixture(params=BINARIES)
def real(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> Iterator[RealRegistry]:
    with running_registry(tmp_path, request.param) as running:
        settings.REGISTRY_URL = running.url
        yield running


def adopt(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("adopt", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


def tags(name: str) -> dict[str, str]:
    return dict(Tag.objects.filter(repository__full_name=name).values_list("name", "manifest__digest"))


class TestRules:
    """Pure planning: what becomes of each name."""

    def judged(self, *names: str, creates: bool = False, **moves: str) -> dict[str, tuple[str, str, str]]:
        rules = Rules({prefix.replace("_", "-"): to for prefix, to in moves.items()}, creates=creates)
        return {step.source: (step.target, str(step.how), step.why) for step in plan(names, rules)}

    def test_the_first_segment_is_the_namespace(self, alice, private_app) -> None:
        found = self.judged("alice/app", "alice/deep/app", "alice/private-app")
        assert [how for _target, how, _why in found.values()] == ["take over", "take over", "compare"]

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("nobody/app", "there is no namespace nobody"),
            ("nginx", "it has no namespace"),
            ("alice/tags/app", "is reserved"),
            ("Alice/app", "no name that docker could ask for"),
            ("held/app", "was released and is nobody's"),
        ],
    )
    def test_what_has_no_place_is_left_out_and_told_why(self, alice, name, why) -> None:
        Namespace.objects.create(name="held")
        _target, how, told = self.judged(name)[name]
        assert how == "leave out"
        assert why in told

    @pytest.mark.parametrize("name", ["registry/app", "x/app", "a__b/app"])
    def test_no_organization_gets_a_name_that_none_may_have(self, db, name) -> None:
        assert self.judged(name, creates=True)[name][1] == "leave out"

    def test_a_missing_namespace_may_be_made(self, db) -> None:
        steps = plan(["globex/app"], Rules(creates=True))
        assert [(step.how, step.creates) for step in steps] == [(How.TAKE, True)]

    def test_the_longest_prefix_says_where_to(self, alice) -> None:
        rules = Rules({"team-a": "alice", "team-a/sub": "bob", "": "alice"})
        targets = {step.source: step.target for step in plan(["team-a/x", "team-a/sub/y", "nginx", "team-ab/z"], rules)}
        assert targets == {
            "team-a/x": "alice/x",
            "team-a/sub/y": "bob/y",
            "nginx": "alice/nginx",
            "team-ab/z": "team-ab/z",
        }

    def test_two_are_never_copied_to_one(self, alice) -> None:
        steps = plan(["a/app", "b/app"], Rules({"a": "alice", "b": "alice"}))
        assert [(step.how, step.why) for step in steps] == [
            (How.COPY, ""),
            (How.LEAVE, "another repository is copied there"),
        ]

    def test_costs_the_same_for_two_and_for_six(self, alice, private_app, django_assert_num_queries) -> None:
        for count in (2, 6):
            with django_assert_num_queries(3):
                plan([f"nobody/app{number}" for number in range(count)] + ["alice/private-app"], Rules())


class TestAdopting:
    def test_what_was_there_before_appears(self, real: RealRegistry, alice: User) -> None:
        one = real.hold("alice/app", "1.0", "latest", text="one")
        children = [real.hold("alice/app", text=text) for text in ("amd64", "arm64")]
        whole = real.hold_index("alice/app", "multi", children=children)
        real.hold("stranger/app", "1.0")
        lines = adopt()
        assert tags("alice/app") == {"1.0": one, "latest": one, "multi": whole}
        assert set(TagHistory.objects.values_list("action", flat=True)) == {"found"}
        assert not Event.objects.filter(action__startswith="repo.tag.").exists(), "so no webhook is sent"
        assert Repository.objects.get().visibility == "private"
        assert lines[-1] == "1 repositories made, 3 tags taken over."
        assert any(line.startswith("stranger/app") and "there is no namespace stranger" in line for line in lines)

    def test_again_changes_nothing(self, real: RealRegistry, alice: User) -> None:
        real.hold("alice/app", "1.0")
        adopt()
        assert adopt()[-1] == "0 repositories made, 0 tags taken over."
        assert (Repository.objects.count(), TagHistory.objects.count()) == (1, 1)

    def test_a_dry_run_shows_the_plan_and_does_nothing(self, real: RealRegistry, alice: User) -> None:
        real.hold("alice/app", "1.0", "2.0")
        real.hold("acme/app", "1.0")
        real.hold("nginx", "1.0")
        before = real.tags("alice/nginx")
        lines = adopt("--dry-run", "--create-organizations", "alice", "--map", "=alice", "--visibility", "public")
        assert [line.split() for line in lines[1:4]] == [
            ["acme/app", "acme/app", "1", "take", "over"],
            ["alice/app", "alice/app", "2", "take", "over"],
            ["nginx", "alice/nginx", "1", "copy"],
        ]
        assert lines[4:] == ["The organization acme is made.", "3 repositories, 0 left out."]
        assert not Repository.objects.exists()
        assert not Organization.objects.exists()
        assert real.tags("alice/nginx") == before == []

    def test_organizations_are_made_for_whoever_is_named(self, real: RealRegistry, alice: User) -> None:
        real.hold("acme/app", "1.0")
        real.hold("acme/deep/api", "1.0")
        adopt("--create-organizations", "alice", "--visibility", "public")
        assert Organization.objects.get(namespace__name="acme").memberships.get().user == alice
        assert set(Repository.objects.values_list("full_name", "visibility")) == {
            ("acme/app", "public"),
            ("acme/deep/api", "public"),
        }

    def test_what_a_deletion_left_behind_is_not_brought_back(self, real: RealRegistry, alice: User) -> None:
        digest = real.hold("alice/app", "1.0")
        client.delete_manifest("alice/app", digest, subject="test")
        assert any("it has no tags" in line for line in adopt())
        assert not Repository.objects.exists()


class TestCopying:
    def test_by_mounts_and_the_old_name_stays(self, real: RealRegistry, alice: User) -> None:
        one = real.hold("team-a/app", "1.0", "latest", text="one", layers=3)
        children = [real.hold("team-a/app", text=text) for text in ("amd64", "arm64")]
        whole = real.hold_index("team-a/app", "multi", children=children)
        real.hold("nginx", "1.0", text="nginx")
        blobs = sorted(path.name for path in (real.storage / "docker/registry/v2/blobs").rglob("*/data"))
        adopt("--map", "team-a=alice", "--map", "=alice")
        assert tags("alice/app") == {"1.0": one, "latest": one, "multi": whole}
        assert set(tags("alice/nginx")) == {"1.0"}
        assert real.tags("alice/app") == real.tags("team-a/app") == ["1.0", "latest", "multi"]
        assert sorted(path.name for path in (real.storage / "docker/registry/v2/blobs").rglob("*/data")) == blobs
        assert set(TagHistory.objects.values_list("action", flat=True)) == {"found"}
        assert not PushIntent.objects.filter(state="open").exists()
        assert Manifest.objects.filter(repository__full_name="alice/app", untagged_at__isnull=False).count() == 0

    def test_again_copies_only_what_came_since(self, real: RealRegistry, alice: User) -> None:
        real.hold("team-a/app", "1.0", text="one")
        adopt("--map", "team-a=alice")
        real.hold("team-a/app", "2.0", text="two")
        assert adopt("--map", "team-a=alice")[-1] == "0 repositories made, 1 tags taken over."
        assert set(tags("alice/app")) == {"1.0", "2.0"}

    def test_no_tag_is_overwritten(self, real: RealRegistry, alice: User) -> None:
        mine = real.hold("alice/app", "1.0", text="mine")
        real.hold("team-a/app", "1.0", text="theirs")
        adopt()
        err = io.StringIO()
        call_command("adopt", "--map", "team-a=alice", stdout=io.StringIO(), stderr=err)
        assert "alice/app:1.0 left out: there is a tag of this name already, of another image" in err.getvalue()
        assert tags("alice/app") == {"1.0": mine}
        assert real.digest("alice/app", "1.0") == mine

    def test_nothing_is_copied_into_an_archived_repository(self, real: RealRegistry, alice: User) -> None:
        row = factories.make_repository(alice, "app")
        archive_repository(actor=factories.actor(alice), repository=row)
        real.hold("team-a/app", "1.0")
        with pytest.raises(CommandError, match="1 of 1 repositories are not done"):
            adopt("--map", "team-a=alice")
        assert real.tags("alice/app") == []

    def test_an_index_without_its_children_is_left_out_and_the_rest_is_not(
        self, real: RealRegistry, alice: User
    ) -> None:
        child = real.hold("team-a/app", text="child")
        real.hold_index("team-a/app", "broken", children=[child])
        real.hold("team-a/app", "fine", text="fine")
        client.delete_manifest("team-a/app", child, subject="test")
        adopt("--map", "team-a=alice")
        assert set(tags("alice/app")) == {"fine"}

    def test_killed_in_the_middle_it_goes_on_where_it_ended(
        self, real: RealRegistry, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(4):
            real.hold("team-a/app", f"1.{number}", text=str(number))
        copied: list[str] = []
        put = client.put_manifest

        def dies(repository: str, reference: str, **more: Any) -> client.Answer:
            if reference.startswith("1.") and len(copied) == 2:
                raise KeyboardInterrupt
            answer = put(repository, reference, **more)
            copied.extend([reference] if reference.startswith("1.") else [])
            return answer

        monkeypatch.setattr(client, "put_manifest", dies)
        with pytest.raises(KeyboardInterrupt):
            adopt("--map", "team-a=alice")
        assert len(real.tags("alice/app")) == 2
        monkeypatch.setattr(client, "put_manifest", put)
        adopt("--map", "team-a=alice")
        assert set(tags("alice/app")) == {"1.0", "1.1", "1.2", "1.3"}
        assert not PushIntent.objects.filter(state="open").exists()


class TestFailing:
    def test_a_registry_that_is_away_changes_nothing(self, real: RealRegistry, alice: User) -> None:
        real.stop()
        with pytest.raises(CommandError, match=r"The registry does not answer.*Nothing was done"):
            adopt()

    def test_one_that_dies_meanwhile_is_told_and_taken_up_again(
        self, real: RealRegistry, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(5):
            real.hold(f"alice/app{number}", "1.0")
        done: list[Any] = []
        one = adopting.adopt

        def dies(step: Any, **more: Any) -> Any:
            if len(done) == 1:
                real.stop()
            done.append(step)
            return one(step, **more)

        monkeypatch.setattr(adopting, "adopt", dies)
        with pytest.raises(CommandError, match=r"4 of 5 repositories are not done\. Run this again"):
            adopt()
        assert (len(done), Tag.objects.count()) == (4, 1), "it gives up after three"
        real.start()
        adopt()
        assert Tag.objects.count() == 5

    @pytest.mark.parametrize("rule", ["team-a", "team-a=", "team-a/=alice", "team-a=alice/x"])
    def test_a_rule_that_is_none(self, db, rule: str) -> None:
        with pytest.raises(CommandError, match="--map wants PREFIX=NAMESPACE"):
            adopt("--map", rule)

    def test_a_rule_twice_and_an_owner_whom_nobody_knows(self, db) -> None:
        with pytest.raises(CommandError, match="twice"):
            adopt("--map", "a=x", "--map", "a=y")
        with pytest.raises(CommandError, match="There is no person zoe"):
            adopt("--create-organizations", "zoe")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is() -> None:
    stream = Terminal()
    progress = Progress(stream, 4)
    progress.show(1, "alice/app")
    progress.end()
    assert "[######..................] 1/4 alice/app" in stream.getvalue()
    assert stream.getvalue().endswith("\r")


def test_a_pipe_gets_no_progress() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 4)
    progress.show(1, "alice/app")
    progress.end()
    assert stream.getvalue() == ""


def test_the_progress_goes_to_the_terminal_of_the_command(
    alice: User, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url
        running.hold("alice/app", "1.0")
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        adopt()
    assert "0/1 alice/app (1 tags)" in terminal.getvalue()
