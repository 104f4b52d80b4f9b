"""The pages that ask before a tag is rolled back, restored or copied, and do it."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.http import PortalRequest
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from repositories.access import Permission, decide, fetch_repository
from repositories.images import plans, tag_actions
from repositories.images.copy_targets import expect_free, fetch_target, targets_for
from repositories.images.history_forms import CopyForm, DigestForm, RestoreForm
from repositories.images.models import Tag
from repositories.images.reads import fetch_tag, platforms_of
from repositories.models import Repository
from repositories.names import DIGEST
from repositories.pages import frame, is_partial, sign_in_first, words

REFUSALS = (Invalid, Conflict, NotFound, Forbidden, Unavailable)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def roll_back(request: PortalRequest, namespace: str, name: str, tag: str) -> HttpResponse:
    """From what to what, and who hears of it; then done. A tag that moved since is shown anew, and left alone."""
    repository = fetch_repository(request.actor, namespace, name, Permission.PUSH)
    wanted = request.POST.get("digest", "") or words(request, "digest")
    plan = plans.plan_roll_back(request.actor, repository, tag, wanted if DIGEST.fullmatch(wanted) else "")
    form, status = DigestForm(request.POST or None), 200
    if request.method == "POST":
        status = _roll_back(request, repository, plan, form)
        if status == 302:
            return redirect("repository_tag", namespace, name, tag)
    context = frame(request, repository, "repository_tags") | {"plan": plan, "form": form}
    return _page(request, "images/history_roll_back.html", context, status)


def _roll_back(request: PortalRequest, repository: Repository, plan: plans.RollBack, form: DigestForm) -> int:
    """The status of the answer: 302 when it was done."""
    if not form.is_valid():
        return 422
    if form.cleaned_data["current"] not in ("", plan.current.manifest.digest):
        form.add_error(None, _("The tag was moved in the meantime. This is what it points to now."))
        return 409
    try:
        done = tag_actions.roll_back(
            actor=request.actor, repository=repository, tag=plan.tag.name, digest=form.cleaned_data["digest"]
        )
    except REFUSALS as error:
        add_errors(form, error)
        return error.status
    told = {"tag": done.name, "digest": done.manifest.digest[:19]}
    messages.success(request, _("%(tag)s is rolled back to %(digest)s.") % told)
    return 302


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def restore(request: PortalRequest, namespace: str, name: str, tag: str) -> HttpResponse:
    """A tag that was deleted, or that the registry lost."""
    repository = fetch_repository(request.actor, namespace, name, Permission.PUSH)
    wanted = request.POST.get("digest", "") or words(request, "digest")
    plan = plans.plan_restore(request.actor, repository, tag, wanted if DIGEST.fullmatch(wanted) else "")
    form, status = RestoreForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST" and form.is_valid():
        try:
            done = tag_actions.restore_tag(actor=request.actor, repository=repository, tag=tag, digest=plan.digest)
        except REFUSALS as error:
            add_errors(form, error)
            status = error.status
        else:
            told = {"tag": done.name, "digest": done.manifest.digest[:19]}
            messages.success(request, _("%(tag)s is back, and points to %(digest)s.") % told)
            return redirect("repository_tag", namespace, name, tag)
    status = 422 if form.is_bound and not form.is_valid() and status == 200 else status
    context = frame(request, repository, "repository_tags") | {"plan": plan, "form": form}
    return _page(request, "images/history_restore.html", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def copy(request: PortalRequest, namespace: str, name: str, tag: str) -> HttpResponse:
    """Another tag for the image, here or in another repository. With `repository` htmx asks for names that fit."""
    source = fetch_repository(request.actor, namespace, name, Permission.PULL)
    if request.actor.is_anonymous:
        raise Unauthorized(_("Sign in to do this."))
    if is_partial(request) and request.method == "GET":
        targets = targets_for(request.actor, words(request, "repository"))
        return render(request, "images/copy_targets.html", {"targets": targets})
    found = fetch_tag(request.actor, namespace, name, tag)
    form, status = _copy_form(request, source, tag), 200
    if request.method == "POST":
        done, status = _copy(request, source, found, form)
        if done is not None:
            return redirect("repository_tag", done.repository.namespace_name, done.repository.name, done.name)
    context = frame(request, source, "repository_tags")
    context |= {"tag": found, "platforms": platforms_of(found.manifest), "form": form}
    context["targets"] = targets_for(request.actor)
    return _page(request, "images/copy_tag.html", context, status)


def _copy_form(request: PortalRequest, source: Repository, tag: str) -> CopyForm:
    here = source.full_name if decide(request.actor, Permission.PUSH, source).allowed else ""
    address = reverse("repository_tag_copy", args=[source.namespace_name, source.name, tag])
    data = request.POST if request.method == "POST" else None
    return CopyForm(data, initial={"repository": here}, search_url=address)


def _copy(request: PortalRequest, source: Repository, tag: Tag, form: CopyForm) -> tuple[Tag | None, int]:
    """The new tag, or None; and the status of the answer."""
    if not form.is_valid():
        return None, 422
    given = form.cleaned_data
    try:
        target = fetch_target(request.actor, given["repository"])
        if not given["move"]:
            expect_free(target, given["tag"], digest=tag.manifest.digest)
        done = tag_actions.copy_tag(
            actor=request.actor, source=source, reference=tag.name, repository=target, tag=given["tag"]
        )
    except REFUSALS as error:
        add_errors(form, _by_field(error))
        return None, 422 if isinstance(error, Invalid) else error.status
    done.repository = target
    told = {"tag": tag.name, "target": f"{target.full_name}:{done.name}"}
    messages.success(request, _("%(tag)s is copied to %(target)s.") % told)
    return done, 302


def _by_field(error: Any) -> Any:
    """What a rule or another push says of the tag stands beside the tag."""
    if not error.fields and error.code in {"tag_immutable", "conflict"}:
        error.fields["tag"] = [error.message]
    return error


def _page(request: PortalRequest, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    form: Form = context["form"]
    response = render(request, template, context, status=status)
    if form.is_bound and status == Unavailable.status:
        response["Retry-After"] = str(Unavailable.retry_after)
    return response
