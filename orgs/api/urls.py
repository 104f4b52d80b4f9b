"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
