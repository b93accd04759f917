"""Item text to safe HTML: Markdown without raw HTML, links and images, and then only a short list of tags.

Two walls: markdown-it escapes whatever looks like HTML, and nh3 (an HTML5 parser) lets through only :data:`TAGS`
without attributes. Text of an untrusted author can therefore carry no script, address, style or comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import nh3
from markdown_it import MarkdownIt

from question_bank.item import Item

#: Everything that survives. Only ``ol`` keeps an attribute: its first number.
TAGS = frozenset({"p", "br", "strong", "em", "ul", "ol", "li", "blockquote", "code"})
_ATTRIBUTES = {"ol": {"start"}}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(
    ["link", "image", "autolink", "reference", "html_inline", "html_block", "heading", "lheading", "hr"]
)
_ANCHOR = re.compile(r"\{([a-j])\}")


def _clean(html: str) -> str:
    return nh3.clean(html, tags=set(TAGS), attributes=_ATTRIBUTES, strip_comments=True, link_rel=None).strip()


def markdown_html(text: str) -> str:
    """Paragraphs and lists as safe HTML."""
    return _clean(_MARKDOWN.render(text))


def inline_html(text: str) -> str:
    """One line as safe HTML without a paragraph around it."""
    return _clean(_MARKDOWN.renderInline(" ".join(text.split())))


def stem_html(item: Item) -> str:
    """The stem as candidates see it."""
    return markdown_html(item.stem)


def option_html(text: str) -> str:
    """An option's text as candidates see it, without its letter."""
    return inline_html(text)


def rationale_text(rationale: str, letters: Mapping[str, str]) -> str:
    """A rationale with each ``{a}`` replaced by the letter that the reader saw; ``letters``: anchor -> letter."""
    return _ANCHOR.sub(lambda found: letters.get(found[1], found[0]), rationale)


def rationale_html(rationale: str, letters: Mapping[str, str]) -> str:
    """The rationale as safe HTML with the reader's own letters."""
    return markdown_html(rationale_text(rationale, letters))


def plain_letters(item: Item) -> dict[str, str]:
    """Letters of the file's own order: a -> A, b -> B …"""
    return {option.anchor: option.anchor.upper() for option in item.options}
