"""Hostile item text comes out inert, judged by an HTML parser of its own; and anchors become the reader's letters."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from question_bank.rendering import TAGS, inline_html, markdown_html, rationale_html

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>1</script></svg>",
    "<a href='javascript:alert(1)'>x</a>", "[x](javascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))", "![x](https://example.org/x.png)", "<javascript:alert(1)>", "<https://example.org>",
    "[x]: javascript:alert(1)\n\n[x]", "<!-- <script>alert(1)</script> -->", "<!--> <script>1</script> -->",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;", "&#x3c;img src=x onerror=1&#x3e;",
    "<iframe srcdoc='<script>1</script>'></iframe>", "<math><mtext></p><style><img src onerror=1></style></mtext></math>",
    "<style>*{display:none}</style>", "<form action=x><input></form>", "<meta http-equiv=refresh content=0>",
    "<base href=//x>", "<object data=x></object>", "<template><script>1</script></template>", "<noscript><p title='</noscript><img onerror=1>'>",
    "``` <script>\nalert(1)\n```", "`<script>alert(1)</script>`", "    <script>alert(1)</script>", "# <script>1</script>",
    "| a | <script> |\n|---|---|\n| 1 | 2 |", "- <img src=x onerror=1>\n  1. <b onclick=1>x", "**<script>**", "\\<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>", "<ScRiPt>1</sCrIpT>", "＜script＞alert(1)＜/script＞", "<p style='background:url(javascript:1)'>",
    "<?php echo 1 ?>", "<![CDATA[<script>1</script>]]>", "<plaintext>", "</p></li></body><script>1</script>", "$\\href{javascript:alert(1)}{x}$",
    "1. a\n\n<ol start='1\" onclick=\"1'>", "<details open ontoggle=1>", "&" * 500, "[" * 3000, "*" * 3000, "> " * 500 + "x",
]  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would make elements and attributes of."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.others: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("render", [markdown_html, inline_html, lambda text: rationale_html(text, {"a": "C"})])
def test_hostile_text_is_inert(text: str, render: object) -> None:
    reader = Reader()
    reader.feed(render(text))  # type: ignore[operator]
    reader.close()
    assert not reader.others
    for tag, attributes in reader.elements:
        assert tag in TAGS
        assert not attributes or (tag == "ol" and [name for name, _ in attributes] == ["start"])


def test_what_looks_like_a_tag_stays_readable() -> None:
    assert markdown_html("金额 <script> 不变") == "<p>金额 &lt;script&gt; 不变</p>"


def test_markdown_that_items_use() -> None:
    html = markdown_html("材料**不**改。\n\n3. 问一\n4. 问二")
    assert html.startswith("<p>材料<strong>不</strong>改。</p>")
    assert '<ol start="3">' in html and html.count("<li>") == 2
    assert inline_html("一般*事项*") == "一般<em>事项</em>"


def test_anchors_become_the_letters_that_the_reader_saw() -> None:
    assert rationale_html("选 {c}；{a}、{b} 错，{z} 不变。", {"a": "D", "b": "A", "c": "B"}) == "<p>选 B；D、A 错，{z} 不变。</p>"
