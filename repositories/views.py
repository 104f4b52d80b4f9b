"""Create a repository, a namespace's repositories, comments, stars, settings. Pages with tags are the images' room."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs.access import own_organizations
from orgs.models import WhoPublishes
from orgs.pages import frame as organization_frame
from portal.accounts.http import PortalRequest
from portal.accounts.models import Namespace
from portal.accounts.views import add_errors, back
from portal.kit.errors import Conflict, Forbidden, Invalid, RateLimited
from portal.kit.paging import keyset
from portal.kit.text import markdown
from repositories import access, actions
from repositories.access import Permission, decide, fetch_repository
from repositories.forms import CommentForm, DescriptionForm, RepositoryForm
from repositories.models import Repository, Visibility
from repositories.pages import answer, frame, is_partial, organization_of, sign_in_first, words

PAGE_SIZE = 20
STATES = {"active": True, "archived": False}
"""Of a list's filter: whether the repositories may have no time of archiving."""
ORDERS = {"updated": "-updated_at", "stars": "-star_count", "name": "full_name"}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def create_repository(request: PortalRequest) -> HttpResponse:
    """Three queries for the form. A refusal (an unconfirmed address) is said above it, and the form left out.

    What is chosen beforehand, and what is said of it, is the namespace's: htmx asks again when another one is chosen.
    """
    offered = list(access.namespaces_to_create_in(request.actor).select_related("organization").order_by("name"))
    decision = access.decide_create_in(request.actor, "", by_rule=bool(offered))
    if not decision.allowed:
        refused = {"refusal": decision.reason}
        return render(request, "repositories/repository_create.html", refused, status=403 if request.POST else 200)
    names = [namespace.name for namespace in offered]
    form = RepositoryForm(request.POST or None, namespaces=names, **_about(request, _chosen(request, offered)))
    if request.method == "POST" and form.is_valid():
        try:
            repository = actions.create_repository(actor=request.actor, **form.cleaned_data)
        except (Invalid, Conflict, Forbidden) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("%(name)s is created.") % {"name": repository.full_name})
            return redirect(repository)
    context = {"form": form, "single": names[0] if len(names) == 1 else ""}
    return render(request, "repositories/repository_create.html", context, status=_form_status(form))


def _chosen(request: PortalRequest, offered: list[Namespace]) -> Namespace:
    """The one that was asked for, else one's own, else the first."""
    by_name = {namespace.name: namespace for namespace in offered}
    wanted = request.POST.get("namespace") or request.GET.get("namespace", "")
    return by_name.get(wanted) or by_name.get(request.actor.name) or offered[0]


def _about(request: PortalRequest, chosen: Namespace) -> dict[str, Any]:
    """For the form: what the namespace prefers, and whether the actor may publish there. One query at most."""
    organization = organization_of(chosen)
    initial = {"namespace": chosen.name, "name": words(request, "name")}
    if organization is None:
        return {"initial": initial}
    refusal = access.decide_publish(request.actor, chosen).reason
    preferred = Visibility.PRIVATE if refusal else organization.default_visibility
    return {"initial": {**initial, "visibility": preferred}, "in_organization": True, "refusal": refusal}


def _form_status(form: Form) -> int:
    """422 when the form came back with errors: htmx and tests tell it from a fresh one."""
    return 422 if form.is_bound and form.errors else 200


@require_safe
def namespace(request: PortalRequest, namespace: str) -> HttpResponse:
    """The repositories of a namespace that the visitor may see. Two queries."""
    owner = access.fetch_namespace(request.actor, namespace)
    query = words(request)
    order = request.GET.get("order", "")
    order = order if order in ORDERS else "updated"
    rows = access.visible(request.actor).filter(namespace=owner)
    if query:
        rows = rows.filter(name__icontains=query)
    state = request.GET.get("state", "")
    if state in STATES:
        rows = rows.filter(archived_at__isnull=STATES[state])
    page = keyset(rows, by=ORDERS[order], cursor=request.GET.get("cursor", ""), size=PAGE_SIZE, keys_first=True)
    own = owner.name == request.actor.name and not request.actor.is_anonymous
    context = {"owner": owner, "own": own, "page": page, "order": order, "state": state, "search_query": query}
    template, more = _organization_page(request, owner)
    return answer(request, template, "repositories/namespace_results.html", context | more)


def _organization_page(request: PortalRequest, owner: Namespace) -> tuple[str, dict[str, Any]]:
    """For who belongs to the organization: its frame. Others see its repositories as those of a person. Two queries."""
    if not hasattr(owner, "organization"):
        return "repositories/namespace.html", {}
    organization = own_organizations(request.actor).filter(pk=owner.organization.pk).first()
    if organization is None:
        return "repositories/namespace.html", {}
    context = organization_frame(request, organization, "namespace")
    offered = access.namespaces_to_create_in(request.actor).filter(pk=owner.pk)
    context["may_create"] = request.actor.confirmed and offered.exists()
    return "repositories/organization.html", context


