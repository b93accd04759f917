"""The law registry: editions of each act with dates and a digest of each article. Statute text itself is not shipped.

``registry.json`` is made by ``pufa bank registry`` (:mod:`question_bank.registry_build`), one line per edition.
A digest is the first 16 hex digits of the SHA-256 of the article's text after NFKC, without white space and punctuation:
64 bits tell two texts of one article apart; they are no signature.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from question_bank.errors import CitationFault, RegistryError
from question_bank.item import Citation

SHIPPED = Path(__file__).parent / "registry.json"
DIGEST_LENGTH = 16
_STATE = "中华人民共和国"


def plain_text(text: str) -> str:
    """Text after NFKC, without white space, control characters and punctuation: what a digest is taken over."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char)[0] not in "PZC")


def text_digest(text: str) -> str:
    """Digest of an article's text.

    >>> text_digest("本法自公布之日起施行。") == text_digest("本法 自公布之日起施行")
    True
    """
    return hashlib.sha256(plain_text(text).encode()).hexdigest()[:DIGEST_LENGTH]


@dataclass(frozen=True)
class Edition:
    """One edition of an act. ``start`` and ``end`` are its first and last day in force, None where unknown or open.

    ``version``: when this text was adopted or last amended; ``evidence``: the day of the public catalogue that shows it
    in force; ``certainty``: a word of :data:`question_bank.registry_build.CERTAINTIES`; ``note``: what a reader should know.
    """

    act: str
    title: str
    category: str
    version: str
    start: date | None
    end: date | None
    evidence: date | None
    certainty: str
    note: str
    replaced_by: str
    articles: Mapping[str, str] = field(repr=False)     # "278" or "120之一" -> digest
    complete: bool = True

    @property
    def last_article(self) -> int:
        """The highest article number held."""
        return max((int(number.partition("之")[0]) for number in self.articles), default=0)


@dataclass(frozen=True)
class Repealed:
    """A name that must not be cited: an act whose text is not held, since when it is no law any more and what says so;
    or, where ``by`` is empty, a name in common use that is not the title. ``hint`` says what to cite."""

    act: str
    since: date | None
    by: str
    hint: str


@dataclass(frozen=True)
class Resolved:
    """Where a citation leads on a date: the edition and the digest of the article."""

    edition: Edition
    digest: str


