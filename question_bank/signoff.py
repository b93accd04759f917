"""Sign-offs, blind answers, returns and freezes: JSON lines beside the bank, appended, never rewritten in place.

::

    signoff.jsonl    {"item", "hash", "kind": "editorial"|"office", "by", "at", "note"}
    blind.jsonl      {"item", "hash", "by", "at", "answer", "basis"}     what a reader answered before seeing the key
    returned.jsonl   {"item", "hash", "by", "at", "reason"}
    freeze.jsonl     {"item", "from", "reason"}                          not drawn for a day on or after ``from``

They lie in the bank's folder; those of the shipped bank beside the code. A hash is
:func:`question_bank.bank.item_hash` on the day of the act, so a change of the item or of a cited article voids it.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from home import local_text, write_atomically
from question_bank.bank import Bank
from question_bank.errors import SignOffError
from question_bank.item import Item
from question_bank.kinds import KINDS

#: kind of sign-off -> what it says
SIGN_OFFS = {
    "editorial": "第二读者对照现行条文核对过；没有经法律专业人员审定",
    "office": "本单位已登录的审题人审定，可用于正式考试",
}
LONGEST_NOTE, LONGEST_NAME = 2_000, 64
_SHIPPED = Path(__file__).parent


@dataclass(frozen=True)
class SignOff:
    """One reader's word that an item, as of its hash, may be asked. ``at``: ms UTC."""

    item: str
    hash: str
    kind: str
    by: str
    at: int
    note: str = ""


@dataclass(frozen=True)
class BlindAnswer:
    """What a reader answered, and on what basis, before seeing key and rationale. ``answer``: letters of the file's order."""

    item: str
    hash: str
    by: str
    at: int
    answer: str
    basis: str


@dataclass(frozen=True)
class Return:
    """A reader's refusal, with the reason for the author."""

    item: str
    hash: str
    by: str
    at: int
    reason: str


@dataclass(frozen=True)
class Freeze:
    """An item that is not drawn for a day on or after ``start`` (ISO date; the file calls it ``from``)."""

    item: str
    start: str
    reason: str


Line = TypeVar("Line", SignOff, BlindAnswer, Return, Freeze)