@require_POST
def star(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Star or, with `starred=false`, take the star away; back to the page where the button stood."""
    repository = fetch_repository(request.actor, namespace, name, Permission.STAR)
    if request.POST.get("starred") == "false":
        actions.unstar_repository(actor=request.actor, repository=repository)
    else:
        actions.star_repository(actor=request.actor, repository=repository)
    if is_partial(request):
        repository = fetch_repository(request.actor, namespace, name)
        return render(request, "repositories/star.html", frame(request, repository, ""))
    return redirect(back(request, otherwise=repository.get_absolute_url()))


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def comments(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """The newest first. Three queries to show."""
    repository = fetch_repository(request.actor, namespace, name)
    form = CommentForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            actions.add_comment(actor=request.actor, repository=repository, text=form.cleaned_data["text"])
        except (Invalid, RateLimited) as error:
            add_errors(form, error)
            status = error.status
        else:
            return redirect("repository_comments", namespace, name)
    return _comments_page(request, repository, form, status=max(status, _form_status(form)))


def _comments_page(request: PortalRequest, repository: Repository, form: Form, *, status: int) -> HttpResponse:
    actor = request.actor
    rows = repository.comments.select_related("author")
    page = keyset(rows, by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    shown = [{"row": row, "may_delete": access.may_delete_comment(actor, row, repository)} for row in page.rows]
    refusal = decide(actor, Permission.COMMENT, repository).reason
    context = frame(request, repository, "repository_comments")
    context |= {"page": page, "comments": shown, "form": form, "refusal": refusal}
    return render(request, "repositories/repository_comments.html", context, status=status)


@require_POST
def delete_comment(request: PortalRequest, namespace: str, name: str, comment_id: int) -> HttpResponse:
    repository = fetch_repository(request.actor, namespace, name)
    actions.delete_comment(actor=request.actor, repository=repository, comment_id=comment_id)
    messages.success(request, _("The comment is deleted."))
    return redirect("repository_comments", namespace, name)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def settings(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Description and overview; `preview` in the POST shows the overview and saves nothing."""
    needed = Permission.EDIT if request.method == "POST" else Permission.ARCHIVE
    repository = fetch_repository(request.actor, namespace, name, needed)
    form = DescriptionForm(request.POST or None, initial=_texts(repository))
    if request.method != "POST":
        return _settings_page(request, repository, form)
    if "preview" in request.POST:
        return _preview(request, repository, form)
    if form.is_valid():
        try:
            actions.update_description(actor=request.actor, repository=repository, **form.cleaned_data)
        except Invalid as error:
            add_errors(form, error)
        else:
            messages.success(request, _("Description and overview are saved."))
            return redirect("repository_settings", namespace, name)
    return _settings_page(request, repository, form)


def _texts(repository: Repository) -> dict[str, str]:
    return {"description": repository.description, "full_description": repository.full_description}


def _preview(request: PortalRequest, repository: Repository, form: DescriptionForm) -> HttpResponse:
    shown = {"preview": markdown(request.POST.get("full_description", "")), "previewed": True}
    if is_partial(request):
        return render(request, "repositories/preview.html", shown)
    return _settings_page(request, repository, form, **shown)


def _settings_page(request: PortalRequest, repository: Repository, form: Form, **more: Any) -> HttpResponse:
    context = frame(request, repository, "repository_settings") | _publishing(request, repository)
    context |= {"form": form, **more}
    return render(request, "repositories/repository_settings.html", context, status=_form_status(form))


def _publishing(request: PortalRequest, repository: Repository) -> dict[str, Any]:
    """Who may make it public, in an organization; and why the visitor may not. One query for a private one there."""
    organization = organization_of(repository.namespace)
    if organization is None:
        return {}
    refusal = access.decide_publish(request.actor, repository.namespace).reason if repository.is_private else ""
    return {"publish_refusal": refusal, "who_publishes": WhoPublishes(organization.who_publishes).label}


@require_POST
def archive_repository(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Archive or, with `archived=false`, bring it back."""
    repository = fetch_repository(request.actor, namespace, name, Permission.ARCHIVE)
    if request.POST.get("archived") == "false":
        actions.unarchive_repository(actor=request.actor, repository=repository)
        said = _("%(name)s can be pushed and changed again.")
    else:
        actions.archive_repository(actor=request.actor, repository=repository)
        said = _("%(name)s is archived: it can be pulled and not changed.")
    messages.success(request, said % {"name": repository.full_name})
    return redirect("repository_settings", namespace, name)
