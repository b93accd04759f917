"""The law registry: the shipped one answers as the law stands, the builder reads statute texts, damage is told."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from bank_fixture import write_statutes

from question_bank.errors import CitationFault, RegistryError
from question_bank.item import Citation
from question_bank.registry import SHIPPED, Registry, text_digest, write_text
from question_bank.registry_build import build_registry, compare
from question_bank.statutes import parse_articles

TODAY = date(2026, 11, 23)
ENVIRONMENT = date(2026, 8, 15)     # 生态环境法典第1242条
REGISTRY = Registry.read()


def said(act: str, article: str, as_of: date = TODAY) -> str:
    with pytest.raises(CitationFault) as caught:
        REGISTRY.resolve(Citation(act, article), as_of)
    return str(caught.value)


@pytest.mark.parametrize("name", ["民法典", "《民法典》", "中华人民共和国民法典", "《中华人民共和国民法典》", " 民法典 "])
def test_an_act_may_be_named_in_the_usual_ways(name: str) -> None:
    found = REGISTRY.resolve(Citation(name, "278"), TODAY)
    assert found.edition.act == "民法典" and len(found.digest) == 16
    assert found == REGISTRY.resolve(Citation("民法典", "278"))


def test_sub_articles() -> None:
    assert REGISTRY.resolve(Citation("刑法", "120之一"), TODAY).digest != REGISTRY.resolve(Citation("刑法", "120"), TODAY).digest
    assert "120之六" in said("刑法", "120之九")


@pytest.mark.parametrize(
    ("act", "article", "as_of", "parts"),
    [
        ("民法典", "1261", TODAY, ["没有这一条", "共 1260 条"]),
        ("民法典", "0", TODAY, ["没有这一条"]),
        ("民法店", "1", TODAY, ["登记册里没有", "《民法典》"]),
        ("🦊", "1", TODAY, ["登记册里没有"]),
        ("环境保护法", "5", ENVIRONMENT, ["自 2026-08-15 起废止", "《生态环境法典》（第1242条）"]),
        ("噪声污染防治法", "2", TODAY, ["自 2026-08-15 起废止"]),
        ("生态环境法典", "1", date(2026, 8, 14), ["自 2026-08-15 起施行", "尚未施行"]),
        ("城市居民委员会组织法", "3", date(2025, 12, 31), ["自 2026-01-01 起施行"]),
        ("婚姻法", "3", TODAY, ["自 2021-01-01 起废止", "《民法典》第1260条", "婚姻家庭编"]),
        ("民法通则", "1", TODAY, ["总则编"]),
        ("信访条例", "1", TODAY, ["《信访工作条例》"]),
        ("居委会组织法", "3", TODAY, ["请写《城市居民委员会组织法》"]),
        ("律师法", "1", TODAY, ["自 2026-09-01 起被新版取代"]),
        ("商标法", "1", TODAY, ["自 2027-01-01 起施行"]),
        ("监察法实施条例", "200", TODAY, ["只收录了这一版本的第 1 至 56 条"]),
        ("全国人民代表大会常务委员会关于在沿海港口城市设立海事法院的决定", "1", TODAY, ["没有条号"]),
    ],
)  # fmt: skip
def test_what_a_wrong_citation_is_told(act: str, article: str, as_of: date, parts: list[str]) -> None:
    message = said(act, article, as_of)
    assert all(part in message for part in parts), message


def test_a_repealed_act_resolves_as_of_a_day_when_it_was_law() -> None:
    assert REGISTRY.resolve(Citation("环境保护法", "5"), date(2026, 8, 14)).edition.version == "2014-04-24"
    assert REGISTRY.resolve(Citation("监察法实施条例", "200"), date(2025, 5, 31)).edition.version == "2021-07-20"


def test_the_shipped_file_is_compact_and_reads_back_the_same(tmp_path: Path) -> None:
    assert SHIPPED.stat().st_size < 2_500_000
    again = tmp_path / "registry.json"
    again.write_text(write_text(REGISTRY), encoding="utf-8")
    assert again.read_bytes() == SHIPPED.read_bytes()
    assert Registry.read(again).editions == REGISTRY.editions


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"editions": [{}], "repealed": {}, "evidence": ""}', "\x00", '{"editions": 3}'])
def test_a_damaged_file_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "registry.json"
    path.write_text(damage, encoding="utf-8")
    with pytest.raises(RegistryError, match="已损坏"):
        Registry.read(path)
    with pytest.raises(RegistryError, match="读不出"):
        Registry.read(tmp_path / "none.json")


def test_a_digest_sees_words_and_not_layout() -> None:
    assert text_digest("第一款。\n\n第二款：（一）甲；") == text_digest("第一款　第二款（一)甲")
    assert text_digest("应当") != text_digest("可以")


def test_articles_are_found_in_a_text() -> None:
    text = "# 某法\n\n> 第一条　题注\n\n## 第一章\n\n第一条　甲。\n\n乙。\n\n## 第二章　第二条\n\n第一百零二条之一　丙。\n第十条：不是条\n第二十条 丁\n"
    assert parse_articles(text) == {"1": "甲。\n\n乙。", "102之一": "丙。\n第十条：不是条", "20": "丁"}


# ---------------------------------------------------------------- building


OLD = ("路灯法", "路灯法.md", "2020-01-01", "2020-03-01", "第一条　甲。\n第二条　乙。\n第三条　丙。")
NEW = ("路灯法(2027修订)", "路灯法2.md", "2026-12-01", "2027-01-01", "第一条　甲。\n第二条　乙乙。\n附则\n")
CODE = ("灯光法典", "灯光法典.md", "2026-12-01", "2027-06-01", "第一条　甲。\n第二条　本法自2027年6月1日起施行。《中华人民共和国灯泡法》、《灯具条例》同时废止。")


def test_building_from_texts(tmp_path: Path) -> None:
    registry = build_registry(write_statutes(tmp_path / "s", OLD, NEW, CODE))
    assert [(each.version, each.start, each.end) for each in registry.editions_of("路灯法")] == [
        ("2020-01-01", date(2020, 3, 1), date(2026, 12, 31)), ("2026-12-01", date(2027, 1, 1), None),
    ]  # fmt: skip
    assert registry.resolve(Citation("路灯法", "3"), TODAY).edition.version == "2020-01-01"
    with pytest.raises(CitationFault, match="共 2 条"):
        registry.resolve(Citation("路灯法", "3"), date(2027, 1, 1))
    for name in ("灯泡法", "灯具条例"):
        with pytest.raises(CitationFault, match=r"自 2027-06-01 起废止（《灯光法典》第2条）"):
            registry.resolve(Citation(name, "1"), TODAY)


def test_an_amendment_is_seen_against_the_older_registry(tmp_path: Path) -> None:
    old = build_registry(write_statutes(tmp_path / "old", OLD))
    new = build_registry(write_statutes(tmp_path / "new", OLD, NEW))
    cited = [Citation("路灯法", number) for number in "123"]
    assert [(change.citation.article, change.since, change.what) for change in compare(old, new, cited)] == [
        ("2", date(2027, 1, 1), "条文有改动"), ("3", date(2027, 1, 1), "新版没有这一条"),
    ]  # fmt: skip
    assert compare(old, old, cited) == [] == compare(old, REGISTRY, cited)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "INDEX.tsv").unlink(), "读不出法规索引"),
        (lambda folder: (folder / "INDEX.tsv").write_text("law\tfile\n路灯法\t路灯法.md\n"), "缺列"),
        (lambda folder: (folder / "INDEX.tsv").write_bytes(b"\xff\xfe"), "读不出法规索引"),
        (lambda folder: (folder / "路灯法.md").unlink(), "INDEX.tsv:2: 读不出"),
        (lambda folder: (folder / "路灯法.md").write_bytes(b"\xff\xfe"), "不是 UTF-8"),
        (lambda folder: (folder / "路灯法.md").write_text("第一条　甲。", encoding="utf-8"), "读出 1 条，索引说有 3 条"),
    ],
)
def test_damaged_texts_are_told(tmp_path: Path, damage: object, message: str) -> None:
    folder = write_statutes(tmp_path / "s", OLD)
    damage(folder)  # type: ignore[operator]
    with pytest.raises(RegistryError, match=message):
        build_registry(folder)


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("第一条　甲。", encoding="utf-8")
    folder = write_statutes(tmp_path / "s", ("外法", "../secret.md", "2020-01-01", "2020-01-01", "第一条　甲。"))
    with pytest.raises(RegistryError, match="不在法规文件夹之内"):
        build_registry(folder)


def test_two_texts_for_one_day_are_refused(tmp_path: Path) -> None:
    twin = ("路灯法(2020修订)", "路灯法2.md", *OLD[2:4], "第一条　不同。")
    with pytest.raises(RegistryError, match="两份正文"):
        build_registry(write_statutes(tmp_path / "s", OLD, twin))
    same = ("路灯法(2020修订)", "路灯法2.md", *OLD[2:])
    assert len(build_registry(write_statutes(tmp_path / "t", OLD, same)).editions) == 1


@pytest.mark.skipif("PUFA_STATUTES" not in os.environ, reason="set PUFA_STATUTES to a folder of statute texts")
def test_committed_digests_are_those_of_the_texts() -> None:
    derived = build_registry(Path(os.environ["PUFA_STATUTES"]))
    assert write_text(derived) == SHIPPED.read_text(encoding="utf-8")
