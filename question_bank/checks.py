"""Everything that is checked of a bank beyond the form of its files: ONE list of small rules with severities.

To add a rule: write a function ``(Checking) -> Iterator[Hit]`` and add a line to :data:`RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from question_bank.bank import Bank
from question_bank.errors import ERROR, WARNING, CitationFault, Fault
from question_bank.giveaways import BANK_RULES, ITEM_RULES, bare_letters
from question_bank.item import Item
from question_bank.likeness import STATUTE_RUN, near_duplicates, statute_runs
from question_bank.registry import Registry, text_digest
from question_bank.registry_build import CERTAINTIES
from question_bank.rendering import inline_html, markdown_html
from question_bank.signoff import SignOffs
from question_bank.statutes import Statute

__all__ = ["RULES", "Checking", "Hit", "Rule", "check", "near_duplicates"]


@dataclass(frozen=True)
class Checking:
    """What is checked, against what, and as of which day. ``statutes``: texts, where the caller has them."""

    bank: Bank
    registry: Registry
    as_of: date
    sign_offs: SignOffs
    folder: Path
    statutes: tuple[Statute, ...] = ()

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Item hashes as of the day."""
        return {slug: self.bank.item_hash(slug, self.registry, self.as_of) for slug in self.bank}


@dataclass(frozen=True)
class Hit:
    """What a rule found: at an item (None: the bank as a whole), at the first line that begins with ``mark``."""

    item: Item | None
    message: str
    mark: str = ""


@dataclass(frozen=True)
class Rule:
    """A check: its name, its severity and how it looks."""

    name: str
    severity: str
    look: Callable[[Checking], Iterator[Hit]]


def _citations(checking: Checking) -> Iterator[Hit]:
    for item in checking.bank.values():
        for citation in item.law:
            try:
                checking.registry.resolve(citation, checking.as_of)
            except CitationFault as fault:
                yield Hit(item, str(fault), "law:")


def _short_titles(checking: Checking) -> Iterator[Hit]:
    for item in checking.bank.values():
        for citation in item.law:
            short = checking.registry.short_title(citation.act)
            if short != citation.act:
                yield Hit(item, f"依据写作“{citation.act}”；请写简称“{short}”，统计和抽题按简称归并", "law:")


def _certainty(checking: Checking) -> Iterator[Hit]:
    meaning = dict(CERTAINTIES.values())
    for item in checking.bank.values():
        for act in sorted({citation.act for citation in item.law}):
            for edition in checking.registry.editions_of(act)[-1:]:
                if edition.certainty not in ("current", "repealed"):
                    note = f"（{edition.note}）" if edition.note else ""
                    yield Hit(item, f"所引《{act}》：{meaning[edition.certainty]}{note}；请核对后再用", "law:")


