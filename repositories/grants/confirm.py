"""The step between a change of access and its writing: what it would do, shown where somebody outside gains."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.http import PortalRequest
from portal.accounts.models import User
from portal.kit.errors import Text
from repositories.access.people import Who
from repositories.grants.preview import Preview, Touched, preview

CONFIRMED = "confirmed"
PREVIEW = "preview"
"""Names of the buttons: to do it in any case, and to look at it first."""


@dataclass(frozen=True)
class Question:
    """The page that asks. `frame` is the context of the page around it, `template` what it extends."""

    template: str
    frame: Mapping[str, Any]
    title: Text
    back: str
    """Where “Cancel” leads."""
    button: Text
    action: str = ""
    """Where the confirmed form goes; empty: where it came to."""


def confirm(
    request: PortalRequest,
    change: Callable[[], object],
    touched: Touched,
    question: Question,
    *,
    when_asked: bool = False,
) -> HttpResponse | None:
    """The page that asks first, or None when the change can be made. Raises what the change raises.

    Costs a preview, unless the change is confirmed already. `when_asked`: only for who pressed “Preview”, where nobody
    outside can gain.
    """
    if CONFIRMED in request.POST or (when_asked and PREVIEW not in request.POST):
        return None
    found = preview(request.actor, change, touched)
    if not found.needs_confirmation and PREVIEW not in request.POST:
        return None
    return ask(request, found, question)


def ask(request: PortalRequest, found: Preview, question: Question) -> HttpResponse:
    """The page with the preview, and with the form that was sent."""
    left_out = {"csrfmiddlewaretoken", PREVIEW}
    fields = [(name, value) for name in request.POST if name not in left_out for value in request.POST.getlist(name)]
    context = {
        **question.frame,
        "frame_template": question.template,
        "question": question,
        "preview": found,
        "fields": fields,
        "action": question.action or request.get_full_path(),
    }
    return render(request, "grants/sharing_confirm.html", context)


def only(people: Collection[User]) -> Who:
    return Who(users=[person.pk for person in people])
