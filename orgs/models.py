"""Organizations, who belongs to them, teams, invitations."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Namespace, OrganizationAccessToken, User
from portal.events.models import new_public_id

DESCRIPTION_MAX = 500
TEAM_NAME_MAX = 40


class BasePermission(models.IntegerChoices):
    """What every member may do with every repository. The numbers are those of `repositories.access.Role`."""

    NONE = 0, _("None: only what a team or a repository grants")
    READ = 1, _("Read: see and pull every repository")
    WRITE = 2, _("Write: push to every repository too")


class MemberRole(models.IntegerChoices):
    MEMBER = 1, _("Member")
    EDITOR = 2, _("Editor")
    OWNER = 3, _("Owner")


class WhoCreates(models.TextChoices):
    """Who may create repositories. A team that may write to a name pattern creates there in any case."""

    OWNERS = "owners", _("Owners")
    EDITORS = "editors", _("Owners and editors")
    MEMBERS = "members", _("Every member")


class WhoPublishes(models.TextChoices):
    """Who may make a repository public, or create one that is."""

    OWNERS = "owners", _("Owners")
    ADMINS = "admins", _("Everybody with the role admin on the repository")
    NOBODY = "nobody", _("Nobody")


class DefaultVisibility(models.TextChoices):
    PRIVATE = "private", _("Private")
    PUBLIC = "public", _("Public")


class Organization(models.Model):
    """A namespace that several people own. Its name is the namespace's."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    namespace = models.OneToOneField(Namespace, on_delete=models.PROTECT, related_name="organization")
    full_name = models.CharField(_("full name"), max_length=100, blank=True)
    description = models.CharField(_("description"), max_length=DESCRIPTION_MAX, blank=True)
    link = models.URLField(_("link"), max_length=255, blank=True)
    company = models.CharField(_("company"), max_length=100, blank=True)
    location = models.CharField(_("location"), max_length=100, blank=True)
    base_permission = models.PositiveSmallIntegerField(choices=BasePermission, default=BasePermission.READ)
    who_creates = models.CharField(max_length=8, choices=WhoCreates, default=WhoCreates.EDITORS)
    who_publishes = models.CharField(max_length=8, choices=WhoPublishes, default=WhoPublishes.OWNERS)
    default_visibility = models.CharField(max_length=8, choices=DefaultVisibility, default=DefaultVisibility.PRIVATE)
    created_at = models.DateTimeField(default=timezone.now)

    member_role: int = 0
    """The actor's role in it, set by `orgs.access`; 0 on rows that came another way."""

    objects: ClassVar[models.Manager["Organization"]] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(base_permission__in=BasePermission.values), name="org_base_permission"),
            models.CheckConstraint(condition=Q(who_creates__in=WhoCreates.values), name="org_who_creates"),
            models.CheckConstraint(condition=Q(who_publishes__in=WhoPublishes.values), name="org_who_publishes"),
            models.CheckConstraint(
                condition=Q(default_visibility__in=DefaultVisibility.values), name="org_default_visibility"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("namespace", args=[self.name])

    @property
    def name(self) -> str:
        """Of its namespace, which must have been selected with it."""
        return self.namespace.name


class Membership(models.Model):
    """A person in an organization. Teams hang on it: who leaves the organization leaves its teams."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=MemberRole, default=MemberRole.MEMBER)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role"),
        ]
        indexes = [models.Index(fields=["user", "organization"], name="membership_by_user")]


class Team(models.Model):
    """A named group of members, to grant roles to."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=TEAM_NAME_MAX)
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="team_unique_in_organization")]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """Not directly a person's, so that none can stay in a team who is not in the organization."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="team_members")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="team_members")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "membership"], name="team_member_once")]


class TeamRobot(models.Model):
    """The team whose grants an organization access token has. The token has `for_team`, so without this row, none."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="robots")
    token = models.OneToOneField(OrganizationAccessToken, on_delete=models.CASCADE, related_name="team_robot")


class InvitationState(models.TextChoices):
    PENDING = "pending", _("Pending")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    REVOKED = "revoked", _("Revoked")


class Invitation(models.Model):
    """Of a person, or of an e-mail address that may have no account yet.

    The link in the mail lives 14 days. A person with an account may accept later too, in the portal, as on Docker Hub.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    inviter = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    invitee = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="invitations")
    email = models.EmailField(max_length=254, blank=True)
    """Lower-case. Where the mail goes: the address that was typed, or the invited person's own."""
    role = models.PositiveSmallIntegerField(choices=MemberRole, default=MemberRole.MEMBER)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=8, choices=InvitationState, default=InvitationState.PENDING)
    hash = models.CharField(max_length=64, blank=True)
    """Of the link's secret. Each mail brings a new one; the link before dies."""
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    """None while the mail waits to be sent, or cannot be: then `mail_attempts` says so."""
    mail_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How often the mail was tried. Also the fence of a worker that has claimed it."""
    mail_due_at = models.DateTimeField(null=True, blank=True)
    """Not to be tried before: another worker is at it, or the last try failed."""
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="invitation_role"),
            # By name and by address apart: that an address is somebody's must not show in what is refused here.
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(state="pending", invitee=None),
                name="invitation_pending_once_by_email",
            ),
            models.UniqueConstraint(
                fields=["organization", "invitee"], condition=Q(state="pending"), name="invitation_pending_once_by_name"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="invitation_by_organization"),
            models.Index(fields=["invitee", "-id"], name="invitation_by_invitee"),
            models.Index(fields=["email"], name="invitation_by_email"),
            models.Index(fields=["hash"], name="invitation_by_hash"),
            models.Index(fields=["id"], name="invitation_unsent", condition=Q(state="pending", sent_at=None)),
        ]

    @property
    def label(self) -> str:
        """Whom it invites, as it was typed: the address of somebody invited by name stays theirs. Needs `invitee`."""
        return self.invitee.username if self.invitee else self.email

    def link_is_dead(self, now: datetime) -> bool:
        return self.expires_at <= now
