"""Paths for machines, on the short way (`portal.kit.lane`)."""

from django.urls import path

from repositories.registry import denials, listings, views

urlpatterns = [
    path("token", views.token, name="registry_token"),
    path("-/denied", denials.explain_denied, name="registry_denied"),
    path("v1/_ping", listings.ping_v1, name="registry_ping_v1"),
    path("v1/search", listings.search_v1, name="registry_search_v1"),
    path("v2/_catalog", listings.catalog, name="registry_catalog"),
]
