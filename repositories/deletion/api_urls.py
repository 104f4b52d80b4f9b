"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.deletion.api import views

ONE = "namespaces/<namespace:namespace>/repositories/<repository:repository>"

urlpatterns = [
    path(f"{ONE}/-/deletion-preview", views.DeletionPreview.as_view(), name="api_deletion_preview"),
    path(f"{ONE}/images/<digest:digest>/restore", views.RestoreImage.as_view(), name="api_image_restore"),
]
