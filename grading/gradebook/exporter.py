"""``nbgrader export --exporter=grading.gradebook.exporter.PassRecordExporter --to FILE``: the list that pufa exports.

nbgrader 0.9.6 finds an exporter by its dotted name; it has no entry points for them. The course folder must be that of a home
(``home/secret/nbgrader/<sitting>``), because the gradebook knows no names: those are in office.db.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nbgrader.plugins import ExportPlugin

from exams.errors import ExamsError
from grading.errors import ExportError, GradingError
from grading.exports import FORMATS, export_records
from home import Home, HomeError


class PassRecordExporter(ExportPlugin):  # type: ignore[misc]  # nbgrader has no types
    """Writes the pass records of the course's sitting; the ending of ``--to`` chooses xlsx, csv or json."""

    def export(self, gradebook: Any) -> None:
        """Called by ``nbgrader export``. What is wrong is said in one line, exit code 1."""
        try:
            done = self._export(Path(self.parent.coursedir.root))
        except (GradingError, ExamsError, HomeError) as error:
            print(error, file=sys.stderr)
            raise SystemExit(1) from None
        self.log.info("已写入 %s：%s 人", done.path, done.rows)

    def _export(self, course: Path) -> Any:
        if self.student or self.assignment:
            raise ExportError("成绩册按整场导出，不能用 --student 或 --assignment 挑选；请去掉这两个选项")
        target = Path(self.to or f"{course.name}.csv")
        form = target.suffix.removeprefix(".").lower()
        if form not in FORMATS:
            raise ExportError(f"{target}：文件名须以 {'、'.join('.' + known for known in FORMATS)} 之一结尾")
        home = Home.open(course.parent.parent.parent)
        try:
            return export_records(home, course.name, form, target, "nbgrader")
        finally:
            home.close()
