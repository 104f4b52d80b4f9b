"""Killed with -9 before and after each request to the registry: push, deletion, roll back, restore, copy, purge.

Whatever the step: afterwards registry and database agree, siblings are where they were, and there is one event, and one
wake-up of the webhooks, if the step took place, and none if it did not.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real_registry import BINARIES, CONFIG, LAYER, OCI, RealRegistry, digest_of, running_registry
from tests.system.stack import _database

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count()


class Dying:
    """The process that forks children which die (tests.system.dying)."""

    def __init__(self, folder: Path, database_url: str, registry_url: str) -> None:
        # Its settings are the tests', with this database; the registry's address is read when it is asked.
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": str(ROOT),
            "MOORAGE_TEST_DATABASE_URL": database_url,
        }
        self.log = folder / "dying.log"
        code = (
            "from django.conf import settings\n"
            f"settings.REGISTRY_URL = {registry_url!r}\n"
            "from tests.system.dying import main\n"
            "main()"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def call(self, name: str, *arguments: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, arguments]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()
        return json.loads(answer)

    def stop(self) -> None:
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module", params=BINARIES)
def registry(request, tmp_path_factory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry"), request.param) as running:
        yield running


@pytest.fixture(scope="module")
def dying(registry: RealRegistry, tmp_path_factory) -> Iterator[Dying]:
    folder = tmp_path_factory.mktemp("dying")
    with _database(os.environ.get("MOORAGE_TEST_DATABASE_URL", ""), str(folder)) as url:
        process = Dying(folder, url, registry.url)
        process.call("migrate")
        yield process
        process.stop()


class Case:
    """A new repository in which 1.0 and stable are one image and 2.0 is another; the webhook's wake-ups are counted."""

    def __init__(self, registry: RealRegistry, dying: Dying) -> None:
        self.registry, self.dying = registry, dying
        self.name = f"case-{next(_numbers)}"
        self.full_name = f"alice/{self.name}"
        self.old = registry.hold(self.full_name, "1.0", "stable", text=f"{self.name} old")
        self.new = registry.hold(self.full_name, "2.0", text=f"{self.name} new")
        self.before = {"1.0": self.old, "stable": self.old, "2.0": self.new}
        dying.call("prepare", self.name, self.before)

    def image(self) -> str:
        """A manifest whose blobs the registry has, ready to be pushed."""
        config = {"mediaType": CONFIG, **self._blob(b'{"os": "linux"}')}
        layer = {"mediaType": LAYER, **self._blob(b"a layer")}
        return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]})

    def _blob(self, content: bytes) -> dict[str, Any]:
        self.registry.hold(self.full_name, text=f"{self.name} blobs", config=content)
        part = self.registry._blob(self.full_name, content, "")
        return {"digest": part["digest"], "size": part["size"]}

    def die(self, action: str, arguments: dict[str, str], step: int, when: str) -> bool:
        """Whether it came through. Swept afterwards."""
        survived = bool(self.dying.call("die", self.name, action, arguments, step, when))
        self.dying.call("sweep")
        return survived

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.dying.call("state", self.name)
        return found

    def held(self) -> dict[str, str]:
        return {tag: self.registry.digest(self.full_name, tag) for tag in self.registry.tags(self.full_name)}


def steps(case_of: Any, action: str, arguments_of: Any) -> Iterator[tuple[Case, dict[str, Any], str]]:
    """A case for each place to die at, as (case, its state, place), until one comes through."""
    for step in itertools.count(1):
        for when in ("before", "after"):
            case = case_of()
            survived = case.die(action, arguments_of(case), step, when)
            yield case, case.state(), f"{when} request {step}"
            if survived:
                assert step > 1, "nothing was asked of the registry"
                return


def assert_agrees(case: Case, state: dict[str, Any], place: str) -> None:
    assert state["open"] == 0, place
    assert state["tags"] == case.held(), place
    assert state["count"] == len(state["tags"]), place
    for digest in state["manifests"]:
        assert case.registry.digest(case.full_name, digest) == digest, place


def run(
    registry: RealRegistry, dying: Dying, action: str, arguments_of: Any, event: str, after_of: Any, **how: Any
) -> None:
    """Each place to die at leaves all or nothing; both must occur."""
    prepare = how.get("prepare", lambda case: None)

    def case_of() -> Case:
        case = Case(registry, dying)
        prepare(case)
        return case

    outcomes = set()
    for case, state, place in steps(case_of, action, arguments_of):
        assert_agrees(case, state, place)
        before, after = how.get("before_of", lambda case: case.before)(case), after_of(case)
        assert state["tags"] in (before, after), place
        happened = state["tags"] == after
        mine = [name for name, _target in state["events"] if name == event]
        assert mine == [event] * happened, place
        assert state["webhooks"] == how.get("earlier", 0) + happened, place
        outcomes.add(happened)
    assert outcomes == {True, False}


def test_a_push(registry, dying) -> None:
    bodies: dict[str, str] = {}

    def arguments(case: Case) -> dict[str, str]:
        bodies[case.name] = case.image()
        return {"tag": "1.0", "body": bodies[case.name]}

    run(
        registry,
        dying,
        "push",
        arguments,
        "repo.tag.push",
        lambda case: case.before | {"1.0": digest_of(bodies[case.name].encode())},
    )


def test_a_deletion_of_one_of_two_tags(registry, dying) -> None:
    run(
        registry,
        dying,
        "delete",
        lambda case: {"tag": "1.0"},
        "repo.tag.delete",
        lambda case: {"stable": case.old, "2.0": case.new},
    )


def test_a_roll_back(registry, dying) -> None:
    run(
        registry,
        dying,
        "roll_back",
        lambda case: {"tag": "2.0", "digest": case.old},
        "repo.tag.rollback",
        lambda case: case.before | {"2.0": case.old},
    )


def test_a_restoration(registry, dying) -> None:
    run(
        registry,
        dying,
        "restore",
        lambda case: {"tag": "2.0"},
        "repo.tag.restore",
        lambda case: case.before,
        prepare=lambda case: case.dying.call("do", case.name, "delete", {"tag": "2.0"}),
        before_of=lambda case: {"1.0": case.old, "stable": case.old},
        earlier=1,
    )


def test_a_copy(registry, dying) -> None:
    run(
        registry,
        dying,
        "copy",
        lambda case: {"tag": "prod", "reference": "1.0"},
        "repo.tag.copy",
        lambda case: case.before | {"prod": case.old},
    )


def test_a_purge(registry, dying) -> None:
    def prepare(case: Case) -> None:
        case.dying.call("do", case.name, "delete", {"tag": "2.0"})
        case.dying.call("end_window", case.name)

    def case_of() -> Case:
        case = Case(registry, dying)
        prepare(case)
        return case

    outcomes = set()
    for case, state, place in steps(case_of, "purge", lambda case: {"digest": case.new}):
        assert_agrees(case, state, place)
        happened = case.new not in state["manifests"]
        assert bool(case.registry.digest(case.full_name, case.new)) != happened, place
        assert [name for name, _target in state["events"]].count("repo.image.purge") == happened, place
        outcomes.add(happened)
    assert outcomes == {True, False}
