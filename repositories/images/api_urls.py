"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.images.api import compare, history, history_actions, images, immutable, views

NEW = "namespaces/<namespace:namespace>/repositories/<repository:repository>/tags"
OLD = "repositories/<namespace:namespace>/<repository:repository>/tags"
IMAGES = "namespaces/<namespace:namespace>/repositories/<repository:repository>/images"
ONE = "namespaces/<namespace:namespace>/repositories/<repository:repository>/-"

urlpatterns = [
    path(NEW, views.Tags.as_view(), name="api_tags"),
    path(f"{NEW}/<tag:tag>", views.OneTag.as_view(), name="api_tag"),
    path(f"{NEW}/<tag:tag>/images", views.TagImages.as_view(), name="api_tag_images"),
    path(f"{NEW}/<tag:tag>/statuses", views.TagStatuses.as_view(), name="api_tag_statuses"),
    path(OLD, views.Tags.as_view(), name="api_old_tags"),
    path(f"{OLD}/<tag:tag>", views.OneTag.as_view(), name="api_old_tag"),
    path(f"{OLD}/<tag:tag>/images", views.TagImages.as_view(), name="api_old_tag_images"),
    path(
        "namespaces/<namespace:namespace>/repositories/<repository:repository>/immutabletags/verify",
        immutable.VerifyImmutableTags.as_view(),
        name="api_immutable_tags_verify",
    ),
    path(IMAGES, images.Images.as_view(), name="api_images"),
    path(f"{IMAGES}/<digest:digest>", images.OneImage.as_view(), name="api_image"),
    path(f"{IMAGES}/<digest:digest>/manifest", images.ImageManifest.as_view(), name="api_image_manifest"),
    path(f"{IMAGES}/<digest:digest>/referrers", images.ImageReferrers.as_view(), name="api_image_referrers"),
    path(f"{ONE}/history", history.History.as_view(), name="api_history"),
    path(f"{ONE}/compare", compare.Compare.as_view(), name="api_compare"),
    path(f"{NEW}/<tag:tag>/history", history.OneTagsHistory.as_view(), name="api_tag_history"),
    path(f"{NEW}/<tag:tag>/roll-back", history_actions.RollBack.as_view(), name="api_tag_roll_back"),
    path(f"{NEW}/<tag:tag>/restore", history_actions.Restore.as_view(), name="api_tag_restore"),
    path(f"{NEW}/<tag:tag>/copy", history_actions.Copy.as_view(), name="api_tag_copy"),
]
