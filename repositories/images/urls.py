from django.urls import path

from repositories.images import views

ONE = "<namespace:namespace>/<repository:name>"

urlpatterns = [
    path(ONE, views.repository, name="repository"),
    path(f"{ONE}/-/tags", views.tags, name="repository_tags"),
    path(f"{ONE}/-/tags/<tag:tag>", views.tag, name="repository_tag"),
    path(f"{ONE}/-/history", views.history, name="repository_history"),
]
