"""What is put back into a form: every kind of field, on the right form, no secret, and nothing that a browser would run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from payloads import EVERYTHING

from hall.office.refill import Sent, refill

TWO = """<form method="get" action="/a"><input name="t" value="find"></form>
<details><summary>甲</summary><form method="post" action="/a"><input type="hidden" name="csrf" value="x"><input type="hidden" name="kind" value="1"><input name="t" value="old"></form></details>
<details><summary>乙</summary><form method="post" action="/a"><input type="hidden" name="kind" value="2"><input name="t" required></form></details>"""


def test_of_several_forms_the_one_that_was_sent_and_it_is_unfolded() -> None:
    shown = refill(TWO, Sent("/a", {"kind": "2", "t": "新"}))
    assert shown and shown.count("新") == 1 and '<input name="t" required value="新">' in shown and 'value="old"' in shown and 'value="find"' in shown
    assert re.findall(r"<details( open)?><summary>(.)", shown) == [("", "甲"), (" open", "乙")]
    assert refill(TWO, Sent("/b", {"t": "新"})) is None, "the page has no such form"


FIELDS = """<form method="post" action="/x/%E7%94%B2"><select name="s"><option value="">请选择</option><option value="1" selected>一</option><option>二</option></select>
<input type="radio" name="r" value="a" checked><input type="radio" name="r" value="b"><input type="checkbox" name="c" value="yes"><input type="checkbox" name="d" checked>
<textarea name="a">旧</textarea><input type="date" name="on"><input type="password" name="p"><input name="code" autocomplete="one-time-code"><input type="hidden" name="h" value="own"></form>"""


def test_every_kind_of_field_but_secrets() -> None:
    shown = refill(FIELDS, Sent("/x/甲", {"s": "二", "r": "b", "c": "yes", "a": "\n新", "on": "2026-03-1", "p": "口令", "code": "123456", "h": "theirs", "more": "栏"}))
    assert shown
    assert '<option value="1">一' in shown and "<option selected>二" in shown
    assert 'value="a">' in shown and 'value="b" checked>' in shown and 'value="yes" checked>' in shown and 'name="d">' in shown
    assert ">\n\n新</textarea>" in shown and 'value="2026-03-1"' in shown
    assert "口令" not in shown and "123456" not in shown and "theirs" not in shown and "栏" not in shown and 'value="own"' in shown


def test_what_is_no_longer_offered_leaves_the_choice_of_the_page() -> None:
    assert '<option value="1" selected>' in str(refill(FIELDS, Sent("/x/甲", {"s": "9"})))


class _Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.values: dict[str, str] = {}
        self.area = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]
        known = dict(attrs)
        if "name" in known:
            self.values[str(known["name"])] = known.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "textarea":
            self.area += data


@pytest.mark.parametrize("number", range(0, len(EVERYTHING), 20))
def test_hostile_values_are_values(number: int) -> None:
    page = '<form method="post" action="/a"><input name="t" required><p><textarea name="a"></textarea><input type="file" name="f"></form>'
    for text in EVERYTHING[number : number + 20]:
        shown = refill(page, Sent("/a", {"t": text, "a": text, text: text}, {"f": (text, "0" * 32)}, text))
        seen = _Seen(str(shown))
        assert seen.values["t"] == text and "<" not in re.sub(r"<[^<>]*>", "", str(shown))
        assert seen.tags[:3] == (["form", "input", "input"] if text else ["form", "input", "p"]) and "script" not in seen.tags and "img" not in seen.tags
        assert not [name for name in seen.names if name.startswith("on")]
        assert "".join(str(shown).split("<textarea")[1].partition("</textarea>")[0].split('name="a">')[1]).startswith("\n")
