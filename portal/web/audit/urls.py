"""Pages of the audit log. `-` is no part of a name, so that it parts the name from the page."""

from django.urls import path

from portal.web.audit import views

ORGANIZATION = "<namespace:namespace>/-/audit"
REPOSITORY = "<namespace:namespace>/<repository:name>/-/audit"

urlpatterns = [
    path("accounts/audit/", views.own_audit, name="own_audit"),
    path("accounts/audit/export", views.export_own_audit, name="own_audit_export"),
    path("accounts/audit/all/", views.whole_audit, name="whole_audit"),
    path("accounts/audit/all/export", views.export_whole_audit, name="whole_audit_export"),
    path(ORGANIZATION, views.organization_audit, name="organization_audit"),
    path(f"{ORGANIZATION}/export", views.export_organization_audit, name="organization_audit_export"),
    path(REPOSITORY, views.repository_audit, name="repository_audit"),
    path(f"{REPOSITORY}/export", views.export_repository_audit, name="repository_audit_export"),
]
