"""Notebooks without nbgrader: what the release holds, how answers go in, and that the test cell marks as the bank does."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_fixture import small_paper

from exams.inert import escape_free_text, escape_markdown
from exams.notebook import answer_source, marking_source, release_notebook, source_notebook, submitted_notebook, to_json
from exams.paper import KeyEntry, PublicOption, PublicQuestion
from question_bank.marking import mark_answer

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</pre><script>alert(1)</script>", "[x](javascript:alert(1))",
    "![x](http://example.invalid/x.png)", "$\\href{javascript:alert(1)}{x}$", "\\(\\require{html}\\)", "$$\n</pre>\n$$",
    "\\begin{equation}\\href{javascript:alert(1)}{x}\\end{equation}", "```\n</pre><svg onload=alert(1)>\n```",
    "<iframe src=data:text/html,<script>alert(1)</script>>", "&lt;script&gt;", "&#60;script&#62;", "a\u202eb", "\x00\x1b[31m",
    "\ud800", "https://example.invalid", "<!-- -->", "]]>", "{{ 7*7 }}", "{% raw %}", "\n\n    code", "# h", "> q", "- [ ] x",
    "| a |\n|---|\n| <b> |", "x\u2028y\u2029z\x85w", "\\\\[ x \\\\]", "\\unicode{x3c}script", "<pre>", "<details open ontoggle=alert(1)>",
]  # fmt: skip


class _Seen(HTMLParser):
    """What a browser would make of a cell's source, as tags and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_free_text_is_one_inert_line_that_shows_what_was_typed(text: str) -> None:
    escaped = escape_free_text(text)
    inner = re.fullmatch(r"<pre [^>]*>(.*)</pre>", escaped)
    assert inner and re.fullmatch(r"(?:\w| |&#\d+;)*", inner[1]) and "_" not in inner[1]
    assert len(escaped.splitlines()) == 1
    seen = _Seen()
    seen.feed(escaped)
    seen.close()
    assert seen.tags == ["pre"]
    shown = "".join(char for char in seen.text if char != "\ufffd")
    assert shown == "".join(char for char in text if char in "\n" or (char.isprintable() and not 0xD800 <= ord(char) <= 0xDFFF))
    escaped.encode()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_escaped_to_utf8_without_active_characters(text: str) -> None:
    inner = escape_free_text(text).removesuffix("</pre>").partition(">")[2]
    assert not set(inner) & set("<>$\\`*_[](){}!|~\"'\n")
    escape_markdown(text).encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_stems_keep_emphasis_but_no_html_links_or_formulas(text: str) -> None:
    escaped = escape_markdown(f"下列**不**正确的是：{text}")
    assert escaped.startswith("下列**不**正确的是：")
    for active in ("<", "$", "\\", "](", "`", "://"):
        assert active not in escaped


def test_delimiters_of_nbgrader_in_an_item_do_not_act(tmp_path: Path) -> None:
    assert "BEGIN SOLUTION" not in escape_markdown("### BEGIN SOLUTION") and "END HIDDEN" not in escape_markdown("END HIDDEN TESTS")


def test_release_holds_no_key_and_source_holds_all(tmp_path: Path) -> None:
    _, bank, _, public, key = small_paper(tmp_path)
    release, source = to_json(release_notebook(public)), to_json(source_notebook(public, key))
    for entry in key.entries:
        assert f'{entry.id} = \\"{entry.key}\\"' in source or not entry.key
        for secret in (entry.item, entry.rationale, entry.model_answer, *(text for _, text in entry.scoring_points)):
            assert not secret or secret not in release
    assert "float(score)" not in release and "float(score)" in source and "HIDDEN" not in release
    assert "绿地改建停车场，**最低**" in release and "三分之" not in release
    assert all(str(citation) not in release for item in bank.values() for citation in item.law)


