"""Item files: the small bank reads, every kind of damage is told with its place, and all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank_fixture import SMALL, write_generated_bank, write_small_bank
from hypothesis import given, settings
from hypothesis import strategies as st

from question_bank.bank import SHIPPED, Bank, BankFault
from question_bank.item import Citation
from question_bank.item_file import parse_item, read_item
from question_bank.rendering import plain_letters, rationale_html, stem_html

SINGLE = SMALL["mediation-agreement-regret"][1]
MULTIPLE = SMALL["committee-powers"][1]
TRUE_FALSE = SMALL["joint-confirmation"][1]
CASE = SMALL["street-demolition-case"][1]


def faults_of(text: str, slug: str = "some-item") -> list[str]:
    item, faults = parse_item(text, Path(f"{slug}.md"), "sample_exam", "civil_code")
    assert (item is None) == any(fault.severity == "error" for fault in faults)
    return [str(fault) for fault in faults]


def test_the_small_bank_reads(tmp_path: Path) -> None:
    bank = Bank.read(write_small_bank(tmp_path))
    assert set(bank) == set(SMALL) and not bank.warnings
    item = bank["committee-powers"]
    assert (item.kind, item.pool, item.subject, item.difficulty) == ("multiple", "sample_exam", "grassroots", 0.45)
    assert item.law == (Citation("城市居民委员会组织法", "3"), Citation("城市居民委员会组织法", "12"))
    assert item.key == frozenset("abd") and len(item.options) == 5 and not item.fixed_order
    case = bank["street-demolition-case"]
    assert [str(point.weight) for point in bank["notice-before-fine"].scoring_points] == ["2", "3/2"]
    assert case.model_answer.startswith("须限期") and not case.key and "2. 孙某" in case.stem


def test_the_generated_bank_reads_and_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, two, other = (write_generated_bank(tmp_path / name, 40, seed) for name, seed in (("1", 7), ("2", 7), ("3", 8)))
    assert len(Bank.read(one)) == 40
    assert Bank.read(one).digest == Bank.read(two).digest != Bank.read(other).digest
    assert len(Bank.read([one, other])) == 80


DAMAGED = [
    (SINGLE.replace("- [x]", "- [ ]"), "没有答案"),
    (SINGLE.replace("- [ ]", "- [x]", 1), "标了 2 个正确选项"),
    (SINGLE.replace("kind: single", "kind: essay"), "some-item.md:2: kind 不对"),
    (SINGLE.replace("level: 理解\n", ""), "缺少 level"),
    (SINGLE.replace("level: 理解", "level: 理解\nweight: 3"), "some-item.md:8: 没有“weight”这一项"),
    (SINGLE.replace("level: 理解", "level: 理解\nlevel: 应用"), "level 写了两次"),
    (SINGLE.replace("0.7", "1.7"), "difficulty 不对"),
    (SINGLE.replace("0.7", "true"), "difficulty 不对"),
    (SINGLE.replace("0.7", ".nan"), "difficulty 不对"),
    (SINGLE.replace("[乡镇, 街道, 村, 社区]", "街道"), "audience 不对"),
    (SINGLE.replace("[乡镇, 街道, 村, 社区]", "[学校]"), "audience 不对"),
    (SINGLE.replace("article: 31", "article: 三十一"), "article 应为条号"),
    (SINGLE.replace("article: 31", "article: 31, paragraph: 1"), "不多不少"),
    (SINGLE.replace("article: 31", "article: true"), "article 应为条号"),
    (SINGLE.replace("  - {act: 人民调解法, article: 31}\n", ""), "law 不对"),
    (SINGLE.replace("order: shuffle", "order: random"), "order 不对"),
    (SINGLE.replace("topic: 调解协议", "topic: "), "topic 不对"),
    (SINGLE.replace("topic: 调解协议", "topic: 2026-99-99"), "YAML"),
    (SINGLE.replace("topic: 调解协议", "topic: [" + "[" * 300), "YAML"),
    (SINGLE.replace("topic: 调解协议", "topic: " + "[" * 7000), "YAML"),
    (SINGLE.replace("topic: 调解协议", "topic: &a [x]\nlevel: *a"), "YAML"),
    (SINGLE.replace("topic: 调解协议", "topic: !!python/object/apply:os.system [true]"), "YAML"),
    (SINGLE.replace("topic: 调解协议", "topic: \"未闭合"), "YAML"),
    (SINGLE.replace("---\n", "", 1), "应以 --- 开始"),
    ("", "应以 --- 开始"),
    ("---\n[1, 2]\n---\n", "各行"),
    (SINGLE.replace("老赵", "老\x1b[2J赵"), "some-item.md:13: 有看不见的控制字符"),
    (SINGLE.replace("老赵", "老\u202e赵"), "some-item.md:13: 有看不见的控制字符"),
    (SINGLE.replace("{d}", "{e}"), "{e} 没有对应的选项"),
    (SINGLE.replace("{d}", "{选项}"), "{选项} 没有对应的选项"),
    (SINGLE.replace("协议只有道德约束，不必履行", "协议有法律约束力， 应当履行"), "文字相同"),
    (SINGLE.replace("协议只有道德约束，不必履行", ""), "是空的"),
    (SINGLE.replace("## 解析", "## 说明"), "没有“说明”这一节"),
    (SINGLE + "\n## 解析\n又一次", "出现了两次"),
    (SINGLE.split("## 解析")[0], "没有解析"),
    (SINGLE.replace("\n## 解析", "尾巴\n\n## 解析"), "选项之后只能是"),
    (SINGLE.replace("老赵签了调解协议又反悔，说“又不是法院判的，不算数”。社区怎样答复才对？", ""), "没有题干"),
    (SINGLE.replace("- [ ] 协议只有道德约束，不必履行", "\n".join(f"- [ ] 选项{n}" for n in range(12))), "有 15 个选项"),
    (SINGLE.replace("- [ ] 协议只有道德约束，不必履行\n- [ ] 协议要经司法所盖章才有效力\n", ""), "应为 3 至 10 个"),
    (MULTIPLE.replace("- [x]", "- [ ]"), "没有答案"),
    (TRUE_FALSE.replace("- [ ] 正确", "- [ ] 对"), "只能依次是"),
    (TRUE_FALSE.replace("- [ ] 正确", "- [x] 正确"), "标了 2 个"),
    (TRUE_FALSE.replace("order: fixed", "order: shuffle"), "some-item.md:9: 判断题的选项次序不能打乱"),
    (CASE.replace("2. 孙某", "孙某"), "至少要有两个"),
    (CASE.replace("- (3) 可以复议、诉讼", "- 可以复议、诉讼"), "采分点应写成"),
    (CASE.replace("- (3) 可以复议、诉讼", "- (0) 可以复议、诉讼"), "采分点应写成"),
    (CASE.replace("- (3) 可以复议、诉讼", "- (3)"), "只有分值没有文字"),
    (CASE.replace("## 采分点", "## 采分"), "没有采分点"),
    (CASE.replace("## 参考答案", "- [x] 选项\n\n## 参考答案"), "不应有选项"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), DAMAGED, ids=[f"{n:02}-{message}" for n, (_, message) in enumerate(DAMAGED)])
def test_damage_is_told(text: str, message: str) -> None:
    found = faults_of(text)
    assert any(message in fault for fault in found), found


def test_the_undamaged_texts_have_no_fault() -> None:
    assert [faults_of(text) for _, text in SMALL.values()] == [[]] * len(SMALL)


def test_a_multiple_with_one_key_is_a_warning() -> None:
    found = faults_of(MULTIPLE.replace("- [x] 合并后约", "- [ ] 合并后约").replace("- [x] 由街道", "- [ ] 由街道"))
    assert len(found) == 1 and "提醒：多选题只有一个正确选项" in found[0]


@pytest.mark.parametrize("slug", ["Ab", "x", "a_b", "题目", "a--b", "-a-", "a" * 61])
def test_bad_slugs(slug: str) -> None:
    assert any("文件名应为" in fault for fault in faults_of(SINGLE, slug))


def test_all_faults_of_a_bank_at_once(tmp_path: Path) -> None:
    write_small_bank(tmp_path)
    place = tmp_path / "sample_exam" / "mediation"
    (place / "no-key.md").write_text(SINGLE.replace("- [x]", "- [ ]"), encoding="utf-8")
    (place / "latin.md").write_bytes(SINGLE.encode("gb18030"))
    (place / "huge.md").write_text(SINGLE + "长" * 70_000, encoding="utf-8")
    (place / "a-folder.md").mkdir()
    (tmp_path / "too-high.md").write_text(SINGLE, encoding="utf-8")
    other = tmp_path / "sample_exam" / "labour"
    other.mkdir()
    (other / "mediation-agreement-regret.md").write_text(SINGLE, encoding="utf-8")
    with pytest.raises(BankFault) as caught:
        Bank.read(tmp_path)
    said = str(caught.value)
    for part in ("没有答案", "不是 UTF-8", "超过 64 KB", "a-folder.md:1: 读不出文件", "应放在“题库/池/科目", "题号 mediation-agreement-regret 已用于"):
        assert part in said
    assert len(caught.value.faults) == 6


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BankFault, match="没有这个题库文件夹"):
        Bank.read(tmp_path / "nowhere")


def test_pools_limit_and_jupyter_copies_do_not_count(tmp_path: Path) -> None:
    write_small_bank(tmp_path)
    write_generated_bank(tmp_path, 3, 1, pool="practice")
    copies = tmp_path / "sample_exam" / "mediation" / ".ipynb_checkpoints"
    copies.mkdir()
    (copies / "x-checkpoint.md").write_text("…", encoding="utf-8")
    assert len(Bank.read(tmp_path)) == 9
    assert len(Bank.read(tmp_path, pools=["practice"])) == 3


def test_the_digest_sees_every_change(tmp_path: Path) -> None:
    write_small_bank(tmp_path)
    before = Bank.read(tmp_path).digest
    path = tmp_path / "sample_exam" / "mediation" / "joint-confirmation.md"
    path.write_text(TRUE_FALSE.replace("0.6", "0.61"), encoding="utf-8")
    assert Bank.read(tmp_path).digest != before


SHIPPED_FILES = sorted(SHIPPED.rglob("*.md"))


@pytest.mark.parametrize("path", SHIPPED_FILES, ids=[str(path.relative_to(SHIPPED)) for path in SHIPPED_FILES])
def test_shipped_item_reads(path: Path) -> None:
    item, faults = read_item(path, SHIPPED)
    assert item is not None and not faults, [str(fault) for fault in faults]


@given(st.sampled_from([text for _, text in SMALL.values()]), st.data())
@settings(max_examples=300)
def test_no_damage_ends_in_a_trace(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        junk = data.draw(st.one_of(st.text(max_size=8), st.sampled_from(["---\n", "## 解析\n", "- [x] ", "{a}", "[[", ": ", "\n  - ", "|\n", "!!int x", "1e999", "2026-13-01"])))
        text = text[:start] + junk + text[end:]
    item, faults = parse_item(text, Path("some-item.md"), "sample_exam", "civil_code")
    assert (item is None) == any(fault.severity == "error" for fault in faults)
    assert all(1 <= fault.line <= text.count("\n") + 2 and fault.message for fault in faults)
    if item:
        stem_html(item)
        rationale_html(item.rationale, plain_letters(item))
