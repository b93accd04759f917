"""The notebook over the exported files: the numbers of the page, in JupyterLab's kernel and by nbclient."""

from __future__ import annotations

import json
import os
from pathlib import Path

import openpyxl
import pytest
from statistics_fixture import furnish

from courses.lab.workspace import STATISTICS, prepare
from grading.exports import export_list
from grading.lists.candidates import OF_RECORD
from grading.lists.layout import Column, Layout
from grading.lists.scope import Scope
from grading.statistics.asking import Asked
from grading.statistics.export import FORMATS, export_statistics
from grading.statistics.figures import statistics
from grading.statistics.lab.pictures import picture
from grading.statistics.lab.reading import CHANNEL, ReadingError, frame, read_scores, read_statistics, tables_of
from grading.statistics.lab.widget import StatisticsView
from home import Home, now_ms

NOTEBOOK = Path(__file__).parents[2] / "grading" / "statistics" / "lab" / "statistics.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """A clerk's folder with what the office exported, and what the page showed from the same home."""
    root = tmp_path_factory.mktemp("statistics")
    home = Home.create(root / "home", "某县人事局")
    furnish(home)
    place = root / "lab"
    prepare(place)
    here = (place / STATISTICS).parent
    for form in FORMATS:
        export_statistics(home, Asked(), form, here / f"统计数据-1.{form}", "hr")
    layout = Layout("全部", tuple(Column(name, name, 8) for name in OF_RECORD), "{title}")
    export_list(home, "scores", Scope(formal=True), "json", here / "全部-成绩册-1.json", "hr", layout=layout)
    with home.office.connect() as connection:
        shown = statistics(home, connection, Asked(), now_ms())
    home.close()
    return here, shown


def test_both_formats_give_the_numbers_of_the_page(folder) -> None:
    here, shown = folder
    for form in FORMATS:
        told = read_statistics(here / f"统计数据-1.{form}")
        assert list(told.tables.values()) == list(shown.tables) and told.n == shown.n and "某县人事局" in told.title
        assert list(frame(told.table("pass_by_rank")).columns) == list(told.table("pass_by_rank").read)


def test_the_list_of_scores_gives_the_same_numbers(folder) -> None:
    """Counted from the list itself: what both show is equal; the two are protected each for itself."""
    here, shown = folder
    page = {table.id: table for table in shown.tables}
    for table in tables_of(read_scores(here / "全部-成绩册-1.json")):
        theirs, compared = {row[len(page[table.id].label) - 1]: row[len(page[table.id].label) :] for row in page[table.id].rows}, 0
        for row in table.rows:
            ours, other = row[1:], theirs.get(row[0])
            if other is None or row[0] == "县公安局":   # some rosters have its former name: only the office knows that they are one
                continue
            assert ours[0] == other[0], (table.id, row)
            same = [(a, b) for a, b in zip(ours[1:6], other[1:6], strict=True) if isinstance(a, int) and isinstance(b, int)]
            assert all(a == b for a, b in same)
            compared += len(same)
        assert compared >= 8, table.id
    whole = tables_of(read_scores(here / "全部-成绩册-1.json"))[0].rows[0]
    assert whole == page["pass_by_rank"].rows[0]


