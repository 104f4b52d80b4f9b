"""Writes tags and dies on the way: a line of JSON in, a line of JSON out. See test_write_crash.

For each case this process forks; the child does one action and kills itself with -9 just before or just after its n-th
request to the registry. Then the parent lets the lease of what was left behind run out, sweeps twice, and tells what
the database says.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  Django has to be set up first
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from portal.accounts import actions as accounts  # noqa: E402
from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.events.models import Event, Unread  # noqa: E402
from portal.kit import jobs  # noqa: E402
from repositories import actions as repositories  # noqa: E402
from repositories.deletion import bulk, bulk_actions, removal  # noqa: E402
from repositories.deletion.bulk_filter import Selection  # noqa: E402
from repositories.deletion.models import BulkDeletion, RemovedRepository  # noqa: E402
from repositories.images import intents, tag_actions, writes  # noqa: E402
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory  # noqa: E402
from repositories.images.reconcile import add  # noqa: E402
from repositories.models import Repository  # noqa: E402
from repositories.registry import client  # noqa: E402

jobs._send = lambda name, args: None  # there is no broker: the rows are the queue
SURVIVED = 0


def migrate() -> None:
    call_command("migrate", verbosity=0)
    user = accounts.create_user(username="alice", email="alice@example.org", password="correct horse battery")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def prepare(repository: str, tags: dict[str, str]) -> None:
    """A repository that knows what the registry holds."""
    row = repositories.create_repository(actor=_alice(), namespace="alice", name=repository)
    for tag, digest in tags.items():
        add(row, digest, tag=tag)


def die(repository: str, action: str, arguments: dict[str, str], step: int, when: str) -> bool:
    """Whether the child came through, because it has fewer steps."""
    connections.close_all()
    client._session.cache_clear()
    pid = os.fork()
    if pid == 0:
        _die(repository, action, arguments, step, when)
    _pid, status = os.waitpid(pid, 0)
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == SURVIVED


def _die(repository: str, action: str, arguments: dict[str, str], step: int, when: str) -> None:
    send, done = client._send, 0

    def sent(*args: Any, **kwargs: Any) -> Any:
        nonlocal done
        done += 1
        if done == step and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(*args, **kwargs)
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    client._send = sent
    try:
        ACTIONS[action](repository, **arguments)
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    os._exit(SURVIVED)


def _push(repository: str, tag: str, body: str) -> None:
    writes.put(
        actor=_alice(),
        repository=_row(repository),
        reference=tag,
        tag=tag,
        body=body.encode(),
        media_type=client.OCI_MANIFEST,
    )


def _delete(repository: str, tag: str) -> None:
    tag_actions.delete_tag(actor=_alice(), repository=_row(repository), tag=tag)


def _roll_back(repository: str, tag: str, digest: str) -> None:
    tag_actions.roll_back(actor=_alice(), repository=_row(repository), tag=tag, digest=digest)


def _restore(repository: str, tag: str) -> None:
    tag_actions.restore_tag(actor=_alice(), repository=_row(repository), tag=tag)


def _copy(repository: str, tag: str, reference: str) -> None:
    row = _row(repository)
    tag_actions.copy_tag(actor=_alice(), source=row, reference=reference, repository=row, tag=tag)


def _purge(repository: str, digest: str) -> None:
    writes.purge(repository=_row(repository), digest=digest)


def _bulk(repository: str) -> None:
    BulkDeletion.objects.update(leased_until=timezone.now())
    bulk.sweep()


def _remove(repository: str) -> None:
    RemovedRepository.objects.update(leased_until=timezone.now())
    removal.sweep()


ACTIONS: dict[str, Callable[..., None]] = {
    "push": _push,
    "delete": _delete,
    "roll_back": _roll_back,
    "restore": _restore,
    "copy": _copy,
    "purge": _purge,
    "bulk": _bulk,
    "remove": _remove,
}


def do(repository: str, action: str, arguments: dict[str, str]) -> None:
    ACTIONS[action](repository, **arguments)


def end_window(repository: str) -> None:
    rows = Manifest.objects.filter(repository=_row(repository), delete_after__isnull=False)
    rows.update(delete_after=timezone.now())


def start_bulk(repository: str) -> None:
    bulk_actions.start_deletion(actor=_alice(), repository=_row(repository), selection=Selection(), expected=None)


def bulk_state(repository: str) -> list[Any]:
    return list(BulkDeletion.objects.filter(repository=_row(repository)).values_list("state", "total", "done")[0])


def delete_repository(repository: str) -> None:
    repositories.delete_repository(actor=_alice(), repository=_row(repository), typed_name=f"alice/{repository}")


def removals() -> int:
    return RemovedRepository.objects.count()


def sweep() -> None:
    """As if the leases had run out."""
    for _time in range(2):
        PushIntent.objects.filter(state=PushIntent.State.OPEN).update(leased_until=timezone.now())
        intents.sweep()


def state(repository: str) -> dict[str, Any]:
    row = _row(repository)
    events = Event.objects.filter(repository_id=row.pk, action__regex=r"^repo\.(tag|image)\.").order_by("id")
    return {
        "tags": dict(Tag.objects.filter(repository=row).values_list("name", "manifest__digest")),
        "count": row.tag_count,
        "manifests": sorted(Manifest.objects.filter(repository=row).values_list("digest", flat=True)),
        "history": [
            list(h) for h in TagHistory.objects.filter(repository=row).order_by("id").values_list("tag", "action")
        ],
        "events": [list(event) for event in events.values_list("action", "target")],
        "webhooks": Unread.objects.filter(event__repository_id=row.pk, event__action__startswith="repo.tag.").count(),
        "open": PushIntent.objects.filter(repository=row, state=PushIntent.State.OPEN).count(),
    }


def _row(repository: str) -> Repository:
    return Repository.objects.get(full_name=f"alice/{repository}")


def _alice() -> Actor:
    user = User.objects.get(username="alice")
    return actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))


def main() -> None:
    for line in sys.stdin:
        name, arguments = json.loads(line)
        sys.stdout.write(json.dumps(globals()[name](*arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
