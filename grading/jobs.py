"""What the worker can be asked to do: one function a kind, each safe to run again after it was cut off.

A job is a row of ``job``: a kind, arguments as JSON, progress in per cent, and a message in Chinese when it is over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from exams.opening import close_sitting, collect_scripts, open_sitting_for_candidates
from exams.sittings import get_sitting
from grading.certificates.statement import KINDS as CERTIFICATES
from grading.chart import sitting_chart
from grading.errors import GradingError
from grading.exports import default_path, export_list
from grading.identity_export import make_file
from grading.lists.scope import Scope
from grading.marks import MarkingResult, mark_sitting
from grading.paper_marks.taking import take_paper_points
from grading.records import issue_records
from grading.retention.erasing import erase
from grading.statistics import export as statistics_export
from grading.statistics.asking import read_asked
from grading.tables import job
from home import OFFICE, PRIVATE, Home, audit, local_text, now_ms, write_atomically

#: Reports progress: per cent of this job.
Report = Callable[[int], None]
_LONGEST_MESSAGE = 2000


class JobError(GradingError):
    """A job was asked for in a way that cannot be done."""


@dataclass(frozen=True)
class Asked:
    """A job as it was asked for."""

    home: Home
    arguments: Mapping[str, Any]
    by: str
    report: Report

    @property
    def sitting(self) -> str:
        """The sitting it is about.

        :raises JobError: none is named.
        """
        ident = self.arguments.get("sitting")
        if not isinstance(ident, str) or not ident:
            raise JobError("任务没有指明场次；请从该场次的页面重新提交")
        return ident


@dataclass(frozen=True)
class Kind:
    """One kind of job: its title for staff, and the work, which returns the message that says what was done."""

    title: str
    work: Callable[[Asked], str]


def _build_papers(asked: Asked) -> str:
    from exams.paper_store import build_papers  # brings the solver in

    seed = asked.arguments.get("seed")
    drawn = build_papers(asked.home, asked.sitting, asked.by, seed if isinstance(seed, int) else None)
    return f"已组卷 {drawn.id}：" + "、".join(f"{form.form} 卷预计平均 {float(form.expected_score):.1f} 分" for form in drawn.forms)


def _open(asked: Asked) -> str:
    with asked.home.office.connect() as connection:
        if get_sitting(connection, asked.sitting).state == "open":
            return "已经开考"  # an earlier run was cut off after the last step
    return f"已开考，{open_sitting_for_candidates(asked.home, asked.sitting, asked.by)} 名考生"


def _close(asked: Asked) -> str:
    with asked.home.office.connect() as connection:
        state = get_sitting(connection, asked.sitting).state
    if state == "open":
        cut_off = close_sitting(asked.home, asked.sitting, asked.by)
        return f"已收卷，其中 {cut_off} 人由监考收卷"
    return f"本场已收卷；补收答卷 {collect_scripts(asked.home, asked.sitting)} 份"


def grade_sitting(home: Home, sitting_id: str, by: str, report: Report) -> tuple[MarkingResult, tuple[str, ...]]:
    """Copy up what was handed in, mark it, take marks typed in formgrader over, and write the nbgrader course.

    Returns the marking and the typed marks that were not taken, as lines for persons.

    :raises SittingError, ExamsError, GradingError: see the steps.
    """
    from grading.gradebook.projection import project_sitting  # brings nbgrader in
    from grading.gradebook.returning import take_manual_marks

    with home.office.connect() as connection:
        if get_sitting(connection, sitting_id).state in ("closed", "marked"):
            collect_scripts(home, sitting_id)
    first = mark_sitting(home, sitting_id, by, lambda done, whole: report(50 * done // max(1, whole)))
    take_paper_points(home, sitting_id)
    refused = take_manual_marks(home, sitting_id, by).refused
    result = replace(mark_sitting(home, sitting_id, by), newly_marked=first.newly_marked)  # counts after typed marks
    project_sitting(home, sitting_id, lambda done, _: report(50 + 50 * done // max(1, result.scripts)))
    return result, refused


def told(result: MarkingResult, refused: tuple[str, ...]) -> str:
    """What marking came to, for staff."""
    text = f"已评阅 {result.scripts} 份答卷（本次 {result.newly_marked} 份），未作答 {result.unanswered} 题次"
    text += "，全部评完" if result.complete else f"，另有 {result.needs_person} 题次需人工评阅"
    return text + "".join(f"\n未采纳：{line}" for line in refused)


def _grade(asked: Asked) -> str:
    return told(*grade_sitting(asked.home, asked.sitting, asked.by, asked.report))


def _issue(asked: Asked) -> str:
    done = issue_records(asked.home, asked.sitting, asked.by)
    return f"已签发成绩记录 {done.issued} 份（其中更正 {done.superseded} 份），未变 {done.unchanged} 份"


def _export(asked: Asked) -> str:
    form, name = str(asked.arguments.get("format", "xlsx")), str(asked.arguments.get("list", "scores"))
    scope, columns = Scope.read(asked.arguments), asked.arguments.get("columns")
    out = default_path(asked.home, name, scope, form)
    done = export_list(asked.home, name, scope, form, out, asked.by, str(columns) if columns else None, gently=True)
    return f"已导出 {done.rows} 行：{done.path.name}\n{done.line}"


def _statistics(asked: Asked) -> str:
    form = str(asked.arguments.get("format", "xlsx"))
    with asked.home.office.connect() as connection:
        about = read_asked(connection, {key: str(value) for key, value in asked.arguments.items()})
    done = statistics_export.export_statistics(asked.home, about, form, statistics_export.default_path(asked.home, form), asked.by)
    return f"已导出统计数据 {done.tables} 张表，{done.rows} 行：{done.path.name}"


def _export_numbers(asked: Asked) -> str:
    done = make_file(asked.home, int(asked.arguments.get("approval", 0)), asked.by)
    return f"加密文件已做好，{done.rows} 行，{local_text(done.delete_at)} 自动删除；请在“完整证件号码”页面下载"


def _chart(asked: Asked) -> str:
    with asked.home.office.connect() as connection:
        svg = sitting_chart(connection, asked.sitting)
    path = asked.home.exports / f"{asked.sitting}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}-分布.svg"
    write_atomically(path, svg, PRIVATE)
    return f"已生成成绩分布图：{path.name}"


def _print_papers(asked: Asked) -> str:
    from exams.print.printing import print_sitting

    files = print_sitting(asked.home, asked.sitting, asked.by)
    return f"已排好试卷、答题纸和密封答案 {len(files)} 个文件，请到“纸笔考试”页下载"


def _certificates(asked: Asked) -> str:
    from grading.certificates.sheets import produce

    kind, form = str(asked.arguments.get("sheets")), str(asked.arguments.get("form"))
    made, data = produce(asked.home, asked.sitting, kind, form, asked.by, report=lambda done, whole: asked.report(100 * done // max(1, whole)))
    path = asked.home.exports / f"{asked.sitting}-{CERTIFICATES[kind]}-{local_text(now_ms(), '%Y%m%d-%H%M%S')}.{form}"
    write_atomically(path, data, PRIVATE)
    return f"已做好{CERTIFICATES[kind]} {len(made.sheets)} 份，其中新制 {made.new} 份：{path.name}" + "".join(f"\n没有制作 {line}" for line in made.left_out)


def _erase(asked: Asked) -> str:
    at, approval = (int(asked.arguments.get(name, 0)) for name in ("at", "approval"))
    done = erase(asked.home, at, str(asked.arguments.get("plan")), approval, asked.by)
    return f"已按期限删除 {done.pieces} 项（{done.rows} 行），以前的备份 {done.backups} 份已换新"


#: kind -> what it does. Arguments: ``sitting`` for all; ``seed`` (demo and mock) for build_papers; ``list``, ``format``,
#: ``columns`` (name of a column set) and a scope (grading.lists.scope) for export; ``sheets`` and ``form`` for certificates.
KINDS = {
    "build_papers": Kind("组卷", _build_papers),
    "open": Kind("开考", _open),
    "close": Kind("收卷", _close),
    "grade": Kind("阅卷", _grade),
    "issue_records": Kind("签发成绩", _issue),
    "export": Kind("导出", _export),
    "statistics": Kind("统计数据", _statistics),
    "export_numbers": Kind("完整证件号码", _export_numbers),
    "chart": Kind("成绩分布图", _chart),
    "print_papers": Kind("印制纸质试卷", _print_papers),
    "certificates": Kind("证书", _certificates),
    "erase": Kind("按期限删除", _erase),
}


def ask(connection: Connection, kind: str, arguments: Mapping[str, object], by: str) -> int:
    """Enter a job in the caller's transaction on office.db; returns its id.

    :raises JobError: there is no such kind.
    """
    if kind not in KINDS:
        raise JobError(f"没有“{kind}”这种任务；可用：{'、'.join(KINDS)}")
    number = connection.execute(
        job.insert().values(
            kind=kind, arguments=json.dumps(dict(arguments), ensure_ascii=False), state="waiting", progress=0, asked_by=by, asked_at=now_ms()
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    audit(connection, OFFICE, by, "job.ask", f"{kind}/{number}", **{key: arguments[key] for key in arguments if key != "seed"})
    return int(number)


def shorten(message: str) -> str:
    """A message that fits a page."""
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "……"
