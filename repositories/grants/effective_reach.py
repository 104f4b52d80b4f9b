"""Pages “What can X reach”: of a person, a team, an access token."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from orgs.access import OrgPermission, fetch_member, fetch_organization, fetch_team
from orgs.actions.access_tokens import fetch_access_token as fetch_robot
from orgs.pages import frame as organization_frame
from portal.accounts.actions import fetch_access_token
from portal.accounts.actor import actor_for
from portal.accounts.credentials import access_token_credential
from portal.accounts.http import PortalRequest
from portal.accounts.models import User
from portal.accounts.pages import answer, sign_in_first, words
from portal.kit import csv_rows
from portal.kit.errors import Text
from portal.kit.paging import keyset
from repositories.access.people import Subject, find_subjects, subject_of_robot
from repositories.access.reach import Reached, chunks, explain, explain_team, reached, reached_by_team
from repositories.grants.access import require_to_see_member, require_to_see_team
from repositories.models import Repository

PAGE_SIZE = 50
HEADER = ["Repository", "Visibility", "Role", "Reasons", "Limited by"]
"""For programs that read it: not translated."""


@dataclass(frozen=True)
class Reach:
    """Whose reach, and what it is made of."""

    title: Text
    note: Text
    file_name: str
    rows: QuerySet[Repository]
    explain: Callable[[Sequence[Repository]], list[Reached]]
    back: str
    back_label: Text


@require_safe
@sign_in_first
def of_member(request: PortalRequest, namespace: str, username: str) -> HttpResponseBase:
    """In this organization only: what else they have is none of its business. Seven queries."""
    organization = fetch_organization(request.actor, namespace)
    member = fetch_member(organization, username)
    require_to_see_member(request.actor, organization, member)
    subject = find_subjects(users=[member.user_id])[member.user_id, 0]
    reach = Reach(
        title=_("What %(name)s can reach") % {"name": subject.name},
        note=_("The repositories of %(name)s that they see, each with their role and why.")
        % {"name": organization.name},
        file_name=f"{organization.name}-{subject.name}",
        rows=reached(subject, namespace=organization.namespace),
        explain=lambda rows: explain(subject, rows),
        back=reverse("organization_member", args=[organization.name, subject.name]),
        back_label=subject.name,
    )
    return _page(request, reach, organization_frame(request, organization, "organization_members"))


@require_safe
@sign_in_first
def of_team(request: PortalRequest, namespace: str, team: str) -> HttpResponseBase:
    """What the team's grants match now. Eight queries."""
    row = fetch_team(request.actor, namespace, team)
    require_to_see_team(request.actor, row)
    organization = row.organization
    reach = Reach(
        title=_("What the team %(name)s can reach") % {"name": row.name},
        note=_("What its grants give on the repositories that there are now."),
        file_name=f"{organization.name}-team-{row.name}",
        rows=reached_by_team(request.actor, row),
        explain=lambda rows: explain_team(row, rows),
        back=reverse("organization_team", args=[organization.name, row.name]),
        back_label=row.name,
    )
    return _page(request, reach, organization_frame(request, organization, "organization_teams"))


@require_safe
@sign_in_first
def of_robot(request: PortalRequest, namespace: str, token: uuid.UUID) -> HttpResponseBase:
    """An organization's access token, for its owners. Six queries."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.TOKENS)
    subject = subject_of_robot(fetch_robot(request.actor, organization, token), timezone.now())
    reach = Reach(
        title=_("What the access token %(name)s can reach") % {"name": subject.name},
        note=_("The repositories of %(name)s that it sees, and what its limits leave of its role.")
        % {"name": organization.name},
        file_name=f"{organization.name}-token-{token}",
        rows=reached(subject, namespace=organization.namespace),
        explain=lambda rows: explain(subject, rows),
        back=reverse("organization_token", args=[organization.name, token]),
        back_label=subject.name,
    )
    return _page(request, reach, organization_frame(request, organization, "organization_tokens"))


@require_safe
@login_required
def of_oneself(request: PortalRequest) -> HttpResponseBase:
    """Wherever one has more than everybody has. Four queries."""
    (subject,) = find_subjects(users=[_own_id(request)]).values()
    reach = Reach(
        title=_("What you can reach"),
        note=_("Your own repositories, those of your organizations, and what is shared with you. %(public)s")
        % {"public": _public()},
        file_name=subject.name,
        rows=reached(subject),
        explain=lambda rows: explain(subject, rows),
        back=reverse("access_tokens"),
        back_label=_("Account settings"),
    )
    return _page(request, reach, {"section": "access"})


@require_safe
@login_required
def of_access_token(request: PortalRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """One's own. Five queries."""
    token = fetch_access_token(request.actor, public_id)
    (person,) = find_subjects(users=[_own_id(request)]).values()
    credential = access_token_credential(token.pk, token.label, token.level, token.limits)
    owner = User(pk=person.user_id, username=person.name, public_id=person.actor.public_id)
    subject = Subject(
        actor=actor_for(owner, confirmed=person.is_confirmed, credential=credential),
        user_id=person.user_id,
        robot_id=None,
        name=person.name,
        is_confirmed=person.is_confirmed,
        state=token.state(timezone.now()),
    )
    reach = Reach(
        title=_("What the access token “%(name)s” can reach") % {"name": token.label},
        note=_("It acts for you, up to the level “%(level)s” and where it is limited to. %(public)s")
        % {"level": token.get_level_display(), "public": _public()},
        file_name=f"{person.name}-token-{public_id}",
        rows=reached(subject),
        explain=lambda rows: explain(subject, rows),
        back=reverse("access_tokens"),
        back_label=_("Access tokens"),
    )
    return _page(request, reach, {"section": "tokens"})


def _public() -> str:
    return _("Everybody may pull what is public.")


def _own_id(request: PortalRequest) -> int:
    """Behind `login_required`, where nobody else comes."""
    return int(request.actor.user_id or 0)


def _page(request: PortalRequest, reach: Reach, frame: dict[str, Any]) -> HttpResponseBase:
    """Three queries. `?export=csv` sends all of them, whatever the filter."""
    if request.GET.get("export") == "csv":
        return _export(reach)
    query = words(request)
    rows = reach.rows.filter(full_name__icontains=query) if query else reach.rows
    page = keyset(rows, by="full_name", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {**frame, "reach": reach, "page": page, "reached": reach.explain(page.rows), "search_query": query}
    template = "grants/reach.html" if "organization" in frame else "grants/reach_own.html"
    return answer(request, template, "grants/reach_results.html", context)


def _export(reach: Reach) -> StreamingHttpResponse:
    name = f"{reach.file_name}-reach-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    return csv_rows.response(name, HEADER, _rows(reach))


def _rows(reach: Reach) -> Iterator[Sequence[object]]:
    """Two queries for each 500 repositories."""
    for found in chunks(reach.rows):
        for entry in reach.explain(found):
            reasons = "; ".join(reason.words for reason in entry.reasons)
            row = entry.repository
            yield [row.full_name, row.visibility, entry.role_word, reasons, "; ".join(entry.caps)]
