"""People."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.access import fetch_user
from portal.accounts.api.base import ApiView, Need
from portal.accounts.api.serializers import OwnUserAnswer, UserAnswer

TAGS = ["users"]


class OwnUser(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Read your own account", tags=TAGS, responses=OwnUserAnswer)
    def get(self, request: Request) -> Response:
        """Whose credential this is."""
        user = fetch_user(self.actor.name)
        return Response(OwnUserAnswer(user, context={"view": self}).data)


class OneUser(ApiView):
    needs = {"GET": Need.NOTHING}

    @extend_schema(summary="Read a user", tags=TAGS, responses=UserAnswer)
    def get(self, request: Request, username: str) -> Response:
        """Their name and since when they are here."""
        return Response(UserAnswer(fetch_user(username)).data)
