"""Check: may somebody do something, and which rules were looked at, in words.

The verdict is that of `decide`, `decide_create_in` and `visibility_on_push_in`, which the token service and every page
ask; the rules come from the reasons. Nothing here decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _, gettext_lazy

from orgs.models import MemberRole, Membership, Organization, Team, WhoCreates, WhoPublishes
from portal.accounts.actor import Actor
from portal.accounts.models import CreateOnPush, Namespace
from portal.kit import patterns
from portal.kit.errors import Decision, Text
from repositories.access.decisions import Seen, decide, decide_create_in, effective_role
from repositories.access.namespaces import Creating, creating, decide_publish, visibility_on_push_in
from repositories.access.people import Subject, limit_words, off_words
from repositories.access.reasons import Reason, given_by_teams_on_name, of_repositories, reasons_on_name, role_word
from repositories.access.roles import (
    CREATE_ACTIONS,
    CREATE_LEVEL,
    LEAST_ACTION,
    LEAST_LEVEL,
    LEAST_ROLE,
    LEVEL_ORDER,
    Permission,
    Role,
)
from repositories.access.rows import visible
from repositories.access.sources import Source
from repositories.models import Grant, Repository, Visibility
from repositories.names import is_repository_name


class Asked(StrEnum):
    """What may be asked about. The values are those of the API."""

    PULL = "pull"
    PUSH = "push"
    DELETE_IMAGES = "delete-images"
    EDIT = "edit"
    WEBHOOKS = "webhooks"
    CHANGE_VISIBILITY = "change-visibility"
    PUBLISH = "publish"
    MANAGE_ACCESS = "manage-access"
    DELETE = "delete"
    CREATE = "create"


ASKED_WORDS: dict[Asked, Text] = {
    Asked.PULL: gettext_lazy("pull"),
    Asked.PUSH: gettext_lazy("push"),
    Asked.DELETE_IMAGES: gettext_lazy("delete images"),
    Asked.EDIT: gettext_lazy("edit the description"),
    Asked.WEBHOOKS: gettext_lazy("manage webhooks"),
    Asked.CHANGE_VISIBILITY: gettext_lazy("make private"),
    Asked.PUBLISH: gettext_lazy("make public"),
    Asked.MANAGE_ACCESS: gettext_lazy("manage access"),
    Asked.DELETE: gettext_lazy("delete the repository"),
    Asked.CREATE: gettext_lazy("create the repository"),
}
PERMISSIONS: dict[Asked, Permission] = {
    Asked.PULL: Permission.PULL,
    Asked.PUSH: Permission.PUSH,
    Asked.DELETE_IMAGES: Permission.DELETE_IMAGES,
    Asked.EDIT: Permission.EDIT,
    Asked.WEBHOOKS: Permission.WEBHOOKS,
    Asked.CHANGE_VISIBILITY: Permission.CHANGE_VISIBILITY,
    Asked.PUBLISH: Permission.CHANGE_VISIBILITY,
    Asked.MANAGE_ACCESS: Permission.MANAGE_ACCESS,
    Asked.DELETE: Permission.DELETE,
}


class Outcome(StrEnum):
    """What a rule came to."""

    GIVES = "gives"
    NOT = "not"
    """It gives nothing here."""
    CAPS = "caps"
    """It takes away, or stands in the way."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule that was looked at. `role`: what it gives, as a word."""

    outcome: Outcome
    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict, and how it came about."""

    subject: Subject
    asked: Asked
    full_name: str
    exists: bool
    allowed: bool
    reason: str
    """Why not; when allowed, what it rests on."""
    role: int
    """The resulting role on the repository; on one that doesn't exist, what it would be on a private one."""
    rules: Sequence[Looked] = field(default=())

    @property
    def role_word(self) -> str:
        return role_word(self.role)

    @property
    def asked_word(self) -> str:
        return str(ASKED_WORDS[self.asked])


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read of one question."""

    subject: Subject
    asked: Asked
    namespace: Namespace
    name: str
    organization: Organization | None
    repository: Repository | None
    """As it is, whether the subject sees it or not."""
    seen: Repository | None
    """As the subject sees it."""
    reasons: Sequence[Reason]
    """What gives the subject a role, were nothing to cap it."""
    member: MemberRole | None
    own_teams: Sequence[str]
    team_grants: Sequence[Reason]
    ended: Sequence[Grant]
    creating: Creating
    publishes: Decision

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    @property
    def full_role(self) -> int:
        return max((reason.role for reason in self.reasons), default=Role.NONE)

    @property
    def role(self) -> int:
        if self.subject.state != "active":
            return Role.NONE
        if self.repository is not None:
            return Role.NONE if self.seen is None else self.seen.role
        visibility = Visibility.PRIVATE
        return effective_role(
            self.subject.actor, full_role=self.full_role, full_name=self.full_name, visibility=visibility
        )


def check(subject: Subject, namespace: Namespace, name: str, asked: Asked) -> Checked:
    """Whether, and why. Nine queries at most. The caller knows that the asker may know of every repository there."""
    facts = _read(subject, namespace, name, asked)
    verdict = _verdict(facts)
    return Checked(
        subject=subject,
        asked=asked,
        full_name=facts.full_name,
        exists=facts.repository is not None,
        allowed=verdict.allowed,
        reason=str(verdict.reason) if not verdict.allowed else _basis(facts),
        role=facts.role,
        rules=list(_rules(facts)),
    )


def _read(subject: Subject, namespace: Namespace, name: str, asked: Asked) -> _Facts:
    actor = subject.actor
    # The rules are listed for an account that is off, too: it would have what they give once it is on.
    whoever = Actor(user_id=subject.user_id, robot_id=subject.robot_id)
    repository = Repository.objects.filter(namespace=namespace, name=name).first()
    seen = visible(actor).filter(pk=repository.pk).first() if repository else None
    given = of_repositories(whoever, [repository])[repository.pk] if repository else []
    membership = Membership.objects.filter(user=subject.user_id, organization__namespace=namespace).first()
    return _Facts(
        subject=subject,
        asked=asked,
        namespace=namespace,
        name=name,
        organization=Organization.objects.filter(namespace=namespace).first(),
        repository=repository,
        seen=seen,
        reasons=given if repository else reasons_on_name(whoever, namespace.pk, name),
        member=MemberRole(membership.role) if membership else None,
        own_teams=_teams_of(subject, namespace),
        team_grants=given_by_teams_on_name(namespace.pk, name),
        ended=_ended(subject, namespace, name),
        creating=Creating() if repository else creating(actor, namespace, name),
        publishes=decide_publish(actor, namespace) if asked == Asked.PUBLISH else Decision(allowed=True),
    )


def _teams_of(subject: Subject, namespace: Namespace) -> list[str]:
    teams = Team.objects.filter(organization__namespace=namespace)
    if subject.is_robot:
        teams = teams.filter(robots__token=subject.robot_id)
    else:
        teams = teams.filter(team_members__membership__user=subject.user_id)
    return list(teams.order_by("name").values_list("name", flat=True))


def _ended(subject: Subject, namespace: Namespace, name: str) -> list[Grant]:
    """Collaborator's grants that would match, had they not ended. They give nothing: said for the reader only."""
    grants = Grant.objects.filter(namespace=namespace, user=subject.user_id, expires_at__lte=timezone.now())
    return [] if subject.is_robot else [grant for grant in grants if patterns.matches(grant.pattern, name)]


