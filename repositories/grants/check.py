"""Check, as pages and API ask it: whom, on which repository, what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.accounts.models import Namespace, OrganizationAccessToken, User
from portal.kit.errors import Invalid
from repositories.access import namespaces_of
from repositories.access.check import ASKED_WORDS, Asked, Checked, check
from repositories.access.people import Subject, subject_of_robot, subject_of_user, who_has_access
from repositories.models import Repository
from repositories.names import NAME_MAX, is_repository_name

ACTIONS = [(asked.value, ASKED_WORDS[asked]) for asked in Asked]
OFFERED = 200
"""Names to choose from while one types."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed: `subject` a username or `acme:label`, `repository` a name, with its namespace or without."""

    subject: str
    repository: str
    action: str

    @classmethod
    def of(cls, values: Mapping[str, Any], *, repository: str = "") -> "Question":
        def word(name: str) -> str:
            return str(values.get(name, "")).replace("\0", "").strip()[: NAME_MAX * 2]

        return cls(word("subject"), repository or word("repository"), word("action") or Asked.PULL.value)

    @property
    def is_empty(self) -> bool:
        return not self.subject


def answer(namespace: Namespace, question: Question, *, asker_is_inside: bool = True) -> Checked:
    """Ten queries at most. The caller may know of the repository, or of all in the namespace. Raises Invalid (fields).

    `asker_is_inside`: as of `check`.
    """
    asked = _asked(question.action)
    name = _name(namespace, question.repository)
    subject = find_subject(namespace, question.subject)
    return check(subject, namespace, name, asked, asker_is_inside=asker_is_inside)


def is_inside(actor: Actor, repository: Repository) -> bool:
    """Whether the actor belongs to the organization that the repository is of; a person's namespace hides nothing.

    One query.
    """
    return namespaces_of(actor).filter(pk=repository.namespace_id).exists()


def _asked(text: str) -> Asked:
    try:
        return Asked(text)
    except ValueError as error:
        values = ", ".join(asked.value for asked in Asked)
        raise Invalid.field("action", _("Choose one of: %(values)s.") % {"values": values}) from error


def _name(namespace: Namespace, text: str) -> str:
    name = text.lower().removeprefix(f"{namespace.name}/")
    if not name:
        raise Invalid.field("repository", _("Name a repository of %(namespace)s.") % {"namespace": namespace.name})
    if not is_repository_name(f"{namespace.name}/{name}"):
        raise Invalid.field("repository", _("“%(name)s” cannot be the name of a repository.") % {"name": name[:100]})
    return name


def find_subject(namespace: Namespace, text: str) -> Subject:
    """A person by name, switched off or not, or an access token of the organization as `acme:label`. One query.

    Raises Invalid.
    """
    prefix, colon, label = text.partition(":")
    found: Subject | None = None
    if colon:
        found = _find_robot(namespace, label) if prefix.lower() == namespace.name else None
    else:
        user = User.objects.with_confirmed().filter(username=text.lower()).first()
        if user is not None:
            found = subject_of_user(user, confirmed=user.confirmed)  # type: ignore[attr-defined]  # annotated
    if found is None:
        sentence = _("There is nobody called “%(name)s”. Write a username, or %(namespace)s:label for an access token.")
        raise Invalid.field("subject", sentence % {"name": text[:100], "namespace": namespace.name})
    return found


def _find_robot(namespace: Namespace, label: str) -> Subject | None:
    """The newest of this label; one that works before those that don't."""
    now = timezone.now()
    tokens = OrganizationAccessToken.objects.select_related("namespace").filter(namespace=namespace, label=label)
    found = sorted(tokens, key=lambda token: (token.state(now) != "active", -token.pk))
    return subject_of_robot(found[0], now) if found else None


def names_with_access(repository: Repository) -> list[str]:
    """For who doesn't belong to the organization: those of “Who has access”, which they see. Three queries."""
    return [entry.subject.name for entry in who_has_access(repository)[:OFFERED]]


def names_offered(namespace: Namespace) -> list[str]:
    """Members, guests and access tokens, to choose from while one types. Two queries."""
    tokens = OrganizationAccessToken.objects.filter(namespace=namespace).order_by("label")
    robots = [f"{namespace.name}:{label}" for label in tokens.values_list("label", flat=True)[:OFFERED]]
    members = User.objects.filter(memberships__organization__namespace=namespace)
    guests = User.objects.filter(grants__namespace=namespace)
    people = members.union(guests).order_by("username").values_list("username", flat=True)
    return [*people[:OFFERED], *robots]
