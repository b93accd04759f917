"""``pufa exam build`` and ``verify`` as people run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bank_fixture import SMALL, write_generated_bank, write_small_bank
from paper_fixture import AS_OF, blueprint_text
from typer.testing import CliRunner

from exams.commands import commands
from exams.draw_list import draw_list
from question_bank.bank import Bank
from question_bank.registry import Registry
from question_bank.signoff import SignOffs

run = CliRunner()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_generated_bank(tmp_path / "bank", 80, 1)
    (tmp_path / "卷.toml").write_text(blueprint_text(), encoding="utf-8")
    return tmp_path


def build(place: Path, out: str, *more: str) -> tuple[int, str, str]:
    arguments = ["build", str(place / "卷.toml"), "--bank", str(place / "bank"), "--out", str(place / out), "--as-of", "2026-11-23"]
    done = run.invoke(commands, [*arguments, *more])
    return done.exit_code, done.stdout, done.stderr


def verify(place: Path, out: str) -> tuple[int, str]:
    done = run.invoke(commands, ["verify", str(place / out), "--bank", str(place / "bank")])
    return done.exit_code, done.stdout + done.stderr


def test_build_then_verify(place: Path) -> None:
    code, said, _ = build(place, "考卷", "--seed", "5", "--forms", "3")
    assert code == 0 and "各卷预计平均分最多相差" in said
    assert sorted(path.name for path in (place / "考卷" / "release").iterdir()) == ["form-A", "form-B", "form-C"]
    code, said = verify(place, "考卷")
    assert code == 0 and "核验通过" in said
    build(place, "again", "--seed", "5", "--forms", "3")
    for name in ("manifest.json", "keys/A.json", "source/form-C/paper.ipynb", "seed.txt", "blueprint.toml"):
        assert (place / "again" / name).read_bytes() == (place / "考卷" / name).read_bytes()


def test_without_a_seed_papers_differ(place: Path) -> None:
    assert build(place, "one")[0] == build(place, "two")[0] == 0
    assert (place / "one" / "seed.txt").read_text() != (place / "two" / "seed.txt").read_text()
    assert (place / "one" / "keys" / "A.json").read_text() != (place / "two" / "keys" / "A.json").read_text()


def test_too_much_asked_writes_nothing_and_names_the_shortfall(place: Path) -> None:
    code, _, said = build(place, "out", "--forms", "9")
    assert code == 1 and "缺 32 题" in said and not (place / "out").exists()


def test_wrong_usage_is_exit_2_and_wrong_content_exit_1(place: Path) -> None:
    assert build(place, "out", "--as-of", "gestern")[0] == 2
    assert build(place, "out", "--seed", "-1")[0] == 2
    (place / "卷.toml").write_text("minutes = 0", encoding="utf-8")
    code, _, said = build(place, "out")
    assert code == 1 and "卷.toml:1:" in said
    assert verify(place, "nothing")[0] == 1
    item = next((place / "bank").rglob("*.md"))
    item.write_text("kaputt", encoding="utf-8")
    (place / "卷.toml").write_text(blueprint_text(), encoding="utf-8")
    code, _, said = build(place, "out")
    assert code == 1 and f"{item}:1:" in said.replace("\n", "")


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("keys/A.json", lambda text: text.replace('"key": "', '"key": "J', 1), "答案文件与题库不一致"),
        ("keys/B.json", lambda text: text[:100], "损坏或被改动"),
        ("source/form-A/paper.ipynb", lambda text: text + " ", "试卷文件缺失或被改动"),
        ("release/form-B/paper.ipynb", lambda text: text.replace("第 1 题", "第 2 题"), "试卷文件缺失或被改动"),
        ("seed.txt", lambda text: "0" * 32, "与组卷时承诺的摘要不符"),
        ("seed.txt", lambda text: "種", "与组卷时承诺的摘要不符"),
        ("blueprint.toml", lambda text: text.replace("count = 8", "count = 7"), "题数或次序"),
        ("manifest.json", lambda text: text[:-20], "损坏或被改动"),
        ("manifest.json", lambda text: text.replace("2026-11-23", "someday"), "日期“someday”不对"),
        ("manifest.json", lambda text: text.replace('"A"', '"Z"', 1), "平行卷"),
    ],
)
def test_verify_finds_changed_files(place: Path, file: str, change: object, told: str) -> None:
    build(place, "out", "--seed", "1")
    path = place / "out" / file
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")  # type: ignore[operator]
    assert path.read_text(encoding="utf-8") != before
    code, said = verify(place, "out")
    assert code == 1 and told in said.replace("\n", "")


def test_verify_finds_an_item_changed_after_the_build(place: Path) -> None:
    build(place, "out", "--seed", "1")
    manifest = json.loads((place / "out" / "manifest.json").read_text(encoding="utf-8"))
    slug = manifest["forms"][0]["questions"][0]["item"]
    path = next((place / "bank").rglob(f"{slug}.md"))
    path.write_text(path.read_text(encoding="utf-8").replace("## 解析\n\n", "## 解析\n\n另外，"), encoding="utf-8")
    code, said = verify(place, "out")
    assert code == 1 and "题库与组卷时不同" in said


def test_items_with_repealed_law_freezes_and_near_duplicates_are_listed(tmp_path: Path) -> None:
    write_small_bank(tmp_path)
    subject, text = SMALL["owners-vote-parking"]
    folder = tmp_path / "sample_exam" / subject
    (folder / "old-law.md").write_text(text.replace("民法典, article: 278", "民法通则, article: 3"), encoding="utf-8")
    (folder / "same-again.md").write_text(text.replace("停车场", "停车库"), encoding="utf-8")
    (tmp_path / "freeze.jsonl").write_text('{"item": "joint-confirmation", "from": "2026-11-01", "reason": "待核"}\n', encoding="utf-8")
    bank, registry = Bank.read(tmp_path), Registry.read()
    listed = draw_list(bank, registry, SignOffs.read(tmp_path), AS_OF, ("sample_exam",))
    assert set(listed.left_out) == {"old-law", "joint-confirmation"}
    assert "民法通则" in listed.left_out["old-law"] and "冻结" in listed.left_out["joint-confirmation"]
    assert listed.enemies == (("owners-vote-parking", "same-again"),)
    assert set(listed.hashes) == set(bank) - set(listed.left_out)
    assert draw_list(bank, registry, SignOffs.read(tmp_path), AS_OF, ("practice",)).hashes == {}


def test_the_command_is_light() -> None:
    code = "import sys, exams.commands; print('scipy' in sys.modules, 'nbformat' in sys.modules, 'nbgrader' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent.parent)
    assert said.stdout.split() == ["False", "False", "False"]