# -- The verdict --------------------------------------------------------------------------------------------------


def _verdict(facts: _Facts) -> Decision:
    subject = facts.subject
    if subject.state != "active":
        return Decision(allowed=False, reason=off_words(subject))
    if facts.asked == Asked.CREATE:
        return _verdict_on_creating(facts)
    if facts.repository is None:
        return _verdict_on_missing(facts)
    if facts.seen is None:
        return Decision(
            allowed=False,
            reason=_("%(name)s cannot see %(repository)s: to them it does not exist.") % _words(facts),
        )
    decision = decide(subject.actor, PERMISSIONS[facts.asked], facts.seen)
    return facts.publishes if decision.allowed and facts.asked == Asked.PUBLISH else decision


def _verdict_on_creating(facts: _Facts) -> Decision:
    if facts.repository is not None:
        return Decision(allowed=False, reason=_("There is a repository of this name already."))
    found = facts.creating
    if not is_repository_name(facts.full_name):
        return Decision(allowed=False, reason=_("No repository can have this name."))
    return decide_create_in(facts.subject.actor, facts.full_name, by_rule=found.by_rule, granted=found.granted)


def _verdict_on_missing(facts: _Facts) -> Decision:
    """A push creates it; of everything else: whether it would be allowed on a private repository of this name."""
    actor, full_name = facts.subject.actor, facts.full_name
    if facts.asked == Asked.PUSH:
        creates = _verdict_on_creating(facts)
        if not creates.allowed or visibility_on_push_in(actor, full_name, facts.creating) is not None:
            return creates
        return Decision(allowed=False, reason=_("A push creates no repository in %(namespace)s.") % _words(facts))
    if facts.role == Role.NONE:
        return Decision(
            allowed=False,
            reason=_("%(repository)s does not exist. %(name)s would not see it if it were private.") % _words(facts),
        )
    seen = Seen(facts.role, full_name, Visibility.PRIVATE)
    decision = decide(actor, PERMISSIONS[facts.asked], seen)
    return facts.publishes if decision.allowed and facts.asked == Asked.PUBLISH else decision


