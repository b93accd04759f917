"""The file for an appeal (cases.md G10): everything that bears on one candidate's result, as one ZIP.

What was shown (stem, options in the order of that screen), every save with its times and its place in the chain, what counted,
key and rule by version, who marked and what was noted, changes of marks, events with their papers, every record with its
signature. A person reads the PDF; whoever recomputes takes the JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select

from exams.display import Order, order_from_json
from exams.forms import read_public_form
from exams.paper import KeyEntry, PublicQuestion
from exams.sittings import Sitting, get_sitting
from exams.tables import attempt, candidate, entry, save, script
from exams.typesetting import set_pdf, template_of
from grading.cut import exact_text
from grading.errors import RecordError
from grading.life import Life, MarkLine, life_of
from grading.marks import key_forms, key_hash, read_answers
from grading.outcome import OUTCOMES
from grading.signed import signed_records
from home import Home, local_text, now_ms
from people.documents import get_document, read_document
from people.errors import PeopleError
from question_bank.item import KIND_TITLES

TEMPLATE = Path(__file__).parent / "appeal.typ"
README = """申诉材料，含题目和标准答案，按涉密材料保管。
申诉材料.pdf：供人阅读。全部数据.json：同样的内容，供程序复算，时间为毫秒（UTC）。
成绩记录.json：这名考生在本场的全部成绩记录，带签名；核验：pufa records verify 成绩记录.json --key 本单位公布的公钥
附件：登记缓考、免试、违纪等事项时上传的文件。
"""


@dataclass(frozen=True)
class Saved:
    """One save of one question. Instants are ms UTC; ``shown`` is the answer in the letters of that screen."""

    received_at: int
    client_at: int
    answer: str
    shown: str
    late: bool
    chain_n: int
    chain_head: str


@dataclass(frozen=True)
class Question:
    """One question as this candidate met it. ``options``: (letter on the screen, canonical letter, text)."""

    number: int
    id: str
    item: str
    item_hash: str
    kind: str
    stem: str
    options: tuple[tuple[str, str, str], ...]
    answer: str
    answer_shown: str
    key: str
    key_shown: str
    rule: str
    key_hash: str
    key_hash_of_mark: str
    points: str
    most: str
    state: str
    marked_by: str
    marked_at: int
    comment: str
    law: tuple[str, ...]
    model_answer: str
    scoring_points: tuple[tuple[str, str], ...]
    rationale: str
    saves: tuple[Saved, ...]


def appeal_file(home: Home, sitting_id: str, person_id: int, by: str) -> bytes:
    """The ZIP for one candidate.

    :raises SittingError: there is no such sitting.
    :raises RecordError: the candidate is not on it, or handed in nothing.
    :raises MarkError: the sealed keys are not in the safe, or not those that were built.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        here = candidate.c.sitting_id == sitting_id, candidate.c.person_id == person_id
        who = connection.execute(select(candidate).where(*here)).first()
        if who is None:
            raise RecordError("该考生不在本场名单内")
        life = life_of(home, connection, known, person_id)
        sat = connection.execute(select(script).where(script.c.sitting_id == sitting_id, script.c.person_id == person_id)).first()
    questions = _questions(home, known, who.admission_no, sat, life.marks) if sat else ()
    papers = _papers(home, life, sitting_id)
    data = _data(known, life, who.admission_no, who.pseudonym, questions, by)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("说明.txt", README)
        bundle.writestr("申诉材料.pdf", set_pdf(template_of(home, TEMPLATE), _page(home, known, data)))
        bundle.writestr("全部数据.json", json.dumps(data, ensure_ascii=False, indent=1))
        bundle.writestr("成绩记录.json", signed_records(home, sitting_id, person_id))
        for name, content in papers.items():
            bundle.writestr(f"附件/{name}", content)
    return out.getvalue()


# ---------------------------------------------------------------- what was shown and answered


def _questions(home: Home, known: Sitting, admission_no: str, sat: object, marks: Sequence[MarkLine]) -> tuple[Question, ...]:
    form: str = sat.form  # type: ignore[attr-defined]
    public = {one.id: one for one in read_public_form(home.secret / "papers" / str(known.paper_id) / "public" / f"{form}.json").questions}
    keys = {one.id: one for one in key_forms(home, known)[form].entries}
    marked = {one.question: one for one in marks}
    answers = read_answers(sat.answers)  # type: ignore[attr-defined]
    saves = _saves(home, admission_no)
    order: Order = order_from_json(sat.display_order)  # type: ignore[attr-defined]
    shown = dict(order) or {ident: "".join(option.letter for option in one.options) for ident, one in public.items()}
    return tuple(
        _question(n, public[ident], keys[ident], letters, str(answers.get(ident, "")), marked.get(ident), saves.get(ident, ()))
        for n, (ident, letters) in enumerate(shown.items(), 1)
    )


