"""Check: may somebody do something, and which rules were looked at, in words.

The verdict is that of `decide`, `decide_create_in` and `visibility_on_push_in`, which the token service and every page
ask; the rules come from the reasons. Nothing here decides.
"""

from dataclasses import replace

from django.utils import timezone
from django.utils.translation import gettext as _

from orgs.models import MemberRole, Membership, Organization, Team
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace
from portal.kit import patterns
from portal.kit.errors import Decision
from repositories.access.check_facts import ASKED_WORDS, PERMISSIONS, Asked, Checked, Facts, Looked, Outcome
from repositories.access.check_rules import rules, words_of
from repositories.access.decisions import Seen, decide, decide_create_in
from repositories.access.namespaces import Creating, creating, decide_publish, visibility_on_push_in
from repositories.access.people import Subject, off_words
from repositories.access.reasons import given_by_teams_on_name, of_repositories, reasons_on_name
from repositories.access.roles import LEAST_ROLE, Role
from repositories.access.rows import visible
from repositories.models import Grant, Repository, Visibility
from repositories.names import is_repository_name

__all__ = ["ASKED_WORDS", "PERMISSIONS", "Asked", "Checked", "Looked", "Outcome", "check"]


def check(subject: Subject, namespace: Namespace, name: str, asked: Asked, *, asker_is_inside: bool = True) -> Checked:
    """Whether, and why. Nine queries at most. The caller knows that the asker may know of this repository.

    `asker_is_inside`: they belong to the organization, too; else teams without a grant here are not named.
    """
    facts = replace(_read(subject, namespace, name, asked), asker_is_inside=asker_is_inside)
    verdict = _verdict(facts)
    return Checked(
        subject=subject,
        asked=asked,
        full_name=facts.full_name,
        exists=facts.repository is not None,
        allowed=verdict.allowed,
        reason=str(verdict.reason) if not verdict.allowed else _basis(facts),
        role=facts.role,
        rules=list(rules(facts)),
    )


def _read(subject: Subject, namespace: Namespace, name: str, asked: Asked) -> Facts:
    actor = subject.actor
    # The rules are listed for an account that is off, too: it would have what they give once it is on.
    whoever = Actor(user_id=subject.user_id, robot_id=subject.robot_id)
    repository = Repository.objects.filter(namespace=namespace, name=name).first()
    seen = visible(actor).filter(pk=repository.pk).first() if repository else None
    given = of_repositories(whoever, [repository])[repository.pk] if repository else []
    membership = Membership.objects.filter(user=subject.user_id, organization__namespace=namespace).first()
    return Facts(
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


def _verdict(facts: Facts) -> Decision:
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
            reason=_("%(name)s cannot see %(repository)s: to them it does not exist.") % words_of(facts),
        )
    decision = decide(subject.actor, PERMISSIONS[facts.asked], facts.seen)
    return facts.publishes if decision.allowed and facts.asked == Asked.PUBLISH else decision


def _verdict_on_creating(facts: Facts) -> Decision:
    if facts.repository is not None:
        return Decision(allowed=False, reason=_("There is a repository of this name already."))
    found = facts.creating
    if not is_repository_name(facts.full_name):
        return Decision(allowed=False, reason=_("No repository can have this name."))
    return decide_create_in(facts.subject.actor, facts.full_name, by_rule=found.by_rule, granted=found.granted)


def _verdict_on_missing(facts: Facts) -> Decision:
    """A push creates it; of everything else: whether it would be allowed on a private repository of this name."""
    actor, full_name = facts.subject.actor, facts.full_name
    if facts.asked == Asked.PUSH:
        creates = _verdict_on_creating(facts)
        if not creates.allowed or visibility_on_push_in(actor, full_name, facts.creating) is not None:
            return creates
        return Decision(allowed=False, reason=_("A push creates no repository in %(namespace)s.") % words_of(facts))
    if facts.role == Role.NONE:
        return Decision(
            allowed=False,
            reason=_("%(repository)s does not exist. %(name)s would not see it if it were private.") % words_of(facts),
        )
    seen = Seen(facts.role, full_name, Visibility.PRIVATE)
    decision = decide(actor, PERMISSIONS[facts.asked], seen)
    return facts.publishes if decision.allowed and facts.asked == Asked.PUBLISH else decision


def _basis(facts: Facts) -> str:
    """What an allowed verdict rests on."""
    if facts.repository is None and facts.asked in {Asked.PUSH, Asked.CREATE}:
        if facts.creating.by_rule:
            return _("The rules of %(namespace)s let %(name)s create repositories.") % words_of(facts)
        return _("A grant with the role write creates repositories of the names that it matches.")
    needed = LEAST_ROLE[PERMISSIONS[facts.asked]]
    enough = [reason for reason in facts.reasons if reason.role >= needed]
    return ", ".join(dict.fromkeys(reason.words for reason in enough))
