"""纸笔考试: the exam printed; who sits on paper; how far the answer sheets are; and what counts of somebody who began in the hall."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response

from exams.decisions import needs_second
from exams.print.printing import print_folder
from exams.sittings import Sitting
from exams.tables import attempt, entry, save, script
from grading.marks import read_answers
from grading.paper_marks.entry import STATES, Progress, progress
from grading.paper_marks.register import SOURCES, register, unregister, without_script
from hall.office.approvals import second_or_now
from hall.office.events import disposition
from hall.office.jobs import STATES as JOB_STATES
from hall.office.jobs import recent_jobs, title_of
from hall.office.pages import go, page, url
from hall.office.visit import NotHere, Refused, Visit
from home import OFFICE, audit, transaction

#: what the page counts, in this order; all registered are in one of them
COUNTED = ("hall", "none", "once", "differs", "done")
_NUMBERS = re.compile(r"[\s,，、;；]+")


@dataclass(frozen=True)
class InHall:
    """What the hall has of somebody: how many questions are answered, and when the last one was saved (ms UTC; None: never)."""

    answered: int
    last_save: int | None
    form: str


def paper_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper?find=&state=``; a number that is registered leads on to its page."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        everybody = progress(connection, known.id)
        missing = without_script(connection, known.id) if known.state in ("closed", "marked") else ()
        jobs = [one for one in recent_jobs(connection, visit.now, known.id) if one.title == title_of("print_papers")][:2]
    find, state = visit.query.get("find", "").strip()[:20], visit.query.get("state", "")
    if find and any(one.candidate.admission_no == find for one in everybody):
        return RedirectResponse(url("paper_one", sitting=known.id, number=find), 303)
    counts = Counter(one.state for one in everybody)
    return page(
        visit, "paper.html", known=known, everybody=everybody, shown=[one for one in everybody if state in ("", one.state)], counts=counts,
        COUNTED=COUNTED, TITLES=STATES, wanted=state, find=find, missing=missing, fill="fill" in visit.query, jobs=jobs, STATES=JOB_STATES,
        in_hall=hall_of(visit, known), SOURCES=SOURCES, printed=_printed(visit, known, "papers"), keys=_printed(visit, known, "keys"),
        second=needs_second(known, "print"),
    )  # fmt: skip


def hall_of(visit: Visit, known: Sitting) -> Mapping[int, InHall]:
    """{person: what the hall's script has} of everybody whose script is from the hall."""
    query = (
        select(entry.c.admission_no, func.max(save.c.received_at))
        .join(attempt, attempt.c.entry_id == entry.c.id).join(save, save.c.attempt_id == attempt.c.id)
        .where(attempt.c.sitting_id == known.id).group_by(entry.c.admission_no)
    )  # fmt: skip
    with visit.home.exam.connect() as connection:
        saved = dict(connection.execute(query).all())
    with visit.home.office.connect() as connection:
        numbers = {one.candidate.person_id: one.candidate.admission_no for one in progress(connection, known.id) if one.candidate.hall}
        rows = connection.execute(select(script).where(script.c.sitting_id == known.id, script.c.person_id.in_(numbers))).all()
    return {
        row.person_id: InHall(sum(bool(text) for text in read_answers(row.answers).values()), saved.get(numbers[row.person_id]), row.form)
        for row in rows
    }


def one_of(visit: Visit, known: Sitting) -> Progress:
    """The registered candidate that the address names.

    :raises NotHere: there is none.
    """
    with visit.home.office.connect() as connection:
        found = next((one for one in progress(connection, known.id) if one.candidate.admission_no == visit.path["number"]), None)
    if found is None:
        raise NotHere("这个准考证号没有登记为纸笔作答；请从“纸笔考试”页进入")
    return found


def paper_one(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/{number}``: one candidate: which answers count, how far, what is next."""
    known = visit.sitting()
    one = one_of(visit, known)
    return page(
        visit, "paper_one.html", known=known, one=one, TITLES=STATES, SOURCES=SOURCES, hall=hall_of(visit, known).get(one.candidate.person_id),
        second=needs_second(known, "source"), typed=bool(one.first_by), mine=visit.by in (one.first_by, one.second_by),
    )  # fmt: skip


# ---------------------------------------------------------------- printing


def _printed(visit: Visit, known: Sitting, which: str) -> list[Path]:
    folder = print_folder(visit.home, known.paper_id) / which if known.paper_id else None
    return sorted(path for path in folder.iterdir() if path.suffix in (".pdf", ".docx")) if folder and folder.is_dir() else []


def print_paper(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper``: at once, or asked for where a second person has to agree."""
    known = visit.sitting()
    if known.paper_id is None:
        raise Refused("还没有组卷；请先组卷，再印制")
    reason = visit.text("reason", "用途和份数", 500)
    return go(visit, "paper", good=second_or_now(visit, known, "print", known.id, reason, sitting=known.id), sitting=known.id)


def paper_files(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/files.zip``: papers and answer sheets; no key can be among them."""
    return _archive(visit, "papers", "试卷和答题纸", "paper.take")


def paper_keys(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/keys.zip``: the sealed keys, for the markers, once the sitting is closed."""
    if visit.sitting().state not in ("closed", "marked"):
        raise Refused("收卷以后，阅卷人才能取密封答案")
    return _archive(visit, "keys", "密封答案", "paper.take_key")


def _archive(visit: Visit, which: str, title: str, act: str) -> Response:
    known = visit.sitting()
    files = _printed(visit, known, which)
    if not files:
        raise NotHere("还没有印制；请考务在“纸笔考试”页先印制")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(path.name, path.read_bytes())
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, act, known.id, paper=known.paper_id, files=[path.name for path in files])
    return Response(out.getvalue(), media_type="application/zip", headers=dict(disposition(f"{known.id}-{title}.zip")))


# ---------------------------------------------------------------- who sits on paper


def register_paper(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/register``: all numbers or none."""
    known = visit.sitting()
    numbers = [one for one in _NUMBERS.split(visit.text("numbers", "准考证号", 30_000)) if one]
    with transaction(visit.home.office) as connection:
        new = register(connection, known.id, numbers, visit.form.get("reason", ""), visit.by)
    return go(visit, "paper", good=f"已登记 {new} 人纸笔作答；他们的答卷录完两遍以前，本场不能签发成绩。", sitting=known.id)


def unregister_paper(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/{number}/unregister``."""
    known, one = visit.sitting(), one_of(visit, visit.sitting())
    with transaction(visit.home.office) as connection:
        unregister(connection, known.id, one.candidate.person_id, visit.form.get("reason", ""), visit.by)
    what = "只按机考答卷计分" if one.candidate.hall else "没有答卷的，签发时记为缺考"
    return go(visit, "paper", good=f"已取消 {one.candidate.admission_no} 的纸笔登记：{what}。", sitting=known.id)


def decide_paper(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/{number}/source``: which answers count, at once or with a second person."""
    known, one = visit.sitting(), one_of(visit, visit.sitting())
    source = visit.form.get("source", "")
    if source not in SOURCES:
        raise Refused("请选择怎样计分")
    reason = visit.text("reason", "依据", 500)
    told = second_or_now(
        visit, known, "source", one.candidate.admission_no, reason, sitting=known.id, person=one.candidate.person_id, source=source
    )
    return go(visit, "paper_one", good=told, sitting=known.id, number=one.candidate.admission_no)
