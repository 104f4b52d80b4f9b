"""What keeps a repository as it is: immutable tags, at Docker Hub's path, and the archive, which is ours."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.actor import Actor
from portal.kit.errors import Invalid
from repositories import actions
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.api.serializers import ImmutableTagsPatch, RepositoryFull
from repositories.models import Immutability, Repository

FIELDS = {"rules": "immutable_tags_rules", "exceptions": "immutable_tags_exceptions", "immutability": "immutable_tags"}
"""The action's names and the API's."""


def protect(actor: Actor, row: Repository, given: dict[str, Any]) -> Repository:
    """Change what of the immutable tags is given. What stays is no change: clients send the whole object back.

    Raises as `actions.protect_tags`, with the API's names of the fields.
    """
    rules, exceptions = given.get("immutable_tags_rules"), given.get("immutable_tags_exceptions")
    mode = _mode(row, enabled=given.get("immutable_tags"), rules=rules)
    same = (
        mode == row.immutability
        and rules in (None, [] if mode == Immutability.ALL else row.immutable_rules)
        and exceptions in (None, row.immutable_exceptions)
    )
    if same:
        return row
    try:
        return actions.protect_tags(actor=actor, repository=row, immutability=mode, rules=rules, exceptions=exceptions)
    except Invalid as error:
        fields = {FIELDS.get(name, name): texts for name, texts in error.fields.items()}
        raise Invalid(error.message, fields=fields) from error


def _mode(row: Repository, *, enabled: bool | None, rules: list[str] | None) -> Immutability:
    """Docker Hub knows a switch and rules, no rules meaning all tags."""
    if enabled is False or (enabled is None and row.immutability == Immutability.OFF):
        return Immutability.OFF
    shown = [] if row.immutability == Immutability.ALL else row.immutable_rules
    return Immutability.MATCHING if (shown if rules is None else rules) else Immutability.ALL


class ImmutableTags(RepositoryView):
    needs = {"PATCH": Permission.PROTECT_TAGS}

    @extend_schema(
        summary="Say which tags are immutable", tags=["tags"], request=ImmutableTagsPatch, responses=RepositoryFull
    )
    def patch(self, request: Request, namespace: str, repository: str) -> Response:
        """What you leave out stays. A pattern that RE2 refuses is answered in its words."""
        row = self.fetch(namespace, repository)
        return self.full(protect(self.actor, row, self.read(ImmutableTagsPatch)))


class Archive(RepositoryView):
    needs = {"POST": Permission.ARCHIVE}

    @extend_schema(summary="Archive a repository", tags=["repositories"], request=None, responses=RepositoryFull)
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """It can be pulled, and nothing else, until you bring it back. Twice is once."""
        row = self.fetch(namespace, repository)
        return self.full(actions.archive_repository(actor=self.actor, repository=row))


class Unarchive(RepositoryView):
    needs = {"POST": Permission.ARCHIVE}

    @extend_schema(summary="Bring a repository back", tags=["repositories"], request=None, responses=RepositoryFull)
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """From the archive. Twice is once."""
        row = self.fetch(namespace, repository)
        return self.full(actions.unarchive_repository(actor=self.actor, repository=row))