@dataclass(frozen=True)
class SignOffs:
    """All that readers have said about the items of one bank, in the order in which they said it."""

    folder: Path
    sign_offs: tuple[SignOff, ...] = ()
    blind: tuple[BlindAnswer, ...] = ()
    returns: tuple[Return, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    @classmethod
    def read(cls, folder: Path | None = None) -> SignOffs:
        """Those of a bank folder; None: of the shipped bank. Missing files are empty.

        :raises SignOffError: a line is damaged; the file and line are named.
        """
        place = _SHIPPED if folder is None else folder
        return cls(
            place, _read(place / "signoff.jsonl", SignOff), _read(place / "blind.jsonl", BlindAnswer),
            _read(place / "returned.jsonl", Return), _read(place / "freeze.jsonl", Freeze),
        )  # fmt: skip

    def find(self, item: str, hash_: str, kind: str) -> SignOff | None:
        """The newest sign-off of this kind that holds for this version of the item."""
        matching = (one for one in reversed(self.sign_offs) if (one.item, one.hash, one.kind) == (item, hash_, kind))
        return None if self.returned(item, hash_) else next(matching, None)

    def holds(self, item: str, hash_: str, kind: str) -> bool:
        """Whether this version of the item is signed in this way and not returned since."""
        return self.find(item, hash_, kind) is not None

    def void(self, item: str, hash_: str, kind: str) -> bool:
        """Whether another version of the item was signed: the item or the law has changed since."""
        return not self.holds(item, hash_, kind) and any(one.item == item and one.kind == kind for one in self.sign_offs)

    def returned(self, item: str, hash_: str) -> Return | None:
        """The return that stands for this version: made after its last sign-off."""
        last = max((one.at for one in self.sign_offs if (one.item, one.hash) == (item, hash_)), default=-1)
        standing = [one for one in self.returns if (one.item, one.hash) == (item, hash_) and one.at >= last]
        return standing[-1] if standing else None

    def blind_by(self, item: str, hash_: str, by: str) -> BlindAnswer | None:
        """What this reader answered blind to this version."""
        return next((one for one in reversed(self.blind) if (one.item, one.hash, one.by) == (item, hash_, by)), None)

    def frozen(self, as_of: date) -> Mapping[str, Freeze]:
        """Items that must not be drawn for this day."""
        return {one.item: one for one in self.freezes if date.fromisoformat(one.start) <= as_of}


def _read(path: Path, shape: type[Line]) -> tuple[Line, ...]:
    if not path.exists():
        return ()
    lines = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                lines.append(_parse(line, shape, f"{path}:{number}"))
    except (OSError, UnicodeDecodeError) as error:
        raise SignOffError(f"{path}：读不出；请检查文件和权限，或从备份恢复") from error
    return tuple(lines)


def _parse(line: str, shape: type[Line], place: str) -> Line:
    try:
        data = json.loads(line)
        if shape is Freeze:
            data = {("start" if key == "from" else key): value for key, value in data.items()}
            date.fromisoformat(data["start"])
        made = shape(**data)
        wrong = any(not isinstance(value, int if name == "at" else str) for name, value in asdict(made).items())
        if wrong or (isinstance(made, SignOff) and made.kind not in SIGN_OFFS):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SignOffError(f"{place}: 这一行不合格式；请从备份恢复这一行，不要手工改写") from error
    return made


def _append(path: Path, line: SignOff | BlindAnswer | Return | Freeze) -> None:
    """Add a line under a lock: two readers at once lose nothing, a crash leaves the old or the new file whole."""
    data = {("from" if key == "start" else key): value for key, value in asdict(line).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(".signoff.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before and not before.endswith("\n"):
            before += "\n"
        write_atomically(path, before + json.dumps(data, ensure_ascii=False) + "\n")


def _name(by: str) -> str:
    tidy = " ".join(by.split())
    if not 0 < len(tidy) <= LONGEST_NAME:
        raise SignOffError(f"请用 --by 写明审题人姓名（不超过 {LONGEST_NAME} 字）")
    return tidy


def _said(text: str, what: str) -> str:
    tidy = " ".join(text.split())
    if not 0 < len(tidy) <= LONGEST_NOTE:
        raise SignOffError(f"请写明{what}（不超过 {LONGEST_NOTE} 字）")
    return tidy


def record_blind(known: SignOffs, item: Item, hash_: str, by: str, at: int, answer: str, basis: str) -> BlindAnswer:
    """Keep a reader's blind answer; only the first to each version counts as blind.

    :raises SignOffError: the reader is the author, has answered this version before, or the answer cannot be read.
    """
    by = _name(by)
    _not_the_author(item, by)
    before = known.blind_by(item.slug, hash_, by)
    if before:
        raise SignOffError(f"{by} 已于 {local_text(before.at)} 作答（{before.answer or '未作答'}），看过答案后不能再盲答；请另请一位审题人")
    normal = KINDS[item.kind].normalise(answer)
    if not normal or (item.options and any(letter.lower() not in {one.anchor for one in item.options} for letter in normal)):
        raise SignOffError(f"作答“{answer[:20]}”不能识别；请写选项字母，如 AC，按文件中的次序第一个选项为 A")
    line = BlindAnswer(item.slug, hash_, by, at, normal, _said(basis, "作答依据，如：民法典第278条"))
    _append(known.folder / "blind.jsonl", line)
    return line


def approve(known: SignOffs, item: Item, hash_: str, by: str, at: int, kind: str = "editorial", note: str = "") -> SignOff:
    """Sign an item.

    :raises SignOffError: the reader is the author, or has not answered this very version blind.
    """
    by = _name(by)
    _not_the_author(item, by)
    if kind not in SIGN_OFFS:
        raise SignOffError(f"没有“{kind}”这种审签；可用：{'、'.join(SIGN_OFFS)}")
    if known.blind_by(item.slug, hash_, by) is None:
        raise SignOffError(f"{by} 还没有盲答这一版的 {item.slug}；请先运行 pufa bank review --answer {item.slug} 作答 --basis 依据 --by {by}")
    line = SignOff(item.slug, hash_, kind, by, at, _said(note, "说明") if note else "")
    _append(known.folder / "signoff.jsonl", line)
    return line


def send_back(known: SignOffs, item: Item, hash_: str, by: str, at: int, reason: str) -> Return:
    """Return an item to its author with a reason; it voids sign-offs of this version.

    :raises SignOffError: the reader is the author, or gives no reason.
    """
    by = _name(by)
    _not_the_author(item, by)
    line = Return(item.slug, hash_, by, at, _said(reason, "退回的理由"))
    _append(known.folder / "returned.jsonl", line)
    return line


def freeze(known: SignOffs, item: str, start: date, reason: str) -> Freeze:
    """Keep an item out of papers for days from ``start`` on. A person decides; a sweep only proposes."""
    line = Freeze(item, start.isoformat(), _said(reason, "冻结的理由"))
    _append(known.folder / "freeze.jsonl", line)
    return line


def _not_the_author(item: Item, by: str) -> None:
    if "".join(by.split()).casefold() == "".join(item.author.split()).casefold():
        raise SignOffError(f"{by} 是 {item.slug} 的命题人，不能审自己的题；请另请一位审题人")


def waiting(bank: Bank, known: SignOffs, hashes: Mapping[str, str], kind: str, by: str | None = None) -> Iterable[Item]:
    """Items in need of a sign-off of this kind, that are neither returned nor written by this reader; answered ones first."""
    open_ = [
        item for item in bank.values()
        if not known.holds(item.slug, hashes[item.slug], kind) and not known.returned(item.slug, hashes[item.slug])
        and (by is None or item.author != by)
    ]  # fmt: skip
    return sorted(open_, key=lambda item: (by is None or known.blind_by(item.slug, hashes[item.slug], by) is None, item.slug))
