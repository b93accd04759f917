"""持证名册: cell by cell what was entered comes to on a day, by kind and unit; the last line holds all that is on file; same in every format."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import openpyxl
import pandas
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner
from workforce_room import KINDS, add_people, add_unit, take, workbook

import pufa
from grading.errors import ExportError
from grading.exports import export_list
from grading.lists import held as module
from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS
from grading.lists.scope import Scope
from grading.tables import certification
from home import local_text, now_ms, transaction
from people.tables import person

SOCIAL, LITERATE = "社会工作师", "法律明白人"
#: person, kind, obtained, steps, number, place of service
ENTERED = (
    (0, SOCIAL, "2024-01-05", [("首次登记", "2024-03-10")], "A001", ""),        # until 2027-03-10
    (1, SOCIAL, "2022-05-01", [("首次登记", "2022-06-30")], "A002", ""),        # until 2025-06-30
    (2, SOCIAL, "2026-02-01", [], "A003", ""),                                  # never registered: by 2027-02-01
    (3, LITERATE, "2025-01-10", [("培训", "2025-02-01"), ("发证", "2025-03-01")], "", "柳河村"),
    (4, LITERATE, "2025-01-10", [("发证", "2025-03-01")], "", "石桥村"),        # dismissed on 2026-05-01
    (5, LITERATE, "2026-09-01", [("发证", "2026-09-20")], "", "柳河村"),
    (3, SOCIAL, "2025-01-05", [("首次登记", "2025-03-10")], "A004", ""),
)


@pytest.fixture
def county(any_home):
    return furnished(any_home)


@pytest.fixture
def small(home_folder):
    return furnished(home_folder)


def furnished(home):
    town, bureau = add_unit(home, "城关镇", kind="乡镇"), add_unit(home, "民政局")
    for name in ("柳河村", "石桥村"):
        add_unit(home, name, kind="村", parent_id=town)
    people = [*add_people(home, 3, unit_id=bureau), *add_people(home, 3, unit_id=town, first=3)]
    named = [(name, number) for _, name, number in people]
    take(home, workbook(
        资格=[(*named[who], kind, on, number, "某厅", place, "") for who, kind, on, _, number, place in ENTERED],
        办理=[(*named[who], kind, step, on, "", place) for who, kind, _, steps, _, place in ENTERED for step, on in steps],
    ))  # fmt: skip
    with transaction(home.office) as connection:
        dismissed = certification.c.person_id == people[4][0]
        connection.execute(update(certification).where(dismissed).values(ended_on=date(2026, 5, 1), end_reason="清退"))
        connection.execute(update(person).where(person.c.id == people[5][0]).values(left_on=date(2026, 10, 1)))
    return home


def told(home, **scope) -> dict:
    out = home.root / "held.json"
    export_list(home, "持证名册", Scope(**scope), "json", out, "hr", "全部列")
    return json.loads(out.read_text(encoding="utf-8"))


def test_each_cell_on_a_day(county):
    listed = told(county, on=date(2026, 4, 30))
    assert listed["title"].endswith("2026-04-30 持证名册")
    rows = [list(row.values()) for row in listed["records"]]
    masked = {row["姓名"]: row["身份证号"] for row in listed["records"]}
    assert all("*" in text for text in masked.values())
    assert rows == [
        ["1", "周戊", "", masked["周戊"], "城关镇", "", "", LITERATE, "", "", "某厅", "石桥村", "2025-01-10", "2025-03-01", "长期", "有效"],
        ["2", "李丁", "", masked["李丁"], "城关镇", "", "", LITERATE, "", "", "某厅", "柳河村", "2025-01-10", "2025-03-01", "长期", "有效"],
        ["3", "李丁", "", masked["李丁"], "城关镇", "", "", SOCIAL, "", "A004", "某厅", "", "2025-01-05", "2025-03-10", "2028-03-10", "有效"],
        ["4", "赵甲", "", masked["赵甲"], "民政局", "", "", SOCIAL, "", "A001", "某厅", "", "2024-01-05", "2024-03-10", "2027-03-10", "有效"],
    ]  # fmt: skip
    assert listed["lines"][0] == (
        "到 2026-04-30 登记有资格 6 件 = 持证 4 件（有效 4、有效（可办续期） 0） + 不列入 2 件（办理中 1、逾期未办 0、已过期 1、已终止或离岗 0）；持证 3 人"
    )


#: day, what of ENTERED is on file by then, what holds
DAYS = [
    ("2022-06-29", (1, 0)), ("2022-06-30", (1, 1)), ("2024-03-10", (2, 2)), ("2025-06-30", (5, 5)), ("2025-07-01", (5, 4)), ("2026-05-01", (6, 3)),
    ("2026-09-20", (7, 4)), ("2026-10-01", (7, 3)), ("2027-03-10", (7, 3)), ("2027-03-11", (7, 2)),
]  # fmt: skip


@pytest.mark.parametrize("day, expected", DAYS)
def test_any_day_is_what_pandas_makes_of_what_was_entered(small, day, expected):
    """Reckoned again: registered or certified by then, 36 months, not dismissed, not left."""
    frame = pandas.DataFrame(
        [{"who": who, "kind": kind, "on": on, "start": max((at for step, at in steps if step in ("首次登记", "发证")), default="9999")} for who, kind, on, steps, *_ in ENTERED]
    )
    frame["until"] = [str(int(start[:4]) + 3) + start[4:] if kind == SOCIAL else "9999" for kind, start in zip(frame["kind"], frame["start"], strict=True)]
    frame["gone"] = frame["who"].map({4: "2026-05-01", 5: "2026-10-01"}).fillna("9999")
    on_file = frame[frame["on"] <= day]
    holds = on_file[(on_file["start"] <= day) & (on_file["until"] >= day) & (on_file["gone"] > day)]
    assert (len(on_file), len(holds)) == expected
    listed = told(small, on=date.fromisoformat(day))
    assert len(listed["records"]) == len(holds) and sorted(row["资格"] for row in listed["records"]) == sorted(holds["kind"])
    assert f"登记有资格 {len(on_file)} 件 = 持证 {len(holds)} 件" in listed["lines"][0] and listed["lines"][0].endswith(f"持证 {holds['who'].nunique()} 人")
    assert ("按已登记的推算" in "".join(listed["lines"])) == (day > local_text(now_ms(), "%Y-%m-%d"))


def test_by_kind_and_by_unit_with_all_below(small):
    assert [row["姓名"] for row in told(small, on=date(2026, 4, 30), kind="law_literate")["records"]] == ["周戊", "李丁"]
    under = told(small, on=date(2026, 4, 30), under="柳河")
    assert [(row["姓名"], row["资格"]) for row in under["records"]] == [("李丁", LITERATE)] and "登记有资格 1 件" in under["lines"][0], "where it is exercised"
    town = told(small, on=date(2026, 4, 30), under="城关镇", kind="social_worker")
    assert [row["证书编号"] for row in town["records"]] == ["A004"] and "2026-04-30 城关镇 社会工作师" in town["title"]


def test_the_command_and_every_format(small, tmp_path):
    def run(form: str, *more: str):
        out = tmp_path / f"x.{form}"
        asked = ["records", "export", "--list", "持证名册", "--format", form, "--out", str(out), "--home", str(small.root), *more]
        return CliRunner().invoke(pufa.app, asked), out

    asked = ("--kind", "法律明白人", "--unit", "城关", "--on", "2026-04-30")
    done, out = run("csv", *asked)
    assert done.exit_code == 0, done.output
    rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert [row[1] for row in rows[1:]] == ["周戊", "李丁"] and "持证 2 件" in done.output.replace("\n", "")
    done, out = run("xlsx", *asked)
    book = openpyxl.load_workbook(out)
    got = [[cell.value or "" for cell in line] for line in book.active.iter_rows(min_row=3, max_row=4)]
    book.close()
    assert got == rows[1:]
    assert run("pdf", *asked)[0].exit_code == 0
    refused, out = run("json", "--kind", "无此", "--unit", "无此处", "--on", "2026-13-01")
    text = refused.output.replace("\n", "")
    assert refused.exit_code == 1 and not out.exists()
    for said in ("日期“2026-13-01”应写成", "没有“无此”这种资格", "没有名称里有“无此处”的单位"):
        assert said in text, "all at once"


def test_the_scope_goes_through_a_job_and_today_is_the_usual_day(small):
    with small.office.connect() as connection:
        scope = scope_of(connection, LISTS["held"], certification="中级社工师", under=" 城关 ", kinds=KINDS)
    assert scope == Scope(on=date.fromisoformat(local_text(now_ms(), "%Y-%m-%d")), kind="social_worker", under="城关")
    assert Scope.read(scope.arguments()) == scope


def test_what_was_struck_out_does_not_count_and_uneven_numbers_are_not_written(small, monkeypatch, tmp_path):
    with transaction(small.office) as connection:
        gone = select(person.c.id).where(person.c.name == "赵甲")
        connection.execute(update(certification).where(certification.c.person_id.in_(gone)).values(revoked_at=1, revoked_by="hr1"))
    assert "登记有资格 5 件 = 持证 3 件" in told(small, on=date(2026, 4, 30))["lines"][0]
    honest = module._on_file
    monkeypatch.setattr(module, "_on_file", lambda *given: honest(*given) + 1)
    with pytest.raises(ExportError, match="件数对不上，没有导出：到 2026-04-30 登记有资格 6 件，算出 5 件"):
        export_list(small, "held", Scope(on=date(2026, 4, 30)), "xlsx", tmp_path / "x.xlsx", "hr")
    assert not (tmp_path / "x.xlsx").exists()


def test_batches_do_not_change_the_order(small, monkeypatch):
    whole = told(small, on=date(2026, 4, 30))
    monkeypatch.setattr(module, "BATCH", 2)
    assert told(small, on=date(2026, 4, 30)) == whole
