"""Building the law registry from statute texts, and comparing two of them. Nothing here is needed to ask or mark."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from question_bank.errors import RegistryError
from question_bank.item import Citation
from question_bank.registry import Edition, Registry, Repealed, text_digest
from question_bank.statutes import REPEALED_FOLDER, Statute, read_statutes

NOTES = Path(__file__).parent / "acts.toml"

#: beginning of a status in the index -> (certainty, what it means to a reader)
CERTAINTIES = {
    "现行有效": ("current", "公开目录载明现行有效"),
    "现行(部分文本)": ("partial", "现行，只收录了部分条文"),
    "现行": ("unverified", "现行与否没有逐一核实"),
    "尚未施行": ("future", "已公布、尚未施行"),
    "存疑": ("doubtful", "是否仍然有效存疑"),
    "旧版": ("superseded", "旧版本，已有新版"),
    "已废止": ("repealed", "已废止"),
}
#: beginning of the index's last column -> what is kept of it
_NOTES = {
    "截至 2026-06-26": "",
    "截至 X-STORAGE 2026-06-03": "2026 年国务院令第 829 号、第 843 号修改了部分行政法规，是否涉及本条例没有查到，引用前须核对",
    "just-laws": "可能已有新版，没有找到",
    "未核实": "", "见 ": "", "现行版": "", "未见": "", "有：": "",
}  # fmt: skip
_CATEGORIES = {"其他行政法规": "行政法规", "司法解释": "司法解释", "其他法律": "法律"}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_EDITION_MARK = re.compile(r"\((?=[^()]*(?:\d{4}|修订|旧版))[^()]*\)$")
_REPLACED = re.compile(r"已废止：(\d{4}-\d{2}-\d{2}) 起由《(.+?)》第(\d+)条废止")
_NAMED = re.compile(r"《([^《》]{2,60})》")
_CLAUSE_DATE = re.compile(r"自(\d{4})年(\d{1,2})月(\d{1,2})日起施行")


def build_registry(folder: Path, notes: Path = NOTES) -> Registry:
    """The registry of all texts in ``folder`` and the hand-written ``notes``.

    :raises RegistryError: the texts or notes are not usable; every fault is named.
    """
    try:
        added = tomllib.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistryError(f"{notes}：读不出人工补充；请检查 TOML 格式") from error
    statutes = read_statutes(folder)
    editions = _close(sorted((_edition(each, added) for each in statutes), key=lambda each: (each.act, each.start or date.min)))
    held = {edition.act for edition in editions}
    evidence = max((edition.evidence for edition in editions if edition.evidence), default=None)
    return Registry(editions, _repealed(statutes, held, added), evidence)


def _edition(statute: Statute, added: Mapping[str, Any]) -> Edition:
    row = statute.row
    act = _EDITION_MARK.sub("", row["law"]).strip()
    certainty = next((word for prefix, (word, _) in CERTAINTIES.items() if row["status"].startswith(prefix)), "doubtful")
    version, stated = _first_day(row["version_date"]), _first_day(row["effective_date"])
    start = max((day for day in (version, stated) if day), default=None)
    note = _note(row["newer_version_known_or_uncertainty"])
    if not stated:
        note = "；".join(filter(None, [note, "施行日期按版本日期登记" if version else "施行日期没有查到"]))
    gone = _REPLACED.match(row["status"])
    ends = added.get("ends", {}).get(act, {})
    return Edition(
        act=act, title=row["full_title"], category=_category(row["file"], act, added), version=version.isoformat() if version else "",
        start=start, end=_day_before(gone[1]) if gone else _first_day(ends.get("end", "")),
        evidence=_first_day(row["status"]) if certainty == "current" else None, certainty=certainty, note=note,
        replaced_by=f"《{gone[2]}》（第{gone[3]}条）" if gone else ends.get("by", ""),
        articles={number: text_digest(text) for number, text in statute.articles.items()}, complete=certainty != "partial",
    )  # fmt: skip


def _first_day(text: str) -> date | None:
    found = _ISO.search(text)
    return date.fromisoformat(found[0]) if found else None


def _day_before(text: str) -> date:
    return date.fromisoformat(text) - timedelta(days=1)


def _note(text: str) -> str:
    return next((kept for prefix, kept in _NOTES.items() if text.startswith(prefix)), text)


def _category(file: str, act: str, added: Mapping[str, Any]) -> str:
    by_name = "法律" if act.endswith(("法", "法典")) else "行政法规"
    return str(added.get("category", {}).get(act) or _CATEGORIES.get(file.split("/")[0], by_name))


def _close(editions: list[Edition]) -> list[Edition]:
    """An edition ends the day before the next one of the same act begins. The same text twice counts once (the later row).

    :raises RegistryError: two different texts of one act begin on the same day.
    """
    closed: list[Edition] = []
    for edition, following in zip(editions, [*editions[1:], None], strict=True):
        if following and (following.act, following.start) == (edition.act, edition.start):
            if following.articles != edition.articles:
                raise RegistryError(f"《{edition.act}》有两份正文都自 {edition.start} 起施行而内容不同；请在 INDEX.tsv 里更正施行日期")
            continue
        if following and following.act == edition.act and following.start and edition.end is None:
            successor = f"{following.version[:4]} 年的新版本"
            edition = replace(edition, end=following.start - timedelta(days=1), replaced_by=edition.replaced_by or successor)
        closed.append(edition)
    return closed


def _repealed(statutes: Iterable[Statute], held: set[str], added: Mapping[str, Any]) -> list[Repealed]:
    """Acts whose text is not held: named by a repeal clause of a text, or by hand; each with the hand-written hint."""
    hints, found = added.get("hint", {}), dict[str, Repealed]()
    for statute in statutes:
        if statute.row["file"].startswith(REPEALED_FOLDER):
            continue
        for number, text in statute.articles.items():
            for name in _repeal_clause(text):
                by = f"《{statute.row['law']}》第{number}条"
                hint = hints.get(name) or f"请查《{statute.row['law']}》"
                found.setdefault(name, Repealed(name, _clause_day(text), by, hint))
    for name, (since, by, hint) in added.get("repealed", {}).items():
        found[name] = Repealed(name, date.fromisoformat(since), by, hint)
    for name, full in added.get("alias", {}).items():
        found[name] = Repealed(name, None, "", f"《{name}》是简写，请写《{full}》")
    return [found[name] for name in sorted(found) if name not in held]


def _repeal_clause(text: str) -> list[str]:
    if "同时废止" not in text or "施行" not in text:
        return []
    clause = text[: text.index("同时废止")]
    return [name.removeprefix("中华人民共和国") for name in _NAMED.findall(clause)]


def _clause_day(text: str) -> date | None:
    found = _CLAUSE_DATE.search(text)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else None


# ---------------------------------------------------------------- comparing


@dataclass(frozen=True)
class Change:
    """An article that does not read in ``new`` as it did: from which day, and what happened, in Chinese."""

    citation: Citation
    since: date | None
    what: str


def compare(old: Registry, new: Registry, cited: Iterable[Citation]) -> list[Change]:
    """What a newer registry changes for the articles cited. Both are asked for their newest edition.

    An act that the newer texts do not hold is not reported: a folder may hold only some acts.
    """
    changes = []
    for citation in sorted(set(cited)):
        before, after = old.editions_of(citation.act), new.editions_of(citation.act)
        if not before or not after:
            continue
        was, now = before[-1], after[-1]
        digest_was, digest_now = was.articles.get(citation.article), now.articles.get(citation.article)
        if now.end and not was.end:
            since: date | None = now.end + timedelta(days=1)
            what = f"该法废止或者被取代{f'（{now.replaced_by}）' if now.replaced_by else ''}"
        elif digest_now is None and digest_was is not None:
            since, what = now.start, "新版没有这一条"
        elif digest_was != digest_now:
            since, what = now.start, "条文有改动" if now.version != was.version else "同一版本的正文有更正"
        else:
            continue
        changes.append(Change(citation, since, what))
    return changes
