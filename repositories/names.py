"""The grammar of repository names and of the references behind them."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

NAME_MAX = 200
"""So that the longest namespace, a slash and this stay below 255, Distribution's limit on both together."""

COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")

# As a component of a name these would make the API's or the registry's paths ambiguous.
RESERVED_COMPONENTS = frozenset(
    [
        "tags",
        "manifests",
        "blobs",
        "uploads",
        "referrers",
        "groups",
        "immutabletags",
        "collaborators",
        "comments",
        "stars",
        "webhooks",
        "privacy",
        "images",
        "auditlogs",
    ]
)


def validate_repository_name(name: str) -> None:
    """Raise ValidationError with a sentence for the first rule that `name` (without its namespace) breaks."""
    if name != name.lower():
        raise ValidationError(_("Use lower-case letters only: docker accepts no others."), code="case")
    if not name.isascii():
        raise ValidationError(
            _("Use the letters a to z without accents, and digits: letters of other scripts can look alike."),
            code="ascii",
        )
    if not name or len(name) > NAME_MAX:
        raise ValidationError(_("Use 1 to %(max)d characters."), code="length", params={"max": NAME_MAX})
    if not NAME.fullmatch(name):
        raise ValidationError(
            _("Use letters and digits, with separators (. _ __ - and /) only between them."), code="grammar"
        )
    reserved = next((part for part in name.split("/") if part in RESERVED_COMPONENTS), None)
    if reserved:
        raise ValidationError(
            _("“%(part)s” is reserved and cannot be a part of the name."), code="reserved", params={"part": reserved}
        )


def is_repository_name(full_name: str) -> bool:
    """Whether `namespace/name` could be a repository of ours."""
    _namespace, slash, name = full_name.partition("/")
    try:
        validate_repository_name(name)
    except ValidationError:
        return False
    return bool(slash)
