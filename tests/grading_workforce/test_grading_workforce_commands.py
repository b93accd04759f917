"""``pufa workforce``: what the office's pages show, as commands; exit codes 0, 1, 2; a dry run writes nothing."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
from sqlalchemy import func, select
from typer.testing import CliRunner
from workforce_room import add_people, add_unit, workbook

from grading.roll import day_of
from grading.tables import certification
from home import Home, now_ms
from pufa import app

TODAY = day_of(now_ms())


def run(home: Home, *words: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, ["workforce", *words, "--home", str(home.root)], env={"COLUMNS": "250"})
    assert answer.exit_code == code, (words, answer.exit_code, answer.output)
    return answer.output


def back(days: int) -> str:
    return str(TODAY - timedelta(days=days))


def test_a_workbook_by_the_command_and_what_it_made(home_folder: Home, tmp_path) -> None:
    add_unit(home_folder, "石桥村", kind="村")
    (_, a, x), (_, b, y), _ = add_people(home_folder)
    good, bad = tmp_path / "资格.xlsx", tmp_path / "坏.xlsx"
    good.write_bytes(workbook(
        资格=[(a, x, "社工师", back(500), "A1", "", "", ""), (b, y, "法律明白人", back(50), "", "", "石桥村", "")],
        办理=[(a, x, "社会工作师", "首次登记", back(1090 - 1000), "5号", ""), (b, y, "法律明白人", "发证", back(10), "", "")]))  # fmt: skip
    bad.write_bytes(workbook(资格=[(a, x, "社会工作大师", back(5), "", "", "", ""), (a, x, "社工师", "2024-13-01", "", "", "", "")]))
    told = run(home_folder, "import", str(bad), code=1)
    assert "坏.xlsx:资格:2: 资格名称：资格名称“社会工作大师”不认识" in told and "坏.xlsx:资格:3: 取得日期" in told and "没有写入任何内容" in told
    assert "检查通过（没有写入）：资格 新 2 行" in run(home_folder, "import", str(good), "--dry-run")
    with home_folder.office.connect() as connection:
        assert connection.execute(select(func.count()).select_from(certification)).scalar_one() == 0
    assert "已导入：资格 新 2 行" in run(home_folder, "import", str(good))
    assert "已有 2 行" in run(home_folder, "import", str(good))
    assert "继续教育缺 90 学时" in run(home_folder, "list", "--kind", "社工师")
    assert "共 1 项" in run(home_folder, "list", "--unit", "石桥") and "共 0 项" in run(home_folder, "list", "--state", "lapsed")
    assert "不足 1 个（其中一名都没有 0 个），合计缺 2 名" in run(home_folder, "targets", "--kind", "法律明白人")
    shown = run(home_folder, "show", a)
    assert "首次登记" in shown and "登记历史" in shown and x not in shown
    assert "共 1 项" in run(home_folder, "due", "--days", "1100")
    assert "共 0 项" in run(home_folder, "due", "--days", "0")


def test_kinds_and_the_template(home_folder: Home, tmp_path) -> None:
    assert "law_literate" in run(home_folder, "kinds")
    own = home_folder.secret / "workforce" / "kinds"
    own.mkdir(parents=True)
    (own / "law_literate.toml").write_text(run(home_folder, "kinds", "--show", "法律明白人").replace("least = 3", "least = 5"), encoding="utf-8")
    assert "本单位" in run(home_folder, "kinds")
    run(home_folder, "template", "--out", str(tmp_path / "模板.xlsx"))
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / "模板.xlsx").read_bytes()))
    assert book.sheetnames == ["说明", "单位", "任职", "资格", "办理", "学时"]
    book.close()


def test_what_is_wrong_is_told_with_its_exit_code(home_folder: Home, tmp_path) -> None:
    assert "没有“社工王”这种资格；可用：" in run(home_folder, "list", "--kind", "社工王", code=1)
    assert "没有找到" in run(home_folder, "show", "查无此人", code=1)
    assert "没有定配备目标" in run(home_folder, "targets", "--kind", "普法讲师", code=1)
    run(home_folder, "list", "--state", "none", code=2)
    run(home_folder, "list", "--due", "7", code=2)
    run(home_folder, "import", str(tmp_path / "none.xlsx"), code=2)
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04 broken")
    assert "没有写入任何内容" in run(home_folder, "import", str(tmp_path / "x.xlsx"), code=1)
    answer = CliRunner().invoke(app, ["workforce", "kinds", "--home", str(tmp_path)])
    assert answer.exit_code == 2
    (home_folder.secret / "workforce" / "kinds").mkdir(parents=True)
    (home_folder.secret / "workforce" / "kinds" / "odd.toml").write_text("title = 1\n", encoding="utf-8")
    assert "odd.toml:1:" in run(home_folder, "kinds", code=1)
