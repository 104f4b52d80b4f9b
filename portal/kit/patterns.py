"""Name patterns: a literal name, or a prefix that ends in `*` and crosses `/`. Nothing else.

So that one indexed statement compares them: a name of n characters is matched by itself and by its n + 1 prefixes.
"""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

PATTERN_MAX = 255
_PATTERN = re.compile(r"[a-z0-9][a-z0-9._/-]*\*?|\*")

# The same rule in SQL, for SQLite and PostgreSQL: every pattern that matches the value of `{name}`. Correlated.
MATCHING_SQL = """
    WITH RECURSIVE prefix(size) AS (
        SELECT 0 UNION ALL SELECT size + 1 FROM prefix WHERE size < LENGTH({name})
    )
    SELECT SUBSTR({name}, 1, size) || '*' FROM prefix UNION ALL SELECT {name}
"""


def matches(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


def condition(patterns: Iterable[str], field: str) -> Q:
    """Rows whose `field` is matched by one of the patterns; none for no patterns."""
    found = Q(pk__in=[])
    for pattern in patterns:
        found |= Q(**{f"{field}__startswith": pattern[:-1]}) if pattern.endswith("*") else Q(**{field: pattern})
    return found


def validate_pattern(pattern: str) -> None:
    """Raise ValidationError with a sentence for what is wrong."""
    if pattern != pattern.lower():
        raise ValidationError(_("Use lower-case letters only, as the names have."), code="case")
    if len(pattern) > PATTERN_MAX:
        raise ValidationError(_("Use at most %(max)d characters."), code="length", params={"max": PATTERN_MAX})
    if "*" in pattern[:-1]:
        raise ValidationError(
            _("A “*” may stand at the end only: “payments/*” matches every name that begins with “payments/”."),
            code="star",
        )
    if not _PATTERN.fullmatch(pattern) or "//" in pattern or pattern.endswith("/"):
        raise ValidationError(
            _("Write a name such as “api”, or the beginning of one and “*”, such as “payments/*”."), code="grammar"
        )
