"""Ways to damage a submitted notebook, and the table of what stock nbgrader with kernels and pufa give for each.

``python tests/grading/damage_cases.py`` writes docs/damaged-notebooks.md anew; the parity test compares.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from grading_fixture import RIGHT, write_test_course  # noqa: E402
from test_grading_gradebook import make_gradebook, nbgrader, scores, submit  # noqa: E402

from exams.notebook import submitted_notebook  # noqa: E402

TABLE = ROOT / "docs" / "damaged-notebooks.md"
WRONG = {"q001": "A", "q002": "B", "q003": "A", "q004": "B", "q005": "A"}
Notebook = dict[str, Any]
Damage = Callable[[Notebook], None]


@dataclass(frozen=True)
class Case:
    """One damage: what it does in Chinese, whether the answers under it are right, and how to do it."""

    title: str
    right: bool
    work: Damage


def find(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def drop(name: str) -> Damage:
    return lambda notebook: notebook["cells"].remove(find(notebook, name))


def double(name: str) -> Damage:
    def work(notebook: Notebook) -> None:
        cell = find(notebook, name)
        notebook["cells"].insert(notebook["cells"].index(cell), {**copy.deepcopy(cell), "id": f"{name}-again"})

    return work


def meta(name: str, **values: object) -> Damage:
    return lambda notebook: find(notebook, name)["metadata"]["nbgrader"].update(values)


def source(name: str, text: str) -> Damage:
    return lambda notebook: find(notebook, name).update(source=text)


def retype(name: str, kind: str) -> Damage:
    def work(notebook: Notebook) -> None:
        cell = find(notebook, name)
        cell["cell_type"] = kind
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)

    return work


def forge(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "20.0"}, "metadata": {}, "execution_count": 1}]


def extra(text: str) -> Damage:
    cell = {"cell_type": "code", "id": "extra", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
    return lambda notebook: notebook["cells"].insert(1, cell)


def swap(notebook: Notebook) -> None:
    a, b = (notebook["cells"].index(find(notebook, name)) for name in ("q001-answer", "q001-test"))
    notebook["cells"][a], notebook["cells"][b] = notebook["cells"][b], notebook["cells"][a]


def nothing(_notebook: Notebook) -> None:
    pass


PATCH = 'q001 = "A"\nimport builtins\nbuiltins.float = lambda x: 20.0\nbuiltins.sorted = lambda x: ["C"]'
CASES = {
    "intact-right": Case("未改动，全对", True, nothing),
    "intact-wrong": Case("未改动，全错", False, nothing),
    "drop-stem": Case("删除题干单元格", True, drop("q001-stem")),
    "drop-answer": Case("删除答案单元格", True, drop("q001-answer")),
    "drop-test": Case("删除评分单元格", True, drop("q001-test")),
    "double-answer": Case("复制答案单元格", True, double("q001-answer")),
    "double-test": Case("复制评分单元格", True, double("q001-test")),
    "swap": Case("评分单元格移到答案之前", True, swap),
    "retype-answer": Case("答案单元格改为文本", True, retype("q001-answer", "markdown")),
    "retype-test": Case("评分单元格改为文本", True, retype("q001-test", "markdown")),
    "points-up": Case("分值改为 100", True, meta("q001-test", points=100.0)),
    "points-text": Case("分值改为文字", True, meta("q001-test", points="many")),
    "id-changed": Case("评分单元格换编号", True, meta("q001-test", grade_id="q999-test")),
    "id-taken": Case("评分单元格冒用另一题编号", True, meta("q001-test", grade_id="q002-test")),
    "not-graded": Case("评分单元格标为不评分", True, meta("q001-test", grade=False)),
    "as-solution": Case("评分单元格标为答案", False, meta("q001-test", solution=True, locked=False)),
    "old-schema": Case("元数据版本改旧", True, meta("q001-test", schema_version=1)),
    "test-rewritten": Case("评分单元格内容改为满分", False, source("q001-test", "20.0")),
    "test-emptied": Case("评分单元格清空", False, source("q001-test", "")),
    "forged-outputs": Case("伪造输出", False, forge),
    "syntax-error": Case("答案语法错误", True, source("q001-answer", 'q001 = "C')),
    "no-quotes": Case("答案没写引号", True, source("q001-answer", "q001 = C")),
    "no-answer": Case("答案单元格清空", True, source("q001-answer", "")),
    "number": Case("答案写成数字", True, source("q001-answer", "q001 = 3")),
    "list": Case("答案写成列表", True, source("q001-answer", 'q001 = ["C"]')),
    "spaced": Case("答案小写带空格", True, source("q001-answer", 'q001 = " c "')),
    "sys-exit": Case("sys.exit", True, source("q001-answer", "import sys\nsys.exit(0)")),
    "kill-kernel": Case("结束内核", True, source("q001-answer", "import os\nos._exit(0)")),
    "magic": Case("用命令清空变量", True, source("q001-answer", 'q001 = "C"\n%reset -f')),
    "raise": Case("抛出异常", True, source("q001-answer", 'q001 = "C"\nraise RuntimeError("x")')),
    "stderr": Case("输出错误文字", True, source("q001-answer", 'q001 = "C"\nimport sys\nprint("x", file=sys.stderr)')),
    "huge-output": Case("大量输出", True, source("q001-answer", 'q001 = "C"\nprint("x" * 3_000_000)')),
    "endless": Case("死循环", True, source("q001-answer", "while True: pass")),
    "print-score": Case("打印假分数", False, source("q001-answer", 'q001 = "A"\nprint(20.0)')),
    "patched": Case("改写 float 与 sorted", False, source("q001-answer", PATCH)),
    "fake-string": Case("假字符串", False, source("q001-answer", 'class S(str):\n    __eq__ = lambda a, b: True\nq001 = S("A")')),
    "quiet-tests": Case("改写显示，使评分不输出", False, source("q001-answer", 'q001 = "A"\nimport sys\nsys.displayhook = lambda x: None')),
    "quiet-shell": Case("改写内核的运行函数", False, extra("get_ipython().run_cell = lambda *a, **k: None")),
    "exit-tests": Case("使评分单元格提前结束", False, source("q001-answer", 'q001 = "A"\nimport io, os\nio.StringIO = lambda: os._exit(0)')),
    "steal-key": Case("从评分单元格偷看答案再改", False, extra(
        "import io\nclass Key(str): pass\nimport unicodedata\nunicodedata.normalize = lambda f, s: 'C'")),
    "other-paper": Case("夹入别的评分单元格", False, extra("20.0")),
    "later-name": Case("提前给后面的题赋值", True, source("q001-answer", 'q001 = "C"\nq002 = "B"')),
}  # fmt: skip

_STOCK = """
import json, sys
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
c = Config()
c.CourseDirectory.root = sys.argv[1]
c.Execute.timeout = 4
api = NbGraderAPI(config=c)
for student in sys.argv[2:]:
    print(json.dumps([student, api.autograde("form-A", student)["success"]]), flush=True)
