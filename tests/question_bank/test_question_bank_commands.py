"""``pufa bank`` as people type it, on real folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bank_fixture import SMALL, write_small_bank, write_statutes
from test_question_bank_registry import NEW, OLD
from typer.testing import CliRunner, Result

from question_bank.bank import Bank
from question_bank.commands import commands
from question_bank.registry import Registry
from question_bank.signoff import SignOffs

SLUG = "committee-powers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_bank(tmp_path / "bank")


def run(*words: object) -> Result:
    return CliRunner().invoke(commands, [str(word) for word in words], env={"COLUMNS": "160", "TERM": "dumb"})


def test_check_of_a_sound_bank(folder: Path) -> None:
    done = run("check", "--bank", folder, "--as-of", "2026-11-23")
    assert done.exit_code == 0 and "读出 6 题，按 2026-11-23 的法律核对：0 个错误，1 个提醒" in done.stdout


def test_check_tells_every_fault_of_reading_and_of_rules_at_once(folder: Path) -> None:
    text = SMALL["mediation-agreement-regret"][1]
    place = folder / "sample_exam" / "mediation"
    (place / "no-key.md").write_text(text.replace("- [x]", "- [ ]"), encoding="utf-8")
    (place / "mediation-agreement-regret.md").write_text(text.replace("人民调解法", "婚姻法"), encoding="utf-8")
    done = run("check", "--bank", folder)
    assert done.exit_code == 1 and "2 个错误" in done.stdout
    assert "no-key.md:15: 没有答案" in done.stdout and "mediation-agreement-regret.md:3: 《婚姻法》已自 2021-01-01 起废止" in done.stdout
    told = json.loads(run("check", "--bank", folder, "--json").stdout)
    assert (told["items"], told["errors"]) == (6, 2)
    assert {"path", "line", "severity", "message"} == set(told["faults"][0]) and told["faults"][0]["severity"] == "error"


def test_check_as_of_a_day_before_the_law(folder: Path) -> None:
    done = run("check", "--bank", folder, "--as-of", "2025-12-31")
    assert done.exit_code == 1 and "committee-powers.md:3: 《城市居民委员会组织法》第3条：登记的版本自 2026-01-01 起施行" in done.stdout


@pytest.mark.parametrize(("words", "code", "message"), [
    (["check", "--as-of", "soon"], 2, "应写成"),
    (["check", "--bank", "nowhere"], 1, "没有这个题库文件夹"),
    (["check", "--statutes", "nowhere"], 1, "读不出法规索引"),
    (["registry", "--statutes", "nowhere"], 1, "读不出法规索引"),
    (["show", "owners"], 1, ""),
    (["review", "--next", "--approve", "x", "--by", "y"], 2, "一次只做一件事"),
    (["review", "--approve", "nothing", "--by", "y"], 1, "题库里没有 nothing"),
    (["import", "nothing.xlsx", "--out", "nowhere"], 1, "读不出"),
    (["freeze", "x", "--from", "soon", "--reason", "y"], 2, "应写成"),
])  # fmt: skip
def test_wrong_use_is_told_without_a_trace(words: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == code and message in done.output and "Traceback" not in done.output


def test_show_is_blind_unless_asked(folder: Path) -> None:
    blind, full = run("show", SLUG, "--bank", folder).stdout, run("show", SLUG, "--with-key", "--bank", folder).stdout
    assert "合并后约 1200 户" in blind and "A." in blind
    assert not any(word in blind for word in ("答案", "解析", "✔", "有明文", "测试员", "居民委员会组织法"))
    assert "答案：ABD" in full and "A、B、D 有明文" in full and "《城市居民委员会组织法》第12条" in full
    missing = run("show", "committee", "--bank", folder)
    assert missing.exit_code == 1 and "是否指 committee-powers" in missing.stderr
    assert "（1.5 分）" in run("show", "notice-before-fine", "--with-key", "--bank", folder).stdout


def test_stats(folder: Path) -> None:
    counts = json.loads(run("stats", "--bank", folder, "--json").stdout)
    assert counts["total"] == 6 and counts["kind"] == {"single": 2, "case": 1, "multiple": 1, "short": 1, "true_false": 1}
    assert counts["law"]["人民调解法"] == 2 and counts["pool"] == {"sample_exam": 6} and counts["level"]["应用"] == 3
    shown = run("stats", "--bank", folder).stdout
    assert "共 6 题" in shown and "单选题" in shown and "█" in shown


def test_a_review_from_the_queue_to_the_signature(folder: Path) -> None:
    queue = run("review", "--next", "--bank", folder, "--by", "李审")
    assert queue.exit_code == 0 and "case" not in queue.stderr and "committee-powers" in queue.stdout and "答案：" not in queue.stdout
    assert "共 6 题：已审签 0，退回待改 0，待审 6" in queue.stdout
    early = run("review", "--approve", SLUG, "--by", "李审", "--bank", folder)
    assert early.exit_code == 1 and "还没有盲答" in early.stderr
    answered = run("review", "--answer", SLUG, "ab", "--basis", "第3条", "--by", "李审", "--bank", folder)
    assert answered.exit_code == 0 and "你答 AB，答案是 ABD" in answered.stdout and "解析" in answered.stdout
    assert SignOffs.read(folder).blind[0].answer == "AB"
    own = run("review", "--answer", SLUG, "ABD", "--basis", "第3条", "--by", "测试员", "--bank", folder)
    assert own.exit_code == 1 and "不能审自己的题" in own.stderr and "解析" not in own.stdout
    signed = run("review", "--approve", SLUG, "--by", "李审", "--note", "漏看 D", "--bank", folder)
    assert signed.exit_code == 0 and "已审签" in signed.stdout
    returned = run("review", "--return", "joint-confirmation", "--by", "李审", "--reason", "题干欠主语", "--bank", folder)
    assert returned.exit_code == 0
    assert "已审签 1，退回待改 1，待审 4" in run("review", "--bank", folder).stdout


def test_freeze(folder: Path) -> None:
    assert run("freeze", SLUG, "--from", "2027-01-01", "--reason", "修法", "--bank", folder).exit_code == 0
    assert "frozen" not in run("check", "--bank", folder, "--as-of", "2026-12-31").stdout
    assert "自 2027-01-01 起冻结：修法" in run("check", "--bank", folder, "--as-of", "2027-01-01").stdout
    assert run("freeze", "nothing", "--from", "2027-01-01", "--reason", "修法", "--bank", folder).exit_code == 1


def test_registry_is_written_where_asked(tmp_path: Path) -> None:
    out = tmp_path / "registry.json"
    done = run("registry", "--statutes", write_statutes(tmp_path / "s", OLD, NEW), "--out", out)
    assert done.exit_code == 0 and "1 部、2 个版本、5 条" in done.stdout
    assert len(Registry.read(out).editions) == 2


def test_amended_proposes_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    newer = ("人民调解法", "人民调解法.md", "2027-03-01", "2027-09-01", "".join(f"第{n}条　新规定。\n" for n in ("一", "二")))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = run("amended", "--statutes", write_statutes(tmp_path / "s", newer), "--bank", folder)
    assert done.exit_code == 0 and "《人民调解法》第31条：自 2027-09-01 起，新版没有这一条" in done.stdout
    assert "pufa bank freeze joint-confirmation --from 2027-09-01" in done.stdout and "2 条有变化，涉及 2 题" in done.stdout
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_export_and_import_again(folder: Path, tmp_path: Path) -> None:
    book, again = tmp_path / "bank.xlsx", tmp_path / "again"
    assert run("export", "--out", book, "--bank", folder).exit_code == 0
    assert "检查通过，没有写文件" in run("import", book, "--out", again, "--dry-run").stdout and not again.exists()
    done = run("import", book, "--out", again, "--pool", "sample_exam")
    assert done.exit_code == 0 and Bank.read(again).digest == Bank.read(folder).digest
    full = run("import", book, "--out", again)
    assert full.exit_code == 1 and "不为空" in full.stderr
