"""Why the registry, or the gateway, refused a token: the sentence that docker and skopeo print.

Only for a repository that the caller may see, or a name that the caller could create: to all others a refusal and a
repository that does not exist read the same.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.accounts.actor import Actor
from repositories import access
from repositories.models import Repository
from repositories.names import NAME, validate_repository_name
from repositories.registry import verify
from repositories.registry.errors import unauthorized
from repositories.registry.signing import Access
from repositories.registry.tokens import PERMISSIONS

WANTED = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("delete",)}
WRITING = ("pull", "push")
REASONS_MOST = 3
"""Docker prints one line."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was asked of which repository: as in Distribution, GET and HEAD pull, DELETE deletes, the rest does both."""

    name: str
    actions: tuple[str, ...]
    source: str = ""
    """Of a layer that is to be mounted from another repository, which must be pulled from."""


def explain_denied(request: HttpRequest) -> HttpResponse:
    """The door's question after a 401 with insufficient_scope: that 401 again, with the reason."""
    refused = _asked(request)
    if refused is None:
        return unauthorized(request)
    try:
        verified = verify.bearer(request)
    except verify.InvalidToken:
        return unauthorized(request, _wanted(refused), error="invalid_token")
    if verified is None:
        return unauthorized(request, _wanted(refused))
    return _refuse(request, verified, refused)


def refuse(request: HttpRequest, verified: verify.Verified, name: str, actions: tuple[str, ...]) -> HttpResponse:
    """401 with insufficient_scope for a valid token that lacks the actions. At most four queries."""
    return _refuse(request, verified, Refused(name, actions))


def _refuse(request: HttpRequest, verified: verify.Verified, refused: Refused) -> HttpResponse:
    wanted = _wanted(refused)
    try:
        actor = verify.actor_of(verified)
    except verify.InvalidToken:
        return unauthorized(request, wanted, error="invalid_token")
    words = reason(actor, refused.name, refused.actions)
    if not words:
        return unauthorized(request, wanted, error="insufficient_scope")
    return unauthorized(request, wanted, error="insufficient_scope", description=words, message=words)


def reason(actor: Actor, name: str, actions: tuple[str, ...]) -> str:
    """Such as `bob may pull acme/api but not push: …`; empty where the caller may know nothing."""
    row = access.visible(actor).filter(full_name=name).first()
    if row is None:
        return _reason_of_nothing(actor, name)
    decisions = {action: access.decide(actor, PERMISSIONS[action], row) for action in PERMISSIONS}
    denied = [action for action in actions if not decisions[action].allowed]
    if not denied:
        # The rights have changed since the token was made: the client only has to ask again.
        return ""
    may = [action for action, decision in decisions.items() if decision.allowed]
    words = {
        "who": actor.name or _("an anonymous client"),
        "may": ", ".join(may),
        "not": ", ".join(denied),
        "repository": name,
        "why": decisions[denied[-1]].reason,
        "source": _source_of_role(actor, PERMISSIONS[denied[-1]], row),
    }
    if words["source"]:
        return _("%(who)s may %(may)s %(repository)s but not %(not)s (%(source)s)") % words
    if may:
        return _("%(who)s may %(may)s %(repository)s but not %(not)s: %(why)s") % words
    return _("%(who)s may not %(not)s %(repository)s: %(why)s") % words


def _source_of_role(actor: Actor, permission: access.Permission, row: Repository) -> str:
    """Such as `team image-users`: where the role comes from that does not suffice. One query at most.

    Empty where something else stands in the way, which the decision says better.
    """
    capped = not actor.confirmed or actor.credential.limits is not None
    if actor.is_anonymous or capped or row.role >= access.LEAST_ROLE[permission]:
        return ""
    reasons = [reason.words for reason in access.reasons_of(actor, row) if reason.role >= row.role]
    return ", ".join(reasons[:REASONS_MOST])


def _reason_of_nothing(actor: Actor, name: str) -> str:
    """For who may create in the namespace, and so may know that there is no such repository. Two queries."""
    namespace_name, _slash, repository_name = name.partition("/")
    namespace = access.namespaces_to_create_in(actor).filter(name=namespace_name).first()
    if namespace is None or access.sees_public_only(actor) or not actor.credential.covers(name):
        return ""
    found = access.creating(actor, namespace, repository_name)
    if not found.by_rule and found.granted < access.Role.READ:
        return ""  # the name is none of the actor's business, and may exist
    decision = access.decide_create_in(actor, name, by_rule=found.by_rule, granted=found.granted)
    if not decision.allowed:
        return _("%(repository)s does not exist, and it is not created: %(why)s") % {
            "repository": name,
            "why": decision.reason,
        }
    try:
        validate_repository_name(repository_name)
    except ValidationError as error:
        return _("%(repository)s cannot be a repository: %(why)s") % {"repository": name, "why": error.messages[0]}
    if access.visibility_on_push_in(actor, name, found) is not None:
        return _("%(repository)s does not exist.") % {"repository": name}  # it would, by a push: this was none
    return _("%(repository)s does not exist, and a push creates none in this namespace. Create it first.") % {
        "repository": name
    }


def _asked(request: HttpRequest) -> Refused | None:
    """From the headers that the door sets, and only the door: it drops them from what clients send."""
    method = str(request.META.get("HTTP_X_ORIGINAL_METHOD", "GET"))
    path, _mark, query = str(request.META.get("HTTP_X_ORIGINAL_URI", "")).partition("?")
    part = next((part for part in ("/manifests/", "/blobs/", "/tags/list") if part in path), None)
    if part is None:
        return None
    name = path[: path.rindex(part)].removeprefix("/v2/")
    if not NAME.fullmatch(name):
        return None
    return Refused(name, WANTED.get(method, WRITING), source=_source(query))


def _source(query: str) -> str:
    try:
        name = parse_qs(query, max_num_fields=20).get("from", [""])[-1]
    except ValueError:
        return ""
    return name if NAME.fullmatch(name) else ""


def _wanted(refused: Refused) -> list[Access]:
    source = [Access(refused.source, ("pull",))] if refused.source else []
    return [Access(refused.name, refused.actions), *source]
