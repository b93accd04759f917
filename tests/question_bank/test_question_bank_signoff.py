"""Review: blind answer before approval, never one's own item, void by itself when item or law changes, nothing lost."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from bank_fixture import write_small_bank

from question_bank.bank import Bank, content_of, item_hash
from question_bank.checks import Checking, check
from question_bank.errors import SignOffError
from question_bank.item import Citation
from question_bank.registry import Registry
from question_bank.signoff import SignOffs, approve, freeze, record_blind, send_back, waiting

TODAY = date(2026, 11, 23)
REGISTRY = Registry.read()
SLUG = "committee-powers"


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.read(write_small_bank(tmp_path))


def hash_of(bank: Bank, slug: str = SLUG) -> str:
    return bank.item_hash(slug, REGISTRY, TODAY)


def sign(folder: Path, bank: Bank, slug: str = SLUG, kind: str = "editorial") -> None:
    record_blind(SignOffs.read(folder), bank[slug], hash_of(bank, slug), "李审", 1, "ABD", "居委会组织法第3条、第12条")
    approve(SignOffs.read(folder), bank[slug], hash_of(bank, slug), "李审", 2, kind)


def test_a_signed_item(tmp_path: Path, bank: Bank) -> None:
    sign(tmp_path, bank)
    known = SignOffs.read(tmp_path)
    assert known.holds(SLUG, hash_of(bank), "editorial") and not known.holds(SLUG, hash_of(bank), "office")
    assert not known.void(SLUG, hash_of(bank), "editorial")
    blind = known.blind_by(SLUG, hash_of(bank), "李审")
    assert blind is not None and blind.answer == "ABD"


@pytest.mark.parametrize("by", ["测试员", " 测 试 员 "])
def test_an_author_never_reviews(tmp_path: Path, bank: Bank, by: str) -> None:
    known, item, found = SignOffs.read(tmp_path), bank[SLUG], hash_of(bank)
    for act in (
        lambda: record_blind(known, item, found, by, 1, "A", "x"), lambda: approve(known, item, found, by, 1),
        lambda: send_back(known, item, found, by, 1, "x"),
    ):  # fmt: skip
        with pytest.raises(SignOffError, match="不能审自己的题"):
            act()
    assert SignOffs.read(tmp_path) == known


def test_approval_needs_a_blind_answer_to_this_version(tmp_path: Path, bank: Bank) -> None:
    item = bank[SLUG]
    record_blind(SignOffs.read(tmp_path), item, "older-hash", "李审", 1, "A", "x")
    record_blind(SignOffs.read(tmp_path), item, hash_of(bank), "王审", 1, "A", "x")
    with pytest.raises(SignOffError, match="还没有盲答这一版"):
        approve(SignOffs.read(tmp_path), item, hash_of(bank), "李审", 2)


@pytest.mark.parametrize(("answer", "basis", "by", "message"), [
    ("AF", "x", "李审", "不能识别"), ("", "x", "李审", "不能识别"), ("对", "x", "李审", "不能识别"), ("A", " ", "李审", "写明作答依据"),
    ("A", "x" * 2001, "李审", "写明作答依据"), ("A", "x", " ", "审题人姓名"), ("A", "x", "名" * 65, "审题人姓名"),
])  # fmt: skip
def test_a_blind_answer_that_is_refused(tmp_path: Path, bank: Bank, answer: str, basis: str, by: str, message: str) -> None:
    with pytest.raises(SignOffError, match=message):
        record_blind(SignOffs.read(tmp_path), bank[SLUG], hash_of(bank), by, 1, answer, basis)
    assert not (tmp_path / "blind.jsonl").exists()


def test_only_the_first_answer_is_blind(tmp_path: Path, bank: Bank) -> None:
    record_blind(SignOffs.read(tmp_path), bank[SLUG], hash_of(bank), "李审", 1, "A", "x")
    with pytest.raises(SignOffError, match="不能再盲答"):
        record_blind(SignOffs.read(tmp_path), bank[SLUG], hash_of(bank), "李审", 2, "ABD", "x")


def test_every_part_of_an_item_is_in_its_hash(bank: Bank) -> None:
    item = bank[SLUG]
    first, *rest = item.options
    others = [
        replace(item, stem=item.stem + "。"), replace(item, options=(replace(first, text="改"), *rest)),
        replace(item, options=(replace(first, right=False), *rest)), replace(item, rationale="改"), replace(item, law=item.law[:1]),
        replace(item, law=(Citation("城市居民委员会组织法", "4"), item.law[1])), replace(item, model_answer="改"), replace(item, fixed_order=True),
    ]  # fmt: skip
    hashes = {item_hash(each, REGISTRY, TODAY) for each in [item, *others]}
    assert len(hashes) == len(others) + 1
    same = replace(item, topic="别的", difficulty=0.1, author="别人", pool="practice")
    assert item_hash(same, REGISTRY, TODAY) == item_hash(item, REGISTRY, TODAY) and content_of(same) == content_of(item)


def test_a_changed_law_voids_the_sign_off_from_its_day(tmp_path: Path, bank: Bank) -> None:
    item = replace(bank[SLUG], law=(Citation("环境保护法", "5"),))
    before, after = (item_hash(item, REGISTRY, day) for day in (date(2026, 8, 14), date(2026, 8, 15)))
    assert before != after
    record_blind(SignOffs.read(tmp_path), item, before, "李审", 1, "ABD", "x")
    approve(SignOffs.read(tmp_path), item, before, "李审", 2, "office", "同意")
    known = SignOffs.read(tmp_path)
    assert known.holds(SLUG, before, "office") and not known.holds(SLUG, after, "office") and known.void(SLUG, after, "office")


def test_a_return_voids_until_it_is_signed_again(tmp_path: Path, bank: Bank) -> None:
    sign(tmp_path, bank)
    send_back(SignOffs.read(tmp_path), bank[SLUG], hash_of(bank), "王审", 3, "C 项也可辩")
    known = SignOffs.read(tmp_path)
    assert not known.holds(SLUG, hash_of(bank), "editorial")
    assert SLUG not in {item.slug for item in waiting(bank, known, {slug: hash_of(bank, slug) for slug in bank}, "editorial")}
    record_blind(known, bank[SLUG], hash_of(bank), "王审", 4, "ABD", "再查第3条")
    approve(SignOffs.read(tmp_path), bank[SLUG], hash_of(bank), "王审", 5)
    assert SignOffs.read(tmp_path).holds(SLUG, hash_of(bank), "editorial")


def test_the_queue_leaves_out_what_is_signed_and_ones_own(tmp_path: Path, bank: Bank) -> None:
    hashes = {slug: hash_of(bank, slug) for slug in bank}
    sign(tmp_path, bank)
    queue = list(waiting(bank, SignOffs.read(tmp_path), hashes, "editorial", "李审"))
    assert {item.slug for item in queue} == set(bank) - {SLUG}
    assert list(waiting(bank, SignOffs.read(tmp_path), hashes, "editorial", "测试员")) == []


def test_checks_tell_void_returned_and_frozen(tmp_path: Path, bank: Bank) -> None:
    sign(tmp_path, bank)
    path = bank[SLUG].path
    path.write_text(path.read_text(encoding="utf-8").replace("1200 户", "1300 户"), encoding="utf-8")
    send_back(SignOffs.read(tmp_path), bank["joint-confirmation"], hash_of(bank, "joint-confirmation"), "王审", 3, "不清楚")
    freeze(SignOffs.read(tmp_path), "owners-vote-parking", date(2026, 11, 1), "民法典修改")
    freeze(SignOffs.read(tmp_path), "mediation-agreement-regret", date(2027, 1, 1), "以后")
    faults = check(Checking(Bank.read(tmp_path), REGISTRY, TODAY, SignOffs.read(tmp_path), tmp_path))
    told = {(fault.path.stem, fault.message[:5]) for fault in faults}
    assert {("committee-powers", "审签之后题"), ("joint-confirmation", "被 王审 "), ("owners-vote-parking", "自 202")} <= told
    assert not any(stem == "mediation-agreement-regret" for stem, _ in told)


@pytest.mark.parametrize("line", ["{", "[]", '{"item": "x"}', '{"item":"x","hash":"h","kind":"friend","by":"a","at":1}',
                                  '{"item":"x","hash":"h","kind":"office","by":"a","at":"1"}', "[" * 10_000])  # fmt: skip
def test_a_damaged_line_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "signoff.jsonl").write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(SignOffError, match=r"signoff\.jsonl:2"):
        SignOffs.read(tmp_path)


@pytest.mark.parametrize("line", ['{"item":"x","reason":"y"}', '{"item":"x","from":"soon","reason":"y"}', '{"item":"x","from":3,"reason":"y"}'])
def test_a_damaged_freeze_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "freeze.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(SignOffError, match=r"freeze\.jsonl:1"):
        SignOffs.read(tmp_path)


def _freeze_many(folder: Path, name: str) -> None:
    for number in range(15):
        freeze(SignOffs(folder), f"{name}-{number}", TODAY, "并发")


def test_two_clerks_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    clerks = [context.Process(target=_freeze_many, args=(tmp_path, name)) for name in ("one", "two")]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join(60)
        assert clerk.exitcode == 0
    assert len(SignOffs.read(tmp_path).freezes) == 30
