from django.urls import path

from repositories.images import compare_views, history_views, list_views, protect_views, tag_views, views

ONE = "<namespace:namespace>/<repository:name>"

urlpatterns = [
    path(ONE, views.repository, name="repository"),
    path(f"{ONE}/-/tags", list_views.tags, name="repository_tags"),
    path(f"{ONE}/-/tags/<tag:tag>", views.tag, name="repository_tag"),
    path(f"{ONE}/-/tags/<tag:tag>/roll-back", tag_views.roll_back, name="repository_tag_roll_back"),
    path(f"{ONE}/-/tags/<tag:tag>/restore", tag_views.restore, name="repository_tag_restore"),
    path(f"{ONE}/-/tags/<tag:tag>/copy", tag_views.copy, name="repository_tag_copy"),
    path(f"{ONE}/-/images/<digest:digest>", views.image, name="repository_image"),
    path(f"{ONE}/-/images/<digest:digest>/raw", views.raw, name="repository_image_raw"),
    path(f"{ONE}/-/history", history_views.history, name="repository_history"),
    path(f"{ONE}/-/compare", compare_views.compare, name="repository_compare"),
    path(f"{ONE}/-/settings/tags", protect_views.tag_settings, name="repository_tag_settings"),
]
