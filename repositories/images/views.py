"""The pages of a repository that show what it holds: overview, one tag, one image."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import NotFound
from portal.kit.text import markdown
from repositories.access import Permission, fetch_repository
from repositories.images.history_views import gone_tag
from repositories.images.image_page import fetch_image, read_image
from repositories.images.immutability import covering_rule
from repositories.images.list_views import seen_tags, shown_tags
from repositories.images.models import Manifest, Tag
from repositories.images.raw import indented, raw_response
from repositories.images.reads import fetch_tag, history_rows, platforms_of, tag_rows
from repositories.images.shown import pull_command, pull_commands
from repositories.images.statuses import is_awaited, overall, statuses_of
from repositories.models import Repository
from repositories.pages import answer, frame, is_partial, seen
from repositories.registry import client

RECENT = 5
TAG_HISTORY_SHOWN = 10
LAYERS_SHOWN = 100
"""Steps of one image before somebody asks for all of them."""
PLATFORM_MAX = 300


@require_safe
def repository(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Overview and the newest tags. Four queries. htmx asks every 3 s for the tags alone."""
    row = fetch_repository(request.actor, namespace, name)
    recent = list(tag_rows(row).order_by("-pushed_at", "-id")[:RECENT])
    context = frame(request, row, "repository")
    context |= {"tags": shown_tags(recent, row, context["host"]), "seen": seen_tags(row, recent)}
    context["pull_command"] = _pull(recent, row, context["host"])
    if not is_partial(request):  # a poll every 3 s needs no text made anew
        context["overview"] = markdown(row.full_description)
    return answer(request, "images/repository.html", "images/recent_tags.html", context)


def _pull(tags: list[Tag], repository: Repository, host: str) -> str:
    """`latest` needs no tag in the command; where there is none of it, the newest tag."""
    best = next((tag for tag in tags if tag.name == "latest"), tags[0] if tags else None)
    return pull_command(best.manifest, repository.full_name, best.name, host) if best else ""


@require_safe
def tag(request: PortalRequest, namespace: str, name: str, tag: str) -> HttpResponse:
    """Fourteen queries at most, whatever it holds. While a task still reads the image, or a build is pending, htmx asks
    every 3 s.
    """
    row = fetch_repository(request.actor, namespace, name)
    try:
        found = fetch_tag(request.actor, namespace, name, tag)
    except NotFound:
        gone = gone_tag(request, row, tag)
        if gone is None:
            raise
        return gone
    history = list(history_rows(row, tag=tag).order_by("-id")[: TAG_HISTORY_SHOWN + 1])
    statuses = statuses_of(row, {found.name: found.manifest.digest}).get(found.name, [])
    context = _image(request, row, found.manifest, tag=found)
    context |= {
        "statuses": statuses,
        "overall": overall(statuses),
        "is_pending": context["is_pending"] or is_awaited(statuses),
        "seen": seen([context["seen"]], [(status.context, status.reported_at) for status in statuses]),
        "history": history[:TAG_HISTORY_SHOWN],
        "has_more_history": len(history) > TAG_HISTORY_SHOWN,
        "is_immutable": covering_rule(row, tag) is not None,
    }
    return answer(request, "images/repository_tag.html", "images/repository_tag.html", context)


@require_safe
def image(request: PortalRequest, namespace: str, name: str, digest: str) -> HttpResponse:
    """Any image that the repository has, also one without a tag, and one platform of an index. As the page of a tag."""
    row = fetch_repository(request.actor, namespace, name)
    context = _image(request, row, fetch_image(row, digest), tag=None)
    return answer(request, "images/repository_image.html", "images/repository_image.html", context)


def _image(request: PortalRequest, repository: Repository, manifest: Manifest, *, tag: Tag | None) -> dict[str, Any]:
    name = tag.name if tag else ""
    shown = read_image(repository, manifest, tag=name, platform=request.GET.get("platform", "")[:PLATFORM_MAX])
    bars = shown.chosen.bars if shown.chosen else []
    cut = 0 if request.GET.get("layers") == "all" else max(len(bars) - LAYERS_SHOWN, 0)
    context = frame(request, repository, "repository_tags")
    return context | {
        "tag": tag,
        "manifest": manifest,
        "image": shown,
        "part": shown.chosen,
        "bars": bars[: len(bars) - cut],
        "more_layers": cut,
        "is_pending": shown.is_pending,
        "seen": seen([manifest.pk, shown.is_pending]),
        "platforms": platforms_of(manifest),
        "commands": pull_commands(manifest, repository.full_name, name, context["host"]),
    }


@require_safe
def raw(request: PortalRequest, namespace: str, name: str, digest: str) -> HttpResponse:
    """The manifest's very bytes, from the registry; for htmx, indented. Waits for the registry, 13 s at most.

    Raises NotFound for one that the repository does not have here, ManifestUnknown when the registry lost it.
    """
    row = fetch_repository(request.actor, namespace, name, Permission.PULL)
    found = client.get_manifest(row.full_name, fetch_image(row, digest).digest)
    if is_partial(request):
        response = render(request, "images/image_raw.html", {"raw": indented(found.body)})
        patch_vary_headers(response, ["HX-Request"])
        return response
    return raw_response(found, row.name)
