"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.deletion.api import bulk, views

ONE = "namespaces/<namespace:namespace>/repositories/<repository:repository>"

urlpatterns = [
    path(f"{ONE}/-/deletion-preview", views.DeletionPreview.as_view(), name="api_deletion_preview"),
    path(f"{ONE}/images/<digest:digest>/restore", views.RestoreImage.as_view(), name="api_image_restore"),
    path(f"{ONE}/-/deletions", bulk.Deletions.as_view(), name="api_deletions"),
    path(f"{ONE}/-/deletions/<int:job_id>", bulk.OneDeletion.as_view(), name="api_deletion"),
    path(f"{ONE}/-/deletions/<int:job_id>/cancel", bulk.CancelDeletion.as_view(), name="api_deletion_cancel"),
    path(f"{ONE}/-/deletions/<int:job_id>/restore", bulk.UndoDeletion.as_view(), name="api_deletion_restore"),
]
