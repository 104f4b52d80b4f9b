"""Which tags are immutable: once there, neither moved to another digest nor deleted."""

from functools import lru_cache

import re2
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Forbidden
from repositories.models import Immutability, Repository


class TagImmutable(Forbidden):
    """A rule of the repository keeps the tag where it is."""

    code = "tag_immutable"
    default = _("The tag is immutable.")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re2._Regexp:
    return re2.compile(pattern)


def covering_rule(repository: Repository, tag: str) -> str | None:
    """The pattern that makes the tag immutable, "" for "all tags"; None when it may be moved. No query."""
    if repository.immutability == Immutability.OFF or _matching(repository.immutable_exceptions, tag) is not None:
        return None
    return "" if repository.immutability == Immutability.ALL else _matching(repository.immutable_rules, tag)


def _matching(patterns: list[str], tag: str) -> str | None:
    return next((pattern for pattern in patterns if _compiled(pattern).fullmatch(tag)), None)


def refusal(repository: Repository, tag: str, rule: str, digest: str) -> TagImmutable:
    """The sentence that docker prints. `digest` is what the tag points to."""
    words = {"tag": tag, "name": repository.full_name, "rule": rule, "digest": digest[:19]}
    if not rule:
        return TagImmutable(
            _("The tag %(tag)s of %(name)s is immutable: it stays at %(digest)s. Use another tag.") % words
        )
    return TagImmutable(
        _("The tag %(tag)s of %(name)s is immutable by the rule “%(rule)s”: it stays at %(digest)s. Use another tag.")
        % words
    )
