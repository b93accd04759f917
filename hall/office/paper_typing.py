"""Answer sheets typed in from paper: one account, then another that does not see the first; differences side by side, settled.

By number only: whoever types needs no name, and a marker must not learn one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from sqlalchemy import Connection
from starlette.responses import Response

from exams.opening import uncollected
from exams.print.layout import points_text
from exams.sittings import Sitting
from grading import jobs
from grading.errors import PaperMarkError
from grading.paper_marks.entry import Forms, differences, discard_entry, enter, next_entry, progress, read_forms, settle
from grading.paper_marks.fields import Field, Typed, shown
from grading.paper_marks.register import unfinished
from grading.paper_marks.workbook import Imported, import_rows, read_rows, template
from hall.office.events import disposition
from hall.office.kept_uploads import keep_upload, kept_upload
from hall.office.pages import go, page
from hall.office.paper import one_of
from hall.office.visit import Refused, Visit
from home import transaction
from people.persons import rehearsal

PURPOSE = "paper workbook"
SHOWN_FAULTS = 200
#: state after an entry -> what its typist is told
TOLD = {
    "once": "已录一遍，请另一位工作人员录第二遍。", "done": "两遍一致，答卷已入库。",
    "differs": "两遍有不一致的地方，请对照答题纸核定。",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One difference as the page shows it; ``texts`` are the two entries as they would be typed."""

    field: Field | None
    first: str
    second: str
    texts: tuple[str, str]


def _forms(visit: Visit, known: Sitting, connection: Connection) -> Forms:
    missing = uncollected(visit.home, known.id)
    if missing:
        raise Refused(f"还有 {missing} 份机考答卷没有收上来；请考务在“办理进度”点“开始机器评阅”，收齐后再录入")
    return read_forms(visit.home, connection, known)


# ---------------------------------------------------------------- one sheet


def type_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/{number}/type?form=``."""
    return _sheet(visit, visit.query.get("form", ""), {}, "")


def _sheet(visit: Visit, form: str, texts: Mapping[str, str], problem: str) -> Response:
    known = visit.sitting()
    one = one_of(visit, known)
    with visit.home.office.connect() as connection:
        forms = _forms(visit, known, connection)
        number = next_entry(connection, known.id, one.candidate.person_id, visit.by)
    if form not in forms:
        form = one.candidate.form if one.candidate.form in forms else next(iter(forms))
    parts = [(title, list(fields)) for title, fields in groupby(forms[form], key=lambda field: field.part)]
    return page(
        visit, "paper_type.html", 422 if problem else 200, known=known, one=one, entry=number, form=form, forms=list(forms), parts=parts,
        texts=texts, faults=problem.splitlines(),
    )  # fmt: skip


def _mark_when_all_in(visit: Visit, known: Sitting, connection: Connection) -> str:
    """Once the last sheet is in, marking is asked for without anybody having to think of it; returns what to tell."""
    if unfinished(connection, known.id):
        return ""
    jobs.ask(connection, "grade", {"sitting": known.id}, visit.by)
    return "纸质答卷已全部入库，机器评阅已自动开始。"


def type_in(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/{number}/type``: with a fault the sheet comes back as it was typed."""
    known = visit.sitting()
    one, form = one_of(visit, known), visit.form.get("form", "")
    try:
        with transaction(visit.home.office) as connection:
            state = enter(connection, _forms(visit, known, connection), known.id, one.candidate.person_id, form, visit.form, visit.by)
            more = _mark_when_all_in(visit, known, connection) if state == "done" else ""
    except PaperMarkError as error:
        return _sheet(visit, form, visit.form, str(error))
    if state == "differs":
        return go(visit, "settle_page", good=TOLD[state], sitting=known.id, number=one.candidate.admission_no)
    return go(visit, "paper", good=f"{one.candidate.admission_no}：{TOLD[state]}{more}", sitting=known.id)


