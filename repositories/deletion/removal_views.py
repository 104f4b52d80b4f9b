"""Delete a repository: what goes with it, its name typed, and the button."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import Max, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.http import PortalRequest
from portal.kit.errors import Invalid, Text
from repositories import actions
from repositories.access import Permission, fetch_repository
from repositories.api.contents import Contents, read_contents
from repositories.images.models import Manifest, Tag, TagPulls
from repositories.models import Grant, Repository
from repositories.pages import frame, sign_in_first

DAYS = 30


@dataclass(frozen=True, slots=True)
class Loss:
    """What a repository's deletion takes away, besides the counters on its row."""

    images: int
    size: int
    """Compressed bytes, as on the repository's page; other repositories may share layers."""
    pulls: int
    """Of its tags, within DAYS."""
    last_pulled_at: datetime | None
    people: int
    """Grants for exactly this name."""
    days: int = DAYS


def loss_of(repository: Repository) -> Loss:
    """Five queries."""
    since = timezone.now().date() - timedelta(days=DAYS)
    pulls = TagPulls.objects.filter(repository=repository, day__gte=since).aggregate(sum=Sum("count"))["sum"]
    return Loss(
        images=Manifest.objects.filter(repository=repository).count(),
        size=read_contents([repository.pk]).get(repository.pk, Contents()).storage_size,
        pulls=pulls or 0,
        last_pulled_at=Tag.objects.filter(repository=repository).aggregate(last=Max("last_pulled_at"))["last"],
        people=Grant.objects.filter(namespace_id=repository.namespace_id, pattern=repository.name).count(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def delete_repository(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """A wrong name comes back with the sentence at the field."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE)
    error: Text = ""
    if request.method == "POST":
        typed = request.POST.get("typed_name", "")
        try:
            actions.delete_repository(actor=request.actor, repository=row, typed_name=typed)
        except Invalid as invalid:
            error = invalid.message
        else:
            said = _("%(name)s is deleted. Its name is free again when its images have left the registry.")
            messages.success(request, said % {"name": row.full_name})
            return redirect("namespace", namespace)
    context = frame(request, row, "repository_settings") | {"loss": loss_of(row), "error": error}
    return render(request, "deletion/removal_confirm.html", context, status=422 if error else 200)
