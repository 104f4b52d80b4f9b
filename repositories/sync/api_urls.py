"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.sync.api import views

urlpatterns = [
    path("registry/drift", views.Drift.as_view(), name="api_registry_drift"),
    path("registry/reconcile", views.Reconcile.as_view(), name="api_registry_reconcile"),
    path("registry/differences", views.Differences.as_view(), name="api_registry_differences"),
    path("registry/differences/approve", views.Approve.as_view(), name="api_registry_approve"),
    path("registry/differences/dismiss", views.Dismiss.as_view(), name="api_registry_dismiss"),
    path(
        "namespaces/<namespace:namespace>/repositories/<repository:repository>/-/reconcile",
        views.RepositoryReconcile.as_view(),
        name="api_repository_reconcile",
    ),
]