def _basis(facts: _Facts) -> str:
    """What an allowed verdict rests on."""
    if facts.repository is None and facts.asked in {Asked.PUSH, Asked.CREATE}:
        if facts.creating.by_rule:
            return _("The rules of %(namespace)s let %(name)s create repositories.") % _words(facts)
        return _("A grant with the role write creates repositories of the names that it matches.")
    needed = LEAST_ROLE[PERMISSIONS[facts.asked]]
    enough = [reason for reason in facts.reasons if reason.role >= needed]
    return ", ".join(dict.fromkeys(reason.words for reason in enough))


# -- The rules in words -------------------------------------------------------------------------------------------


def _words(facts: _Facts) -> dict[str, str]:
    return {"name": facts.subject.name, "namespace": facts.namespace.name, "repository": facts.full_name}


def _rules(facts: _Facts) -> Iterator[Looked]:
    """In the order in which they are best understood: who, what gives, what is asked, what caps."""
    yield from _account(facts)
    yield from _robot(facts) if facts.subject.is_robot else _membership(facts)
    yield from _teams(facts)
    if not facts.subject.is_robot:
        yield from _collaborator(facts)
    yield from _visibility(facts)
    if facts.repository is None and facts.asked in {Asked.PUSH, Asked.CREATE}:
        yield from _creation(facts)
    else:
        yield _need(facts)
    if facts.asked == Asked.PUBLISH and facts.organization is not None:
        yield _publication(facts, facts.organization)
    yield from _caps(facts)


def _gives(role: int, text: str) -> Looked:
    return Looked(Outcome.GIVES, text, role_word(role))


def _not(text: str) -> Looked:
    return Looked(Outcome.NOT, text)


def _account(facts: _Facts) -> Iterator[Looked]:
    subject = facts.subject
    if subject.state != "active":
        yield Looked(Outcome.CAPS, off_words(subject))
    elif subject.is_robot:
        yield _not(_("The access token %(name)s is switched on.") % _words(facts))
    elif subject.is_confirmed:
        yield _not(_("The account of %(name)s is switched on, its e-mail address confirmed.") % _words(facts))


def _by(facts: _Facts, *sources: Source) -> Reason | None:
    return next((reason for reason in facts.reasons if reason.source in sources), None)


