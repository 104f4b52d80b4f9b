"""Shapes of the repositories' API. Input serializers check shape only; what is allowed is the actions' business."""

from datetime import datetime
from typing import Any, TypedDict

from rest_framework import serializers

from repositories.access import Can, Role
from repositories.api.contents import Contents
from repositories.models import Comment, Immutability, Repository
from repositories.tag_rules import split

STATUS_ACTIVE = 1
"""Docker Hub's number for a repository that can be used."""
STATUS_ARCHIVED = 2
"""Ours: Docker Hub tells no number of one that is read-only."""


class RepositoryQuery(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_blank=True, max_length=255, help_text="Part of the name.")
    ordering = serializers.ChoiceField(
        choices=["name", "-name", "last_updated", "-last_updated", "pull_count", "-pull_count"],
        required=False,
        help_text="A minus in front: descending. Without: the last updated first.",
    )
    status = serializers.ChoiceField(choices=["active", "archived"], required=False, help_text="Without: both.")


class SearchQuery(serializers.Serializer[Any]):
    query = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="Words, each a part of name or description.",
    )


class RepositoryRequest(serializers.Serializer[Any]):
    name = serializers.CharField()
    namespace = serializers.CharField(required=False, help_text="Your own when left out.")
    description = serializers.CharField(required=False, allow_blank=True, default="")
    full_description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, default="")
    is_private = serializers.BooleanField(required=False, default=True)
    registry = serializers.CharField(required=False, allow_blank=True, help_text="Docker Hub's; ignored.")


class RulesField(serializers.ListField):
    """Patterns: a list, as Docker Hub's call for them takes, or one text, as its call for the whole repository does."""

    child = serializers.CharField(allow_blank=True)

    def to_internal_value(self, data: Any) -> list[str]:
        """Blank ones, which Docker Hub sends for none, are left out."""
        found = super().to_internal_value(split(data) if isinstance(data, str) else data)
        return [text for text in found if text]


class ImmutableTagsPatch(serializers.Serializer[Any]):
    immutable_tags = serializers.BooleanField(required=False)
    immutable_tags_rules = RulesField(
        required=False, help_text="RE2, each of a whole tag. A list, or a text with commas. None: all tags."
    )
    immutable_tags_exceptions = RulesField(required=False, help_text="Likewise: tags that stay free.")


class RepositoryPatch(ImmutableTagsPatch):
    description = serializers.CharField(required=False, allow_blank=True)
    full_description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    is_private = serializers.BooleanField(required=False)


class PrivacyRequest(serializers.Serializer[Any]):
    is_private = serializers.BooleanField()


class Category(TypedDict):
    name: str
    slug: str


class Permissions(TypedDict):
    read: bool
    write: bool
    admin: bool


class ImmutableTags(TypedDict):
    enabled: bool
    rules: list[str]
    """None where it is enabled: all tags."""
    exceptions: list[str]


class RepositoryShort(serializers.Serializer[Repository]):
    """A repository in a list. `last_updated` is its last push."""

    # The context's `contents` maps ids to what they hold.
    name = serializers.CharField()
    namespace = serializers.CharField(source="namespace_name")
    repository_type = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    status_description = serializers.SerializerMethodField()
    description = serializers.CharField()
    is_private = serializers.BooleanField()
    is_archived = serializers.BooleanField()
    star_count = serializers.IntegerField()
    pull_count = serializers.IntegerField()
    last_updated = serializers.DateTimeField(source="last_pushed_at", allow_null=True)
    last_modified = serializers.DateTimeField(source="updated_at", allow_null=True)
    date_registered = serializers.DateTimeField(source="created_at")
    affiliation = serializers.SerializerMethodField()
    media_types = serializers.SerializerMethodField()
    content_types = serializers.SerializerMethodField()
    categories = serializers.SerializerMethodField()
    storage_size = serializers.SerializerMethodField()

    def _contents(self, repository: Repository) -> Contents:
        contents: Contents = self.context["contents"].get(repository.pk, Contents())
        return contents

    def get_repository_type(self, repository: Repository) -> str:
        return "image"

    def get_status(self, repository: Repository) -> int:
        """1, or 2 where it is archived: pulled, and not changed."""
        return STATUS_ARCHIVED if repository.is_archived else STATUS_ACTIVE

    def get_status_description(self, repository: Repository) -> str:
        """`active` or `archived`."""
        return "archived" if repository.is_archived else "active"

    def get_affiliation(self, repository: Repository) -> str:
        """What you are to it: `owner` may do everything, `collaborator` something that not everybody may."""
        if repository.role >= Role.ADMIN:
            return "owner"
        return "collaborator" if repository.role > Role.READ or repository.is_private else ""

    def get_media_types(self, repository: Repository) -> list[str]:
        return list(self._contents(repository).media_types)

    def get_content_types(self, repository: Repository) -> list[str]:
        return list(self._contents(repository).content_types)

    def get_categories(self, repository: Repository) -> list[Category]:
        return []

    def get_storage_size(self, repository: Repository) -> int:
        return self._contents(repository).storage_size


