"""Every page and every path of the API. What machines ask without a session is in `machine_urls`."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path

from portal.accounts.api.missing import Missing

# The sign-in of our own pages, with its rate limits, serves the admin too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Moorage"

urlpatterns = [
    path("", include("portal.web.urls")),
    path("", include("portal.web.audit.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("v2/", include("portal.accounts.api.urls")),
    path("v2/", include("orgs.api.urls")),
    path("v2/", include("repositories.api.urls")),
    path("v2/", include("repositories.grants.api.urls")),
    path("v2/", include("repositories.images.api_urls")),
    path("v2/", include("repositories.deletion.api_urls")),
    path("v2/", include("repositories.sync.api_urls")),
    path("v2/", include("repositories.webhooks.api_urls")),
    path("v2/", include("portal.web.audit.api_urls")),
    re_path(r"^v2/[\s\S]*\Z", Missing.as_view(), name="api_missing"),  # a line break in it too
    path("registry/", include("repositories.sync.urls")),
    path("registry/", include("repositories.webhooks.operator_urls")),
    path("", include("orgs.urls")),
    path("", include("repositories.urls")),
    path("", include("repositories.grants.urls")),
    path("", include("repositories.images.urls")),
    path("", include("repositories.deletion.urls")),
    path("", include("repositories.sync.repository_urls")),
    path("", include("repositories.webhooks.urls")),
]

handler500 = "portal.web.errors.server_error"
handler429 = "portal.web.errors.too_many_requests"  # asked for by allauth