class Registry:
    """Editions by act. Made by :meth:`read`; pure afterwards."""

    def __init__(self, editions: Iterable[Edition], repealed: Iterable[Repealed] = (), evidence: date | None = None) -> None:
        self.editions = tuple(editions)
        self.repealed = {one.act: one for one in repealed}
        self.evidence = evidence
        self._by_act: dict[str, list[Edition]] = {}
        for edition in sorted(self.editions, key=lambda each: each.start or date.min):
            self._by_act.setdefault(edition.act, []).append(edition)
        self._full = {edition.title: edition.act for edition in self.editions}

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Registry:
        """The shipped registry, or another file of the same form.

        :raises RegistryError: there is none, or it is damaged.
        """
        try:
            return from_plain(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise RegistryError(f"{path}：读不出法规登记册（{error.strerror}）；请运行 pufa bank registry --statutes 法规文件夹") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegistryError(f"{path}：法规登记册已损坏；请从发行包恢复，或运行 pufa bank registry --statutes 法规文件夹 重建") from error

    @property
    def acts(self) -> tuple[str, ...]:
        """Short titles of all acts held."""
        return tuple(self._by_act)

    def editions_of(self, act: str) -> tuple[Edition, ...]:
        """Editions of an act, oldest first; ``act`` may be a short or full title, with or without 《》."""
        return tuple(self._by_act.get(self.short_title(act), ()))

    def short_title(self, name: str) -> str:
        """The registry's short title of an act named in any usual way; unknown names come back tidied."""
        tidy = unicodedata.normalize("NFC", name).strip().strip("《》").strip()
        if tidy in self._by_act:
            return tidy
        short = self._full.get(tidy) or self._full.get(_STATE + tidy) or tidy.removeprefix(_STATE)
        return short

    def resolve(self, citation: Citation, as_of: date | None = None) -> Resolved:
        """The edition in force on ``as_of`` (None: the newest held) and the digest of the cited article.

        :raises CitationFault: unknown act, not yet in force, repealed, or no such article.
        """
        act = self.short_title(citation.act)
        citation = Citation(act, citation.article)
        edition = self._edition(act, citation, as_of)
        found = edition.articles.get(citation.article)
        if found is None:
            raise CitationFault(_no_article(edition, citation))
        return Resolved(edition, found)

    def _edition(self, act: str, citation: Citation, as_of: date | None) -> Edition:
        editions = self._by_act.get(act)
        if not editions:
            raise CitationFault(self._unknown(act))
        if as_of is None:
            return editions[-1]
        begun = [each for each in editions if each.start is None or each.start <= as_of]
        if not begun:
            first = editions[0]
            raise CitationFault(
                f"{citation}：登记的版本自 {first.start} 起施行，{as_of} 时尚未施行（更早的版本没有收录）；请改引当时有效的规定，或改用施行之后的日期"
            )
        end = begun[-1].end
        if end is not None and end < as_of:
            raise CitationFault(_over(begun[-1], end, citation, as_of))
        return begun[-1]

    def _unknown(self, act: str) -> str:
        gone = self.repealed.get(act)
        if gone and not gone.by:
            return gone.hint
        if gone:
            return f"《{act}》已{f'自 {gone.since} 起' if gone.since else ''}废止（{gone.by}）；{gone.hint}"
        near = get_close_matches(act, self._by_act, n=3, cutoff=0.5)
        near += [name for name in self._by_act if len(act) >= 2 and act in name and name not in near][: 3 - len(near)]
        hint = f"是否指{'、'.join(f'《{name}》' for name in near)}？" if near else ""
        return f"登记册里没有《{act}》；{hint}请用法律全称去掉“{_STATE}”的写法，确属新法的请先更新登记册"


def _over(edition: Edition, end: date, citation: Citation, as_of: date) -> str:
    what = "废止" if edition.certainty == "repealed" else "被新版取代"
    instead = f"，由{edition.replaced_by}取代" if edition.replaced_by else ""
    return f"{citation}：登记的版本（{edition.version}）自 {end + timedelta(days=1)} 起{what}{instead}，{as_of} 时不能引用；请改引现行规定"


def _no_article(edition: Edition, citation: Citation) -> str:
    if not edition.articles:
        return f"《{edition.act}》没有条号，不能按条引用"
    if not edition.complete:
        return f"{citation}：登记册只收录了这一版本的第 1 至 {edition.last_article} 条，这一条没有核对过；请补录后再引用"
    subs = [number for number in edition.articles if "之" in number and number.startswith(citation.article.partition("之")[0] + "之")]
    extra = f"（第 {citation.article.partition('之')[0]} 条之下有 {'、'.join(subs)}）" if subs else ""
    return f"{citation}：没有这一条，该法共 {edition.last_article} 条{extra}；请核对条号"


# ---------------------------------------------------------------- the file


def to_plain(registry: Registry) -> dict[str, Any]:
    """The registry as the data of its file; :func:`from_plain` is the inverse."""
    return {
        "digest": f"SHA-256 of the NFKC text without white space and punctuation, first {DIGEST_LENGTH} hex digits",
        "evidence": _iso(registry.evidence),
        "repealed": {one.act: [_iso(one.since), one.by, one.hint] for one in registry.repealed.values()},
        "editions": [_plain_edition(edition) for edition in registry.editions],
    }


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _plain_edition(edition: Edition) -> dict[str, object]:
    """Articles 1 to n run together in ``digests``; sub-articles lie in ``sub``; ``-`` fills a missing number."""
    whole = range(1, edition.last_article + 1)
    return {
        "act": edition.act, "title": edition.title, "category": edition.category, "version": edition.version,
        "start": _iso(edition.start), "end": _iso(edition.end), "evidence": _iso(edition.evidence),
        "certainty": edition.certainty, "note": edition.note, "replaced_by": edition.replaced_by, "complete": edition.complete,
        "digests": "".join(edition.articles.get(str(number), "-" * DIGEST_LENGTH) for number in whole),
        "sub": {number: found for number, found in edition.articles.items() if "之" in number},
    }  # fmt: skip


def write_text(registry: Registry) -> str:
    """The file's text: one line per edition, so that a change of the law is one changed line."""
    plain = to_plain(registry)
    editions = ",\n".join(json.dumps(one, ensure_ascii=False) for one in plain.pop("editions"))
    head = json.dumps(plain, ensure_ascii=False, indent=1).removesuffix("\n}")
    return f'{head},\n "editions": [\n{editions}\n]}}\n'


_HEX = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")


def from_plain(data: Mapping[str, Any]) -> Registry:
    """A registry from the data of its file.

    :raises ValueError, KeyError, TypeError, AttributeError: the data are not of that form.
    """
    repealed = [Repealed(act, _day(since), by, hint) for act, (since, by, hint) in data["repealed"].items()]
    return Registry([_edition(one) for one in data["editions"]], repealed, _day(data["evidence"]))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _edition(one: Mapping[str, Any]) -> Edition:
    run: str = one["digests"]
    pieces = [run[at : at + DIGEST_LENGTH] for at in range(0, len(run), DIGEST_LENGTH)]
    articles = {str(number): piece for number, piece in enumerate(pieces, 1) if piece[0] != "-"} | one["sub"]
    if not all(_HEX.fullmatch(piece) for piece in articles.values()):
        raise ValueError("digest")
    words: dict[str, Any] = {name: str(one[name]) for name in ("act", "title", "category", "version", "certainty", "note", "replaced_by")}
    start, end, evidence = (_day(one[name]) for name in ("start", "end", "evidence"))
    return Edition(**words, start=start, end=end, evidence=evidence, articles=articles, complete=bool(one["complete"]))
