"""manage.py reconcile: all repositories or one, and what it tells."""

import pytest
from django.core.management import CommandError, call_command

from repositories.images.actions import Push, record_push
from repositories.images.manifests import parse
from repositories.images.models import Tag
from repositories.models import Repository
from tests.images.fake_registry import OCI, digest_of, image


def push(repository: Repository, body: bytes, tag: str) -> None:
    record_push(repository_id=repository.pk, push=Push(digest_of(body), parse(body, OCI), tag=tag))


def test_every_repository_is_compared(private_app, public_app, registry, capsys) -> None:
    registry.hold("alice/private-app", image(), "1.0")
    registry.hold("alice/public-app", image(), "2.0")
    call_command("reconcile")
    assert set(capsys.readouterr().out.splitlines()) == {
        "alice/private-app:1.0 added",
        "alice/public-app:2.0 added",
    }
    assert Tag.objects.count() == 2


def test_only_the_one_that_is_named(private_app, public_app, registry) -> None:
    registry.hold("alice/private-app", image(), "1.0")
    registry.hold("alice/public-app", image(), "2.0")
    call_command("reconcile", repository="alice/public-app")
    assert Tag.objects.get().name == "2.0"


def test_one_that_is_not_there(private_app, registry) -> None:
    with pytest.raises(CommandError, match="There is no repository alice/other"):
        call_command("reconcile", repository="alice/other")


def test_what_differs_is_told_and_left(private_app, registry, capsys) -> None:
    push(private_app, image("ours"), "moved")
    push(private_app, image("ours"), "missing")
    registry.hold("alice/private-app", image("theirs"), "moved")
    registry.tags["alice/private-app"].append("unreadable")
    call_command("reconcile")
    assert capsys.readouterr().out.splitlines() == [
        "alice/private-app:moved differs from the registry; left as it is",
        "alice/private-app:missing is not in the registry's listing; left as it is",
        "alice/private-app:unreadable skipped: The registry has no such manifest.",
    ]
    assert Tag.objects.filter(manifest__digest=digest_of(image("ours"))).count() == 2


def test_a_registry_that_is_away_fails_and_changes_nothing(private_app, public_app, registry, capsys) -> None:
    push(private_app, image(), "1.0")
    registry.away = True
    with pytest.raises(CommandError, match="Not compared: alice/private-app, alice/public-app"):
        call_command("reconcile")
    assert "The registry does not answer" in capsys.readouterr().err
    assert Tag.objects.count() == 1


def test_a_repository_that_is_deleted_meanwhile(private_app, public_app, registry, monkeypatch) -> None:
    registry.hold("alice/public-app", image(), "2.0")
    real = registry.list_tags

    def list_tags(name: str):
        if name == "alice/private-app":
            Repository.objects.filter(full_name="alice/public-app").delete()
        return real(name)

    monkeypatch.setattr("repositories.registry.client.list_tags", list_tags)
    call_command("reconcile")
    assert not Tag.objects.exists()
