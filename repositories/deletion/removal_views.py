"""Delete a repository: what goes with it, its name typed, and the button."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.http import PortalRequest
from portal.kit.errors import Invalid, Text
from repositories import actions
from repositories.access import Permission, fetch_repository
from repositories.deletion.loss import loss_of
from repositories.pages import frame, sign_in_first


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
