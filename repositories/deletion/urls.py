from django.urls import path

from repositories.deletion import bulk_views, removal_views, views

ONE = "<namespace:namespace>/<repository:name>"

urlpatterns = [
    path(f"{ONE}/-/settings/delete", removal_views.delete_repository, name="repository_delete"),
    path(f"{ONE}/-/untagged", views.untagged, name="repository_untagged"),
    path(f"{ONE}/-/tags/<tag:tag>/delete", views.delete_tag, name="repository_tag_delete"),
    path(f"{ONE}/-/images/<digest:digest>/delete", views.delete_image, name="repository_image_delete"),
    path(f"{ONE}/-/images/<digest:digest>/restore", views.restore_image, name="repository_image_restore"),
    path(f"{ONE}/-/deletions", bulk_views.deletions, name="repository_deletions"),
    path(f"{ONE}/-/deletions/<int:job_id>", bulk_views.deletion, name="repository_deletion"),
    path(f"{ONE}/-/deletions/<int:job_id>/cancel", bulk_views.cancel, name="repository_deletion_cancel"),
    path(f"{ONE}/-/deletions/<int:job_id>/restore", bulk_views.restore, name="repository_deletion_restore"),
]
