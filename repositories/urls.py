"""Pages of repositories. `-` is no part of a name, so that it parts the name from the page."""

from django.urls import path

from repositories import views

ONE = "<namespace:namespace>/<repository:name>"

urlpatterns = [
    path("new", views.create_repository, name="repository_create"),
    path("<namespace:namespace>", views.namespace, name="namespace"),
    path(f"{ONE}/-/star", views.star, name="repository_star"),
    path(f"{ONE}/-/comments", views.comments, name="repository_comments"),
    path(f"{ONE}/-/comments/<int:comment_id>/delete", views.delete_comment, name="repository_comment_delete"),
    path(f"{ONE}/-/settings", views.settings, name="repository_settings"),
    path(f"{ONE}/-/settings/archive", views.archive_repository, name="repository_archive"),
]
