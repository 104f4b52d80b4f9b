"""Patterns of tag names, as RE2 reads them: linear in the name's length, whatever somebody writes.

A pattern is of a whole name (`v1` is not `v1.2`): Docker Hub's rules, in the syntax of Go's regexp.
"""

from collections.abc import Sequence
from functools import lru_cache

import re2
from django.utils.translation import gettext as _

from portal.kit.errors import Invalid

RULES_MAX = 30
"""Amazon ECR allows 5; every push to a covered repository is compared with each."""
RULE_MAX = 255
MEMORY_MAX = 1 << 20
"""Of one compiled pattern, in bytes."""


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = MEMORY_MAX
    options.never_capture = True
    options.log_errors = False
    return options


_OPTIONS = _options()


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re2._Regexp:
    """Raises re2.error."""
    return re2.compile(pattern, _OPTIONS)


def first_match(patterns: Sequence[str], tag: str) -> str | None:
    """The first of the patterns, which were checked when they were stored, that the whole name matches."""
    return next((pattern for pattern in patterns if compiled(pattern).fullmatch(tag)), None)


def problem(pattern: str) -> str:
    """What is wrong with it, in RE2's own words, which its documentation explains; empty for a good one."""
    if len(pattern) > RULE_MAX:
        return _("A rule may have %(max)d characters.") % {"max": RULE_MAX}
    try:
        compiled(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return ""


def checked(field: str, patterns: Sequence[str]) -> list[str]:
    """Without blanks and repetitions. Raises Invalid of that field, with a sentence for each that RE2 refuses."""
    found = list(dict.fromkeys(pattern.strip() for pattern in patterns if pattern.strip()))
    wrong = [(pattern, said) for pattern in found if (said := problem(pattern))]
    if wrong:
        sentences = [_("“%(rule)s”: %(problem)s") % {"rule": rule[:60], "problem": said} for rule, said in wrong]
        raise Invalid(sentences[0], fields={field: sentences})
    if len(found) > RULES_MAX:
        raise Invalid.field(field, _("At most %(max)d rules.") % {"max": RULES_MAX})
    return found


def split(text: str) -> list[str]:
    """Docker Hub's rules as one text, parted by commas; one within braces, brackets or parentheses parts nothing."""
    found, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        if letter in "{[(":
            depth += 1
        elif letter in "}])":
            depth -= 1
        elif letter == "," and depth <= 0:
            found.append(text[begin:place])
            begin = place + 1
    return [part.strip() for part in [*found, text[begin:]] if part.strip()]
