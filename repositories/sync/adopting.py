"""Takes over what `adoption` planned. Each step can be done twice; nothing is deleted, and no tag is overwritten."""

from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from orgs.actions.organizations import create_organization
from portal.accounts.actor import SYSTEM, Actor
from portal.accounts.models import Namespace
from portal.kit.errors import Forbidden, MoorageError
from repositories.actions import create_repository
from repositories.images import copying, intents, removal
from repositories.images.manifests import ManifestInvalid
from repositories.images.models import Manifest, PushIntent, Tag
from repositories.models import Repository, Visibility
from repositories.names import TAG
from repositories.registry import client
from repositories.registry.signing import SERVICE_SUBJECT
from repositories.sync import leases, runs
from repositories.sync.adoption import How, Step
from repositories.sync.compare import Report
from repositories.sync.looking import Looker
from repositories.sync.models import RepositorySync


@dataclass(slots=True)
class Outcome:
    """Of one step. `failed` is empty when it was done; then `left` says of single tags why they were not."""

    step: Step
    created: bool = False
    added: int = 0
    left: dict[str, str] = field(default_factory=dict)
    failed: str = ""
    is_away: bool = False
    """It failed because the registry did not answer."""


def adopt(step: Step, *, owner: Actor | None, visibility: Visibility, looker: Looker) -> Outcome:
    """Make the repository if need be, copy if need be, and record every tag as found there: no push, no webhook.

    `owner` is whoever owns the organizations that are made. Raises nothing that one name could be the cause of.
    """
    outcome = Outcome(step)
    try:
        repository, outcome.created = _repository(step, owner, visibility)
        if step.how is How.COPY and repository.is_archived:
            raise Forbidden(_("The repository is archived: nothing can be copied there."))
        if step.how is How.COPY:
            _copy_tags(step.source, repository, outcome.left)
        _look(repository, looker, outcome)
    except client.RegistryUnavailable as error:
        outcome.failed, outcome.is_away = str(error), True
    except MoorageError as error:
        outcome.failed = str(error.message)
    return outcome


def _repository(step: Step, owner: Actor | None, visibility: Visibility) -> tuple[Repository, bool]:
    known = Repository.objects.filter(full_name=step.target).first()
    if known is not None:
        return known, False
    if owner is not None and not Namespace.objects.filter(name=step.namespace).exists():
        create_organization(actor=owner, name=step.namespace)
    made = create_repository(actor=SYSTEM, namespace=step.namespace, name=step.name, visibility=visibility)
    return made, True


def _copy_tags(source: str, repository: Repository, left: dict[str, str]) -> None:
    """Tag by tag, so that whoever begins anew goes on where this ended."""
    before = Repository(full_name=source)  # no row of ours, and none is needed to read from it
    for tag in list(client.list_tags(source)):
        runs.pace.wait()
        try:
            why = _copy_tag(before, repository, tag) if TAG.fullmatch(tag) else _("no name of a tag")
        except client.RegistryUnavailable:
            raise
        except (MoorageError, ManifestInvalid) as error:
            why = str(error.message)
        if why:
            left[tag] = why


def _copy_tag(source: Repository, repository: Repository, tag: str) -> str:
    """Why it was not copied; empty when it is there."""
    raw = client.get_manifest(source.full_name, tag)
    held = removal.held_digest(repository.full_name, tag)
    if held == raw.digest:
        return ""
    if held or Tag.objects.filter(repository=repository, name=tag).exists():
        return _("there is a tag of this name already, of another image")
    if not Manifest.objects.filter(repository=repository, digest=raw.digest, missing_since=None).exists():
        copying.copy_parts(actor=SYSTEM, source=source, digest=raw.digest, repository=repository)
    return _write_tag(source, repository, tag, raw)


def _write_tag(source: Repository, repository: Repository, tag: str, raw: client.RawManifest) -> str:
    """Under a push intent, so that nobody's push comes between looking and writing.

    Recorded by the look that follows, as found: that an old image moved house is no event. After a crash right here the
    sweep records it, as copied.
    """
    intent = intents.open_intent(
        actor=SYSTEM,
        repository=repository,
        reference=tag,
        tag=tag,
        body=raw.body,
        media_type=raw.media_type,
        kind=PushIntent.Kind.COPY,
        source=f"{source.full_name}:{tag}",
    )
    try:
        if removal.held_digest(repository.full_name, tag):
            return _("it was pushed meanwhile")
        copying.expect_taken(
            client.put_manifest(
                repository.full_name, tag, body=raw.body, media_type=raw.media_type, subject=SERVICE_SUBJECT
            )
        )
    finally:
        intents.refuse(intent)
    return ""


def _look(repository: Repository, looker: Looker, outcome: Outcome) -> None:
    """The same look that compares every repository from now on."""
    RepositorySync.objects.get_or_create(repository=repository)
    lease = leases.claim(repository.pk)
    result = runs.look(lease, None, looker) if lease else None
    if result is None:
        outcome.failed = _("it is being compared by somebody else, or was deleted; run this again")
        return
    report = result[1]
    if not isinstance(report, Report):
        raise report
    outcome.added = len(report.added) + len(report.moved)
    outcome.left = report.skipped | outcome.left
    outcome.step = replace(outcome.step, tags=report.tags)
