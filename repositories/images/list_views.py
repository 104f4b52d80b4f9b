"""The list of a repository's tags."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.paging import Page, keyset
from repositories.access import fetch_repository
from repositories.images.models import Tag
from repositories.images.reads import platforms_of, tag_rows
from repositories.images.shown import pull_command
from repositories.models import Repository
from repositories.pages import answer, frame, seen, words

PAGE_SIZE = 25
ORDERS = {"newest": "-pushed_at", "name": "name"}


@require_safe
def tags(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Four queries for any number of tags."""
    row = fetch_repository(request.actor, namespace, name)
    query, order = words(request), request.GET.get("order", "")
    order = order if order in ORDERS else "newest"
    found = tag_rows(row).filter(name__icontains=query) if query else tag_rows(row)
    page = keyset(found, by=ORDERS[order], cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = frame(request, row, "repository_tags")
    context |= {"page": page, "tags": shown_tags(page, row, context["host"]), "search_query": query, "order": order}
    context["seen"] = seen_tags(row, list(page.rows))
    return answer(request, "images/repository_tags.html", "images/tag_results.html", context)


def shown_tags(tags: Page[Tag] | list[Tag], repository: Repository, host: str) -> list[dict[str, Any]]:
    rows = tags.rows if isinstance(tags, Page) else tags
    return [
        {
            "row": tag,
            "platforms": platforms_of(tag.manifest),
            "pull_command": pull_command(tag.manifest, repository.full_name, tag.name, host),
        }
        for tag in rows
    ]


def seen_tags(repository: Repository, tags: list[Tag]) -> str:
    """Changes with every push, and when a task has read what an image holds."""
    counts = (repository.tag_count, repository.comment_count)
    return seen(counts, [(tag.pk, tag.manifest_id, tag.pushed_at, tag.manifest.details) for tag in tags])