def _question(
    number: int, asked: PublicQuestion, key: KeyEntry, letters: str, answer: str, mark: MarkLine | None, saves: Sequence[object]
) -> Question:
    texts = dict(zip([option.letter for option in asked.options], asked.option_texts, strict=False))
    options = tuple((chr(ord("A") + n), letter, texts.get(letter, "")) for n, letter in enumerate(letters))
    seen = {canonical: shown for shown, canonical, _ in options}
    return Question(
        number, asked.id, key.item, key.item_hash, KIND_TITLES.get(asked.kind, asked.kind), asked.text, options, answer, _as_seen(answer, seen),
        key.key, _as_seen(key.key, seen), key.rule, key_hash(key), mark.key_hash if mark else "",
        exact_text(mark.points) if mark and mark.points is not None else "", exact_text(key.max_points), mark.state if mark else "",
        mark.by if mark else "", mark.at if mark else 0, mark.comment if mark else "", key.law, key.model_answer, key.scoring_points, key.rationale,
        tuple(
            Saved(row.received_at, row.client_at, row.answer, _as_seen(row.answer, seen), row.late, row.chain_n, row.chain_head)  # type: ignore[attr-defined]
            for row in saves
        ),
    )  # fmt: skip


def _as_seen(answer: str, seen: Mapping[str, str]) -> str:
    """Canonical letters as the letters of that screen; free text stays as it is.

    >>> _as_seen("AC", {"A": "B", "B": "A", "C": "C"}), _as_seen("依法", {})
    ('BC', '依法')
    """
    return "".join(sorted(seen[letter] for letter in answer)) if seen and all(letter in seen for letter in answer) else answer


def _saves(home: Home, admission_no: str) -> dict[str, list[object]]:
    """Every save of a candidate by question, in the order in which the server stored them."""
    with home.exam.connect() as connection:
        rows = connection.execute(
            select(save)
            .join(attempt, attempt.c.id == save.c.attempt_id)
            .join(entry, entry.c.id == attempt.c.entry_id)
            .where(entry.c.admission_no == admission_no)
            .order_by(save.c.chain_n)
        ).all()
    found: dict[str, list[object]] = {}
    for row in rows:
        found.setdefault(row.question, []).append(row)
    return found


def _papers(home: Home, life: Life, sitting_id: str) -> dict[str, bytes]:
    """Attachments of the events; one that cannot be read is told by a file of its name."""
    found: dict[str, bytes] = {}
    with home.office.connect() as connection:
        for ident, _, event in life.events:
            if ident != sitting_id or event.document_id is None:
                continue
            paper = get_document(connection, event.document_id)
            name = f"{event.id}-{paper.name}"
            try:
                found[name] = read_document(home, paper)
            except PeopleError as error:
                found[f"{name}.读不出.txt"] = str(error).encode()
    return found


# ---------------------------------------------------------------- as data, and for the page


def _data(known: Sitting, life: Life, admission_no: str, pseudonym: str, questions: Sequence[Question], by: str) -> dict[str, object]:
    return {
        "format": "pufa-appeal/1", "made_at": now_ms(), "made_by": by,
        "sitting": {"id": known.id, "title": known.title, "kind": known.kind, "paper": known.paper_id, "profile": known.profile.source,
                    "profile_digest": known.profile_digest, "blueprint": known.blueprint.source},
        "candidate": {"name": life.name, "admission_no": admission_no, "identity_masked": life.masked, "pseudonym": pseudonym},
        "attempts": [asdict(one) | {"total": _text(one.total)} for one in life.attempts],
        "events": [{"sitting": ident, "title": event.title, **asdict(event), "until": event.until.isoformat() if event.until else None} for ident, _, event in life.events],
        "questions": [asdict(one) for one in questions],
        "changes": [asdict(one) | {"old": _text(one.old), "new": _text(one.new)} for one in life.changes],
        "records": [asdict(one) | {"total": _text(one.total)} for one in life.records],
    }  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _page(home: Home, known: Sitting, data: Mapping[str, object]) -> dict[str, object]:
    """The data with instants and codes as people read them."""

    def timed(value: object) -> object:
        if isinstance(value, dict):
            return {name: (local_text(one, "%Y-%m-%d %H:%M:%S") if one else "") if name.endswith("_at") or name == "at" else timed(one)
                    for name, one in value.items()}  # fmt: skip
        return [timed(one) for one in value] if isinstance(value, list | tuple) else value

    shown = timed({name: data[name] for name in ("made_at", "made_by", "candidate", "attempts", "events", "questions", "changes", "records")})
    assert isinstance(shown, dict)
    for one in shown["records"]:
        one["result"] = OUTCOMES[one["outcome"]].title
    head = {"id": known.id, "title": known.title, "date": local_text(known.opens_at, "%Y-%m-%d"), "office": str(home.settings.get("office_name", ""))}
    return {**shown, "sitting": head}

