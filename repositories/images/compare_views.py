"""Two images side by side."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.accounts.views import add_errors
from portal.kit.errors import NotFound
from repositories.access import fetch_repository
from repositories.images.compare_forms import CompareForm
from repositories.images.compare_reads import Compared, compare_references, tag_names
from repositories.images.history import previous_digest
from repositories.images.reads import platforms_of
from repositories.models import Repository
from repositories.names import DIGEST
from repositories.pages import frame, is_partial, words

ROWS_SHOWN = 200
"""Of each section and of the layers; the API has all of them."""
VALUE_SHOWN = 2_000
"""Characters of a value."""


@require_safe
def compare(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Ten queries at most. With `from` or `to` alone the other is to be chosen: beforehand, what the tag had before.

    htmx asks with `options` for the tags that fit what was typed.
    """
    row = fetch_repository(request.actor, namespace, name)
    if is_partial(request) and "options" in request.GET:
        typed = words(request, "from") or words(request, "to")
        return render(request, "images/compare_options.html", {"names": tag_names(row, typed)})
    form = CompareForm(_asked(request, row))
    context = frame(request, row, "repository_tags") | {"form": form, "names": tag_names(row)}
    if form.is_valid():
        context |= _compared(row, form)
    status = 200 if form.is_valid() else 404
    return render(request, "images/compare.html", context, status=status)


def _asked(request: PortalRequest, repository: Repository) -> dict[str, str]:
    asked = {name: words(request, name) for name in ("from", "to", "platform")}
    if asked["to"] and not asked["from"] and not DIGEST.fullmatch(asked["to"]):
        asked["from"] = previous_digest(repository, asked["to"])
    return asked


def _compared(repository: Repository, form: CompareForm) -> dict[str, Any]:
    """What the page shows; nothing while one of the two is missing."""
    asked = form.cleaned_data
    if not asked["from"] or not asked["to"]:
        return {}
    try:
        found = compare_references(repository, asked["from"], asked["to"], asked["platform"])
    except NotFound as error:
        add_errors(form, error)
        return {}
    return {"found": found, "sides": _sides(found)} | _shown(found)


def _sides(found: Compared) -> list[dict[str, Any]]:
    return [{"side": side, "platforms": platforms_of(side.manifest)} for side in (found.old, found.new)]


def _shown(found: Compared) -> dict[str, Any]:
    """A manifest may name 30,000 layers, and a config a thousand labels of any length."""
    images = found.images
    if images is None:
        return {}
    sections = [
        {
            "section": section,
            "changes": [
                {"change": change, "old": _cut(change.old), "new": _cut(change.new)}
                for change in section.changes[:ROWS_SHOWN]
            ],
            "more": max(0, len(section.changes) - ROWS_SHOWN),
        }
        for section in images.differs
    ]
    rows = images.layers.rows
    return {"sections": sections, "layers": rows[:ROWS_SHOWN], "more_layers": max(0, len(rows) - ROWS_SHOWN)}


def _cut(value: str | None) -> str | None:
    return value if value is None or len(value) <= VALUE_SHOWN else f"{value[:VALUE_SHOWN]}…"
