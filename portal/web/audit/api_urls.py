"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from portal.web.audit import api

ACCOUNT = "auditlogs/<namespace:account>"
REPOSITORY = "namespaces/<namespace:namespace>/repositories/<repository:repository>/auditlogs"

urlpatterns = [
    path(ACCOUNT, api.AccountLog.as_view(), name="api_audit_log"),
    path(f"{ACCOUNT}/actions", api.Actions.as_view(), name="api_audit_actions"),
    path(f"{ACCOUNT}/export", api.AccountExport.as_view(), name="api_audit_export"),
    path(REPOSITORY, api.RepositoryLog.as_view(), name="api_repository_audit_log"),
    path(f"{REPOSITORY}/export", api.RepositoryExport.as_view(), name="api_repository_audit_export"),
]
