"""People."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.access import fetch_user
from portal.accounts.api.base import ApiView, Need
from portal.accounts.api.serializers import OwnUserAnswer, UserAnswer
from portal.kit.errors import Forbidden

TAGS = ["users"]


class OwnUser(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Read your own account", tags=TAGS, responses=OwnUserAnswer)
    def get(self, request: Request) -> Response:
        """Whose credential this is. An organization access token has no user."""
        if self.actor.user_id is None:
            raise Forbidden(_("Only a person does this."))
        user = fetch_user(self.actor.name)
        return Response(OwnUserAnswer(user, context={"view": self}).data)


class OneUser(ApiView):
    needs = {"GET": Need.NOTHING}

    @extend_schema(summary="Read a user", tags=TAGS, responses=UserAnswer)
    def get(self, request: Request, username: str) -> Response:
        """Their name and since when they are here."""
        return Response(UserAnswer(fetch_user(username)).data)
