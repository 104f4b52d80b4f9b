"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from portal.accounts.api import access_tokens, sign_in, users

urlpatterns = [
    path("auth/token", sign_in.AuthToken.as_view(), name="api_auth_token"),
    path("users/login", sign_in.Login.as_view(), name="api_users_login"),
    path("access-tokens", access_tokens.AccessTokens.as_view(), name="api_access_tokens"),
    path("access-tokens/<str:uuid>", access_tokens.AccessToken.as_view(), name="api_access_token"),
    path("api_tokens", access_tokens.OldAccessTokens.as_view(), name="api_old_access_tokens"),
    path("api_tokens/<str:uuid>", access_tokens.OldAccessToken.as_view(), name="api_old_access_token"),
    path("user", users.OwnUser.as_view(), name="api_own_user"),
    path("users/<namespace:username>", users.OneUser.as_view(), name="api_user"),
]
