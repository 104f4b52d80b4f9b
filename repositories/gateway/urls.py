"""Paths for machines, on the short way (`portal.kit.lane`)."""

from django.urls import path, re_path

from portal.accounts.names import API_SEGMENTS
from repositories.gateway import views

_API = "|".join(sorted(API_SEGMENTS))

urlpatterns = [
    path("-/notifications", views.notifications, name="notifications"),
    # Everything under /v2/ that is not the API's. `/v2/` itself is answered by the registry.
    re_path(rf"^v2/(?!(?:{_API})(?:/|$)).+$", views.registry_path, name="registry_path"),
]
