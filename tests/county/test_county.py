"""The proof: a county of 3,000 people and five years goes in as messy files, and every list comes out as an independent recount has it.

What goes in: :mod:`county_rosters`, :mod:`county_workforce`, :mod:`county_exams`; how it goes in: :mod:`county_feed`, :mod:`county_history`;
what has to come out: :mod:`county_recount`, :mod:`county_recount_clock`, :mod:`county_recount_lists`, which know nothing of the product.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import county_rosters
import openpyxl
import pandas as pd
import pypdfium2
import pytest
from county_exams import plans
from county_feed import Calendar, Office, formal_bank
from county_history import MERGED, RENAMED, History
from county_people import make_county, unique
from county_recount_clock import Certifications
from county_recount_lists import Lists, toml_of
from sqlalchemy import func, select
from typer.testing import CliRunner

from exams.tables import candidate
from grading.commands import records
from grading.exports import export_list
from grading.lists.kinds import LISTS
from grading.lists.scope import Scope
from grading.signed import archive_records
from grading.tables import record
from home import EXAM, OFFICE, Home, verify_audit
from people.identity import reveal
from people.tables import person, post, unit

DAY = date(2026, 11, 28)
RECOUNTED = ("due", "scores", "passed", "resit", "missing", "summary", "expiry")
HERE = Path(__file__).parent


@dataclass
class Lived:
    """A county that has lived its five years."""

    home: Home
    office: Office
    history: History
    people: list[Any]
    rosters: list[Any]
    workforce: list[Any]
    archive: Path
    lists: Lists


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("county")
    (folder / "in").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        home = Home.create(folder / "home", "临河县考试办公室")
        county = unique(make_county())
        office = Office(home, folder / "in", Calendar(patch))
        formal_bank(home, plans(), patch)
        history = History(office, county)
        rosters = history.begin(county_rosters.deliveries(county, folder / "in", 1))
        history.live()
        workforce = history.certifications(county)
        (folder / "in" / "diary.json").write_text(json.dumps(office.diary, ensure_ascii=False), encoding="utf-8")
        archive_records(home, None, folder / "archive.json", "hr")
        lists = Lists(Certifications(folder / "in"), DAY, folder / "archive.json")
        yield Lived(home, office, history, county.people, rosters, workforce, folder / "archive.json", lists)
        home.close()


# ---------------------------------------------------------------- in


def test_exactly_the_damaged_rows_are_refused_with_place_and_remedy(lived):
    assert len(lived.rosters) == 6
    for delivery, said in lived.rosters:
        expected = {place[:3]: place[3] for place in delivery.refused}
        assert {place[:3] for place in said} == expected.keys(), delivery.name
        for sheet, row, column, message in said:
            assert expected[sheet, row, column] in message, message
            assert any(word in message for word in ("请", "须")), f"says what to do: {message}"
    for expected, said in lived.workforce:
        assert {(sheet, row) for sheet, row, _ in said} == {(sheet, row) for sheet, row, _ in expected}
        for sheet, row, says in expected:
            assert any((sheet, row) == found[:2] and says in found[2] for found in said), (sheet, row, says, said)


def test_everybody_is_in_once_under_the_true_name_and_number(lived):
    key = lived.home.key("identity")
    with lived.home.office.connect() as connection:
        rows = connection.execute(select(person, unit.c.name.label("unit"), post.c.title).join(unit, unit.c.id == person.c.unit_id).outerjoin(post, post.c.id == person.c.post_id)).all()
        held = connection.execute(select(func.count(unit.c.id)).where(unit.c.kind == "社区")).scalar_one()
        units = set(connection.execute(select(unit.c.name).where(unit.c.valid_to.is_(None))).scalars())
        assert verify_audit(connection, OFFICE) is None
    with lived.home.exam.connect() as connection:
        assert verify_audit(connection, EXAM) is None
    found = {reveal(key, row.document, row.identity_cipher): row for row in rows}
    assert len(rows) == len(found) == len(lived.people) == 3000 and held == 60
    now = lived.history.people
    for number, row in found.items():
        one = now[number]
        assert (row.gender, row.birth, row.ethnic) == (one.gender, one.birth, one.ethnic) and row.name in (one.name, one.former)
    told = [one for number, one in now.items() if "新" in one.name and one.former and found[number].name == one.name]
    assert told, "a roster of later years gave the new name beside the former one"
    recounted = lived.lists.recount.people
    assert {number: (row.name, row.unit, row.title or "", row.left_on) for number, row in found.items()} == {
        number: (one["name"], one["unit"], one["post"], one["left"]) for number, one in recounted.items()
    }  # fmt: skip
    assert not units & {RENAMED[0], MERGED[0]}, "no second unit under a name that is gone"
    assert len({(one.unit, one.post) for one in lived.people if one.group == "officials"}) == 400


def test_nobody_who_may_not_come_gets_onto_a_resits_roster(lived):
    plan = next(one for one in plans() if one.id == "annual-2025-r")
    held = lived.lists.recount.held["annual-2025"]
    passed = next(number for number, result in held.results.items() if result.outcome == "passed")
    told = lived.office.not_entitled(plan, [lived.history.people[passed]])
    assert told.startswith("名单里有不能参加补考的人，什么也没有导入") and f"{held.admission[passed]}）：已合格" in told


# ---------------------------------------------------------------- out


def written(lived: Lived, key: str, form: str, scope: Scope, columns: str | None = None) -> Path:
    out = lived.home.root.parent / "out" / f"{key}-{columns or ''}.{form}"
    return export_list(lived.home, key, scope, form, out, "hr", columns).path


def of_xlsx(path: Path) -> tuple[str, list[list[str]], str]:
    """(title, headings and rows, what stands below) of a workbook; every cell is text."""
    book = openpyxl.load_workbook(path)
    rows = [[cell.value or "" for cell in row] for row in book.active.iter_rows()]
    assert not [cell for row in book.active.iter_rows() for cell in row if cell.value is not None and cell.data_type != "s"]
    book.close()
    return rows[0][0], rows[1:-1], rows[-1][0]


def of_csv(path: Path) -> list[list[str]]:
    """Headings and rows by pandas; the apostrophe that keeps a cell from being computed is taken off again."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert [list(frame.columns), *frame.values.tolist()] == list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    cells = [cell for row in frame.values.tolist() for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=@＝\t\r") or (cell[:1] in tuple("+-") and len(cell) > 1 and not cell[1:].replace(".", "").isdigit())]
    return [[cell[1:] if cell[:1] == "'" else cell for cell in row] for row in (list(frame.columns), *frame.values.tolist())]


