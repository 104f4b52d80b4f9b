"""Text that people wrote, as HTML that is safe to show: made by markdown-it-py, cleaned by nh3."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

FIRST_HEADING = 2
"""A page has its own h1: the text's highest heading becomes an h2, and what is below moves with it."""
LAST_HEADING = 6
_TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "strong", "em", "s", "a"),
    *("ul", "ol", "li", "div", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "pre": {"tabindex"}, "div": {"tabindex"}}
_SCHEMES = {"http", "https", "mailto"}


class _Renderer(RendererHTML):
    """Images become links: a picture from elsewhere would tell its server who looks, and our policy blocks it.

    What scrolls sideways can be focused, so that it scrolls by keyboard too.
    """

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        label = self.renderInlineAsText(token.children, options, env) or str(token.attrs.get("src", ""))
        link = Token("link_open", "a", 1, attrs={"href": token.attrs.get("src", "")})
        return f"{self.renderToken([link], 0, options, env)}{_escape(label)}</a>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<pre tabindex="0"><code>{_escape(tokens[idx].content)}</code></pre>\n'

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self.fence(tokens, idx, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="prose-table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"


def _escape(text: str) -> str:
    return nh3.clean_text(text)


def _parser() -> MarkdownIt:
    options: dict[str, Any] = {"html": False, "linkify": True, "typographer": False, "maxNesting": 20}
    parser = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    return parser.enable(["table", "strikethrough", "linkify"])


_MARKDOWN = _parser()


@lru_cache(maxsize=32)  # some 40 MB at the very most; a quarter of a megabyte of links takes a second to make
def markdown(text: str) -> SafeString:
    """CommonMark with tables and bare links, as HTML. Raw HTML in it stays text. 10 ms for 10 kB, then kept."""
    tokens = _MARKDOWN.parse(text)
    _shift_headings(tokens)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return mark_safe(  # noqa: S308  just cleaned
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            allowed_classes={"div": {"prose-table"}},
            url_schemes=_SCHEMES,
            link_rel="nofollow noopener noreferrer",
        )
    )


def _shift_headings(tokens: Sequence[Token]) -> None:
    headings = [token for token in tokens if token.type in {"heading_open", "heading_close"}]
    if not headings:
        return
    by = FIRST_HEADING - min(int(token.tag[1]) for token in headings)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) + by, LAST_HEADING)}"
