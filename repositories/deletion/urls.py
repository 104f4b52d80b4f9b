from django.urls import path

from repositories.deletion import views

ONE = "<namespace:namespace>/<repository:name>"

urlpatterns = [
    path(f"{ONE}/-/untagged", views.untagged, name="repository_untagged"),
    path(f"{ONE}/-/tags/<tag:tag>/delete", views.delete_tag, name="repository_tag_delete"),
    path(f"{ONE}/-/images/<digest:digest>/delete", views.delete_image, name="repository_image_delete"),
    path(f"{ONE}/-/images/<digest:digest>/restore", views.restore_image, name="repository_image_restore"),
]
