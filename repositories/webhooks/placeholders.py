"""`{tag}` and the like in a webhook's URL. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from portal.kit import http

EXAMPLES = {
    "tag": "latest",
    "repository": "alice/myfirstapp",
    "namespace": "alice",
    "name": "myfirstapp",
    "digest": "sha256:" + "0" * 64,
    "event": "push",
    "delivery": "0123456789abcdef0123456789abcdef",
}
"""Every placeholder, with a value to check a URL with."""
MASK = "…"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_BRACE = re.compile(r"[{}]")
_LONG = 16
"""Characters of a path's part that mixes letters and digits, from which on it is taken for a secret."""


class _Parts(NamedTuple):
    """The URL's text cut in three: no character is in two, none is lost but the fragment."""

    place: str
    """Scheme, user, host, port."""
    path: str
    query: str
    """With its question mark."""


def check(template: str) -> str:
    """The URL with example values. Raises http.Refused with a sentence."""
    for name in _PLACEHOLDER.findall(template):
        if name not in EXAMPLES:
            known = ", ".join(f"{{{each}}}" for each in EXAMPLES)
            raise http.Refused(
                _("There is no placeholder {%(name)s}. Choose from %(known)s; a brace itself is written %%7B or %%7D.")
                % {"name": name, "known": known}
            )
    if _BRACE.search(_PLACEHOLDER.sub("", template)):
        raise http.Refused(_("A brace is left over in the URL. A brace itself is written %7B or %7D."))
    return fill(template, EXAMPLES)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The URL that is called; what has no value is left empty.

    Whoever pushes a tag chooses its name, and not where the request goes: values are percent-encoded for their place,
    and neither the host nor a path above the one that was written can be reached. Raises http.Refused.
    """
    parts = _parts(template)
    if _BRACE.search(parts.place):
        raise http.Refused(_("Placeholders may stand in the URL's path and query, and nowhere else."))
    path = _filled(parts.path, values, keep_slashes=True)
    if path != parts.path and {".", ".."} & set(unquote(path).split("/")):
        raise http.Refused(_("With its placeholders filled in, the URL's path has “.” or “..” in it."))
    return parts.place + path + _filled(parts.query, values, keep_slashes=False)


def shown(template: str, values: Mapping[str, str]) -> str:
    """For the record: no password and no query, where secrets are; of the path's own parts that look like one only the
    beginning, since Slack's, Discord's and Portainer's addresses have theirs there. What was filled in is
    shown.
    """
    parts = _parts(template)
    scheme, _slashes, rest = parts.place.partition("://")
    path = "/".join(_masked(part) for part in parts.path.split("/"))
    return f"{scheme}://{rest.rpartition('@')[2]}{_filled(path, values, keep_slashes=True)}"


def has_user(template: str) -> bool:
    """User and password, which are sent as HTTP Basic."""
    return "@" in _parts(template).place


def _parts(template: str) -> _Parts:
    text = template.partition("#")[0]
    rest, mark, query = text.partition("?")
    begin = rest.find("://")
    slash = rest.find("/", begin + 3) if begin >= 0 else -1
    place, path = (rest, "") if slash < 0 else (rest[:slash], rest[slash:])
    return _Parts(place, path, mark + query)


def _filled(text: str, values: Mapping[str, str], *, keep_slashes: bool) -> str:
    """A repository's name is a path of its own: `{repository}` keeps its slashes where slashes part a path."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return quote(values.get(name, ""), safe="/" if keep_slashes and name == "repository" else "", errors="replace")

    return _PLACEHOLDER.sub(value, text)


def _masked(part: str) -> str:
    is_secret = len(part) >= _LONG and re.search(r"\d", part) and re.search(r"[A-Za-z]", part)
    return part[:4] + MASK if is_secret and not _BRACE.search(part) else part