def discard(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/{number}/discard``: both entries are thrown away."""
    known, one = visit.sitting(), one_of(visit, visit.sitting())
    with transaction(visit.home.office) as connection:
        discard_entry(connection, known.id, one.candidate.person_id, visit.form.get("reason", ""), visit.by)
    return go(visit, "paper_one", good="两遍录入都已作废，请重新录入。", sitting=known.id, number=one.candidate.admission_no)


# ---------------------------------------------------------------- differences


def _lines(connection: Connection, forms: Forms, known: Sitting, person_id: int) -> list[Line]:
    found = differences(connection, forms, known.id, person_id)
    return [Line(one.field, _said(one.field, one.first), _said(one.field, one.second), (_typed(one.first), _typed(one.second))) for one in found]


def _said(field: Field | None, one: Typed) -> str:
    return shown(field, one.answer, one.points) if field else f"{one.answer} 卷"


def _typed(one: Typed) -> str:
    return points_text(Fraction(one.points)) if one.points is not None else one.answer


def settle_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/{number}/differences``: both entries side by side."""
    known = visit.sitting()
    one = one_of(visit, known)
    with visit.home.office.connect() as connection:
        lines = _lines(connection, read_forms(visit.home, connection, known), known, one.candidate.person_id)
    return page(visit, "paper_settle.html", known=known, one=one, lines=lines, other_form=any(line.field is None for line in lines))


def settle_(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/{number}/differences``: for each the first, the second, or what is written beside."""
    known = visit.sitting()
    one = one_of(visit, known)
    with transaction(visit.home.office) as connection:
        forms = read_forms(visit.home, connection, known)
        texts = {}
        for line in _lines(connection, forms, known, one.candidate.person_id):
            if line.field is None:
                continue
            question = line.field.question
            picked = visit.form.get(f"pick_{question}", "")
            if picked in ("1", "2"):
                texts[question] = line.texts[int(picked) - 1]
            elif picked == "other":
                texts[question] = visit.form.get(question, "")
        settle(connection, forms, known.id, one.candidate.person_id, texts, visit.form.get("reason", ""), visit.by)
        more = _mark_when_all_in(visit, known, connection)
    return go(visit, "paper", good=f"{one.candidate.admission_no}：已核定，答卷已入库。{more}", sitting=known.id)


# ---------------------------------------------------------------- by workbook


def workbook(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/paper/workbook.xlsx``: a template with whoever is waiting."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        if not progress(connection, known.id):
            raise Refused("还没有登记纸笔作答的考生；请考务先登记")
        data = template(connection, read_forms(visit.home, connection, known), known)
    media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(data, media_type=media, headers=dict(disposition(f"{known.id}-纸质答卷录入表.xlsx")))


def _import(visit: Visit, known: Sitting, connection: Connection, data: bytes, name: str) -> Imported:
    return import_rows(connection, _forms(visit, known, connection), known.id, read_rows(data, name), visit.by)


def upload_workbook(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/workbook``: what it would do, or every fault; nothing is stored but the file."""
    known = visit.sitting()
    file = visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择填好的录入表（Excel 的 .xlsx）")
    done: Imported | None = None
    faults: tuple[str, ...] = ()
    try:
        with rehearsal(visit.home.office) as connection:
            done = _import(visit, known, connection, file.data, file.name)
    except PaperMarkError as error:
        faults = error.faults
    token = keep_upload(visit, PURPOSE, known.id, file) if done and done.rows else ""
    return page(
        visit, "paper_workbook.html", 200 if done else 422, known=known, file=file.name, done=done, token=token, told=TOLD,
        faults=[fault.partition("：") for fault in faults[:SHOWN_FAULTS]], more=max(0, len(faults) - SHOWN_FAULTS),
    )  # fmt: skip


def confirm_workbook(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/paper/workbook/confirm``: all rows or none."""
    known = visit.sitting()
    kept = kept_upload(visit, PURPOSE, known.id)
    with transaction(visit.home.office) as connection:
        done = _import(visit, known, connection, kept.data, kept.name)
        more = _mark_when_all_in(visit, known, connection) if done.states.get("done") else ""
    kept.path.unlink(missing_ok=True)
    states = "，".join(f"{n} 人{title}" for state, title in (("once", "录了一遍"), ("done", "两遍一致、已入库"), ("differs", "两遍不一致")) if (n := done.states.get(state)))
    return go(visit, "paper", good=f"已导入 {done.rows} 人：{states}。{more}", sitting=known.id)
