"""The access matrix: a page of it, and what was changed in it."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_http_methods

from orgs.access import OrgPermission, fetch_organization
from orgs.models import BasePermission, Organization
from orgs.pages import frame
from portal.accounts.http import PortalRequest
from portal.accounts.pages import sign_in_first, words
from portal.kit.errors import Invalid, Text
from repositories.access import role_word
from repositories.grants import actions
from repositories.grants.access import people_of
from repositories.grants.actions import Cell
from repositories.grants.confirm import Question, confirm
from repositories.grants.forms import SHORT_ROLES
from repositories.grants.matrix import Wanted, read_cells, read_matrix, validated_row, with_choices
from repositories.grants.preview import Touched

PAGE_MAX = 1_000_000
"""A page beyond the last is the last; more digits than this are nobody's."""


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def matrix(request: PortalRequest, namespace: str) -> HttpResponse:
    """For whoever may grant everywhere: owners and editors. Members see their own access on their page, not this: a row
    can name a repository that is hidden from them.
    """
    organization = fetch_organization(request.actor, namespace, OrgPermission.GRANT)
    if request.method != "POST":
        return _page(request, organization)
    try:
        cells = read_cells(organization, request.POST.dict())
    except Invalid as error:
        return _page(request, organization, error=error.message, status=422)
    return _save(request, organization, cells)


def _save(request: PortalRequest, organization: Organization, cells: Sequence[Cell]) -> HttpResponse:
    def change() -> Sequence[Cell]:
        return actions.set_team_grants(actor=request.actor, organization=organization, cells=cells)

    teams = list({cell.team.pk: cell.team for cell in cells}.values())
    question = _question(request, organization)
    try:
        touched = Touched(organization.namespace, who=people_of(teams), teams=teams)
        asked = confirm(request, change, touched, question, when_asked=True)
        stale = [] if asked is not None else change()
    except Invalid as error:
        return _page(request, organization, cells=cells, error=error.message, status=422)
    if asked is not None:
        return asked
    if stale:
        return _page(request, organization, cells=cells, stale=stale, error=_conflict(stale), status=409)
    said = ngettext("%(count)d change is saved.", "%(count)d changes are saved.", len(cells)) % {"count": len(cells)}
    messages.success(request, said if cells else _("Nothing was changed."))
    return redirect(request.get_full_path())


def _question(request: PortalRequest, organization: Organization) -> Question:
    return Question(
        template="orgs/frame.html",
        frame=frame(request, organization, "organization_access"),
        title=_("What these changes would do"),
        back=request.get_full_path(),
        button=_("Save changes"),
    )


def _conflict(stale: Sequence[Cell]) -> str:
    cell = stale[0]
    now = role_word(cell.seen or 0)
    said = _("Nothing was saved: meanwhile somebody else changed %(team)s on %(pattern)s to %(role)s")
    said = said % {"team": cell.team.name, "pattern": cell.pattern, "role": now}
    more = len(stale) - 1
    others = ngettext(", and %(count)d more cell", ", and %(count)d more cells", more) % {"count": more} if more else ""
    return _("%(said)s%(others)s. What you chose still stands below: look again, and save.") % {
        "said": said,
        "others": others,
    }


def _page(
    request: PortalRequest,
    organization: Organization,
    *,
    cells: Sequence[Cell] = (),
    stale: Sequence[Cell] = (),
    error: Text = "",
    status: int = 200,
) -> HttpResponse:
    wanted, new_error = _wanted(request)
    found = with_choices(read_matrix(request.actor, organization, wanted), cells, stale)
    context = frame(request, organization, "organization_access")
    context |= {
        "matrix": found,
        "wanted": wanted,
        "new_typed": words(request, "new"),
        "new_error": new_error,
        "error": error,
        "roles": SHORT_ROLES,
        "base": BasePermission(organization.base_permission).name.capitalize(),
        "base_role": role_word(organization.base_permission),
        "action": request.get_full_path(),
        "is_filtered": bool(wanted.query or wanted.team_query),
    }
    return render(request, "grants/matrix.html", context, status=status)


def _wanted(request: PortalRequest) -> tuple[Wanted, Text]:
    """A row that cannot be added is told beside its field."""
    new = words(request, "new")
    error: Text = ""
    if new:
        try:
            new = validated_row(new)
        except Invalid as invalid:
            new, error = "", invalid.message
    numbers = {name: _number(request, name) for name in ("page", "teams")}
    return (
        Wanted(
            query=words(request),
            team_query=words(request, "team"),
            page=numbers["page"],
            team_page=numbers["teams"],
            new=new,
        ),
        error,
    )


def _number(request: PortalRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return min(int(text), PAGE_MAX) if text.isascii() and text.isdigit() and len(text) <= len(str(PAGE_MAX)) else 1
