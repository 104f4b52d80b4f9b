"""The rules that “Check” looked at, in words. They are read off the reasons and the decision; nothing here decides."""

from collections.abc import Iterator

from django.utils.formats import date_format
from django.utils.translation import gettext as _, gettext_lazy

from orgs.models import MemberRole, Organization, WhoCreates, WhoPublishes
from portal.accounts.models import CreateOnPush
from portal.kit.errors import Text
from repositories.access.check_facts import ASKED_WORDS, PERMISSIONS, Asked, Facts, Looked, Outcome
from repositories.access.people import limit_words, off_words
from repositories.access.reasons import Reason, role_word
from repositories.access.roles import (
    CREATE_ACTIONS,
    CREATE_LEVEL,
    FROZEN,
    LEAST_ACTION,
    LEAST_LEVEL,
    LEAST_ROLE,
    LEVEL_ORDER,
    Role,
)
from repositories.access.sources import Source
from repositories.models import Grant, Visibility


def words_of(facts: Facts) -> dict[str, str]:
    return {"name": facts.subject.name, "namespace": facts.namespace.name, "repository": facts.full_name}


def rules(facts: Facts) -> Iterator[Looked]:
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


def _account(facts: Facts) -> Iterator[Looked]:
    subject = facts.subject
    if subject.state != "active":
        yield Looked(Outcome.CAPS, off_words(subject))
    elif subject.is_robot:
        yield _not(_("The access token %(name)s is switched on.") % words_of(facts))
    elif subject.is_confirmed:
        yield _not(_("The account of %(name)s is switched on, its e-mail address confirmed.") % words_of(facts))


def _by(facts: Facts, *sources: Source) -> Reason | None:
    return next((reason for reason in facts.reasons if reason.source in sources), None)


def _robot(facts: Facts) -> Iterator[Looked]:
    if _by(facts, Source.ROBOT):
        yield _gives(Role.ADMIN, _("It acts for %(namespace)s itself, where its limits allow it.") % words_of(facts))
    elif facts.own_teams:
        words = words_of(facts) | {"team": facts.own_teams[0]}
        yield _not(_("It acts for the team %(team)s: it has that team's grants and no others.") % words)
    else:
        yield _not(_("It belongs to another organization than %(namespace)s.") % words_of(facts))


def _membership(facts: Facts) -> Iterator[Looked]:
    words = words_of(facts)
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


def _teams(facts: Facts) -> Iterator[Looked]:
    """Teams that give, then those that would, then those that have nothing here."""
    if facts.organization is None:
        return
    own = {reason.grant_id for reason in facts.reasons if reason.source == Source.TEAM}
    named = set()
    for reason in sorted(facts.team_grants, key=lambda reason: reason.grant_id not in own):
        named.add(reason.team)
        words = words_of(facts) | {"team": _team_words(reason), "role": reason.role_word}
        if reason.grant_id in own:
            yield _gives(reason.role, _("%(team)s has the role %(role)s, and %(name)s is in it.") % words)
        else:
            yield _not(_("%(team)s has the role %(role)s, but %(name)s is not in it.") % words)
    idle = [team for team in facts.own_teams if team not in named] if facts.asker_is_inside else []
    if idle:
        words = words_of(facts) | {"teams": ", ".join(idle)}
        yield _not(_("Of the teams of %(name)s, these have no grant that matches: %(teams)s.") % words)
    elif not facts.team_grants:
        yield _not(_("No team has a grant that matches %(repository)s.") % words_of(facts))


def _team_words(reason: Reason) -> str:
    words = {"team": reason.team, "pattern": reason.pattern}
    if reason.pattern.endswith("*"):
        return _("The team %(team)s, by the pattern %(pattern)s,") % words
    return _("The team %(team)s") % words


def _collaborator(facts: Facts) -> Iterator[Looked]:
    found = [reason for reason in facts.reasons if reason.source == Source.COLLABORATOR]
    for reason in found:
        yield _gives(reason.role, _("%(name)s is %(why)s.") % (words_of(facts) | {"why": reason.words}))
    for grant in facts.ended:
        words = words_of(facts) | {"day": _day(grant), "role": role_word(grant.role)}
        yield _not(_("%(name)s was a collaborator with the role %(role)s; that ended on %(day)s.") % words)
    if not found and not facts.ended:
        yield _not(_("%(name)s is no collaborator on %(repository)s.") % words_of(facts))


def _day(grant: Grant) -> str:
    return date_format(grant.expires_at, "j M Y") if grant.expires_at else ""


def _visibility(facts: Facts) -> Iterator[Looked]:
    if facts.repository is None:
        yield _not(_("%(repository)s does not exist yet; it is looked at as if it were private.") % words_of(facts))
    elif facts.repository.visibility == Visibility.PUBLIC:
        yield _gives(Role.READ, _("%(repository)s is public: everybody may pull.") % words_of(facts))
    else:
        yield _not(_("%(repository)s is private: its visibility gives nobody anything.") % words_of(facts))


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


def _creation(facts: Facts) -> Iterator[Looked]:
    words, found = words_of(facts), facts.creating
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


def _publication(facts: Facts, organization: Organization) -> Looked:
    outcome = Outcome.NOT if facts.publishes.allowed else Outcome.CAPS
    return Looked(outcome, str(_WHO_PUBLISHES[organization.who_publishes]) % words_of(facts))


def _need(facts: Facts) -> Looked:
    if facts.asked == Asked.CREATE:
        return Looked(Outcome.CAPS, _("There is a repository of this name already."))
    needed = LEAST_ROLE[PERMISSIONS[facts.asked]]
    words = {"action": str(ASKED_WORDS[facts.asked]), "role": role_word(needed), "own": role_word(facts.role)}
    text = _("To %(action)s, one needs the role %(role)s; the resulting role is %(own)s.") % words
    return Looked(Outcome.NOT if facts.role >= needed else Outcome.CAPS, text)


def _caps(facts: Facts) -> Iterator[Looked]:
    subject, actor = facts.subject, facts.subject.actor
    words = words_of(facts)
    if not subject.is_confirmed:
        text = _("%(name)s has not confirmed an e-mail address: until then no more than read, and nothing is created.")
        yield Looked(Outcome.CAPS, text % words)
    credential = actor.credential
    permission = PERMISSIONS.get(facts.asked)
    if facts.repository is not None and facts.repository.is_archived:
        text = _("%(repository)s is archived: it is pulled and not changed, until one of its admins brings it back.")
        yield Looked(Outcome.CAPS if permission in FROZEN else Outcome.NOT, text % words)
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