def _robot(facts: _Facts) -> Iterator[Looked]:
    if _by(facts, Source.ROBOT):
        yield _gives(Role.ADMIN, _("It acts for %(namespace)s itself, where its limits allow it.") % _words(facts))
    elif facts.own_teams:
        words = _words(facts) | {"team": facts.own_teams[0]}
        yield _not(_("It acts for the team %(team)s: it has that team's grants and no others.") % words)
    else:
        yield _not(_("It belongs to another organization than %(namespace)s.") % _words(facts))


def _membership(facts: _Facts) -> Iterator[Looked]:
    words = _words(facts)
    if facts.organization is None:
        if _by(facts, Source.OWNER):
            yield _gives(Role.ADMIN, _("%(name)s owns the namespace.") % words)
        else:
            yield _not(_("The namespace belongs to %(namespace)s.") % words)
        return
    base = role_word(facts.organization.base_permission)
    words |= {"base": base, "role": facts.member.label.lower() if facts.member else ""}
    if facts.member is None:
        yield _not(_("%(name)s does not belong to %(namespace)s.") % words)
        yield _not(_("The base permission (%(base)s) is for members only.") % words)
    elif facts.member >= MemberRole.EDITOR:
        text = _("%(name)s is %(role)s of %(namespace)s: admin on all its repositories.") % words
        yield _gives(Role.ADMIN, text)
    else:
        yield _not(_("%(name)s is a member of %(namespace)s.") % words)
        text = _("The base permission of %(namespace)s for its members is: %(base)s.") % words
        yield _gives(facts.organization.base_permission, text) if facts.organization.base_permission else _not(text)


def _teams(facts: _Facts) -> Iterator[Looked]:
    """Teams that give, then those that would, then those that have nothing here."""
    if facts.organization is None:
        return
    own = {reason.grant_id for reason in facts.reasons if reason.source == Source.TEAM}
    named = set()
    for reason in sorted(facts.team_grants, key=lambda reason: reason.grant_id not in own):
        named.add(reason.team)
        words = _words(facts) | {"team": _team_words(reason), "role": reason.role_word}
        if reason.grant_id in own:
            yield _gives(reason.role, _("%(team)s has the role %(role)s, and %(name)s is in it.") % words)
        else:
            yield _not(_("%(team)s has the role %(role)s, but %(name)s is not in it.") % words)
    idle = [team for team in facts.own_teams if team not in named]
    if idle:
        words = _words(facts) | {"teams": ", ".join(idle)}
        yield _not(_("Of the teams of %(name)s, these have no grant that matches: %(teams)s.") % words)
    elif not facts.team_grants:
        yield _not(_("No team has a grant that matches %(repository)s.") % _words(facts))


def _team_words(reason: Reason) -> str:
    words = {"team": reason.team, "pattern": reason.pattern}
    if reason.pattern.endswith("*"):
        return _("The team %(team)s, by the pattern %(pattern)s,") % words
    return _("The team %(team)s") % words


def _collaborator(facts: _Facts) -> Iterator[Looked]:
    found = [reason for reason in facts.reasons if reason.source == Source.COLLABORATOR]
    for reason in found:
        yield _gives(reason.role, _("%(name)s is %(why)s.") % (_words(facts) | {"why": reason.words}))
    for grant in facts.ended:
        words = _words(facts) | {"day": _day(grant), "role": role_word(grant.role)}
        yield _not(_("%(name)s was a collaborator with the role %(role)s; that ended on %(day)s.") % words)
    if not found and not facts.ended:
        yield _not(_("%(name)s is no collaborator on %(repository)s.") % _words(facts))


def _day(grant: Grant) -> str:
    return date_format(grant.expires_at, "j M Y") if grant.expires_at else ""


def _visibility(facts: _Facts) -> Iterator[Looked]:
    if facts.repository is None:
        yield _not(_("%(repository)s does not exist yet; it is looked at as if it were private.") % _words(facts))
    elif facts.repository.visibility == Visibility.PUBLIC:
        yield _gives(Role.READ, _("%(repository)s is public: everybody may pull.") % _words(facts))
    else:
        yield _not(_("%(repository)s is private: being there gives nobody anything.") % _words(facts))