@pytest.mark.parametrize("key", RECOUNTED)
def test_a_list_of_all_five_years_cell_by_cell(lived, key):
    expected = lived.lists.make(key)
    assert len(expected.rows) >= {"resit": 20, "expiry": 60, "summary": 40}.get(key, 80), "there is something to compare"
    told = json.loads(written(lived, key, "json", Scope()).read_text(encoding="utf-8"))
    assert [list(row.values()) for row in told["records"]] == expected.rows
    assert told["columns"] == expected.names and told["lines"][0] == expected.line
    if key != "expiry":
        assert told["counts"] == expected.counts
    title, rows, below = of_xlsx(written(lived, key, "xlsx", Scope()))
    assert title == told["title"] and rows == [expected.headings, *expected.rows] and below.split("\n")[0] == expected.line
    assert of_csv(written(lived, key, "csv", Scope())) == [expected.headings, *expected.rows]


@pytest.mark.parametrize("key", [*RECOUNTED[:6]])
def test_every_shipped_column_set_over_formal_sittings(lived, key):
    for columns in toml_of(key)["sets"]:
        expected = lived.lists.make(key, columns=columns, formal=True)
        told = json.loads(written(lived, key, "json", Scope(formal=True), columns).read_text(encoding="utf-8"))
        assert [list(row.values()) for row in told["records"]] == expected.rows and told["lines"][0] == expected.line


@pytest.mark.parametrize("days", [30, 60, 90])
def test_what_falls_due(lived, days):
    expected = lived.lists.make("expiry", days=days)
    told = json.loads(written(lived, "expiry", "json", Scope(days=days)).read_text(encoding="utf-8"))
    assert [list(row.values()) for row in told["records"]] == expected.rows and told["lines"][0] == expected.line
    kinds = {row["种类"] for row in told["records"]}
    assert len(kinds) >= 5
    assert ("年度培训截止" in {row["应办事项"] for row in told["records"]}) == (days > 30), "hours that are missing fall due on the last of December"


def test_everything_about_persons_with_long_lives(lived):
    frame = lived.lists.frame
    lives = frame.groupby("_number").size().sort_values(ascending=False).index[:3]
    corrected = [entry["number"] for entry in lived.office.diary if entry["act"] == "correct"][:1]
    renamed = [number for number, one in lived.history.people.items() if one.former and "新" in one.name and number in set(frame["_number"])][:2]
    for number in [*lives, *corrected, *renamed]:
        expected = lived.lists.make("person", person=number, columns="全部列")
        told = json.loads(written(lived, "person", "json", Scope(person_id=lived.office.ids[number]), "全部列").read_text(encoding="utf-8"))
        assert [list(row.values()) for row in told["records"]] == expected.rows and told["lines"][0] == expected.line
        assert of_xlsx(written(lived, "person", "xlsx", Scope(person_id=lived.office.ids[number]), "全部列"))[1] == [expected.headings, *expected.rows]