class RepositoryFull(RepositoryShort):
    """A repository by itself."""

    # The context has `actor`, `has_starred` and `collaborator_count` besides.
    user = serializers.CharField(source="namespace_name")
    is_automated = serializers.SerializerMethodField()
    collaborator_count = serializers.SerializerMethodField()
    hub_user = serializers.CharField(source="namespace_name")
    has_starred = serializers.SerializerMethodField()
    full_description = serializers.CharField()
    archived_at = serializers.DateTimeField(allow_null=True)
    permissions = serializers.SerializerMethodField()
    immutable_tags_settings = serializers.SerializerMethodField()
    source = serializers.SerializerMethodField()  # type: ignore[assignment]  # Docker Hub's name, and the framework's

    def get_is_automated(self, repository: Repository) -> bool:
        return False

    def get_collaborator_count(self, repository: Repository) -> int:
        """Those whose end has not come; for admins, 0 for everybody else."""
        return int(self.context["collaborator_count"])

    def get_has_starred(self, repository: Repository) -> bool:
        return bool(self.context["has_starred"])

    def get_permissions(self, repository: Repository) -> Permissions:
        """What the caller may do with this credential."""
        can = Can(self.context["actor"], repository)
        return {"read": can.pull, "write": can.push, "admin": can.delete}

    def get_immutable_tags_settings(self, repository: Repository) -> ImmutableTags:
        """Without rules, where it is enabled, all tags are immutable; none that an exception matches is."""
        is_all = repository.immutability == Immutability.ALL
        return {
            "enabled": repository.immutability != Immutability.OFF,
            "rules": [] if is_all else repository.immutable_rules,
            "exceptions": repository.immutable_exceptions,
        }

    def get_source(self, repository: Repository) -> str | None:
        return None


class Found(serializers.Serializer[Repository]):
    """A repository in a search's answer."""

    repo_name = serializers.CharField(source="full_name")
    short_description = serializers.CharField(source="description")
    star_count = serializers.IntegerField()
    pull_count = serializers.IntegerField()
    repo_owner = serializers.CharField(source="namespace_name")
    is_automated = serializers.SerializerMethodField()
    is_official = serializers.SerializerMethodField()

    def get_is_automated(self, repository: Repository) -> bool:
        return False

    def get_is_official(self, repository: Repository) -> bool:
        return False


class NamespacesAnswer(serializers.Serializer[Any]):
    namespaces = serializers.ListField(child=serializers.CharField())


class CommentRequest(serializers.Serializer[Any]):
    comment = serializers.CharField(trim_whitespace=False, help_text="Plain text, up to 2,000 characters.")


class CommentAnswer(serializers.Serializer[Comment]):
    id = serializers.IntegerField()
    user = serializers.CharField(source="author.username")
    comment = serializers.CharField(source="text")
    created_on = serializers.DateTimeField(source="created_at")
    updated_on = serializers.SerializerMethodField()

    def get_updated_on(self, comment: Comment) -> datetime:
        """A comment is never changed."""
        return comment.created_at
