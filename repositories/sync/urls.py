"""The operators' pages, under /registry/."""

from django.urls import path

from repositories.sync import views

urlpatterns = [
    path("", views.overview, name="registry"),
    path("health", views.health, name="registry_health"),
    path("differences", views.differences, name="registry_differences"),
    path("runs", views.runs, name="registry_runs"),
    path("compare", views.compare, name="registry_compare"),
    path("approve", views.approve, name="registry_approve"),
    path("dismiss", views.dismiss, name="registry_dismiss"),
]
