"""Parses what clients ask the token service for (Distribution's docs/spec/auth/scope.md). Costs no query."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid
from repositories.names import NAME

SCOPES_MAX = 100
FULL_NAME_MAX = 255
"""Distribution's limit on namespace and name together."""
REPOSITORY = "repository"


@dataclass(frozen=True, slots=True)
class Scope:
    """A repository of our grammar, and what is asked of it. `actions` are as sent, each once."""

    name: str
    actions: tuple[str, ...]


def parse_scopes(parameters: Iterable[str]) -> list[Scope]:
    """The repositories among the scopes, one entry each, in order. `parameters` may hold several, separated by spaces.

    Whatever could not be granted anyhow is left out: other types (the catalog is answered by the portal, so no token
    needs it), names outside the grammar, such as `host:5000/name`. Raises Invalid for more than SCOPES_MAX.
    """
    words = [word for parameter in parameters for word in parameter.split()]
    if len(words) > SCOPES_MAX:
        raise Invalid(_("A token may have %(max)d scopes at most.") % {"max": SCOPES_MAX})
    asked: dict[str, dict[str, None]] = {}
    for word in words:
        kind, _colon, rest = word.partition(":")
        name, _colon, actions = rest.rpartition(":")
        if kind.partition("(")[0] == REPOSITORY and len(name) <= FULL_NAME_MAX and NAME.fullmatch(name):
            asked.setdefault(name, {}).update(dict.fromkeys(actions.split(",")))
    return [Scope(name, tuple(actions)) for name, actions in asked.items()]
