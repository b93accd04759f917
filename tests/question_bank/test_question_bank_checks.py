"""Every rule fires on an item made to break it, stays silent on sound items, and names file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from bank_fixture import SMALL, write_generated_bank, write_small_bank

from question_bank.bank import SHIPPED, Bank
from question_bank.checks import RULES, Checking, check, near_duplicates
from question_bank.errors import ERROR, Fault
from question_bank.likeness import statute_runs
from question_bank.registry import Registry
from question_bank.signoff import SignOffs
from question_bank.statutes import COLUMNS, Statute

TODAY = date(2026, 11, 23)
REGISTRY = Registry.read()
SINGLE = SMALL["mediation-agreement-regret"][1]
LAW_TEXT = "本条规定了路灯的设置和维护应当由所在地街道办事处会同供电企业共同负责并且每年至少组织一次全面检查检查结果应当向居民公开"


def statute(act: str, number: str, text: str) -> Statute:
    return Statute(dict.fromkeys(COLUMNS, "") | {"law": act}, {number: text})


def checking(folder: Path, statutes: tuple[Statute, ...] = (), as_of: date = TODAY) -> Checking:
    return Checking(Bank.read(folder), REGISTRY, as_of, SignOffs.read(folder), folder, statutes)


def found(folder: Path, text: str, *, pool: str = "sample_exam", slug: str = "some-item", **more: object) -> list[Fault]:
    path = folder / pool / "labour" / f"{slug}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [fault for fault in check(checking(folder, **more)) if fault.path == path]  # type: ignore[arg-type]


@pytest.mark.parametrize("write", [write_small_bank, lambda folder: write_generated_bank(folder, 200, 5)])
def test_sound_banks_have_no_error(tmp_path: Path, write: object) -> None:
    write(tmp_path)  # type: ignore[operator]
    faults = check(checking(tmp_path))
    assert [str(fault) for fault in faults if fault.severity == ERROR] == []
    assert any("还没有第二读者审签" in fault.message for fault in faults)


BROKEN = [
    ("error", 3, SINGLE.replace("article: 31", "article: 310"), "没有这一条"),
    ("error", 3, SINGLE.replace("人民调解法", "环境保护法"), "自 2026-08-15 起废止"),
    ("error", 3, SINGLE.replace("人民调解法", "婚姻法"), "《民法典》婚姻家庭编"),
    ("error", 3, SINGLE.replace("人民调解法", "中华人民共和国人民调解法"), "请写简称“人民调解法”"),
    ("error", 13, SINGLE.replace("老赵", "<script>alert(1)</script>老赵"), "网页代码"),
    ("error", 13, SINGLE.replace("老赵", "老赵&#60;b&#62;"), "网页代码"),
    ("error", 13, SINGLE.replace("老赵", "[老赵](x)"), "网页代码"),
    ("error", 20, SINGLE.replace("没有依据", "没有依据 <b onclick=1>"), "网页代码"),
    ("error", 15, SINGLE.replace("协议只有道德约束", "见 https://example.org 协议只有道德约束"), "网页代码"),
    ("error", 13, SINGLE.replace("老赵", "老赵（13912345678）"), "手机号码"),
    ("error", 13, SINGLE.replace("老赵", "老赵（11010519491231002X）"), "身份证号码"),
    ("error", 13, SINGLE.replace("老赵", "老赵（6222021234567890123）"), "银行卡号"),
    ("error", 20, SINGLE.replace("没有依据", "没有依据，问 zhao@example.org"), "电子邮箱"),
    ("error", 20, SINGLE.replace("选 {a}", "选 A"), "选项字母“A”"),
    ("error", 20, SINGLE.replace("{b} 是", "b项是"), "选项字母“b”"),
    ("warning", 13, SINGLE.replace("社区怎样", "社区**怎样"), "加粗记号"),
    ("warning", 15, SINGLE.replace("协议有法律约束力，应当履行", "协议自各方签名之时起即具有法律上的约束力，双方都应当自觉按照约定履行各自义务，不得擅自变更"), "一眼能看出"),
    ("warning", 15, SINGLE.replace("协议只有道德约束，不必履行", "协议一律没有约束，不必履行"), "只出现在错项里"),
    ("warning", 15, SINGLE.replace("社区怎样答复才对？", "下列说法不正确的是："), "没有加粗"),
    ("warning", 3, SINGLE.replace("人民调解法", "国防动员法"), "旧版本，已有新版"),
]  # fmt: skip


@pytest.mark.parametrize(("severity", "line", "text", "message"), BROKEN, ids=[f"{n:02}-{case[3]}" for n, case in enumerate(BROKEN)])
def test_each_rule_fires_with_its_place(tmp_path: Path, severity: str, line: int, text: str, message: str) -> None:
    hits = [fault for fault in found(tmp_path, text) if message in fault.message]
    assert [(hit.severity, hit.line) for hit in hits] == [(severity, line)], hits


def test_letters_that_name_things_are_no_options(tmp_path: Path) -> None:
    text = SINGLE.replace("没有依据", "没有依据，与 B超、A4 纸、C类 无关")
    assert found(tmp_path, text) == []


def test_near_duplicates_warn_in_a_pool_and_fail_across_pools(tmp_path: Path) -> None:
    twin = SINGLE.replace("老赵", "老孙").replace("才对", "是对的")
    write_small_bank(tmp_path)
    [near] = found(tmp_path, twin)
    assert near.severity == "warning" and "几乎相同" in near.message
    across = found(tmp_path, twin, pool="practice", slug="other-item")
    assert {(fault.severity, "不同池的" in fault.message) for fault in across} == {("error", True)}


def test_near_duplicates_between_two_banks(tmp_path: Path) -> None:
    mine, shipped = Bank.read(write_small_bank(tmp_path / "a")), Bank.read(write_small_bank(tmp_path / "b"))
    choices = {slug for slug, item in mine.items()}
    assert near_duplicates(mine, shipped) == [(slug, slug) for slug in sorted(choices)]
    assert near_duplicates(mine) == [] == near_duplicates(mine, Bank.read(write_generated_bank(tmp_path / "c", 50, 1)))


def test_copies_of_statute_text(tmp_path: Path) -> None:
    texts = (statute("路灯法", "3", LAW_TEXT),)
    [copied] = found(tmp_path, SINGLE.replace("没有依据", LAW_TEXT[:20] + "，" + LAW_TEXT[20:48]), statutes=texts)
    assert copied.severity == "error" and "《路灯法》第3条" in copied.message and copied.line == 20
    assert found(tmp_path, SINGLE.replace("没有依据", LAW_TEXT[:47]), statutes=texts) == []
    assert statute_runs({"short": "甲"}, [("x", "甲")]) == {}


def test_a_registry_that_is_not_of_these_texts_is_told(tmp_path: Path) -> None:
    [fault] = found(tmp_path, SINGLE, statutes=(statute("人民调解法", "31", "另一种规定。"),))
    assert fault.severity == "error" and "摘要不符" in fault.message


def many(folder: Path, key_at: object, key_text: str) -> list[str]:
    """Forty singles whose keys lie and read as told."""
    for number in range(40):
        words = [f"{chr(0x4E00 + number * 7 + place)}{chr(0x5E00 + number * 11 + place)}的处理办法" for place in range(4)]
        place = key_at(number)  # type: ignore[operator]
        words[place] += key_text
        options = "\n".join(f"- [{'x' if at == place else ' '}] {word}" for at, word in enumerate(words))
        head, _, rest = SINGLE.partition("- [x]")
        head = head.replace("老赵签了调解协议又反悔，说“又不是法院判的，不算数”。", "".join(chr(0x6000 + number * 37 + at) for at in range(30)))
        path = folder / "sample_exam" / "labour" / f"item-{number:02}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}{options}\n\n## 解析{rest.partition('## 解析')[2]}", encoding="utf-8")
    return [fault.message for fault in check(checking(folder))]


def test_giveaways_over_the_bank(tmp_path: Path) -> None:
    even = many(tmp_path / "even", lambda number: number % 4, "")
    assert not any("最长" in message or "位置不匀" in message for message in even)
    assert any("40 题最长的就是答案" in message for message in many(tmp_path / "long", lambda number: number % 4, "还有"))
    assert any("第3项 40" in message for message in many(tmp_path / "place", lambda number: 2, ""))


def test_mostly_true_statements_are_told(tmp_path: Path) -> None:
    text = SMALL["joint-confirmation"][1].replace("- [ ] 正确", "- [x] 正确").replace("- [x] 错误", "- [ ] 错误")
    for number in range(30):
        found(tmp_path, text.replace("调解达成协议后", "".join(chr(0x6000 + number * 37 + at) for at in range(30))), slug=f"true-{number}")
    assert any("30 道判断题中 30 道正确" in fault.message for fault in check(checking(tmp_path)))


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


SHIPPED_FILES = sorted(SHIPPED.rglob("*.md"))


@pytest.mark.skipif(not SHIPPED_FILES, reason="no shipped items yet")
def test_the_shipped_bank_has_no_error() -> None:
    faults = check(Checking(Bank.read(), REGISTRY, TODAY, SignOffs.read(), SHIPPED))
    assert [str(fault) for fault in faults if fault.severity == ERROR] == []
