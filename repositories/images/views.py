"""The pages of a repository that show what it holds: overview and one tag."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import NotFound
from portal.kit.text import markdown
from repositories.access import fetch_repository
from repositories.images.history_views import gone_tag
from repositories.images.list_views import seen_tags, shown_tags
from repositories.images.models import Manifest, ManifestKind, Tag
from repositories.images.reads import children_of, entries_of, fetch_tag, history_rows, platforms_of, tag_rows
from repositories.images.shown import Part, part_of, part_of_entry, pull_command, pull_commands
from repositories.models import Repository
from repositories.pages import answer, frame, is_partial, seen

RECENT = 5
TAG_HISTORY_SHOWN = 10


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
    """Nine queries for an index, whatever it holds. While a task still reads the image, htmx asks every 3 s."""
    row = fetch_repository(request.actor, namespace, name)
    try:
        found = fetch_tag(request.actor, namespace, name, tag)
    except NotFound:
        gone = gone_tag(request, row, tag)
        if gone is None:
            raise
        return gone
    manifest = found.manifest
    history = list(history_rows(row, tag=tag).order_by("-id")[: TAG_HISTORY_SHOWN + 1])
    parts = _parts(found)
    details = [part.manifest.details for part in parts if part.manifest]
    context = frame(request, row, "repository_tags")
    context |= {
        "tag": found,
        "manifest": manifest,
        "parts": parts,
        "is_pending": Manifest.Details.PENDING in details,
        "seen": seen(details, [manifest.pk]),
        "is_index": manifest.kind == ManifestKind.INDEX,
        "platforms": platforms_of(manifest),
        "commands": pull_commands(manifest, row.full_name, tag, context["host"]),
        "history": history[:TAG_HISTORY_SHOWN],
        "has_more_history": len(history) > TAG_HISTORY_SHOWN,
    }
    return answer(request, "images/repository_tag.html", "images/repository_tag.html", context)


def _parts(tag: Tag) -> list[Part]:
    if tag.manifest.kind != ManifestKind.INDEX:
        return [part_of(tag.manifest)]
    children = children_of(tag.manifest)
    return [part_of_entry(entry, children) for entry in entries_of(tag.manifest)]
