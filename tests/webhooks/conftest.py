"""A webhook of Alice's, a receiver, and pushes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from portal.accounts.actor import Actor
from portal.events.models import Event
from portal.events.record import record
from repositories.models import Repository
from repositories.webhooks import actions, fanout
from repositories.webhooks.models import Delivery, Webhook
from tests.system.receiver import Receiver, receiving

DIGEST = "sha256:" + "a" * 64
Push = Callable[..., Event]


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def hook(as_alice: Actor, public_app: Repository, receiver: Receiver) -> Webhook:
    return actions.create_webhook(actor=as_alice, place=public_app, name="CI", url=receiver.url("/ci?token=s3cret"))


@pytest.fixture
def push(as_alice: Actor, public_app: Repository) -> Push:
    """Record a tagged push as the gateway does: push("1.0", repository=…)."""

    def push_tag(tag: str = "latest", *, repository: Repository = public_app, **new: Any) -> Event:
        return record(
            "repo.tag.push",
            actor=as_alice,
            namespace=repository.namespace_name,
            repository_id=repository.pk,
            target=f"{repository.full_name}:{tag}",
            new={"tag": tag, "digest": DIGEST, "media_type": "application/vnd.oci.image.manifest.v1+json"} | new,
        )

    return push_tag


@pytest.fixture
def delivery(hook: Webhook, push: Push) -> Delivery:
    assert fanout.fan_out(push().pk) == 1
    return Delivery.objects.get(webhook=hook)


@pytest.fixture
def committed(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Any:
    """`with committed():` what waits for the commit happens, although the test's transaction stays open."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
