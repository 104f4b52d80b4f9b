"""Effective access: who has it, what somebody reaches, check, preview. Docker Hub has none of it.

Below a repository the paths hold a `-`, which is part of no name: else a repository `app/access` could not be told from
the access of `app`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access import OrgPermission, fetch_member
from orgs.actions.access_tokens import fetch_access_token
from orgs.api.base import OrganizationView
from portal.accounts.api.base import HubPages
from repositories.access import Permission
from repositories.access.people import find_subjects, subject_of_robot, who_has_access
from repositories.access.reach import Reached, explain, explain_team, reached, reached_by_team
from repositories.api.base import RepositoryView
from repositories.grants.access import require_to_see_member, require_to_see_team
from repositories.grants.api.effective_shapes import (
    CheckAnswer,
    CheckInOrganizationQuery,
    CheckQuery,
    PeopleQuery,
    PersonAnswer,
    PreviewAnswer,
    PreviewRequest,
    ReachedAnswer,
    ReachQuery,
)
from repositories.grants.check import Question, answer, is_inside
from repositories.grants.effective import fits
from repositories.grants.effective_preview import preview_of
from repositories.models import Repository

TAGS = ["effective access"]


class People(RepositoryView):
    needs = {"GET": Permission.MANAGE_ACCESS}
    pagination_class = HubPages

    @extend_schema(
        summary="List who has access", tags=TAGS, parameters=[PeopleQuery], responses=PersonAnswer(many=True)
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Every person and access token with the resulting role, its reasons, and what caps it; the highest first.

        What a public repository gives to everybody is not among them.
        """
        wanted = self.read_query(PeopleQuery)
        entries = who_has_access(self.fetch(namespace, repository))
        found = [entry for entry in entries if fits(entry, wanted.get("query", "").lower(), wanted.get("role", ""))]
        pages = HubPages()
        page: Sequence[Any] = pages.paginate_queryset(found, request, view=self) or []
        return pages.answer(self.render(page, PersonAnswer), {})


class Check(RepositoryView):
    needs = {"GET": Permission.MANAGE_ACCESS}

    @extend_schema(summary="Check what somebody may do", tags=TAGS, parameters=[CheckQuery], responses=CheckAnswer)
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Whether they may, and every rule that was looked at, in words."""
        row = self.fetch(namespace, repository)
        question = Question.of(self.read_query(CheckQuery), repository=row.name)
        found = answer(row.namespace, question, asker_is_inside=is_inside(self.actor, row))
        return Response(CheckAnswer(found).data)


class CheckInOrganization(OrganizationView):
    needs = {"GET": OrgPermission.GRANT}

    @extend_schema(
        summary="Check what somebody may do in an organization",
        tags=TAGS,
        parameters=[CheckInOrganizationQuery],
        responses=CheckAnswer,
    )
    def get(self, request: Request, org: str) -> Response:
        """As for one repository; it needn't exist."""
        organization = self.fetch(org)
        question = Question.of(self.read_query(CheckInOrganizationQuery))
        return Response(CheckAnswer(answer(organization.namespace, question)).data)


class ReachView(OrganizationView):
    """A view that answers with a page of what somebody reaches."""

    pagination_class = HubPages

    def answer_reach(
        self, rows: QuerySet[Repository], explained: Callable[[Sequence[Repository]], list[Reached]]
    ) -> Response:
        """By name. Three queries."""
        query = self.read_query(ReachQuery).get("query", "")
        rows = rows.filter(full_name__icontains=query) if query else rows
        pages = HubPages()
        found: Sequence[Repository] = pages.paginate_queryset(rows.order_by("full_name"), self.request, view=self) or []
        return pages.answer(self.render(explained(found), ReachedAnswer), {})


class MemberReach(ReachView):
    needs = {"GET": OrgPermission.VIEW}

    @extend_schema(
        summary="List what a member can reach", tags=TAGS, parameters=[ReachQuery], responses=ReachedAnswer(many=True)
    )
    def get(self, request: Request, org: str, username: str) -> Response:
        """The organization's repositories that they see. For owners, editors and the member."""
        organization = self.fetch(org)
        member = fetch_member(organization, username)
        require_to_see_member(self.actor, organization, member)
        subject = find_subjects(users=[member.user_id])[member.user_id, 0]
        rows = reached(subject, namespace=organization.namespace)
        return self.answer_reach(rows, lambda found: explain(subject, found))


class TeamReach(ReachView):
    needs = {"GET": OrgPermission.VIEW}

    @extend_schema(
        summary="List what a team can reach", tags=TAGS, parameters=[ReachQuery], responses=ReachedAnswer(many=True)
    )
    def get(self, request: Request, org: str, group: str) -> Response:
        """What its grants match now. For owners, editors and the team's own members."""
        team = self.fetch_team(org, group)
        require_to_see_team(self.actor, team)
        return self.answer_reach(reached_by_team(self.actor, team), lambda found: explain_team(team, found))


class RobotReach(ReachView):
    needs = {"GET": OrgPermission.TOKENS}

    @extend_schema(
        summary="List what an organization access token can reach",
        tags=TAGS,
        parameters=[ReachQuery],
        responses=ReachedAnswer(many=True),
    )
    def get(self, request: Request, org: str, token_id: str) -> Response:
        """With what its limits leave of its role."""
        organization = self.fetch(org)
        subject = subject_of_robot(fetch_access_token(self.actor, organization, token_id), timezone.now())
        rows = reached(subject, namespace=organization.namespace)
        return self.answer_reach(rows, lambda found: explain(subject, found))


class PreviewInOrganization(OrganizationView):
    needs = {"POST": OrgPermission.VIEW}

    @extend_schema(summary="Preview a change of access", tags=TAGS, request=PreviewRequest, responses=PreviewAnswer)
    def post(self, request: Request, org: str) -> Response:
        """Who would gain what, and who would lose what. Nothing is changed; who may not make the change is refused.

        Send one of `base_permission`, `grant`, `membership` and `visibility`.
        """
        organization = self.fetch(org)
        return Response(PreviewAnswer(preview_of(self.actor, organization, self.read(PreviewRequest))).data)
