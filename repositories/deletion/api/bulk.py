"""Delete many tags by a job, watch it, cancel it, undo it. Ours; Docker Hub has nothing like it."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import HubPages
from portal.kit.errors import Invalid
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.deletion import bulk_actions, bulk_filter, bulk_preview
from repositories.deletion.bulk_filter import DAYS_MAX, KEEP_MAX, NAMES_MAX, Selection
from repositories.deletion.bulk_preview import BulkPreview
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.images.models import ManifestKind
from repositories.tag_rules import RULE_MAX

TAGS = ["deletion"]
SKIPPED = 1_000
FILTERS = ("name", "pattern", "kind", "older_than", "unpulled_for", "keep")


class DeletionsRequest(serializers.Serializer[Any]):
    """Names, or a filter whose conditions all hold. `all` must be true to mean every tag."""

    tags = serializers.ListField(child=serializers.CharField(max_length=128), required=False, max_length=NAMES_MAX)
    name = serializers.CharField(required=False, max_length=128, help_text="Part of the name, in any case.")
    pattern = serializers.CharField(required=False, max_length=RULE_MAX, help_text="RE2, of the whole name.")
    kind = serializers.ChoiceField(choices=ManifestKind.values, required=False)
    older_than = serializers.IntegerField(
        required=False, min_value=0, max_value=DAYS_MAX, help_text="Days since the last push."
    )
    unpulled_for = serializers.IntegerField(
        required=False, min_value=0, max_value=DAYS_MAX, help_text="Days without a pull or a push."
    )
    keep = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=KEEP_MAX,
        help_text="So many of the newest stay, of those that name, pattern and kind mean.",
    )
    all = serializers.BooleanField(required=False, default=False)
    expected = serializers.IntegerField(
        required=False, min_value=0, help_text="When more tags match than that, nothing is deleted."
    )
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Answer what would go, and do nothing.")


class DeletionsPreviewAnswer(serializers.Serializer[BulkPreview]):
    """Sizes are in bytes."""

    tags = serializers.IntegerField()
    first = serializers.ListField(child=serializers.CharField(), help_text="Names of some of them.")
    immutable = serializers.IntegerField(help_text="Tags that match and stay.")
    first_immutable = serializers.ListField(child=serializers.CharField())
    images = serializers.IntegerField(help_text="That nothing else in the repository has.")
    kept = serializers.IntegerField(help_text="Images that other tags or multi-platform images have.")
    freed = serializers.IntegerField(help_text="By the registry's garbage collection.")
    is_exact = serializers.BooleanField(help_text="False: `freed` is the most that it can be.")


class BulkJobAnswer(serializers.Serializer[BulkDeletion]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=BulkDeletion.Kind.values)
    state = serializers.ChoiceField(choices=BulkDeletion.State.values)
    problem = serializers.CharField(source="get_problem_display", allow_blank=True, help_text="Why it was stopped.")
    selection = serializers.JSONField(help_text="The filter, or `names`.")
    undoes = serializers.IntegerField(source="undoes_id", allow_null=True)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    skipped = serializers.IntegerField()
    actor = serializers.CharField(source="actor_name")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    can_be_undone = serializers.BooleanField()


class SkippedTag(serializers.Serializer[Any]):
    tag = serializers.CharField()
    why = serializers.ChoiceField(choices=BulkItem.Why.values)
    message = serializers.CharField(source="get_why_display")


class BulkJobFull(BulkJobAnswer):
    skipped_tags = serializers.SerializerMethodField(help_text="The first 1,000.")

    def get_skipped_tags(self, job: BulkDeletion) -> list[dict[str, str]]:
        rows = job.items.filter(state=BulkItem.State.SKIPPED).order_by("id")[:SKIPPED]
        return list(SkippedTag(rows, many=True).data)


class Deletions(RepositoryView):
    needs = {"GET": Permission.DELETE_IMAGES, "POST": Permission.DELETE_IMAGES}
    pagination_class = HubPages

    @extend_schema(summary="List deletions of many tags", tags=TAGS, responses=BulkJobAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """And restorations; the newest first."""
        row = self.fetch(namespace, repository)
        return self.page(bulk_actions.jobs_of(row), BulkJobAnswer)

    @extend_schema(
        summary="Delete many tags",
        tags=TAGS,
        request=DeletionsRequest,
        responses={
            200: OpenApiResponse(DeletionsPreviewAnswer, description="With `dry_run`."),
            202: BulkJobFull,
        },
    )
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """By a job, one after another. Their images can be restored for a while. One job at a time in a repository."""
        row = self.fetch(namespace, repository)
        given = self.read(DeletionsRequest)
        selection = bulk_filter.check(_selection(given))
        if given["dry_run"]:
            return Response(DeletionsPreviewAnswer(bulk_preview.of_selection(row, selection)).data)
        expected = given.get("expected")
        job = bulk_actions.start_deletion(actor=self.actor, repository=row, selection=selection, expected=expected)
        return Response(BulkJobFull(job).data, status=202)


def _selection(given: dict[str, Any]) -> Selection:
    """An empty filter would be a slip that deletes everything."""
    chosen = {name: given[name] for name in FILTERS if given.get(name)}
    names = tuple(given.get("tags", ()))
    if names and chosen:
        raise Invalid.field("tags", _("Give names or a filter, not both."))
    if not names and not chosen and not given["all"]:
        raise Invalid(_("Give names or a filter, or say that you mean all."))
    return Selection(**chosen, names=names, as_of=timezone.now())


class OneDeletion(RepositoryView):
    needs = {"GET": Permission.DELETE_IMAGES}

    @extend_schema(summary="Read a deletion of many tags", tags=TAGS, responses=BulkJobFull)
    def get(self, request: Request, namespace: str, repository: str, job_id: int) -> Response:
        """How far it is, and what it skipped."""
        row = self.fetch(namespace, repository)
        return Response(BulkJobFull(bulk_actions.get_job(row, job_id)).data)


class CancelDeletion(RepositoryView):
    needs = {"POST": Permission.DELETE_IMAGES}

    @extend_schema(summary="Cancel a deletion of many tags", tags=TAGS, request=None, responses=BulkJobFull)
    def post(self, request: Request, namespace: str, repository: str, job_id: int) -> Response:
        """What is done stays done. One that has ended stays as it is."""
        row = self.fetch(namespace, repository)
        job = bulk_actions.cancel(actor=self.actor, repository=row, job_id=job_id)
        return Response(BulkJobFull(job).data)


class UndoDeletion(RepositoryView):
    needs = {"POST": Permission.DELETE_IMAGES}

    @extend_schema(summary="Undo a deletion of many tags", tags=TAGS, request=None, responses={202: BulkJobFull})
    def post(self, request: Request, namespace: str, repository: str, job_id: int) -> Response:
        """Bring back all that it deleted, by a job of its own."""
        row = self.fetch(namespace, repository)
        job = bulk_actions.start_restoration(actor=self.actor, repository=row, job_id=job_id)
        return Response(BulkJobFull(job).data, status=202)
