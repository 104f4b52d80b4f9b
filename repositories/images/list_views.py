"""The list of a repository's tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.paging import Page, keyset
from repositories.access import fetch_repository
from repositories.images.immutability import covered
from repositories.images.list_filters import ORDERS, Filters
from repositories.images.models import ManifestKind, Tag
from repositories.images.pulls import recent_pulls
from repositories.images.reads import platforms_of, tag_rows
from repositories.images.referrers import signed_digests
from repositories.images.shown import pull_command
from repositories.images.statuses import Status, overall, statuses_of
from repositories.models import Repository
from repositories.pages import answer, frame, seen, words

PAGE_SIZE = 25
BAR, GAP, HEIGHT = 2, 1, 16
"""Of the small drawing of a tag's pulls by day."""


@require_safe
def tags(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Eleven queries for any number of tags, on any page."""
    row = fetch_repository(request.actor, namespace, name)
    filters = Filters.of(request.GET, words(request))
    cursor = request.GET.get("cursor", "")
    page = keyset(filters.apply(tag_rows(row)), by=filters.order.by, cursor=cursor, size=PAGE_SIZE)
    context = frame(request, row, "repository_tags")
    said = _said(row, page.rows)
    context |= {
        "page": page,
        "tags": _with_more(row, shown_tags(page, row, context["host"]), said),
        "filters": filters,
        "orders": ORDERS,
        "kinds": ManifestKind.choices,
        "seen": seen([seen_tags(row, page.rows)], [(name, said[name].reported_at) for name in sorted(said)]),
    }
    return answer(request, "images/repository_tags.html", "images/tag_results.html", context)


def shown_tags(tags: Page[Tag] | Sequence[Tag], repository: Repository, host: str) -> list[dict[str, Any]]:
    rows = tags.rows if isinstance(tags, Page) else tags
    locked = covered(repository, [tag.name for tag in rows])
    return [
        {
            "row": tag,
            "platforms": platforms_of(tag.manifest),
            "pull_command": pull_command(tag.manifest, repository.full_name, tag.name, host),
            "is_immutable": tag.name in locked,
        }
        for tag in rows
    ]


def _said(repository: Repository, tags: Sequence[Tag]) -> dict[str, Status]:
    """Tag -> the word on its image that counts. One query."""
    found = statuses_of(repository, {tag.name: tag.manifest.digest for tag in tags})
    return {name: best for name, statuses in found.items() if (best := overall(statuses)) is not None}


def _with_more(repository: Repository, shown: list[dict[str, Any]], said: Mapping[str, Status]) -> list[dict[str, Any]]:
    """What only the list tells: who vouches for an image, how it was built, how often it was pulled. Three queries."""
    recent = recent_pulls(repository, [tag["row"].name for tag in shown])
    signed = signed_digests(repository.pk, list({tag["row"].manifest.digest for tag in shown}))
    for tag in shown:
        pulls = recent[tag["row"].name]
        tag |= {"recent": pulls.total, "spark": spark(pulls.days), "is_signed": tag["row"].manifest.digest in signed}
        tag["status"] = said.get(tag["row"].name)
    return shown


def spark(days: Sequence[int]) -> str:
    """The path of one bar for each day, the highest HEIGHT tall; a day with a pull is never invisible."""
    most = max(days, default=0)
    bars = [(number * (BAR + GAP), max(round(HEIGHT * count / most), 1)) for number, count in enumerate(days) if count]
    return "".join(f"M{x} {HEIGHT}v-{height}h{BAR}v{height}z" for x, height in bars)


def seen_tags(repository: Repository, tags: Sequence[Tag]) -> str:
    """Changes with every push, and when a task has read what an image holds."""
    counts = (repository.tag_count, repository.comment_count)
    return seen(counts, [(tag.pk, tag.manifest_id, tag.pushed_at, tag.manifest.details) for tag in tags])