_PERSONAL = (
    (re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"), "手机号码"),
    (re.compile(r"(?<!\d)\d{17}[\dXx](?![\dA-Za-z])"), "身份证号码"),
    (re.compile(r"(?<!\d)\d{16,19}(?!\d)"), "银行卡号一类的长号码"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.[A-Za-z]{2,}"), "电子邮箱"),
)


def texts_of(item: Item) -> dict[str, str]:
    """All prose of an item, by the mark of the line where it begins."""
    options = "\n".join(option.text for option in item.options)
    points = "\n".join(point.text for point in item.scoring_points)
    return {"": item.stem, "- [": options, "## 参考答案": item.model_answer, "## 采分点": points, "## 解析": item.rationale}


def _personal_data(checking: Checking) -> Iterator[Hit]:
    for item in checking.bank.values():
        for mark, text in texts_of(item).items():
            for pattern, what in _PERSONAL:
                if pattern.search(text):
                    yield Hit(item, f"文字里像是有{what}；题目不得含真实个人信息，请改为“某”或者删去", mark)
                    break


_MARKUP = re.compile(r"<[A-Za-z/!?]|&(?:#\w{1,8}|[A-Za-z]{2,10});|!?\[[^\]\n]{0,200}\]\(|javascript:|https?://", re.IGNORECASE)


def _markup(checking: Checking) -> Iterator[Hit]:
    for item in checking.bank.values():
        for mark, text in texts_of(item).items():
            found = _MARKUP.search(text)
            if found:
                yield Hit(item, f"文字里有网页代码、链接或图片（“{found[0][:20]}”）；题目只用文字、加粗和编号，请删去", mark)


def _emphasis(checking: Checking) -> Iterator[Hit]:
    for item in checking.bank.values():
        rendered = markdown_html(item.stem) + markdown_html(item.rationale) + "".join(inline_html(one.text) for one in item.options)
        if "**" in rendered:
            yield Hit(item, "加粗记号 ** 没有起作用；记号应成对，并紧贴所加粗的文字，标点放在记号之外")


def _bare_letters(checking: Checking) -> Iterator[Hit]:
    return _per_item(checking, bare_letters, "## 解析")


def _item_giveaways(checking: Checking) -> Iterator[Hit]:
    for rule in ITEM_RULES:
        yield from _per_item(checking, rule, "- [")


def _per_item(checking: Checking, rule: Callable[[Item], str | None], mark: str) -> Iterator[Hit]:
    for item in checking.bank.values():
        message = rule(item)
        if message:
            yield Hit(item, message, mark)


def _bank_giveaways(checking: Checking) -> Iterator[Hit]:
    for rule in BANK_RULES:
        yield from (Hit(None, message) for message in rule(checking.bank))


def _duplicates(checking: Checking, across: bool) -> Iterator[Hit]:
    for one, two in near_duplicates(checking.bank):
        if (checking.bank[one].pool != checking.bank[two].pool) is across:
            where = "不同池的" if across else ""
            yield Hit(checking.bank[two], f"与{where} {checking.bank[one].path} 几乎相同；请改写或删去一题")


def _statute_copies(checking: Checking) -> Iterator[Hit]:
    texts = {f"{slug} {mark}": text for slug, item in checking.bank.items() for mark, text in texts_of(item).items()}
    statutes = ((f"《{each.row['law']}》第{number}条", text) for each in checking.statutes for number, text in each.articles.items())
    for name, (statute, run) in statute_runs(texts, statutes).items():
        slug, _, mark = name.partition(" ")
        yield Hit(checking.bank[slug], f"有连续 {STATUTE_RUN} 字以上与{statute}相同（“{run[:16]}…”）；请用自己的话写", mark)


def _digests(checking: Checking) -> Iterator[Hit]:
    texts = {(each.row["law"], number): text for each in checking.statutes for number, text in each.articles.items()}
    for item in checking.bank.values():
        for citation in item.law:
            text = texts.get((citation.act, citation.article))
            try:
                held = checking.registry.resolve(citation, checking.as_of).digest
            except CitationFault:
                continue    # the rule "citations" tells it
            if text is not None and text_digest(text) != held:
                yield Hit(item, f"{citation} 的正文与登记册的摘要不符；请运行 pufa bank amended 看改了什么，再更新登记册", "law:")


def _unsigned(checking: Checking) -> Iterator[Hit]:
    signs, hashes = checking.sign_offs, checking.hashes
    missing = 0
    for slug, item in checking.bank.items():
        kinds = [kind for kind in ("editorial", "office") if signs.void(slug, hashes[slug], kind)]
        back = signs.returned(slug, hashes[slug])
        if back:
            yield Hit(item, f"被 {back.by} 退回：{back.reason[:80]}；请修改后重新送审")
        elif kinds:
            yield Hit(item, "审签之后题目或者所引条文有变，审签已失效；请重新审题")
        elif not any(signs.holds(slug, hashes[slug], kind) for kind in ("editorial", "office")):
            missing += 1
    if missing:
        yield Hit(None, f"{missing} 题还没有第二读者审签；请运行 pufa bank review --next")


def _frozen(checking: Checking) -> Iterator[Hit]:
    for slug, frozen in checking.sign_offs.frozen(checking.as_of).items():
        if slug in checking.bank:
            yield Hit(checking.bank[slug], f"自 {frozen.start} 起冻结：{frozen.reason[:80]}；组卷不会抽到")


#: Every check, in the order in which it is reported.
RULES = (
    Rule("citations", ERROR, _citations),
    Rule("short-titles", ERROR, _short_titles),
    Rule("markup", ERROR, _markup),
    Rule("personal-data", ERROR, _personal_data),
    Rule("bare-letters", ERROR, _bare_letters),
    Rule("duplicates-across-pools", ERROR, lambda checking: _duplicates(checking, across=True)),
    Rule("statute-copies", ERROR, _statute_copies),
    Rule("digests", ERROR, _digests),
    Rule("emphasis", WARNING, _emphasis),
    Rule("duplicates", WARNING, lambda checking: _duplicates(checking, across=False)),
    Rule("certainty", WARNING, _certainty),
    Rule("giveaways", WARNING, _item_giveaways),
    Rule("giveaways-over-bank", WARNING, _bank_giveaways),
    Rule("frozen", WARNING, _frozen),
    Rule("sign-off", WARNING, _unsigned),
)


def check(checking: Checking, rules: Iterable[Rule] = RULES) -> list[Fault]:
    """What the rules find, errors first."""
    faults = []
    for rule in rules:
        for hit in rule.look(checking):
            path = hit.item.path if hit.item else checking.folder
            faults.append(Fault(path, _line(hit), rule.severity, hit.message))
    return sorted(faults, key=lambda fault: (fault.severity != ERROR, fault.path, fault.line, fault.message))


def _line(hit: Hit) -> int:
    """Line of the hit's mark in the item's file; the first line of the body without a mark."""
    if hit.item is None:
        return 1
    lines = hit.item.path.read_text(encoding="utf-8-sig").split("\n")
    if hit.mark:
        return next((number for number, line in enumerate(lines, 1) if line.startswith(hit.mark)), 1)
    end = next((number for number, line in enumerate(lines[1:], 2) if line.rstrip() == "---"), 1)
    return next((number for number, line in enumerate(lines[end:], end + 1) if line.strip()), 1)
