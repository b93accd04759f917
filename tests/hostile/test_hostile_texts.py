"""Text files that somebody sends: TOML, item files, notebooks, answer files (cases E5, E9): read, or refused in words, soon."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from bank_fixture import SMALL
from hypothesis import given, settings
from hypothesis import strategies as st
from payloads import EVERYTHING, SCRIPTS

from courses.module import read_module
from courses.module_checks import Checking, check_module
from exams import blueprint, profile
from exams.answer_seal import AnswerFileError, read_answer_file
from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.profile import Profile
from grading.workforce import kinds
from grading.workforce.kinds import read_kind
from question_bank.item_file import parse_item
from question_bank.registry import Registry
from question_bank.rendering import plain_letters, rationale_html, stem_html


def kind_of(text: str) -> object:
    """A kind of certification is read from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mediator.toml"
        path.write_text(text, encoding="utf-8", errors="replace")
        return read_kind(path)


TOML: dict[str, tuple[Callable[[str], object], str, type[Exception]]] = {
    "blueprint": (lambda text: Blueprint.parse(text), (blueprint.SHIPPED / "county_100.toml").read_text(encoding="utf-8"), ContentError),
    "profile": (lambda text: Profile.parse(text), (profile.SHIPPED / "small_office.toml").read_text(encoding="utf-8"), ContentError),
    "kind": (kind_of, (kinds.SHIPPED / "mediator.toml").read_text(encoding="utf-8"), ContentError),
}  # fmt: skip
#: each of these was minutes of work, or a trace, for some reader of TOML
BOMBS = {
    "a key of fifty thousand pieces": ".".join(["a"] * 50_000) + " = 1", "many keys of many pieces": "\n".join(f"{'a.' * 90}b{n} = 1" for n in range(800)),
    "a header of blanks": 'title = """\n[' + " " * 3_900 + 'x\n"""', "a number of thousands of digits": "minutes = " + "9" * 3_900, "a hexadecimal one": "minutes = 0x" + "f" * 3_900,
    "a list of such": "pools = [0x" + "f" * 3_900 + "]", "nesting": "title = " + "[" * 3_900, "nesting by lines": "title = " + "[\n" * 90_000, "a megabyte": "# " + "x" * 1_000_000,
    "tables in tables": "\n".join("[" + ".".join(["t"] * n) + "]" for n in range(1, 60)), "no number": "minutes = nan\ntitle = inf", "a date that is none": "title = 2026-99-99T99:99:99Z",
    "ten thousand parts": "[[parts]]\n" * 10_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", TOML)
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_toml_takes_long_or_ends_in_a_trace(kind: str, bomb: str) -> None:
    read, _, refusal = TOML[kind]
    began = time.process_time()
    with pytest.raises(refusal):
        read(BOMBS[bomb])
    assert time.process_time() - began < 3, bomb


@pytest.mark.parametrize("kind", TOML)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_altered_toml_is_read_or_refused_with_its_place(kind: str, data: st.DataObject) -> None:
    read, text, refusal = TOML[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        junk = data.draw(st.one_of(st.text(max_size=6), st.sampled_from([*(line for line in EVERYTHING if len(line) < 2000), "\n[[parts]]\n", " = ", "0x" + "f" * 3900, "1e400", "[[", "'''"])))
        text = text[:start] + junk + text[start + data.draw(st.integers(0, 20)) :]
    try:
        read(text)
    except refusal as error:
        assert str(error)


NUMBERS = ("0x" + "f" * 6_000, "9" * 6_000, "0o" + "7" * 6_000, "1" + ":1" * 3_000, "1e999", "-.inf", "0b1", "1_0", "!!int x", "!!python/name:os.system", "2026-99-99", "? x", "<<: {a: 1}")


@pytest.mark.parametrize("field", ["article: 31", "topic: 调解协议", "difficulty: 0.7", "level: 理解", "kind: single", "order: shuffle", "author: 测试员"])
@pytest.mark.parametrize("value", NUMBERS, ids=range(len(NUMBERS)))
def test_no_value_of_an_item_ends_in_a_trace(field: str, value: str) -> None:
    text = SMALL["mediation-agreement-regret"][1]
    for altered in (text.replace(field, f"{field.partition(':')[0]}: {value}"), text.replace(field, f"{value}: {field}") if field.startswith("level") else text):
        item, faults = parse_item(altered, Path("some-item.md"), "sample_exam", "civil_code")
        assert (item is None) == any(fault.severity == "error" for fault in faults)


def test_ten_thousand_options_and_endless_lines_are_refused_at_once() -> None:
    text = SMALL["mediation-agreement-regret"][1]
    for bomb in ("- [ ] x\n" * 7_000, "## 解析\n" * 9_000, "- [ ] x\n" + " 续\n" * 15_000, "{" * 60_000, "*" * 60_000 + "\n", "[" * 30_000 + "](" * 10_000, "| a " * 15_000 + "\n|-" * 100, "> " * 30_000):
        began = time.process_time()
        item, faults = parse_item(text.replace("## 解析", bomb + "\n## 解析"), Path("some-item.md"), "sample_exam", "civil_code")
        if item:
            stem_html(item)
            rationale_html(item.rationale, plain_letters(item))
        assert (item or faults) and time.process_time() - began < 4, bomb[:10]


# ---------------------------------------------------------------- notebooks


def notebook(cells: list[object], **metadata: object) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def cell(kind: str = "code", source: object = "", **more: object) -> dict[str, object]:
    return {"cell_type": kind, "id": "c", "metadata": {}, "source": source, **more}


MODULES = {
    "deep": "[" * 100_000, "no cells": '{"nbformat": 4}', "wrong types": '{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": {}}', "huge number": '{"nbformat": ' + "4" * 5_000 + "}",
    "many cells": notebook([cell()] * 10_000), "odd metadata": notebook([{**cell(), "metadata": {"tags": {"x": [1]}, "jupyter": []}}], pufa=[1], kernelspec="x"),
    "hostile everything": notebook([cell("markdown", "\n\n".join(SCRIPTS)), cell("code", list(SCRIPTS)), cell("raw", SCRIPTS[0])], pufa={"title": SCRIPTS[0], "course": "../../x", "minutes": "9" * 5_000, "law": [{"act": SCRIPTS[1], "article": SCRIPTS[2]}], "items": [1, None, "../x"], "audience": {}, "objective": 7}),
    "forged outputs": notebook([cell(outputs=[{"output_type": "display_data", "data": {"text/html": line}, "metadata": {}} for line in SCRIPTS], execution_count=1)]),
    "calls of everything": notebook([cell(source="practise(" + "(" * 3_000 + ")" * 3_000 + ")"), cell(source="decide(*[1], **{'x': 1})"), cell(source="practise(f'{1}', slug=b'x')\n" * 500)]),
    "lone surrogate": notebook([cell("markdown", "\ud800")]),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_any_notebook_is_a_module_or_told_why_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / "community-law" / "01-x.ipynb"
    path.parent.mkdir()
    path.write_text(MODULES[name], encoding="utf-8")
    module, faults = read_module(path)
    assert (module is None) == bool(faults)
    if module:
        assert check_module(Checking(module, {}, Registry.read(), date(2026, 11, 28))), "none of these is a good module, and each fault is told"


# ---------------------------------------------------------------- answer files

KEY = bytes(32)
ENVELOPE = {"pufa": "answer-file", "version": 1, "mode": "hmac", "sitting": "s-1", "attempt": 1, "number": "261123000001", "writer": 1, "made_at": 0,
            "nonce": base64.b64encode(bytes(12)).decode(), "body": base64.b64encode(b"[]").decode(), "mac": ""}  # fmt: skip
JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from([line for line in EVERYTHING if len(line) < 1000]), st.text(max_size=20)),
                    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)), max_leaves=8)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ENVELOPE)), JSON, max_size=3), st.booleans())
def test_no_answer_file_opens_without_its_key(altered: dict[str, object], cipher: bool) -> None:
    body = {**ENVELOPE, **({"mode": "aes-gcm"} if cipher else {}), **altered}
    with pytest.raises(AnswerFileError):
        read_answer_file(json.dumps(body).encode("utf-8", "replace"), KEY)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 200_000, b'{"pufa":' * 50_000, b"\xff\xfe", b"9" * 10_000, b"x" * (8 * 1024 * 1024 + 1), json.dumps(ENVELOPE).encode() + b"x"], ids=range(8))
def test_bytes_that_are_no_answer_file(raw: bytes) -> None:
    with pytest.raises(AnswerFileError):
        read_answer_file(raw, KEY)
