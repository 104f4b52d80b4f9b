"""Which tags a rule would cover, asked before it is saved. The rules are the repository's (`api.protection`)."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.errors import Invalid
from repositories import tag_rules
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.images.immutability import matching_tags


class VerifyRequest(serializers.Serializer[Any]):
    regex = serializers.CharField(help_text="RE2, of a whole tag.")


class VerifyAnswer(serializers.Serializer[Any]):
    tags = serializers.ListField(child=serializers.CharField(), help_text="By name; the first 1,000.")
    count = serializers.IntegerField(help_text="Of all of them.")


class VerifyImmutableTags(RepositoryView):
    needs = {"POST": Permission.PROTECT_TAGS}

    @extend_schema(
        summary="List the tags that a rule would cover", tags=["tags"], request=VerifyRequest, responses=VerifyAnswer
    )
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Of those that there are now. Changes nothing."""
        row = self.fetch(namespace, repository)
        patterns = tag_rules.checked("regex", [self.read(VerifyRequest)["regex"]])
        if not patterns:
            raise Invalid.field("regex", _("Give a rule."))
        tags, count = matching_tags(row, patterns[0])
        return Response({"tags": tags, "count": count})
