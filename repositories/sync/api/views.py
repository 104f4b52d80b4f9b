"""The registry compared with the database: for operators, and of one repository for its admins."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, HubPages, Need
from portal.kit.errors import Conflict
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.sync import access, actions, health, operators, reads
from repositories.sync.api import shapes
from repositories.sync.models import NEVER, Difference

TAGS = ["registry"]
SHOWN = 100
SETTLED = (Difference.State.REPAIRED, Difference.State.GONE)


class Drift(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Compare registry and database", tags=TAGS, responses=shapes.DriftAnswer)
    def get(self, request: Request) -> Response:
        """How they differ as far as is known: the last round, what waits, what is held. For operators."""
        access.require_operator(self.actor)
        repositories, tags = reads.tags_known()
        heard = health.heard()
        told = {
            "under_way": reads.open_round(),
            "last": reads.last_round(),
            "repositories": repositories,
            "tags": tags,
            "differences": reads.counts(),
            "plan": reads.held_plan(most=SHOWN),
            "instance": heard.instance,
            "last_notification_at": heard.last_notification,
        }
        return Response(shapes.DriftAnswer(told).data)


class Differences(ApiView):
    needs = {"GET": Need.SIGNED_IN}
    pagination_class = HubPages

    @extend_schema(
        summary="List what differs",
        tags=TAGS,
        parameters=[shapes.DifferencesQuery],
        responses=shapes.DifferenceShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """Newest first. For operators."""
        access.require_operator(self.actor)
        query = self.read_query(shapes.DifferencesQuery)
        repository = operators.fetch_any(self.actor, query["repository"])
        rows = reads.difference_rows(repository=repository, states=_states(query["state"]))
        return self.page(rows.order_by("-id"), shapes.DifferenceShape)


def _states(name: str) -> tuple[Difference.State, ...]:
    if name in Difference.State.values:
        return (Difference.State(name),)
    return SETTLED if name == "settled" else Difference.OPEN


class Reconcile(ApiView):
    needs = {"GET": Need.SIGNED_IN, "POST": Need.SIGNED_IN}
    pagination_class = HubPages

    @extend_schema(summary="List the comparisons", tags=TAGS, responses=shapes.RunShape(many=True))
    def get(self, request: Request) -> Response:
        """Newest first. For operators."""
        access.require_operator(self.actor)
        return self.page(reads.run_rows().order_by("-id"), shapes.RunShape)

    @extend_schema(
        summary="Compare repositories now",
        tags=TAGS,
        request=shapes.ReconcileBody,
        responses={202: shapes.RunShape},
    )
    def post(self, request: Request) -> Response:
        """One repository, or all. The run that is answered may have been under way already. For operators."""
        access.require_operator(self.actor)
        repository = operators.fetch_any(self.actor, self.read(shapes.ReconcileBody)["repository"])
        run = actions.request_reconcile(actor=self.actor, repository=repository)
        return Response(shapes.RunShape(run).data, status=202)


class DecisionView(ApiView):
    """Only what the caller knows of is decided: the number of tags must still be right."""

    def decide(self, *, approved: bool) -> Response:
        access.require_operator(self.actor)
        given = self.read(shapes.DecisionBody)
        repository = operators.fetch_any(self.actor, given["repository"])
        held = operators.held_tags(repository)
        if held != given["tags"]:
            raise Conflict(operators.plan_changed(held))
        action = actions.approve_all if approved else actions.dismiss_all
        return Response({"decided": action(actor=self.actor, repository=repository)})


class Approve(DecisionView):
    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(summary="Approve removals", tags=TAGS, request=shapes.DecisionBody, responses=shapes.DecisionAnswer)
    def post(self, request: Request) -> Response:
        """What is held goes at the next look, if the registry still has it not. For operators."""
        return self.decide(approved=True)


class Dismiss(DecisionView):
    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(summary="Decline removals", tags=TAGS, request=shapes.DecisionBody, responses=shapes.DecisionAnswer)
    def post(self, request: Request) -> Response:
        """What is held stays as it is. For operators."""
        return self.decide(approved=False)


class RepositoryReconcile(RepositoryView):
    needs = {"GET": Permission.RECONCILE, "POST": Permission.RECONCILE}

    @extend_schema(
        summary="Say how a repository differs from the registry", tags=TAGS, responses=shapes.RepositoryDrift
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """When it was compared last, and what differed. For its admins."""
        row = self.fetch(namespace, repository)
        sync = reads.sync_of(row)
        told: dict[str, Any] = {
            "compared_at": sync.compared_at if sync else None,
            "looked_at": sync.looked_at if sync and sync.looked_at != NEVER else None,
            "due_at": sync.due_at if sync else None,
            "error": sync.error if sync else "",
            "under_way": reads.open_run_of(row),
            "differences": reads.difference_rows(repository=row).order_by("-id")[:SHOWN],
        }
        return Response(shapes.RepositoryDrift(told).data)

    @extend_schema(
        summary="Compare a repository with the registry", tags=TAGS, request=None, responses={202: shapes.RunShape}
    )
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Now, and not with the next round. For its admins."""
        row = self.fetch(namespace, repository)
        return Response(shapes.RunShape(actions.request_reconcile(actor=self.actor, repository=row)).data, status=202)
