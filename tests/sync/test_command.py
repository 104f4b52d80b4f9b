"""manage.py reconcile: all repositories or one, and what it tells."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from repositories.images.models import Tag
from repositories.models import Repository
from repositories.sync.models import Run
from tests.images.fake_registry import digest_of, image
from tests.sync.conftest import NAME, later, push

OTHER = "alice/public-app"


def test_every_repository_is_compared(private_app, public_app, registry, capsys) -> None:
    registry.hold(NAME, image(), "1.0")
    registry.hold(OTHER, image(), "2.0")
    call_command("reconcile")
    assert set(capsys.readouterr().out.splitlines()) == {f"{NAME}:1.0 added", f"{OTHER}:2.0 added"}
    run = Run.objects.get()
    assert (run.trigger, run.state, run.repositories, run.total, run.added) == ("command", "done", 2, 2, 2)


def test_only_the_one_that_is_named(private_app, public_app, registry) -> None:
    registry.hold(NAME, image(), "1.0")
    registry.hold(OTHER, image(), "2.0")
    call_command("reconcile", repository=OTHER)
    assert Tag.objects.get().name == "2.0"


def test_one_that_is_not_there(private_app, registry) -> None:
    with pytest.raises(CommandError, match="There is no repository alice/other"):
        call_command("reconcile", repository="alice/other")


def test_what_differs_is_told(private_app, registry, capsys) -> None:
    push(private_app, image("ours"), "moved", "missing")
    registry.hold(NAME, image("theirs"), "moved")
    registry.tags[NAME].append("unreadable")
    call_command("reconcile")
    assert capsys.readouterr().out.splitlines() == [
        f"{NAME}:moved moved to what the registry holds",
        f"{NAME}:missing is not in the registry; looked at again before it goes",
        f"{NAME}:unreadable skipped: The registry has no such manifest.",
    ]
    assert Tag.objects.get(name="moved").manifest.digest == digest_of(image("theirs"))


def test_a_registry_that_is_away_fails_and_changes_nothing(private_app, public_app, registry, capsys) -> None:
    push(private_app, image(), "1.0")
    registry.away = True
    with pytest.raises(CommandError, match=f"Not compared: {NAME}, {OTHER}"):
        call_command("reconcile")
    assert "The registry does not answer" in capsys.readouterr().err
    assert Tag.objects.count() == 1


def test_too_much_is_held_until_it_is_approved(private_app, registry, capsys, clock) -> None:
    push(private_app, image(), "1.0", "2.0")
    with pytest.raises(CommandError, match=r"2 tags are missing.*--approve"):
        call_command("reconcile", repository=NAME)
    assert f"{NAME}:1.0 is not in the registry; held, since too many are missing" in capsys.readouterr().out
    later(clock, minutes=11)
    call_command("reconcile", repository=NAME, approve=True)
    assert capsys.readouterr().out.splitlines() == ["2 approved", f"{NAME}:1.0 removed", f"{NAME}:2.0 removed"]
    assert not Tag.objects.exists()


def test_while_a_worker_compares_it_says_so(private_app, registry) -> None:
    Run.objects.create(trigger="schedule", leased_until=timezone.now() + timedelta(seconds=30))
    with pytest.raises(CommandError, match="A worker is comparing already"):
        call_command("reconcile")


def test_a_repository_that_is_deleted_meanwhile(private_app, public_app, registry, monkeypatch) -> None:
    registry.hold(OTHER, image(), "2.0")
    real = registry.list_tags

    def list_tags(name: str):
        if name == NAME:
            Repository.objects.filter(full_name=OTHER).delete()
        return real(name)

    monkeypatch.setattr("repositories.registry.client.list_tags", list_tags)
    call_command("reconcile")
    assert not Tag.objects.exists()
