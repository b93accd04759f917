"""Text of others made inert inside a notebook's Markdown cell: no HTML, link, image or formula of theirs is rendered.

nbgrader's formgrader and JupyterLab render Markdown with raw HTML and run MathJax over the page afterwards, whose
``\\href`` makes links; so both the Markdown source and the text that it leaves in the page must hold nothing to act on.
"""

from __future__ import annotations

import re
import unicodedata

#: MathJax looks into neither ``pre`` nor these classes; long lines wrap as prose does.
_OPEN = '<pre class="tex2jax_ignore mathjax_ignore" style="white-space: pre-wrap; font-family: inherit">'
_CLOSE = "</pre>"

_ACTIVE = re.compile(r"[^\w ]|_", re.UNICODE)
_MARKDOWN = str.maketrans({char: f"&#{ord(char)};" for char in "&<>$\\`"})
_DELIMITER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN|MARK)")


def escape_free_text(text: str) -> str:
    """A candidate's text as one line of Markdown that shows it as typed, spaces and line breaks included, and does nothing.

    Every character that is not a letter, digit or space becomes a numeric entity, within a ``pre`` of ours that nothing in
    the text can close. Control characters, direction overrides and lone surrogates become U+FFFD.

    >>> escape_free_text("a<b>")[-20:]
    'a&#60;b&#62;</pre>'[-20:]
    """
    plain = "".join(map(_visible, text.replace("\r\n", "\n").replace("\r", "\n")))
    return _OPEN + _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", plain) + _CLOSE


def escape_markdown(text: str) -> str:
    """An author's Markdown with its emphasis and lists, but no HTML, link, image, code or formula.

    nbgrader's own delimiters (``BEGIN SOLUTION`` …) lose their meaning too.
    """
    plain = "".join(map(_visible, text.replace("\r\n", "\n").replace("\r", "\n"))).translate(_MARKDOWN)
    for active, inert in (("](", "]&#40;"), ("][", "]&#91;"), ("]:", "]&#58;"), ("://", "&#58;//"), ("![", "&#33;[")):
        plain = plain.replace(active, inert)
    return _DELIMITER.sub(r"\1&#32;\2", plain)


def _visible(char: str) -> str:
    """Line feed and tab stay; other control characters, direction overrides, surrogates and separators do not."""
    if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp"):
        return "\ufffd" if "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" else char
    return "\ufffd"
