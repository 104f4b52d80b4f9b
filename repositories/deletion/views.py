"""Delete a tag or an image, see what has no tag, restore it."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import Conflict, Forbidden, MoorageError, NotFound, Text, Unavailable
from portal.kit.paging import keyset
from repositories.access import Permission, fetch_repository
from repositories.deletion import preview
from repositories.deletion.forms import DeleteImageForm, DeleteTagForm, RestoreForm
from repositories.deletion.preview import Preview
from repositories.deletion.untagged import explain, untagged_rows
from repositories.images import image_actions, tag_actions
from repositories.models import Repository
from repositories.pages import answer, frame, sign_in_first

PAGE_SIZE = 25
SHOWN = 20
"""Of the manifests that go or stay, so many are listed; the others are counted."""


@require_safe
def untagged(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Nine queries for any number of images."""
    row = fetch_repository(request.actor, namespace, name)
    page = keyset(untagged_rows(row), by="-untagged_at", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = frame(request, row, "repository_tags")
    context |= {"page": page, "images": explain(row, page.rows), "kept_days": settings.DELETED_IMAGES_KEPT.days}
    return answer(request, "deletion/untagged.html", "deletion/untagged_results.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def delete_tag(request: PortalRequest, namespace: str, name: str, tag: str) -> HttpResponse:
    """What goes and what stays, and the button. At most 22 queries."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    form = DeleteTagForm(request.POST if request.method == "POST" else None)
    error: MoorageError | None = None
    if request.method == "POST" and form.is_valid():
        error = _tried(
            lambda: tag_actions.delete_tag(
                actor=request.actor, repository=row, tag=tag, digest=form.cleaned_data["digest"]
            )
        )
        if error is None:
            messages.success(request, _("The tag %(tag)s is deleted, and no other.") % {"tag": tag})
            return redirect("repository_tags", namespace, name)
    found = preview.of_tags(row, [tag])
    if not found.tags:
        raise NotFound(_("There is no such tag in this repository."))
    back = reverse("repository_tag", args=[namespace, name, tag])
    context = {"tag": found.tags[0], "back": back}
    return _confirmation(request, "deletion/tag_delete.html", row, found, form, error, context)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def delete_image(request: PortalRequest, namespace: str, name: str, digest: str) -> HttpResponse:
    """All its tags are named, and repeated in the form: one that came since is not deleted unseen."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    form = DeleteImageForm(request.POST if request.method == "POST" else None, full_name=row.full_name)
    error: MoorageError | None = None
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data["tags"]
        error = _tried(
            lambda: image_actions.delete_image(actor=request.actor, repository=row, digest=digest, tags=told)
        )
        if error is None:
            messages.success(request, _("The image %(digest)s is deleted.") % {"digest": digest[:19]})
            return redirect("repository_untagged", namespace, name)
    found = preview.of_image(row, digest)
    context: dict[str, Any] = {"digest": digest, "tag_names": " ".join(tag.name for tag in found.tags)}
    context["needed_by"] = _indexes_with(found, digest)
    context["back"] = reverse("repository_image", args=[namespace, name, digest])
    return _confirmation(request, "deletion/image_delete.html", row, found, form, error, context)


def _indexes_with(found: Preview, digest: str) -> tuple[str, ...]:
    """Those for which the image itself stays; its platforms may stay for others."""
    own = (kept.indexes for kept in found.kept if kept.manifest.digest == digest)
    return next(own, ())[:SHOWN]


def _tried(action: Callable[[], object]) -> MoorageError | None:
    """What a person may read when it was refused. NotFound goes on: there is nothing to show then."""
    try:
        action()
    except (Conflict, Forbidden, Unavailable) as error:
        return error
    return None


def _confirmation(
    request: PortalRequest,
    template: str,
    repository: Repository,
    found: Preview,
    form: Form,
    error: MoorageError | None,
    more: dict[str, Any],
) -> HttpResponse:
    context = frame(request, repository, "repository_tags") | more
    context |= _shown(found) | {"errors": _sentences(form, error)}
    status = error.status if error is not None else 422 if form.errors else 200
    return render(request, template, context, status=status)


def _shown(found: Preview) -> dict[str, Any]:
    return {
        "preview": found,
        "gone": found.gone[:SHOWN],
        "more_gone": max(len(found.gone) - SHOWN, 0),
        "kept": found.kept[:SHOWN],
        "more_kept": max(len(found.kept) - SHOWN, 0),
        "until": timezone.now() + settings.DELETED_IMAGES_KEPT,
    }


def _sentences(form: Form, error: MoorageError | None) -> list[Text]:
    if error is not None:
        return [error.message]
    return [str(sentence) for sentences in form.errors.values() for sentence in sentences]


@require_POST
@sign_in_first
def restore_image(request: PortalRequest, namespace: str, name: str, digest: str) -> HttpResponse:
    """With the tag that the form names, if it names one; back to what has no tag."""
    row = fetch_repository(request.actor, namespace, name, Permission.PUSH)
    form = RestoreForm(request.POST)
    tag = form.cleaned_data["tag"] if form.is_valid() else ""
    try:
        if tag:
            tag_actions.restore_tag(actor=request.actor, repository=row, tag=tag, digest=digest)
            messages.success(request, _("The tag %(tag)s is restored.") % {"tag": tag})
            return redirect("repository_tag", namespace, name, tag)
        image_actions.restore_image(actor=request.actor, repository=row, digest=digest)
        messages.success(request, _("The image %(digest)s is kept.") % {"digest": digest[:19]})
    except (Conflict, Forbidden, Unavailable, NotFound) as error:
        messages.error(request, str(error.message))
    return redirect("repository_untagged", namespace, name)
