"""The page of a repository's immutable tags: what is chosen, and what that covers now, also before it is saved."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status
from portal.accounts.views import add_errors
from portal.kit.errors import Invalid
from repositories import actions
from repositories.access import Permission, fetch_repository
from repositories.images.immutability import Coverage, coverage
from repositories.images.protect_forms import TEXT_MAX, ProtectForm
from repositories.models import Immutability, Repository
from repositories.pages import frame, is_partial, sign_in_first
from repositories.tag_rules import RULES_MAX, problem


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def tag_settings(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Three queries to show. `preview` in the POST saves nothing; htmx asks so while somebody types."""
    repository = fetch_repository(request.actor, namespace, name, Permission.PROTECT_TAGS)
    form = ProtectForm(request.POST or None, initial=_initial(repository))
    if request.method != "POST":
        return _page(request, repository, form, _saved(repository))
    draft = _draft(request)
    if "preview" in request.POST and is_partial(request):
        context = {"draft": draft, "coverage": draft.coverage(repository)}
        return render(request, "images/protect_coverage.html", context)
    if "preview" not in request.POST and form.is_valid():
        try:
            _save(request, repository, form)
        except Invalid as error:
            add_errors(form, error)
        else:
            messages.success(request, _("What is immutable is saved."))
            return redirect("repository_tag_settings", namespace, name)
    return _page(request, repository, form, draft)


def _save(request: PortalRequest, repository: Repository, form: ProtectForm) -> None:
    actions.protect_tags(
        actor=request.actor,
        repository=repository,
        immutability=form.cleaned_data["immutability"],
        rules=form.cleaned_data["rules"].splitlines(),
        exceptions=form.cleaned_data["exceptions"].splitlines(),
    )


def _initial(repository: Repository) -> dict[str, str]:
    return {
        "immutability": repository.immutability,
        "rules": "\n".join(repository.immutable_rules),
        "exceptions": "\n".join(repository.immutable_exceptions),
    }


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is chosen, saved or not. `problems`: pattern and what is wrong with it; the others count as if it were not
    there.
    """

    immutability: str
    rules: list[str]
    exceptions: list[str]
    problems: list[tuple[str, str]]

    @property
    def is_off(self) -> bool:
        return self.immutability not in {Immutability.ALL, Immutability.MATCHING}

    @property
    def is_all(self) -> bool:
        return self.immutability == Immutability.ALL

    def coverage(self, repository: Repository) -> Coverage | None:
        """None when there is nothing to say. One query."""
        if self.is_off:
            return None
        rules = [] if self.is_all else self.rules
        return coverage(repository, everything=self.is_all, rules=rules, exceptions=self.exceptions)


def _saved(repository: Repository) -> _Draft:
    return _Draft(repository.immutability, repository.immutable_rules, repository.immutable_exceptions, [])


def _draft(request: PortalRequest) -> _Draft:
    rules, wrong = _read(request.POST.get("rules", ""))
    exceptions, wrong_too = _read(request.POST.get("exceptions", ""))
    return _Draft(request.POST.get("immutability", ""), rules, exceptions, [*wrong, *wrong_too])


def _read(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The good patterns, and the others."""
    lines = dict.fromkeys(line.strip() for line in text[:TEXT_MAX].splitlines() if line.strip())
    said = {line: problem(line) for line in list(lines)[:RULES_MAX]}
    return [line for line, words in said.items() if not words], [(line, words) for line, words in said.items() if words]


def _page(request: PortalRequest, repository: Repository, form: ProtectForm, draft: _Draft) -> HttpResponse:
    context: dict[str, Any] = frame(request, repository, "repository_settings")
    context |= {"form": form, "draft": draft, "coverage": draft.coverage(repository)}
    status = 200 if "preview" in request.POST else form_status(form)
    return render(request, "images/protect_tags.html", context, status=status)
