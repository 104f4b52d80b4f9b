"""Which repositories of a registry that was there before become whose here. Plans only: `adopting` does it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import Namespace
from portal.accounts.names import validate_namespace
from repositories.models import Repository
from repositories.names import NAME, validate_repository_name
from repositories.registry import client
from repositories.removed import NameHeld, name_is_held

BATCH = 500


class How(StrEnum):
    TAKE = "take over"
    COPY = "copy"
    """To another name: layers are mounted, no bytes move, and the old name stays in the registry."""
    COMPARE = "compare"
    """It is a repository here already."""
    LEAVE = "leave out"


@dataclass(frozen=True, slots=True)
class Rules:
    """`moves`: prefix -> namespace; the empty prefix is for names of one segment, such as `nginx`."""

    moves: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False
    """Whether a namespace that does not exist becomes an organization."""


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one name of the registry's catalog. `why` tells of what is left out."""

    source: str
    target: str
    how: How
    why: str = ""
    creates: bool = False
    """Its namespace is to be made first."""
    tags: int = 0

    @property
    def namespace(self) -> str:
        return self.target.partition("/")[0]

    @property
    def name(self) -> str:
        return self.target.partition("/")[2]

    @property
    def is_left_out(self) -> bool:
        return self.how is How.LEAVE


def plan(names: Iterable[str], rules: Rules) -> list[Step]:
    """One step for each name, sorted. Three queries, and one for each repository that is new. Asks no registry."""
    targets = {name: _target(name, rules) for name in sorted(set(names))}
    owners = _owners({target.partition("/")[0] for target in targets.values()} - {""})
    known = _known(targets.values())
    steps: list[Step] = []
    taken: set[str] = set()
    for source, target in targets.items():
        how = How.TAKE if source == target else How.COPY
        step = _judged(Step(source, target, how), rules, owners, known)
        if how is How.COPY and not step.is_left_out:
            if target in taken:
                step = _left(step, _("another repository is copied there"))
            taken.add(target)
        steps.append(step)
    return steps


def count_tags(step: Step) -> Step:
    """With the number of tags. A repository without any is left out: it is what a deletion leaves in a registry.

    One request. Raises RegistryUnavailable.
    """
    if step.is_left_out:
        return step
    try:
        tags = sum(1 for _tag in client.list_tags(step.source))
    except client.RepositoryUnknown:
        tags = 0
    counted = replace(step, tags=tags)
    return counted if tags or step.how is How.COMPARE else _left(counted, _("it has no tags"))


def _target(name: str, rules: Rules) -> str:
    """Its full name here; empty when no rule says in which namespace it belongs. The longest prefix wins."""
    for prefix in sorted(rules.moves, key=len, reverse=True):
        if prefix and name.startswith(f"{prefix}/"):
            return f"{rules.moves[prefix]}/{name.removeprefix(f'{prefix}/')}"
        if not prefix and "/" not in name:
            return f"{rules.moves[prefix]}/{name}"
    return name if "/" in name else ""


def _owners(names: set[str]) -> dict[str, bool]:
    """Namespace -> whether it is somebody's; a name that was released is nobody's."""
    rows = Namespace.objects.filter(name__in=names)
    owned = Q(user__isnull=False) | Q(organization__isnull=False)
    found = dict.fromkeys(rows.values_list("name", flat=True), False)
    return found | dict.fromkeys(rows.filter(owned).values_list("name", flat=True), True)


def _known(targets: Iterable[str]) -> set[str]:
    names, known = sorted(set(targets)), set[str]()
    for start in range(0, len(names), BATCH):
        rows = Repository.objects.filter(full_name__in=names[start : start + BATCH])
        known.update(rows.values_list("full_name", flat=True))
    return known


def _judged(step: Step, rules: Rules, owners: Mapping[str, bool], known: set[str]) -> Step:
    if not NAME.fullmatch(step.source):
        return _left(step, _("no name that docker could ask for"))
    if not step.target:
        return _left(step, _("it has no namespace: say where it belongs with --map =NAMESPACE"))
    if step.target in known:
        return replace(step, how=How.COMPARE) if step.how is How.TAKE else step
    if owners.get(step.namespace) is None and not rules.creates:
        text = _("there is no namespace %(name)s: make it, or use --map or --create-organizations")
        return _left(step, text % {"name": step.namespace})
    if owners.get(step.namespace) is False:
        return _left(step, _("the namespace %(name)s was released and is nobody's") % {"name": step.namespace})
    step = replace(step, creates=step.namespace not in owners)
    try:
        validate_namespace(step.namespace)
        validate_repository_name(step.name)
    except ValidationError as error:
        return _left(step, error.messages[0])
    return _left(step, str(NameHeld.default)) if name_is_held(step.target) else step


def _left(step: Step, why: str) -> Step:
    return replace(step, how=How.LEAVE, why=why, creates=False)
