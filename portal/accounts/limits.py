"""Limits of access tokens as people write them: where a token may do what.

Kept in `AccessToken.limits`, read by `actor.limits_of`. A path is `acme/api`, `acme/payments/*`, `acme/*`, `acme` for
the organization itself, or `*` for wherever the token's owner may do it. `hub_resources` speaks Docker Hub's way.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _, pgettext_lazy

from portal.accounts.models import TokenAction, TokenLevel
from portal.accounts.names import NAME, NAME_MAX
from portal.kit import patterns
from portal.kit.errors import Invalid, Text

ENTRIES_MAX = 50
FIELD = "resources"
EVERYWHERE = "*"


class Entry(TypedDict):
    """One place, and what may be done there."""

    path: str
    actions: list[str]


# What each brings with it, as Docker Hub has it.
IMPLIED: dict[TokenAction, frozenset[TokenAction]] = {
    TokenAction.PUSH: frozenset({TokenAction.PULL}),
    TokenAction.DELETE: frozenset({TokenAction.PULL, TokenAction.PUSH}),
    TokenAction.MANAGE_ORGANIZATION: frozenset({TokenAction.READ_ORGANIZATION}),
}
ORGANIZATION_ACTIONS = (TokenAction.READ_ORGANIZATION, TokenAction.MANAGE_ORGANIZATION, TokenAction.READ_AUDIT)
"""Of an organization itself; all others are of repositories. Webhooks are of both."""
REPOSITORY_ACTIONS = tuple(action for action in TokenAction if action not in ORGANIZATION_ACTIONS)
WORDS: dict[TokenAction, Text] = {
    TokenAction.VIEW: pgettext_lazy("what a token may do", "look"),
    TokenAction.PULL: pgettext_lazy("what a token may do", "pull"),
    TokenAction.PUSH: pgettext_lazy("what a token may do", "push"),
    TokenAction.DELETE: pgettext_lazy("what a token may do", "delete images"),
    TokenAction.DESCRIPTION: pgettext_lazy("what a token may do", "edit the description"),
    TokenAction.WEBHOOKS: pgettext_lazy("what a token may do", "manage webhooks"),
    TokenAction.MANAGE: pgettext_lazy("what a token may do", "manage"),
    TokenAction.CREATE: pgettext_lazy("what a token may do", "create repositories"),
    TokenAction.READ_ORGANIZATION: pgettext_lazy("what a token may do", "see members and teams"),
    TokenAction.MANAGE_ORGANIZATION: pgettext_lazy("what a token may do", "manage members and teams"),
    TokenAction.READ_AUDIT: pgettext_lazy("what a token may do", "read the audit log"),
}
# The least level of a personal access token that lets the action through. The level caps what the limits allow.
_LEVELS: dict[TokenAction, TokenLevel] = {
    TokenAction.VIEW: TokenLevel.READ,
    TokenAction.PULL: TokenLevel.READ,
    TokenAction.PUSH: TokenLevel.WRITE,
    TokenAction.DESCRIPTION: TokenLevel.WRITE,
    TokenAction.CREATE: TokenLevel.WRITE,
    TokenAction.READ_ORGANIZATION: TokenLevel.READ,
}


def parse(entries: object, *, first: int = 0) -> list[Entry]:
    """What is kept for entries that somebody sent: each path once, with what its actions bring with them.

    Raises Invalid, which names the entry, counted from `first`.
    """
    if not isinstance(entries, list) or not entries:
        raise Invalid.field(FIELD, _("Send a list of places: [{“path”: “acme/api”, “actions”: [“pull”]}]."))
    found: list[tuple[str, Collection[TokenAction]]] = []
    for number, entry in enumerate(entries, start=first):
        path, actions = _read(entry, number)
        found.append((path, _with_implied(actions)))
    return collect(found)


def _read(entry: object, number: int) -> tuple[str, frozenset[TokenAction]]:
    path = entry.get("path") if isinstance(entry, Mapping) else None
    actions = entry.get("actions") if isinstance(entry, Mapping) else None
    if not isinstance(path, str) or not isinstance(actions, list):
        raise wrong(number, path, _("Give a “path”, and a list of “actions”."))
    unknown = next((action for action in actions if action not in TokenAction.values), None)
    if unknown is not None:
        known = ", ".join(TokenAction.values)
        text = _("There is no action “%(action)s”. Choose from: %(known)s.")
        raise wrong(number, path, text % {"action": str(unknown)[:64], "known": known})
    if not actions:
        raise wrong(number, path, _("Choose at least one action."))
    reason = refusal_of_path(path)
    if reason:
        raise wrong(number, path, reason)
    wanted = frozenset(TokenAction(action) for action in actions)
    _check_fit(path, wanted, number)
    return path, wanted


def _check_fit(path: str, wanted: frozenset[TokenAction], number: int) -> None:
    misfit = sorted(wanted - applicable(path))
    if not misfit:
        return
    words = {"action": misfit[0], "name": path.partition("/")[0]}
    if is_organization(path):
        text = _("“%(action)s” is about repositories: write “%(name)s/*” for all of the organization's.")
    else:
        text = _("“%(action)s” is about an organization: write “%(name)s” alone.")
    raise wrong(number, path, text % words)


def wrong(number: int, path: object, reason: Text) -> Invalid:
    """The error of one entry, counted from 0, whose sentence names it."""
    shown = str(path)[:64] if isinstance(path, str) else ""
    text = _("Entry %(number)d (“%(path)s”): %(reason)s") if shown else _("Entry %(number)d: %(reason)s")
    return Invalid.field(f"{FIELD}.{number}", text % {"number": number + 1, "path": shown, "reason": reason})


def refusal_of_path(path: str) -> str:
    """What is wrong with a path, in a sentence; empty when nothing is."""
    if path == EVERYWHERE:
        return ""
    namespace, slash, pattern = path.partition("/")
    if not NAME.fullmatch(namespace) or len(namespace) > NAME_MAX:
        return _(
            "Write “namespace/name”, “namespace/*” or “*”, in lower-case letters. A “*” may stand at the end only."
        )
    if slash and not pattern:
        return _("Write “%(name)s/*” for all of its repositories.") % {"name": namespace}
    if len(path) > patterns.PATTERN_MAX:
        return _("Use at most %(max)d characters.") % {"max": patterns.PATTERN_MAX}
    try:
        if slash:
            patterns.validate_pattern(pattern)
    except ValidationError as error:
        return str(error.messages[0])
    return ""


def is_organization(path: str) -> bool:
    """Whether the path means the organization itself, not repositories."""
    return "/" not in path and path != EVERYWHERE


def applicable(path: str) -> frozenset[TokenAction]:
    """The actions that make sense in this place."""
    if path == EVERYWHERE:
        return frozenset(TokenAction)
    if is_organization(path):
        return frozenset({*ORGANIZATION_ACTIONS, TokenAction.WEBHOOKS})
    return frozenset(REPOSITORY_ACTIONS)


def collect(found: Iterable[tuple[str, Collection[TokenAction]]]) -> list[Entry]:
    """One entry for each path, in the order they came; actions in the order of `TokenAction`. Raises Invalid."""
    by_path: dict[str, set[TokenAction]] = {}
    for path, actions in found:
        by_path.setdefault(path, set()).update(actions)
    if len(by_path) > ENTRIES_MAX:
        text = _("Name at most %(max)d places. Patterns such as “acme/payments/*” need fewer.")
        raise Invalid.field(FIELD, text % {"max": ENTRIES_MAX})
    return [Entry(path=path, actions=_ordered(actions)) for path, actions in by_path.items()]


def _with_implied(actions: Iterable[TokenAction]) -> frozenset[TokenAction]:
    given = frozenset(actions)
    return given.union(*(IMPLIED.get(action, frozenset()) for action in given))


def _ordered(actions: set[TokenAction]) -> list[str]:
    """Whoever may do anything in a place may look at it: alone only, that needs a word."""
    return [action.value for action in TokenAction if action in actions and (action != "view" or len(actions) == 1)]


def from_lines(text: str, actions: Sequence[str]) -> list[Entry]:
    """Of a form: one place a line, with the form's actions as far as they make sense there, or with its own: a line
    `acme/web: pull, push`.

    Raises Invalid about `resources` (the lines) or `actions`.
    """
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not lines:
        raise Invalid.field(FIELD, _("Name at least one place, such as “acme/api”."))
    plain = [line for line in lines if ":" not in line]
    wanted = frozenset(TokenAction(action) for action in actions if action in TokenAction.values)
    if plain and not wanted:
        raise Invalid.field("actions", _("Choose at least one action."))
    if wanted and not plain:
        raise Invalid.field("actions", _("Every line names its own actions: leave these out."))
    found = [_read_line(line, number, wanted) for number, line in enumerate(lines)]
    idle = wanted.difference(*(applicable(path) for path in plain)) if plain else frozenset()
    if idle:
        raise Invalid.field("actions", _idle(min(idle, key=list(TokenAction).index), plain))
    return collect((path, _with_implied(granted)) for path, granted in found)


def _read_line(line: str, number: int, wanted: frozenset[TokenAction]) -> tuple[str, frozenset[TokenAction]]:
    path, colon, own = (part.strip() for part in line.partition(":"))
    if colon:
        return _read({"path": path, "actions": [action for part in own.split(",") if (action := part.strip())]}, number)
    reason = refusal_of_path(path)
    if reason:
        raise wrong(number, path, reason)
    if not wanted & applicable(path):
        _check_fit(path, wanted, number)
    return path, wanted & applicable(path)


def to_lines(stored: Sequence[Any] | None) -> tuple[str, list[str]]:
    """The other way: the lines, and the actions that all of them share; where they differ, each line has its own."""
    entries = stored or []
    shared = entries[0]["actions"] if entries else []
    if all(entry["actions"] == shared for entry in entries):
        return "\n".join(entry["path"] for entry in entries), list(shared)
    return "\n".join(f"{entry['path']}: {', '.join(entry['actions'])}" for entry in entries), []


def _idle(action: TokenAction, paths: Sequence[str]) -> str:
    """An action that none of the places takes would be granted nowhere, and nobody would notice."""
    name = paths[0].partition("/")[0]
    if action in ORGANIZATION_ACTIONS:
        text = _("“%(action)s” is about an organization: add a line “%(name)s”, or leave it out.")
    else:
        text = _("“%(action)s” is about repositories: add a line “%(name)s/*”, or leave it out.")
    return text % {"action": action.label, "name": name}


def require_inside(entries: Sequence[Entry], namespace: str) -> None:
    """Raise Invalid unless every place is the organization itself or its repositories."""
    for number, entry in enumerate(entries):
        if entry["path"].partition("/")[0] != namespace:
            text = _("A token of %(name)s is limited to %(name)s: write “%(name)s/api”, “%(name)s/*” or “%(name)s”.")
            raise wrong(number, entry["path"], text % {"name": namespace})


def least_level(entries: Sequence[Entry]) -> TokenLevel:
    """The lowest level that lets through everything that the entries allow."""
    order = list(TokenLevel)
    levels = [_LEVELS.get(TokenAction(action), TokenLevel.ADMIN) for entry in entries for action in entry["actions"]]
    return max(levels, key=order.index, default=TokenLevel.PUBLIC_READ)


def words(stored: Sequence[Any] | None) -> list[dict[str, str]]:
    """For templates: what may be done (`pull, push`) where (`acme/payments/*`). Empty for what is not limited."""
    return [{"actions": action_words(entry["actions"]), "path": entry["path"]} for entry in stored or ()]


def action_words(actions: Iterable[str]) -> str:
    """Names that are not known any more are left out, as `actor.limits_of` does."""
    return ", ".join(str(WORDS[TokenAction(action)]) for action in actions if action in TokenAction.values)


def sentence(stored: Sequence[Any] | None) -> str:
    """In one line: `pull, push on acme/payments/*; pull on acme/api`. For lists, exports and explanations."""
    if stored is None:
        return _("wherever its owner may")
    if not stored:
        return _("public repositories only")
    return "; ".join(_("%(actions)s on %(path)s") % row for row in words(stored))
