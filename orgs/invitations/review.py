"""Judging each line of a list of people: who of them can be invited, and why the others cannot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from orgs.invitations.lists import Entry
from orgs.models import Invitation, InvitationState, Membership, Organization
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.names import NAME, NAME_MAX
from portal.kit.errors import Text

EMAIL_MAX = 254


class Finding(StrEnum):
    """What a line is. The values are those of Docker Hub's API, as far as it tells them apart."""

    NEW = "invited"
    MEMBER = "existing_org_member"
    PENDING = "existing_org_invite"
    YOURSELF = "yourself"
    DUPLICATE = "duplicate"
    INVALID = "invalid_email_or_docker_id"


@dataclass(slots=True)
class Line:
    """An entry, what it is, and why. `user` when it names an account, else `email`, in lower case."""

    entry: Entry
    finding: Finding = Finding.NEW
    reason: Text = ""
    email: str = ""
    user: User | None = None
    invitation: Invitation | None = None
    """Once it is made."""

    @property
    def key(self) -> str:
        """Equal for two lines that are the same. Not for a name and its address: that would tell whose it is."""
        return self.email or self.entry.text.lower()


def review(actor: Actor, organization: Organization, entries: Sequence[Entry]) -> list[Line]:
    """A line for each entry. Four queries, whatever the length of the list."""
    lines = [_read(entry) for entry in entries]
    _find_people(lines)
    _mark_duplicates(lines)
    _mark_known(actor, organization, [line for line in lines if line.finding is Finding.NEW])
    return lines


def _read(entry: Entry) -> Line:
    """Without a query: whether it can be an address or a name at all."""
    line = Line(entry)
    if entry.problem:
        line.finding, line.reason = Finding.INVALID, entry.problem
    elif "@" not in entry.text:
        if not (len(entry.text) <= NAME_MAX and NAME.fullmatch(entry.text.lower())):
            line.finding, line.reason = Finding.INVALID, _("This is neither an e-mail address nor a username.")
    elif not _is_address(entry.text):
        line.finding, line.reason = Finding.INVALID, _("This is not an e-mail address.")
    else:
        line.email = entry.text.lower()
    return line


def _is_address(text: str) -> bool:
    """As a mail program could send to it. Quoted names before the @ are left out: nobody has them, and lists break."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= EMAIL_MAX and '"' not in text


def _find_people(lines: Sequence[Line]) -> None:
    """The account that each name belongs to. Those that were switched off do not exist here. One query."""
    named = [line for line in lines if line.finding is Finding.NEW and not line.email]
    names = {line.entry.text.lower() for line in named}
    people = {user.username: user for user in User.objects.filter(username__in=names, is_active=True)} if names else {}
    for line in named:
        line.user = people.get(line.entry.text.lower())
        if line.user is None:
            line.finding, line.reason = Finding.INVALID, _("There is no such user.")


def _mark_duplicates(lines: Sequence[Line]) -> None:
    first: dict[str, Line] = {}
    for line in lines:
        if line.finding is not Finding.NEW:
            continue
        earlier = first.setdefault(line.key, line)
        if earlier is not line:
            line.finding = Finding.DUPLICATE
            line.reason = _("The same as in line %(line)d.") % {"line": earlier.entry.line}


def _mark_known(actor: Actor, organization: Organization, lines: Sequence[Line]) -> None:
    """Yourself, members, and who is invited already. Three queries, or none for no line."""
    if not lines:
        return
    owners = _owners_of(line.email for line in lines if line.email)
    keys = {line.user.pk if line.user else owners.get(line.email) for line in lines} - {None}
    members = set(Membership.objects.filter(organization=organization, user__in=keys).values_list("user_id", flat=True))
    pending = _pending(organization, lines)
    for line in lines:
        person = line.user.pk if line.user else owners.get(line.email)
        if person is not None and person == actor.user_id:
            line.finding, line.reason = Finding.YOURSELF, _("This is you.")
        elif person in members:
            line.finding, line.reason = Finding.MEMBER, _("Belongs to the organization already.")
        elif (line.user.pk if line.user else line.email) in pending:
            line.finding = Finding.PENDING
            line.reason = _("Is invited already. Send the mail again from the list of invitations.")


def _owners_of(emails: Iterable[str]) -> dict[str, int]:
    """The account that each address belongs to, if it was confirmed. One query."""
    found = EmailAddress.objects.filter(email__in=list(emails), verified=True)
    return dict(found.values_list("email", "user_id"))


def _pending(organization: Organization, lines: Sequence[Line]) -> set[int | str]:
    """Keys of people invited by name, and addresses. One query."""
    found = Invitation.objects.filter(organization=organization, state=InvitationState.PENDING)
    people = {line.user.pk for line in lines if line.user}
    wanted = found.filter(invitee__in=people) | found.filter(
        invitee=None, email__in=[line.email for line in lines if line.email]
    )
    return {invitee or email for invitee, email in wanted.values_list("invitee_id", "email")}