@pytest.mark.parametrize("key", ["due", "scores", "passed", "resit", "missing", "summary", "person", "expiry"])
def test_the_pdf_holds_the_same_rows(lived, key):
    sitting = "annual-2026" if key == "resit" else "annual-2025"
    scope, about = Scope((sitting,)), {"sittings": (sitting,)}
    if key == "person":
        number = lived.lists.frame.groupby("_number").size().idxmax()
        scope, about = Scope(person_id=lived.office.ids[number]), {"person": number}
    if key == "expiry":
        scope, about = Scope(days=30), {"days": 30}
    columns = "简表" if "简表" in toml_of(key)["sets"] else "标准"
    expected = lived.lists.make(key, columns=columns, **about)
    document = pypdfium2.PdfDocument(written(lived, key, "pdf", scope, columns))
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    text = "".join("".join(pages).split())
    missing = [row for row in expected.rows if "".join("".join(row).split()) not in text]
    assert expected.rows and not missing, missing[:3]
    assert "".join(expected.line.split()) in text and f"第{len(pages)}页共{len(pages)}页" in text


@pytest.mark.parametrize("key", [key for key in LISTS if key not in (*RECOUNTED, "person")])
def test_lists_that_are_not_recounted_here_say_the_same_in_every_format(lived, key):
    scope = Scope(month="2026-10", rule="gansu") if LISTS[key].asks == "month" else Scope()
    told = json.loads(written(lived, key, "json", scope).read_text(encoding="utf-8"))
    assert told["records"] or key == "stipend", "nobody here has an employment on file, so nobody is paid"
    rows = [list(row.values()) for row in told["records"]]
    assert of_xlsx(written(lived, key, "xlsx", scope))[1][1:] == rows and of_csv(written(lived, key, "csv", scope))[1:] == rows


# ---------------------------------------------------------------- what makes it a proof


def test_the_numbers_come_out_even_between_list_database_and_signed_archive(lived):
    """Cases I1: everybody once; superseded records are in the archive, not on the list."""
    with lived.home.office.connect() as connection:
        due = connection.execute(select(func.count()).select_from(candidate)).scalar_one()
        issued = connection.execute(select(func.count()).select_from(record)).scalar_one()
        replaced = connection.execute(select(func.count(record.c.supersedes))).scalar_one()
    frame = lived.lists.frame
    archived = json.loads(lived.archive.read_text(encoding="utf-8"))["records"]
    assert len(frame) == due and (frame["_code"] != "").sum() == issued - replaced and len(archived) == issued and replaced >= 8
    assert {*frame["_code"]} == {"", "passed", "failed", "final_fail", "absent", "deferred", "exempt", "misconduct", "void"}, "all of it happened"


def test_the_archive_is_verified_by_the_command_and_a_changed_byte_is_found(lived, tmp_path):
    done = CliRunner().invoke(records, ["verify", str(lived.archive)])
    assert done.exit_code == 0 and "都与签名一致" in done.output, done.output
    text = lived.archive.read_text(encoding="utf-8")
    changed = tmp_path / "changed.json"
    changed.write_text(text.replace('"总分": "60"', '"总分": "61"', 1), encoding="utf-8")
    assert changed.read_text(encoding="utf-8") != text
    assert CliRunner().invoke(records, ["verify", str(changed)]).exit_code == 1


def test_one_mark_more_would_be_seen(lived):
    """The comparison can fail: a point that the recount gives too much shows in the cell, the outcome and the numbers."""
    held = lived.lists.recount.held["annual-2025"]
    number = next(number for number, result in held.results.items() if result.outcome == "failed" and result.total and result.total >= 77)
    (question, (part, points)), *_ = [(one, mark) for one, mark in held.papers[number]["marks"].items() if mark[1] == 0]
    before = lived.lists.make("scores", ("annual-2025",))
    held.papers[number]["marks"][question] = (part, points + Fraction(3))
    old = held.results.pop(number)
    try:
        lived.lists.recount.do_issue({"sitting": "annual-2025"})
        after = Lists(lived.lists.recount, DAY, lived.archive).make("scores", ("annual-2025",))
    finally:
        held.papers[number]["marks"][question], held.results[number] = (part, points), old
    assert sum(a != b for a, b in zip(before.rows, after.rows, strict=True)) == 1 and after.counts["passed"] == before.counts["passed"] + 1


def test_the_recount_knows_nothing_of_the_product():
    mine = {path.stem for path in HERE.glob("county_recount*.py")}
    assert len(mine) == 3
    for name in mine:
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))):
            modules = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                root = module.split(".")[0]
                assert root in sys.stdlib_module_names or root in ("pandas", "openpyxl") or root in mine, (name, module)
