"""Namespaces, users, credentials."""

from datetime import datetime
from typing import ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.names import NAME_MAX, validate_namespace
from portal.events.models import new_public_id


class CreateOnPush(models.TextChoices):
    """What a push to a repository that doesn't exist does, in a namespace where the pusher may create."""

    OFF = "off", _("Refuse the push")
    PRIVATE = "private", _("Create a private repository")
    PUBLIC = "public", _("Create a public repository")


class Namespace(models.Model):
    """The one table of names, of users and organizations alike, unique without regard to case.

    A row without an owner is a name that is held: released, and not to be handed to somebody else.
    """

    name = models.CharField(max_length=NAME_MAX, unique=True, validators=[validate_namespace])
    create_on_push = models.CharField(max_length=8, choices=CreateOnPush, default=CreateOnPush.PRIVATE)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="namespace_unique_without_case"),
            models.CheckConstraint(
                condition=Q(create_on_push__in=CreateOnPush.values), name="namespace_create_on_push"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=username)

    def with_confirmed(self) -> models.QuerySet["User"]:
        """Users annotated with `confirmed`: whether an e-mail address of theirs was confirmed. No further query."""
        confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
        return self.get_queryset().annotate(confirmed=Exists(confirmed))


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `username` is the name of the person's namespace; `actions.create_user` writes both."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    """Stable, and shown to others: the registry token's subject, the API's id."""
    namespace = models.OneToOneField(Namespace, on_delete=models.PROTECT, related_name="user")
    username = models.CharField(_("username"), max_length=NAME_MAX, unique=True, validators=[validate_namespace])
    email = models.EmailField(_("e-mail address"), max_length=254)
    full_name = models.CharField(_("full name"), max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    """When a page, the API or docker was last used as this person; exact to a few minutes."""

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.username


class TokenLevel(models.TextChoices):
    """Docker Hub's four levels, each of which includes the one before."""

    PUBLIC_READ = "repo:public_read", _("Public read-only")
    READ = "repo:read", _("Read-only")
    WRITE = "repo:write", _("Read and write")
    ADMIN = "repo:admin", _("Read, write and delete")


class TokenAction(models.TextChoices):
    """What an access token that is limited may do in one of the places it is limited to."""

    VIEW = "view", _("Look, without pulling")
    """Alone: whoever may do anything in a place may look at it."""
    PULL = "pull", _("Pull")
    PUSH = "push", _("Push")
    DELETE = "delete", _("Delete tags and images")
    DESCRIPTION = "description", _("Edit the description")
    WEBHOOKS = "webhooks", _("Manage webhooks")
    MANAGE = "manage", _("Manage settings, access and the repository itself")
    CREATE = "create", _("Create repositories")
    READ_ORGANIZATION = "organization:read", _("See members, teams and invitations")
    MANAGE_ORGANIZATION = "organization:manage", _("Manage members, teams and invitations")
    READ_AUDIT = "audit:read", _("Read the audit log")


class PersonalAccessTokenQuerySet(models.QuerySet["PersonalAccessToken"]):
    def usable(self, now: datetime | None = None) -> "PersonalAccessTokenQuerySet":
        """Switched on and not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()), is_active=True)


class AccessToken(models.Model):
    """What personal and organization access tokens share. The secret is shown once, and stored as SHA-256."""

    public_id = models.UUIDField(unique=True, editable=False)
    label = models.CharField(max_length=100)
    hash = models.CharField(max_length=64, unique=True)
    limits = models.JSONField(null=True, blank=True)
    """Where it may do what: [{"path": "acme/payments/*", "actions": ["pull", "push"]}]. The path is a name pattern over
    full names, or `acme` alone for the organization itself. None: it is not limited. Read by `actor.limits_of`."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.CharField(max_length=45, blank=True)
    last_used_client = models.CharField(max_length=256, blank=True)
    creator_address = models.CharField(max_length=45, blank=True)
    creator_client = models.CharField(max_length=256, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.label

    def state(self, now: datetime) -> str:
        """`active`, `off` or `expired`, without a query."""
        if self.expires_at and self.expires_at <= now:
            return "expired"
        return "active" if self.is_active else "off"


class PersonalAccessToken(AccessToken):
    """A secret that acts for its user, up to its level, and where `limits` allow it."""

    PREFIX = "moor_pat_"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    level = models.CharField(max_length=16, choices=TokenLevel)

    objects = PersonalAccessTokenQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(level__in=TokenLevel.values), name="access_token_level")]
        indexes = [models.Index(fields=["user", "-id"], name="access_token_by_user")]


class OrganizationAccessTokenQuerySet(models.QuerySet["OrganizationAccessToken"]):
    def usable(self, now: datetime | None = None) -> "OrganizationAccessTokenQuerySet":
        """Switched on and not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()), is_active=True)

    def with_secret(self, hashed: str, now: datetime | None = None) -> "OrganizationAccessTokenQuerySet":
        """By the hash of its secret, or of the one before, as long as both are taken."""
        old = Q(old_hash=hashed, old_hash_until__gt=now or timezone.now())
        return self.filter(Q(hash=hashed) | old)


class OrganizationAccessToken(AccessToken):
    """A robot: a secret that acts for an organization, or for one of its teams, where `limits` allow it.

    Its login name is the organization's. It outlives whoever made it.
    """

    PREFIX = "moor_oat_"

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="access_tokens")
    for_team = models.BooleanField(default=False)
    """Whether it has the grants of a team (`orgs.TeamRobot`) and nothing else. Without, it is the organization's."""
    description = models.CharField(max_length=500, blank=True)
    old_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    old_hash_until = models.DateTimeField(null=True, blank=True)
    """After a rotation the secret before is taken until then."""
    resources = models.JSONField(null=True, blank=True)
    """Word for word what a client of Docker Hub's API asked for, so that Terraform sees what it wrote. Only `limits`
    decides; None once the limits were changed in another way."""
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = OrganizationAccessTokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["namespace", "-id"], name="org_token_by_namespace")]

    def hashes(self, now: datetime) -> list[str]:
        """Of the secrets that are taken."""
        old = [self.old_hash] if self.old_hash and self.old_hash_until and self.old_hash_until > now else []
        return [self.hash, *old]

    @property
    def actor_name(self) -> str:
        """How logs and histories name it: no user is called so. Fits `Event.actor_name`."""
        return f"{self.namespace.name}:{self.label}"[:64]


class RefreshToken(models.Model):
    """What docker keeps in place of a password after `docker login` with a refresh token.

    Bound to one service and one subject, and to the credential that made it: it dies with the access token, or when the
    password changes. Doesn't expire by itself (Docker's token specification), hence a row that can be revoked.
    """

    PREFIX = "moor_ref_"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_tokens")
    access_token = models.ForeignKey(PersonalAccessToken, on_delete=models.CASCADE, null=True, blank=True)
    password_stamp = models.CharField(max_length=64, blank=True)
    """`credentials.password_stamp()` at the time, when it was made with a password."""
    service = models.CharField(max_length=100)
    client_id = models.CharField(max_length=100, blank=True)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.CharField(max_length=45, blank=True, default="", db_default="")
    last_used_client = models.CharField(max_length=256, blank=True, default="", db_default="")
