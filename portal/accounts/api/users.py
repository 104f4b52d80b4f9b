"""People."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, Need
from portal.accounts.api.serializers import OwnUserAnswer, UserAnswer
from portal.accounts.models import User
from portal.kit.errors import NotFound

TAGS = ["users"]


def fetch_user(username: str) -> User:
    """Anybody may know that a person exists, as their page shows. One query. Raises NotFound."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotFound(_("There is no such user."))
    return user


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
