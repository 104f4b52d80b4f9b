"""Shapes of effective access."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from orgs.models import MemberRole
from repositories.access import Reason
from repositories.access.check import Asked, Checked, Looked
from repositories.access.people import Entry
from repositories.access.reach import Reached
from repositories.grants.effective import FILTERS
from repositories.grants.preview import Changed, Preview
from repositories.models import Visibility
from repositories.names import NAME_MAX

ROLES = ["none", "read", "write", "admin"]
NAME = NAME_MAX * 2


class PeopleQuery(serializers.Serializer[Any]):
    query = serializers.CharField(required=False, max_length=200, help_text="In the name or the full name.")
    role = serializers.ChoiceField(choices=[name for name, _label in FILTERS], required=False)


class ReachQuery(serializers.Serializer[Any]):
    query = serializers.CharField(required=False, max_length=200, help_text="In the repository's name.")


class CheckQuery(serializers.Serializer[Any]):
    subject = serializers.CharField(max_length=NAME, help_text="A username, or `acme:label` for an access token.")
    action = serializers.ChoiceField(choices=[asked.value for asked in Asked])


class CheckInOrganizationQuery(CheckQuery):
    repository = serializers.CharField(max_length=NAME, help_text="Its name; it needn't exist.")


class ReasonAnswer(serializers.Serializer[Reason]):
    """One rule that gives a role."""

    rule = serializers.CharField(source="source", help_text="Such as `team` or `base permission`.")
    role = serializers.CharField(source="role_word")
    text = serializers.CharField(source="words")
    team = serializers.CharField()
    pattern = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


class PersonAnswer(serializers.Serializer[Entry]):
    """Somebody who has access."""

    name = serializers.CharField(source="subject.name", help_text="A username, or `acme:label` of an access token.")
    full_name = serializers.CharField(source="subject.full_name")
    kind = serializers.SerializerMethodField()
    role = serializers.CharField(source="role_word")
    reasons = ReasonAnswer(many=True)
    caps = serializers.ListField(child=serializers.CharField(), help_text="What makes the role less than the reasons.")

    def get_kind(self, entry: Entry) -> str:
        return "access token" if entry.subject.is_robot else "person"


class ReachedAnswer(serializers.Serializer[Reached]):
    """A repository that somebody reaches."""

    repository = serializers.CharField(source="repository.full_name")
    is_private = serializers.BooleanField(source="repository.is_private")
    role = serializers.CharField(source="role_word")
    reasons = ReasonAnswer(many=True)
    caps = serializers.ListField(child=serializers.CharField())


class RuleAnswer(serializers.Serializer[Looked]):
    outcome = serializers.CharField(help_text="`gives`, `not`, or `caps`: it stands in the way.")
    text = serializers.CharField()
    role = serializers.CharField(help_text="That it gives; else empty.")


class CheckAnswer(serializers.Serializer[Checked]):
    """The verdict, and how it came about."""

    subject = serializers.CharField(source="subject.name")
    repository = serializers.CharField(source="full_name")
    exists = serializers.BooleanField()
    action = serializers.CharField(source="asked")
    allowed = serializers.BooleanField()
    reason = serializers.CharField()
    role = serializers.CharField(source="role_word")
    rules = RuleAnswer(many=True)


class GrantChange(serializers.Serializer[Any]):
    """To a `team` or to a `user`; the role `none` takes the grant away."""

    team = serializers.CharField(required=False, max_length=NAME)
    user = serializers.CharField(required=False, max_length=NAME)
    pattern = serializers.CharField(max_length=NAME, help_text="Of a user, the name of a repository.")
    role = serializers.ChoiceField(choices=ROLES)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("team" in values) == ("user" in values):
            raise serializers.ValidationError(_("Name a team or a user."))
        return values


class MembershipChange(serializers.Serializer[Any]):
    """Of the organization (`role`; `none`: removed) or, with `team`, of that team (`member` or `none`)."""

    user = serializers.CharField(max_length=NAME)
    team = serializers.CharField(required=False, max_length=NAME)
    role = serializers.ChoiceField(choices=["none", *(role.name.lower() for role in MemberRole)])


class VisibilityChange(serializers.Serializer[Any]):
    repository = serializers.CharField(max_length=NAME)
    visibility = serializers.ChoiceField(choices=Visibility.values)


class PreviewRequest(serializers.Serializer[Any]):
    base_permission = serializers.ChoiceField(choices=ROLES[:3], required=False)
    grant = GrantChange(required=False)
    membership = MembershipChange(required=False)
    visibility = VisibilityChange(required=False)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if len(values) != 1:
            raise serializers.ValidationError(
                _("Send one of: base_permission, grant, membership, visibility."), code="one"
            )
        return values


class ChangedAnswer(serializers.Serializer[Changed]):
    name = serializers.CharField()
    kind = serializers.CharField(help_text="`person`, `robot` or `team`.")
    repository = serializers.CharField()
    before = serializers.CharField(source="before_word")
    after = serializers.CharField(source="after_word")
    reason = serializers.CharField(source="words")
    is_outsider = serializers.BooleanField()


class PreviewAnswer(serializers.Serializer[Preview]):
    """Who gains and who loses. `becomes_public`: everybody gains read there."""

    gains = ChangedAnswer(many=True, source="first_gains")
    gain_count = serializers.SerializerMethodField()
    losses = ChangedAnswer(many=True, source="first_losses")
    loss_count = serializers.SerializerMethodField()
    outsiders = serializers.ListField(child=serializers.CharField())
    becomes_public = serializers.ListField(child=serializers.CharField())
    becomes_private = serializers.ListField(child=serializers.CharField())
    needs_confirmation = serializers.BooleanField(help_text="Whether the page would ask first.")
    repositories = serializers.IntegerField(source="matched", help_text="How many were compared.")
    truncated = serializers.CharField(help_text="What was left out; empty when nothing was.")

    def get_gain_count(self, found: Preview) -> int:
        return len(found.gains)

    def get_loss_count(self, found: Preview) -> int:
        return len(found.losses)
