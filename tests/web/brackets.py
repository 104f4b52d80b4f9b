"""A made-up language in which every translated text stands in brackets, to find texts that were not translated."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils.translation import _trans  # type: ignore[attr-defined]

# Names and commands mean the same in every language.
SAME_EVERYWHERE = {"code", "pre", "kbd", "script", "style"}
SPOKEN = {"aria-label", "title", "placeholder", "alt", "data-copied"}
NAMES = re.compile(r"Moorage|\d[\w.:/-]*|\b[a-z]+@[a-z.]+|/")
VOID = {"input", "meta", "link", "br", "hr", "img", "path", "rect"}


def speak_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every translation is its own text in brackets."""

    def one(text: str) -> str:
        return f"⟦{text}⟧" if text else text

    def several(singular: str, plural: str, number: int) -> str:
        return one(singular if number == 1 else plural)

    replacements: dict[str, Any] = {
        "gettext": one,
        "ngettext": several,
        "pgettext": lambda _context, text: one(text),
        "npgettext": lambda _context, singular, plural, number: several(singular, plural, number),
    }
    for name, function in replacements.items():
        monkeypatch.setattr(_trans, name, function, raising=False)


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.stack.append(tag)
        values = dict(attrs)
        self.texts += [value for name, value in attrs if name in SPOKEN and value]
        if tag == "meta" and values.get("name") == "description":
            self.texts.append(values.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop() != tag:
            continue

    def handle_data(self, data: str) -> None:
        self.texts.append("" if SAME_EVERYWHERE & set(self.stack) else data)


def untranslated(page: str, *names: str) -> list[str]:
    """What a page says outside brackets, but for the given names."""
    parser = _Texts()
    parser.feed(page)
    # A translated text may hold marked-up parts, so brackets are matched over the whole page.
    text = "\n".join(parser.texts)
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = shorter
    text = NAMES.sub(" ", text)
    for name in names:
        text = text.replace(name, " ")
    return [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
