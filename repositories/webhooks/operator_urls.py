"""The operators' page of webhooks, under /registry/."""

from django.urls import path

from repositories.webhooks import operator_views

urlpatterns = [
    path("webhooks", operator_views.overview, name="registry_webhooks"),
]
