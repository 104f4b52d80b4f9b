"""The page “Access” of a repository: who has access, its teams, its collaborators."""

from collections.abc import Mapping, Sequence

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orgs.access import fetch_team
from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status, sign_in_first, words
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Invalid, MoorageError, NotFound, Text
from portal.kit.paging import keyset
from repositories.access import Permission, fetch_repository
from repositories.grants import actions
from repositories.grants.access import fetch_grant, find_person, organization_of
from repositories.grants.confirm import Question, confirm, only
from repositories.grants.effective import people_of
from repositories.grants.forms import SHORT_ROLES, CollaboratorForm, EndForm, RoleForm, TeamForm, end_of
from repositories.grants.preview import Touched
from repositories.grants.sharing import Errors, find_collaborators, shown_grant, shown_teams, teams_to_add
from repositories.models import Grant, Repository
from repositories.pages import frame

PAGE_SIZE = 25
SEARCH_FROM = 10
"""Collaborators, from which on a search field is worth its place."""


def _fetch(request: PortalRequest, namespace: str, name: str) -> Repository:
    return fetch_repository(request.actor, namespace, name, Permission.MANAGE_ACCESS)


@require_safe
@sign_in_first
def access(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Eight queries, and those of “Who has access”."""
    return _page(request, _fetch(request, namespace, name))


def _page(
    request: PortalRequest,
    repository: Repository,
    *,
    person_form: CollaboratorForm | None = None,
    team_form: TeamForm | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> HttpResponse:
    """`errors`: of the row that was edited in place; what was typed there stands in the POST."""
    now = timezone.now()
    organization = organization_of(request.actor, repository)
    teams = shown_teams(repository, now, errors)
    query = words(request)
    found = find_collaborators(repository, query)
    page = keyset(found, by="username", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    names = teams_to_add(organization, teams)
    context = frame(request, repository, "repository_access") | people_of(request, repository)
    context |= {
        "in_organization": organization is not None,
        "teams": teams,
        "team_names": names,
        "team_form": team_form or TeamForm(teams=names),
        "page": page,
        "collaborators": [shown_grant(grant, now, errors, request.POST.dict()) for grant in page.rows],
        "searchable": bool(query or page.next or page.previous or len(page.rows) > SEARCH_FROM),
        "search_query": query,
        "person_form": person_form or CollaboratorForm(),
        "roles": SHORT_ROLES,
        "today": now.date().isoformat(),
    }
    return render(request, "grants/sharing_access.html", context, status=status)


@require_POST
@sign_in_first
def add_collaborator(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Asks first when somebody outside gains. A mistake comes back under its field."""
    repository = _fetch(request, namespace, name)
    form = CollaboratorForm(request.POST)
    if form.is_valid():
        person = find_person(form.cleaned_data["username"])

        def change() -> Grant:
            return actions.grant_to_person(
                actor=request.actor,
                repository=repository,
                username=form.cleaned_data["username"],
                role=form.wanted,
                expires_at=end_of(form.cleaned_data["expires_at"]),
            )

        try:
            touched = Touched(repository.namespace, repository.name, who=only([person] if person else []))
            question = _question(request, repository, _("Share with %(name)s?") % {"name": person})
            asked = confirm(request, change, touched, question)
            if asked is not None:
                return asked
            grant = change()
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            said = _("%(name)s has the role %(role)s on %(repository)s, with their next token.")
            return _done(request, repository, grant, said)
    return _page(request, repository, person_form=form, status=form_status(form))


def _question(request: PortalRequest, repository: Repository, title: Text) -> Question:
    return Question(
        template="repositories/frame.html",
        frame=frame(request, repository, "repository_access"),
        title=title,
        back=reverse("repository_access", args=[repository.namespace_name, repository.name]),
        button=_("Share"),
    )


def _done(request: PortalRequest, repository: Repository, grant: Grant, said: str) -> HttpResponse:
    who = grant.team.name if grant.team else grant.user.username if grant.user else ""
    role = Grant.Role(grant.role).label
    messages.success(request, said % {"name": who, "role": role, "repository": repository.full_name})
    return redirect("repository_access", repository.namespace_name, repository.name)


@require_POST
@sign_in_first
def add_team(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Nobody outside gains by it: a team's people belong to the organization."""
    repository = _fetch(request, namespace, name)
    organization = organization_of(request.actor, repository)
    if organization is None:
        raise NotFound(_("Only an organization has teams, and only its members grant to them."))
    form = TeamForm(request.POST, teams=teams_to_add(organization, shown_teams(repository, timezone.now())))
    if form.is_valid():
        try:
            team = fetch_team(request.actor, namespace, form.cleaned_data["team"].replace("\0", ""))
            grant = actions.grant_to_team(
                actor=request.actor, organization=organization, team=team, pattern=repository.name, role=form.wanted
            )
        except NotFound as error:
            form.add_error("team", str(error.message))
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            return _done(request, repository, grant, _("The team %(name)s has the role %(role)s on %(repository)s."))
    return _page(request, repository, team_form=form, status=form_status(form))


@require_POST
@sign_in_first
def change_grant(request: PortalRequest, namespace: str, name: str, grant_id: int) -> HttpResponse:
    """Edited in place: the role, and of a person the end date. Asks first when somebody outside gains."""
    repository = _fetch(request, namespace, name)
    grant = fetch_grant(repository, grant_id)
    keeps = _keeps_end(grant, request.POST.get("expires_at", ""))
    form: RoleForm = RoleForm(request.POST) if keeps else EndForm(request.POST)
    if not form.is_valid():
        return _page(request, repository, errors={grant.pk: _errors_of(form)}, status=422)
    end = actions.KEEP if keeps else end_of(form.cleaned_data["expires_at"])

    def change() -> Grant:
        return actions.change_grant(actor=request.actor, grant=grant, role=form.wanted, expires_at=end)

    try:
        if grant.user:
            title = _("Change what %(name)s may do?") % {"name": grant.user.username}
            touched = Touched(repository.namespace, repository.name, who=only([grant.user]))
            asked = confirm(request, change, touched, _question(request, repository, title))
            if asked is not None:
                return asked
        grant = change()
    except (Invalid, Conflict) as error:
        return _page(request, repository, errors={grant.pk: _sentences(error)}, status=422)
    return _done(request, repository, grant, _("%(name)s has the role %(role)s on %(repository)s now."))


def _keeps_end(grant: Grant, typed: str) -> bool:
    """An end date that stays as it was is kept to the second. One that has passed needs another. A team has none."""
    if grant.user_id is None:
        return True
    end = grant.expires_at
    return end is not None and end > timezone.now() and typed == end.date().isoformat()


def _errors_of(form: Form) -> Mapping[str, Sequence[Text]]:
    return {name: [str(text) for text in texts] for name, texts in form.errors.items()}


def _sentences(error: MoorageError) -> Mapping[str, Sequence[Text]]:
    return error.fields or {"role": [error.message]}


@require_POST
@sign_in_first
def revoke_grant(request: PortalRequest, namespace: str, name: str, grant_id: int) -> HttpResponse:
    repository = _fetch(request, namespace, name)
    grant = fetch_grant(repository, grant_id)
    try:
        actions.revoke_grant(actor=request.actor, grant=grant)
    except Conflict as error:
        return _page(request, repository, errors={grant.pk: _sentences(error)}, status=error.status)
    said = _("%(name)s no longer has the role %(role)s here. A token held now dies within five minutes.")
    return _done(request, repository, grant, said)
