"""The tag of the icons' package, with what it drew kept. settings.TEMPLATES names it; the package is no app here.

It copies and serializes an XML tree for each icon; a list has six in a row, and a quarter of its time went there.
"""

from functools import lru_cache

from django import template
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide as draw

register = template.Library()


@register.simple_tag
def lucide(name: str, *, size: int | None = 24, **attributes: object) -> SafeString:
    # A text in a template counts as safe and is none: adding to it makes it plain again, so that it is escaped.
    return _drawn(name + "", size, tuple((key, str(value) + "") for key, value in attributes.items()))


@lru_cache(maxsize=1024)
def _drawn(name: str, size: int | None, attributes: tuple[tuple[str, str], ...]) -> SafeString:
    return SafeString(draw(name, size=size, **dict(attributes)))