def test_answers_go_into_the_release_notebook(tmp_path: Path) -> None:
    _, _, _, public, _ = small_paper(tmp_path)
    blank = submitted_notebook(public, {})
    assert blank == release_notebook(public)
    answers = {"q001": "B", "q003": "acd ", "q004": None, "q005": "<script>1</script>", "q006": "  ", "q999": "A"}
    submitted = {cell["id"]: cell["source"] for cell in submitted_notebook(public, answers)["cells"]}
    assert submitted["q001-answer"].startswith('q001 = "B"\n') and submitted["q002-answer"].startswith('q002 = ""\n')
    assert submitted["q003-answer"].startswith("q003 = 'acd '\n") and submitted["q004-answer"].startswith("q004 = '?'\n")
    assert "<script>" not in submitted["q005-answer"]
    assert {"cells": [], **submitted}["q006-answer"] == {cell["id"]: cell["source"] for cell in blank["cells"]}["q006-answer"]
    assert not any("q999" in source for source in submitted.values())
    changed = [a["id"] for a, b in zip(submitted_notebook(public, answers)["cells"], blank["cells"], strict=True) if a != b]
    assert changed == ["q001-answer", "q003-answer", "q004-answer", "q005-answer"]


@pytest.mark.parametrize("answer", ['"; import os; x = "', "A\nimport os", "\\", '"""', "\u2028", "A" * 10_000_000, "\ud800", 7, None, ["A"]])
def test_an_answer_cell_is_one_string_assignment_whatever_was_stored(answer: object) -> None:
    source = answer_source(_question(4), answer)
    tree = ast.parse(source)
    assert len(tree.body) == 1 and isinstance(tree.body[0], ast.Assign)
    assert isinstance(ast.literal_eval(tree.body[0].value), str) and len(source) < 2000


def _question(options: int) -> PublicQuestion:
    letters = tuple(PublicOption(letter, letter) for letter in "ABCDEFGHIJ"[:options])
    return PublicQuestion("q007", "multiple", "p", "2", "x", letters, False, "x", tuple(option.html for option in letters))


def _entry(key: str, rule: str, points: str) -> KeyEntry:
    return KeyEntry("q007", "x", "h", "multiple", "p", points, rule, key, "abcde", "", (), "", ())


def run_test_cell(source: str, **names: object) -> float | None:
    """What the cell's last expression is worth, or None if the cell fails; stdout and stderr must stay empty."""
    *statements, last = source.removesuffix("\n### END HIDDEN TESTS").splitlines()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec("\n".join([*statements, f"result = {last}"]), names)
        except ValueError:
            names["result"] = None
    value = names["result"]
    assert out.getvalue() == err.getvalue() == ""
    assert value is None or type(value) is float
    return value


CASES = ["", " ", "A", "AC", "CA", "ACD", "ABCDE", "a，c", "Ａ、Ｃ", "AA", "AF", "甲", "A C;D", "?", "A" * 65, None, 3, "A\nC", ["A"]]


@pytest.mark.parametrize(("key", "rule", "points"), [
    ("C", "exact", "1"), ("AC", "all_or_nothing", "2"), ("ACD", "half_each", "2"), ("AB", "half_each", "3/2"),
])  # fmt: skip
@pytest.mark.parametrize("answer", CASES, ids=repr)
def test_the_test_cell_marks_as_the_bank_does(key: str, rule: str, points: str, answer: object) -> None:
    marked = mark_answer(rule, key, answer, Fraction(points), "ABCDE")
    got = run_test_cell(marking_source(_question(5), _entry(key, rule, points)), q007=answer)
    assert got == (None if marked.points is None else float(marked.points))


@settings(max_examples=300, deadline=None)
@given(st.text("ABCDEFabc ,，、;；?", max_size=8), st.sampled_from(["AC", "ACD", "B"]))
def test_the_test_cell_marks_any_answer_as_the_bank_does(answer: str, key: str) -> None:
    marked = mark_answer("half_each", key, answer, Fraction(2), "ABCDE")
    got = run_test_cell(marking_source(_question(5), _entry(key, "half_each", "2")), q007=answer)
    assert got == (None if marked.points is None else float(marked.points))


def test_a_missing_answer_cell_is_an_error_not_the_neighbours_answer() -> None:
    source = marking_source(_question(5), _entry("C", "exact", "1"))
    assert run_test_cell(source, q006="C") is None


def test_notebook_text_is_plain_json_with_lines(tmp_path: Path) -> None:
    _, _, _, public, key = small_paper(tmp_path)
    text = to_json(source_notebook(public, key))
    assert text.endswith("}\n") and "\\u" not in text.replace("\\u3001", "")
    for cell in json.loads(text)["cells"]:
        assert isinstance(cell["source"], list) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