"""


def stock_run(course: Path, students: list[str]) -> dict[str, bool]:
    """Stock nbgrader with real kernels, one student after the other, in one process; whether each could be graded at all."""
    (course / "nbgrader_config.py").unlink(missing_ok=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _STOCK, str(course), *students], cwd=course, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


@dataclass(frozen=True)
class Outcome:
    """Scores of one case by test cell; None where a person is needed. ``graded``: stock did not give up on the notebook."""

    stock: dict[str, float | None]
    ours: dict[str, float | None]
    graded: bool


def run_cases(folder: Path) -> dict[str, Outcome]:
    """Both ways over all cases: stock with kernels, stock command with our preprocessors without."""
    stock, ours = folder / "stock" / "course", folder / "ours" / "course"
    for course in (stock, ours):
        public, _ = write_test_course(course, essay=False)
        make_gradebook(course)
        for name, case in CASES.items():
            notebook = submitted_notebook(public, RIGHT if case.right else WRONG)
            case.work(notebook)
            submit(course, name, json.dumps(notebook))
    graded = stock_run(stock, list(CASES))
    nbgrader(ours, "autograde", "form-A")
    return {name: Outcome(scores(stock, name), scores(ours, name), graded[name]) for name in CASES}


def total(found: dict[str, float | None]) -> float:
    """A score as nbgrader counts it: what is not graded counts nothing."""
    return sum(score or 0 for score in found.values())


def table(outcomes: dict[str, Outcome]) -> str:
    """The page for the documentation."""
    lines = [
        "# 改坏的答卷 notebook：两种评阅的得分",
        "",
        "每行是一种改动。“原版”是不加任何设置的 `nbgrader autograde`，用真正的内核逐个运行；“pufa”是同一条命令，用本软件的",
        "预处理器，不运行任何答卷代码。满分 70 分。“待人工”是没有自动给分、要由人查看的题数。正式考试不从 notebook 评阅：",
        "成绩来自服务器保存的答案；本表只涉及直接交上来的 notebook。本表由 `python tests/grading/damage_cases.py` 生成，测试核对。",
        "",
        "| 改动 | 原答案 | 原版得分 | 原版待人工 | pufa 得分 | pufa 待人工 |",
        "|---|---|---|---|---|---|",
    ]
    for name, outcome in outcomes.items():
        case = CASES[name]
        waiting = [sum(1 for score in found.values() if score is None) for found in (outcome.stock, outcome.ours)]
        stock = f"{total(outcome.stock):g}" if outcome.graded else "整份报错，无成绩"
        cells = (case.title, "全对" if case.right else "全错", stock, waiting[0], f"{total(outcome.ours):g}", waiting[1])
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    where = Path(tempfile.mkdtemp())
    try:
        TABLE.write_text(table(run_cases(where)), encoding="utf-8")
    finally:
        shutil.rmtree(where)
    print(TABLE.read_text(encoding="utf-8"))
