"""The grammar of namespaces: what a user or an organization may be called."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

NAME_MIN, NAME_MAX = 2, 39
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")

# First segments under /v2/ that belong to the API (contracts of Docker Hub) and would hide a registry path.
API_SEGMENTS = frozenset(
    [
        "users",
        "auth",
        "access-tokens",
        "api_tokens",
        "auditlogs",
        "orgs",
        "user",
        "namespaces",
        "repositories",
        "invites",
        "scim",
        "search",
        "registry",
        "webhooks",
    ]
)
# First segments of the portal's own pages, now and later. A test derives those in use from the URL patterns.
PAGE_SEGMENTS = frozenset(
    [
        "accounts",
        "admin",
        "about",
        "api",
        "docs",
        "ecr",
        "explore",
        "healthz",
        "help",
        "jsi18n",
        "library",
        "metrics",
        "new",
        "notifications",
        "organizations",
        "readyz",
        "registry",
        "robots.txt",
        "search",
        "settings",
        "static",
        "stars",
        "support",
        "token",
        "v1",
        "v2",
        "webhooks",
    ]
)
# Words that stand where a user's name may stand, below /v2/users/.
USER_SEGMENTS = frozenset(["login", "2fa-login"])
RESERVED = API_SEGMENTS | PAGE_SEGMENTS | USER_SEGMENTS


def validate_namespace(name: str) -> None:
    """Raise ValidationError with a sentence for the first rule that `name` breaks. Costs no query."""
    if name != name.lower():
        raise ValidationError(_("Use lower-case letters only."), code="case")
    if not name.isascii():
        raise ValidationError(
            _("Use the letters a to z without accents, and digits: letters of other scripts can look alike."),
            code="ascii",
        )
    if len(name) < NAME_MIN or len(name) > NAME_MAX:
        raise ValidationError(
            _("Use %(min)d to %(max)d characters."), code="length", params={"min": NAME_MIN, "max": NAME_MAX}
        )
    if not NAME.fullmatch(name):
        raise ValidationError(
            _("Use letters and digits, with single separators (. _ -) only between them."), code="grammar"
        )
    if name in RESERVED:
        raise ValidationError(_("“%(name)s” is reserved. Choose another name."), code="reserved", params={"name": name})


USERNAME_VALIDATORS = [validate_namespace]