@pytest.mark.kernel
@pytest.mark.filterwarnings("default")      # what nbclient's and the kernel's libraries warn of is not ours to mend
def test_the_notebook_runs_and_says_what_the_page_says(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    here, shown = folder
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[3]) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    notebook = nbformat.read(here / "统计图表.ipynb", as_version=4)
    tell = "import json\nprint(json.dumps([one.as_json() for one in 统计.tables.values()], ensure_ascii=False))"
    notebook.cells.append(nbformat.v4.new_code_cell(tell))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(here)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs), outputs
    views = [output["data"] for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    assert len(views) == 2 and all("data:image/png;base64," in view["text/html"] for view in views)
    assert json.loads(notebook.cells[-1].outputs[0]["text"]) == json.loads(json.dumps([table.as_json() for table in shown.tables]))


def test_the_shipped_notebook_is_stripped_and_opens_without_a_file(tmp_path: Path) -> None:
    known = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert len({cell["id"] for cell in known["cells"]}) == len(known["cells"])
    for cell in known["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert "还没有导出的文件" in StatisticsView(tmp_path).shown.value


def test_every_picture_is_drawn_in_chinese(folder) -> None:
    """Fonts that lack a character make matplotlib warn, and a warning is an error here."""
    here, _ = folder
    told = read_statistics(here / "统计数据-1.json")
    drawn = [picture(table, told.scope) for table in told.tables.values()]
    assert sum(one is not None for one in drawn) >= 8 and told.table("blind_spots").chart == ""
    for one in drawn:
        assert one is None or one.png(40).startswith(b"\x89PNG")


def test_controls_choose_file_table_and_rows(folder) -> None:
    here, _ = folder
    view = StatisticsView(here)
    assert len(view.file.options) == 2
    view.chosen.value = "pass_by_unit"
    assert "县公安局" in view.shown.value and "东一社区" in view.shown.value
    view.wanted.value = "东街"
    assert "县公安局" not in view.shown.value and "东一社区" in view.shown.value
    view.wanted.value = "<b>没有这个"
    assert "没有可以列出的行" in view.shown.value
    scores = StatisticsView(here, scores=True)
    assert set(scores.tables) == {"pass_by_rank", "pass_by_unit", "pass_by_channel"}


def test_what_is_no_export_is_refused(folder, tmp_path: Path) -> None:
    here, _ = folder
    known = json.loads((here / "统计数据-1.json").read_text(encoding="utf-8"))
    wrong = [
        "", "[]", '{"kind": "pufa-statistics"}', json.dumps({**known, "version": 2}), json.dumps({**known, "tables": [{"id": "x"}]}),
        json.dumps({**known, "tables": [{**known["tables"][0], "rows": [[{"a": 1}] * 11]}]}), "[" * 100_000,
    ]  # fmt: skip
    for n, text in enumerate(wrong):
        path = tmp_path / f"统计数据-{n}.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ReadingError):
            read_statistics(path)
    book = openpyxl.Workbook()
    book.save(tmp_path / "统计数据-x.xlsx")
    (tmp_path / "统计数据-y.xlsx").write_bytes(b"PK no")
    for name in ("统计数据-x.xlsx", "统计数据-y.xlsx", "没有.json"):
        with pytest.raises(ReadingError):
            read_statistics(tmp_path / name)
    assert "读不出来" in StatisticsView(tmp_path).shown.value
    with pytest.raises(ReadingError, match="不是办公页面"):
        read_scores(here / "统计数据-1.json")
    listed = json.loads((here / "全部-成绩册-1.json").read_text(encoding="utf-8"))
    (tmp_path / "a.json").write_text(json.dumps({**listed, "columns": ["姓名"], "records": [{"姓名": "甲"}]}), encoding="utf-8")
    with pytest.raises(ReadingError, match="缺少列"):
        read_scores(tmp_path / "a.json")
    assert CHANNEL in listed["columns"]


def test_the_command_writes_the_same_file(folder, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from pufa import app

    here, _ = folder
    home, out = here.parents[1] / "home", tmp_path / "统计数据.json"
    done = CliRunner().invoke(app, ["records", "statistics", "--home", str(home), "--out", str(out)])
    assert done.exit_code == 0 and "张表" in done.output
    assert json.loads(out.read_text(encoding="utf-8"))["tables"] == json.loads((here / "统计数据-1.json").read_text(encoding="utf-8"))["tables"]
    town = CliRunner().invoke(app, ["records", "statistics", "--home", str(home), "--out", str(tmp_path / "a.xlsx"), "--unit", "城关镇", "--since", "2026-01-01"])
    assert town.exit_code == 0 and "城关镇；考试：2026-01-01 至 今" in read_statistics(tmp_path / "a.xlsx").scope
    for wrong in (["--unit", "没有的单位"], ["--since", "昨天"], ["--out", str(tmp_path / "a.exe")]):
        assert CliRunner().invoke(app, ["records", "statistics", "--home", str(home), "--out", str(out), *wrong]).exit_code == 1, wrong
