"""An answer file from a stick: uploaded, looked at beside what is stored, and merged with a reason (and a second person)."""

from __future__ import annotations

from starlette.responses import Response

from exams.answer_files import AnswerFile, AnswerFileError, preview
from exams.decisions import needs_second
from exams.sittings import Sitting
from hall.office.approvals import second_or_now
from hall.office.pages import go, page
from hall.office.second_acts import keep_file, kept_file
from hall.office.visit import Refused, Visit


def answer_file_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/answer-file``: asks for the file; with ``sha256`` what the kept file of this digest would change."""
    known = visit.sitting()
    return _shown(visit, known, kept_file(visit.home, visit.query["sha256"])) if "sha256" in visit.query else page(visit, "answer_file.html", known=known, seen=None)


def upload(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/answer-file``: what merging would change; the file is kept as evidence, nothing is merged."""
    known = visit.sitting()
    file = visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择考生的答案文件")
    return _shown(visit, known, keep_file(visit.home, file.data))


def _shown(visit: Visit, known: Sitting, kept: AnswerFile) -> Response:
    _of_this(known, kept.sitting_id)
    with visit.home.exam.connect() as connection:
        seen = preview(connection, kept)
    return page(visit, "answer_file.html", known=known, seen=seen, second=needs_second(known, "merge"))


def take_over(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/answer-file/merge``."""
    known = visit.sitting()
    file = kept_file(visit.home, visit.text("sha256", "文件编号", 64))
    _of_this(known, file.sitting_id)
    reason = visit.text("reason", "并入的原因", 500)
    with visit.home.exam.connect() as connection:
        seen = preview(connection, file)
    told = second_or_now(
        visit, known, "merge", file.admission_no, reason, sitting=known.id, sha256=file.sha256, changes=seen.changes, name=seen.name
    )
    return go(visit, "candidate", good=told, sitting=known.id, number=file.admission_no)


def _of_this(known: Sitting, sitting_id: str) -> None:
    if sitting_id != known.id:
        raise AnswerFileError("这份答案文件不是本场考试的；请到它所属的那一场办理")
