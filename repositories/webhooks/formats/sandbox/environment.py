"""Jinja2 as templates see it: their document, a few filters and tests, and nothing of Python."""

from typing import Any

from django.utils.translation import gettext as _
from jinja2 import StrictUndefined
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from repositories.webhooks.formats.sandbox.filters import FILTERS, HIDDEN, finalize
from repositories.webhooks.formats.sandbox.limits import path_of

OF_LOOP = frozenset({"first", "index", "index0", "last", "length"})


class Missing(StrictUndefined):
    """What the document does not have. Only `is defined` and `default` may touch it."""

    @property
    def _undefined_message(self) -> str:
        obj: Any = self._undefined_obj
        key: Any = self._undefined_name
        where = path_of(obj) if isinstance(obj, dict | list) else ""
        name = f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key}".removeprefix(".")
        return _("There is no “%(name)s” here.") % {"name": name}


class Environment(ImmutableSandboxedEnvironment):
    """`a.b` and `a["b"]` mean a dictionary's key; `a[0]` a list's item."""

    def __init__(self) -> None:
        super().__init__(undefined=Missing, finalize=finalize, autoescape=False, optimized=False, cache_size=0)
        self.globals.clear()
        self.filters = {**FILTERS, **HIDDEN}
        self.tests = {name: self.tests[name] for name in ("defined", "undefined", "none")}

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._look_up(obj, argument)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._look_up(obj, attribute)

    def _look_up(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, dict) and isinstance(key, str) and key in obj:
            return obj[key]
        if isinstance(obj, list) and isinstance(key, int) and 0 <= key < len(obj):
            return obj[key]
        if isinstance(obj, LoopContext) and key in OF_LOOP:
            return getattr(obj, key)
        return obj if isinstance(obj, Missing) else self.undefined(obj=obj, name=key)
