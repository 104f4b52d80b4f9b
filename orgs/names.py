"""The grammar of teams' names: what Docker Hub's clients accept."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orgs.models import TEAM_NAME_MAX

TEAM_NAME_MIN = 2
TEAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
RESERVED_TEAMS = frozenset({"owners"})
"""Docker Hub's old name for the owners, which are a role here: a team of that name would be taken for them."""


def validate_team_name(name: str) -> None:
    """Raise ValidationError with a sentence for the first rule that `name` breaks. Costs no query."""
    if name != name.lower():
        raise ValidationError(_("Use lower-case letters only."), code="case")
    if not TEAM_NAME_MIN <= len(name) <= TEAM_NAME_MAX:
        raise ValidationError(
            _("Use %(min)d to %(max)d characters."), code="length", params={"min": TEAM_NAME_MIN, "max": TEAM_NAME_MAX}
        )
    if not TEAM_NAME.fullmatch(name):
        raise ValidationError(
            _("Use the letters a to z, digits, _ and -, and begin with a letter or a digit."), code="grammar"
        )
    if name in RESERVED_TEAMS:
        raise ValidationError(
            _("“%(name)s” is reserved: being an owner is a role, not a team."), code="reserved", params={"name": name}
        )
