"""Pages of organizations. `-` is no part of a name, so that it parts the organization from the page."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
