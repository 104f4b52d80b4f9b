"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms.

A repository's name may hold slashes, but none of the words that follow it here: `repositories.converters` sees to that.
"""

from django.urls import path

from repositories.api import protection, repositories, search, social

NEW, OLD = "namespaces/<namespace:namespace>/repositories", "repositories/<namespace:namespace>"
ONE = f"{OLD}/<repository:repository>"

urlpatterns = [
    path("search/repositories", search.Search.as_view(), name="api_search"),
    path("repositories", repositories.OldCreate.as_view(), name="api_old_create"),
    path("repositories/namespaces", repositories.Namespaces.as_view(), name="api_namespaces"),
    path("users/<namespace:username>/repositories/starred", social.Starred.as_view(), name="api_starred"),
    path(NEW, repositories.Repositories.as_view(), name="api_repositories"),
    path(f"{NEW}/<repository:repository>", repositories.OneRepository.as_view(), name="api_repository"),
    path(f"{NEW}/<repository:repository>/immutabletags", protection.ImmutableTags.as_view(), name="api_immutable_tags"),
    path(f"{NEW}/<repository:repository>/-/archive", protection.Archive.as_view(), name="api_archive"),
    path(f"{NEW}/<repository:repository>/-/unarchive", protection.Unarchive.as_view(), name="api_unarchive"),
    path(OLD, repositories.OldRepositories.as_view(), name="api_old_repositories"),
    path(ONE, repositories.OneRepository.as_view(), name="api_old_repository"),
    path(f"{ONE}/privacy", repositories.Privacy.as_view(), name="api_privacy"),
    path(f"{ONE}/stars/count", social.StarCount.as_view(), name="api_star_count"),
    path(f"{ONE}/stars", social.Stars.as_view(), name="api_stars"),
    path(f"{ONE}/comments", social.Comments.as_view(), name="api_comments"),
    path(f"{ONE}/comments/<int:comment_id>", social.OneComment.as_view(), name="api_comment"),
]
