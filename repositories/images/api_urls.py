"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.images.api import immutable, views

NEW = "namespaces/<namespace:namespace>/repositories/<repository:repository>/tags"
OLD = "repositories/<namespace:namespace>/<repository:repository>/tags"

urlpatterns = [
    path(NEW, views.Tags.as_view(), name="api_tags"),
    path(f"{NEW}/<tag:tag>", views.OneTag.as_view(), name="api_tag"),
    path(f"{NEW}/<tag:tag>/images", views.TagImages.as_view(), name="api_tag_images"),
    path(OLD, views.Tags.as_view(), name="api_old_tags"),
    path(f"{OLD}/<tag:tag>", views.OneTag.as_view(), name="api_old_tag"),
    path(f"{OLD}/<tag:tag>/images", views.TagImages.as_view(), name="api_old_tag_images"),
    path(
        "namespaces/<namespace:namespace>/repositories/<repository:repository>/immutabletags/verify",
        immutable.VerifyImmutableTags.as_view(),
        name="api_immutable_tags_verify",
    ),
]
