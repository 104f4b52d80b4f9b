"""From a name and a secret to a bearer token."""

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts import actions, bearer, credentials, tries
from portal.accounts.api.base import ApiView, Need
from portal.accounts.api.caller import address_of, seen
from portal.accounts.api.serializers import LoginAnswer, LoginRequest, TokenAnswer, TokenRequest
from portal.accounts.api.throttles import SignInThrottle
from portal.accounts.last_use import note_actor
from portal.kit.errors import Unauthorized


class SignInView(ApiView):
    """Takes no credential but the one in the body: a client may come with a token that has died."""

    needs = {"POST": Need.NOTHING}
    authentication_classes = ()
    throttle_classes = (SignInThrottle,)
    parser_classes = (JSONParser, FormParser)

    def sign_in(self, request: Request, login: str, secret: str, *, lifetime: timedelta) -> str:
        """The bearer token. Raises Unauthorized."""
        try:
            actor = seen(credentials.authenticate(login, secret), request)
        except Unauthorized:
            if not secret.startswith(credentials.TOKEN_PREFIXES):
                tries.count_failure(login, address_of(request), secret)
            raise
        note_actor(actor)
        actions.record_sign_in(actor)
        return bearer.issue(actor, secret=secret, lifetime=lifetime)


class AuthToken(SignInView):
    @extend_schema(
        summary="Create a bearer token", tags=["sign in"], request=TokenRequest, responses=TokenAnswer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Ten minutes long. `secret` is a password, a personal access token, or with an organization's name its token.

        The bearer token can do what that can, and dies with it.
        """
        given = self.read(TokenRequest)
        token = self.sign_in(request, given["identifier"], given["secret"], lifetime=bearer.LIFETIME)
        return Response({"access_token": token})


class Login(SignInView):
    @extend_schema(
        summary="Create a bearer token, the old way",
        tags=["sign in"],
        request=LoginRequest,
        responses=LoginAnswer,
        auth=[],
        deprecated=True,
    )
    def post(self, request: Request) -> Response:
        """A day long. What hub-tool, docker-pushrm and Terraform call."""
        given = self.read(LoginRequest)
        token = self.sign_in(request, given["username"], given["password"], lifetime=bearer.LOGIN_LIFETIME)
        return Response({"token": token})
