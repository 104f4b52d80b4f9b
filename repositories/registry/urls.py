"""Paths for machines, on the short way (`portal.kit.lane`)."""

from django.urls import path

from repositories.registry import views

urlpatterns = [
    path("token", views.token, name="registry_token"),
]