_WHO_CREATES: dict[str, Text] = {
    WhoCreates.OWNERS: gettext_lazy("Owners create repositories in %(namespace)s."),
    WhoCreates.EDITORS: gettext_lazy("Owners and editors create repositories in %(namespace)s."),
    WhoCreates.MEMBERS: gettext_lazy("Every member creates repositories in %(namespace)s."),
}
_WHO_PUBLISHES: dict[str, Text] = {
    WhoPublishes.OWNERS: gettext_lazy("Only owners make repositories of %(namespace)s public."),
    WhoPublishes.ADMINS: gettext_lazy("Whoever is admin of a repository of %(namespace)s may make it public."),
    WhoPublishes.NOBODY: gettext_lazy("Nobody makes repositories of %(namespace)s public."),
}
_ON_PUSH: dict[str, Text] = {
    CreateOnPush.OFF: gettext_lazy("A push creates no repository in %(namespace)s."),
    CreateOnPush.PRIVATE: gettext_lazy("A push creates a private repository in %(namespace)s."),
    CreateOnPush.PUBLIC: gettext_lazy("A push creates a public repository in %(namespace)s."),
}


def _creation(facts: _Facts) -> Iterator[Looked]:
    words, found = _words(facts), facts.creating
    if facts.organization is None:
        rule = _("Only its owner creates repositories in %(namespace)s.") % words
    else:
        rule = str(_WHO_CREATES[facts.organization.who_creates]) % words
    yield Looked(Outcome.GIVES if found.by_rule else Outcome.NOT, rule)
    if found.granted >= Role.WRITE:
        yield Looked(Outcome.GIVES, _("A grant with the role write creates repositories of the names that it matches."))
    if facts.asked == Asked.PUSH:
        policy = facts.namespace.create_on_push
        outcome = Outcome.CAPS if policy == CreateOnPush.OFF else Outcome.NOT
        yield Looked(outcome, str(_ON_PUSH[policy]) % words)


def _publication(facts: _Facts, organization: Organization) -> Looked:
    outcome = Outcome.NOT if facts.publishes.allowed else Outcome.CAPS
    return Looked(outcome, str(_WHO_PUBLISHES[organization.who_publishes]) % _words(facts))


def _need(facts: _Facts) -> Looked:
    if facts.asked == Asked.CREATE:
        return Looked(Outcome.CAPS, _("There is a repository of this name already."))
    needed = LEAST_ROLE[PERMISSIONS[facts.asked]]
    words = {"action": str(ASKED_WORDS[facts.asked]), "role": role_word(needed), "own": role_word(facts.role)}
    text = _("To %(action)s, one needs the role %(role)s; the resulting role is %(own)s.") % words
    return Looked(Outcome.NOT if facts.role >= needed else Outcome.CAPS, text)


def _caps(facts: _Facts) -> Iterator[Looked]:
    subject, actor = facts.subject, facts.subject.actor
    words = _words(facts)
    if not subject.is_confirmed:
        text = _("%(name)s has not confirmed an e-mail address: until then no more than read, and nothing is created.")
        yield Looked(Outcome.CAPS, text % words)
    credential = actor.credential
    permission = PERMISSIONS.get(facts.asked)
    if credential.limits is not None:
        words |= {"limits": limit_words(actor, facts.full_name)}
        actions = CREATE_ACTIONS if permission is None else {LEAST_ACTION[permission]}
        enough = any(credential.covers(facts.full_name, action) for action in actions)
        text = _("The access token is limited. On %(repository)s: %(limits)s.") % words
        yield Looked(Outcome.NOT if enough else Outcome.CAPS, text)
    if credential.level is not None:
        least = CREATE_LEVEL if permission is None else LEAST_LEVEL[permission]
        enough = LEVEL_ORDER.index(credential.level) >= LEVEL_ORDER.index(least)
        text = _("The access token has the level “%(level)s”.") % {"level": credential.level.label}
        yield Looked(Outcome.NOT if enough else Outcome.CAPS, text)
