"""The module format: a small whole module is clean, and every damage to it is named with its cell."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from courses.commands import commands
from courses.module import LARGEST, learner_copy, read_module, to_text
from courses.module_checks import Checking, check_module
from courses.skeleton import new_module
from question_bank.bank import Bank
from question_bank.registry import Registry

BANK, REGISTRY = Bank.read(), Registry.read()
PRACTICE = [slug for slug, item in BANK.items() if item.pool == "practice" and item.options][:8]
EXAM = next(slug for slug, item in BANK.items() if item.pool == "sample_exam")
TODAY = date(2026, 11, 23)
Damage = Callable[[dict[str, Any]], object]


def whole_module() -> dict[str, Any]:
    """The skeleton with everything written."""
    notebook = new_module("community-law", "试课")
    slugs = iter(PRACTICE)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        while '"待写"' in source:
            source = source.replace('"待写"', f'"{next(slugs)}"', 1)
        cell["source"] = source.replace("待写", "写好了").splitlines(keepends=True)
    about = {"objective": "能判断一份决议是否有效", "law": [{"act": "民法典", "article": "278"}], "items": PRACTICE}
    notebook["metadata"]["pufa"].update(about)
    return notebook


def faults(tmp_path: Path, notebook: object, statutes: tuple[tuple[str, str], ...] = (), name: str = "01-test.ipynb") -> list[str]:
    path = tmp_path / "community-law" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    module, found = read_module(path)
    if module is not None:
        found = check_module(Checking(module, BANK, REGISTRY, TODAY, statutes))
    return [str(fault).removeprefix(f"{path}:") for fault in found]


def cell_of(notebook: dict[str, Any], start: str, nth: int = 0) -> dict[str, Any]:
    return [cell for cell in notebook["cells"] if f"{start}(" in "".join(cell["source"])][nth]


def write(cell: dict[str, Any], source: str) -> None:
    cell["source"] = source


def about(notebook: dict[str, Any], **values: object) -> None:
    notebook["metadata"]["pufa"].update(values)


def test_a_whole_module_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, whole_module()) == []


#: what is done to a whole module -> cell number and what is said
DAMAGES: list[tuple[Damage, int, str]] = [
    (lambda nb: nb["metadata"].pop("pufa"), 0, "pufa.title"),
    (lambda nb: nb["metadata"].update(pufa="x"), 0, "pufa.minutes"),
    (lambda nb: about(nb, minutes=24), 0, "25 到 45"),
    (lambda nb: about(nb, minutes=46), 0, "25 到 45"),
    (lambda nb: about(nb, minutes=True), 0, "25 到 45"),
    (lambda nb: about(nb, minutes="35"), 0, "25 到 45"),
    (lambda nb: about(nb, objective="了解决议的效力"), 0, "以“能”开头"),
    (lambda nb: about(nb, audience=["居民"]), 0, "pufa.audience"),
    (lambda nb: about(nb, audience=[["社区"]]), 0, "pufa.audience"),
    (lambda nb: about(nb, course="social-work"), 0, "与文件夹同名"),
    (lambda nb: about(nb, course=["community-law"]), 0, "与文件夹同名"),
    (lambda nb: about(nb, title=7, items={"a": 1}, audience=5, law=7), 0, "pufa.title"),
    (lambda nb: about(nb, law=[{"act": "民法典", "article": "9278"}]), 0, "pufa.law"),
    (lambda nb: about(nb, law=[{"act": "婚姻法", "article": "1"}, {"act": "民法典", "article": "278"}]), 0, "婚姻法"),
    (lambda nb: about(nb, law=["民法典278"]), 0, "应列出所讲的条文"),
    (lambda nb: about(nb, items=PRACTICE[:-1]), 0, "正好是用到的 8 个题号"),
    (lambda nb: about(nb, items=[*PRACTICE, PRACTICE[0]]), 0, "正好是用到的 8 个题号"),
    (lambda nb: nb["metadata"].update(kernelspec={"name": "ir"}), 0, "内核应是 python3"),
    (lambda nb: write(nb["cells"][0], "试课"), 1, "以 # 开头"),
    (lambda nb: nb["cells"][1].update(outputs=[{"output_type": "stream"}]), 2, "留有运行输出"),
    (lambda nb: nb["cells"][1].update(execution_count=3), 2, "留有运行输出"),
    (lambda nb: write(nb["cells"][1], "%matplotlib inline"), 2, "不是完整的 Python"),
    (lambda nb: write(nb["cells"][1], "(" * 5000), 2, "不是完整的 Python"),
    (lambda nb: write(nb["cells"][3], "待写"), 4, "请写完"),
    (lambda nb: write(nb["cells"][3], "见 https://example.org/"), 4, "引了网址"),
    (lambda nb: write(nb["cells"][3], "见《民法典》第279条"), 4, "《民法典》第279条，metadata"),
    (lambda nb: write(nb["cells"][3], "见《中华人民共和国民法典》第二百七十九条"), 4, "《民法典》第279条，metadata"),
    (lambda nb: nb["cells"][4]["metadata"].pop("tags"), 5, "要加标签 activity"),
    (lambda nb: nb["cells"][4]["metadata"].pop("jupyter"), 5, "收起代码"),
    (lambda nb: nb["cells"][1]["metadata"].update(tags=["activity"]), 2, "却没有调用"),
    (lambda nb: nb["cells"][1]["metadata"].update(tags=["trainer"]), 2, "应是文字格子"),
    (lambda nb: nb["cells"][2]["metadata"].update(tags=7), 0, "没有讲师备注"),
    (lambda nb: write(cell_of(nb, "practise", 4), f'practise("{PRACTICE[0]}")'), 0, "只有 4 道练习题"),
    (lambda nb: write(cell_of(nb, "decide", 1), "decide"), 0, "只有 1 个决定"),
    (lambda nb: write(cell_of(nb, "write_then_compare"), "x = 1"), 0, "没有应用任务"),
    (lambda nb: write(cell_of(nb, "self_test"), "x = 1"), 0, "结课自测"),
    (lambda nb: nb["cells"].insert(4, copy.deepcopy(cell_of(nb, "practise"))), 5, "开头那件难事"),
    (lambda nb: nb["cells"].insert(19, copy.deepcopy(cell_of(nb, "practise"))), 20, "之后不再有练习"),
    (lambda nb: nb["cells"].insert(17, nb["cells"].pop(nb["cells"].index(cell_of(nb, "practise", 4)))), 16, "最后一个决定应在练习之后"),
    (lambda nb: write(nb["cells"][4], 'decide("?", [("甲", "因为"), ("乙", "")], 0)'), 5, "说理的反馈"),
    (lambda nb: write(nb["cells"][6], 'practise("no-such")'), 7, "题库里没有题号 no-such"),
    (lambda nb: write(nb["cells"][6], f'practise("{EXAM}")'), 7, "不是练习题"),
    (lambda nb: write(nb["cells"][6], "practise(slug)"), 7, "不要用变量"),
    (lambda nb: write(cell_of(nb, "self_test"), f"self_test({PRACTICE[4:7]!r})"), 19, "在前面练过"),
    (lambda nb: write(cell_of(nb, "self_test"), f"self_test(slugs={PRACTICE[5:7]!r})"), 19, "只有 2 题"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "cell", "said"), DAMAGES, ids=[f"{cell}-{said}" for _, cell, said in DAMAGES])
def test_every_damage_is_named_with_its_cell(tmp_path: Path, damage: Damage, cell: int, said: str) -> None:
    notebook = whole_module()
    damage(notebook)
    found = faults(tmp_path, notebook)
    assert any(fault.startswith(f"{cell}: ") and said in fault for fault in found), found


def test_text_copied_from_a_statute_is_found(tmp_path: Path) -> None:
    statute = "".join(chr(0x4E00 + n) for n in range(200))
    notebook = whole_module()
    write(notebook["cells"][3], f"他说：{statute[20:67]}。")
    assert faults(tmp_path, notebook, (("某法", statute),)) == []
    write(notebook["cells"][3], f"他说：{statute[20:40]}，{statute[40:68]}。")
    assert [fault for fault in faults(tmp_path, notebook, (("某法", statute),)) if fault.startswith("4: ") and "某法" in fault]


def test_free_text_items_are_no_self_test(tmp_path: Path) -> None:
    notebook, slug = whole_module(), PRACTICE[-1]
    path = tmp_path / "community-law" / "01-test.ipynb"
    faults(tmp_path, notebook)
    module, _ = read_module(path)
    assert module is not None
    bank = {**BANK, slug: replace(BANK[slug], options=(), kind="short")}
    found = check_module(Checking(module, bank, REGISTRY, TODAY))
    assert [str(fault) for fault in found] == [f"{path}:19: {slug} 要人评阅，不能放进自测"]


def test_a_wrong_file_name_is_told(tmp_path: Path) -> None:
    assert any("文件名应是" in fault for fault in faults(tmp_path, whole_module(), name="试课.ipynb"))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', b'{"nbformat": 4, "nbformat_minor": "5", "metadata": {}, "cells": []}', b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
     b'{"nbformat": 3, "metadata": {}, "worksheets": []}', b"[" * 100_000, b" " * (LARGEST + 1),
     b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": [1]}]}'],
    ids=lambda raw: repr(raw[:20]) + str(len(raw)),
)  # fmt: skip
def test_what_is_no_notebook_is_one_fault(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "01-x.ipynb"
    path.write_bytes(raw)
    module, found = read_module(path)
    assert module is None and len(found) == 1 and found[0].cell == 0
    assert read_module(tmp_path / "none.ipynb")[1][0].message.startswith("读不出")


def test_a_learners_copy_has_no_trainers_notes_and_no_outputs(tmp_path: Path) -> None:
    notebook = whole_module()
    notebook["cells"][1]["outputs"] = [{"output_type": "stream"}]
    faults(tmp_path, notebook)
    module, _ = read_module(tmp_path / "community-law" / "01-test.ipynb")
    assert module is not None
    copied = learner_copy(module)
    assert len(copied["cells"]) == len(notebook["cells"]) - 1
    assert "讲师备注" not in to_text(copied) and '"stream"' not in to_text(copied)
    assert "讲师备注" in to_text(module.notebook)


# ---------------------------------------------------------------- the commands


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(commands, [str(one) for one in arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_new_then_check_then_list(tmp_path: Path) -> None:
    run("new", "social-work", "01-visit", "--title", "走访", "--modules", tmp_path)
    path = tmp_path / "social-work" / "01-visit.ipynb"
    before = path.read_bytes()
    assert "已经有这一课" in run("new", "social-work", "01-visit", "--title", "走访", "--modules", tmp_path, code=1)
    assert path.read_bytes() == before
    found = run("check", path, code=1)
    assert f"{path}:5: 还有“待写”" in found and "查了 1 课" in found
    whole = tmp_path / "community-law" / "02-whole.ipynb"
    whole.parent.mkdir()
    whole.write_text(to_text(whole_module()), encoding="utf-8")
    assert "0 个问题" in run("check", whole)
    assert "查了 2 课" in run("check", "--modules", tmp_path, code=1)
    listed = run("list", "--modules", tmp_path)
    assert listed.index("试课") < listed.index("走访")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("new", "cooking", "01-x", "--title", "课名"), 2, "没有课程 cooking"),
        (("new", "social-work", "1-x", "--title", "课名"), 2, "两位数字"),
        (("new", "social-work", "01-../../x", "--title", "课名"), 2, "两位数字"),
        (("new", "social-work", "01-x", "--title", " "), 2, "2 到 40 字"),
        (("preview", "none.ipynb", "--out", "x.pdf"), 2, ".html 或 .ipynb"),
        (("preview", "none.ipynb", "--out", "none.ipynb"), 2, "不能写回"),
        (("preview", "none.ipynb", "--out", "x.html"), 1, "读不出"),
        (("check", "none.ipynb"), 1, "none.ipynb:0: 读不出"),
        (("check", "--statutes", "none"), 1, "法规"),
    ],
)  # fmt: skip
def test_wrong_use_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in run(*arguments, code=code).replace("\n", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.kernel
@pytest.mark.filterwarnings("default")      # what nbclient's and the kernel's libraries warn of is not ours to mend
def test_preview_is_a_page_without_script_keys_and_trainers_notes(tmp_path: Path) -> None:
    path = tmp_path / "01-x.ipynb"
    notebook = whole_module()
    write(notebook["cells"][3], "## 一<script>alert(1)</script>")
    about(notebook, audience=5)
    path.write_text(to_text(notebook), encoding="utf-8")
    run("preview", path, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "讲师备注" not in page and "参考答案" not in page and "解析" not in page and "self_test(" not in page
    assert page.count("【练一练】") == 5 and page.count("【做个决定】") == 2 and page.count("【结课自测】") == 1
    assert "default-src 'none'" in page and "http://" not in page and "https://" not in page
    run("preview", path, "--out", tmp_path / "copy.ipynb")
    assert "讲师备注" not in (tmp_path / "copy.ipynb").read_text(encoding="utf-8")


@pytest.mark.kernel
@pytest.mark.filterwarnings("default")
def test_a_preview_that_fails_names_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "01-x.ipynb"
    notebook = whole_module()
    write(notebook["cells"][6], 'practise("no-such")')
    path.write_text(to_text(notebook), encoding="utf-8")
    assert "01-x.ipynb:7: 运行到这一格出错" in run("preview", path, "--out", tmp_path / "page.html", code=1).replace("\n", "")
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_notebook_is_told_before_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "01-x.ipynb"
    notebook = whole_module()
    notebook["cells"][5]["metadata"] = {"tags": 7, "jupyter": 7}
    path.write_text(to_text(notebook), encoding="utf-8")
    assert "01-x.ipynb:0: 笔记本的结构不合格式" in run("preview", path, "--out", tmp_path / "page.html", code=1).replace("\n", "")
    run("preview", path, "--out", tmp_path / "copy.ipynb")
