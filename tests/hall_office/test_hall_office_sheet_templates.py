"""The office's own template: tried on specimens, looked at, put into use, taken back; what is wrong is told and nothing changes."""

from __future__ import annotations

from datetime import date

import pytest
from grading_fixture import PROFILE, RIGHT, add_script, make_sitting
from office_room import Office, field
from sqlalchemy import select

from exams.typesetting import TypesettingError, set_pdf
from grading.certificates.issue import Sheet, prepare
from grading.certificates.sheets import sheet_data, sheet_fields, shipped_template
from grading.certificates.specimen import LARGEST, common, lacking, specimens
from grading.certificates.statement import KINDS
from grading.certificates.verify import check, codes_in
from grading.marks import mark_sitting
from grading.records import SALT, issue_records, public_key
from home import AUDIT, OFFICE

PAGE = "/certificates/templates"


def changed(kind: str) -> bytes:
    return shipped_template(kind).read_bytes().replace("合格证书（A4 横向".encode(), "本县的版式（A4 横向".encode())


def audited(office: Office) -> list[str]:
    table = AUDIT[OFFICE]
    with office.home.office.connect() as connection:
        return [act for act in connection.scalars(select(table.c.action).order_by(table.c.n)) if act.startswith("template.")]


def file(data: bytes, name: str = "本县.typ") -> dict:
    return {"file": (name, data, "text/plain")}


@pytest.mark.parametrize("kind", list(KINDS))
def test_tried_looked_at_put_into_use_and_taken_back(office: Office, kind: str) -> None:
    own = office.home.root / "templates" / f"{kind}.typ"
    with office.staff("hr") as hr:
        assert hr.page(PAGE).count("随软件附带的版式") == 2
        tried = hr.post(f"{PAGE}/{kind}/try", file(changed(kind)))
        assert tried.status_code == 200 and "试排通过" in tried.text and not own.exists()
        token = field(tried.text, "token")
        pdf = hr.post(f"{PAGE}/{kind}/specimen", token=token)
        assert pdf.headers["content-type"] == "application/pdf" and "attachment" in pdf.headers["content-disposition"]
        assert len(list(codes_in(pdf.content, "x"))) == 2
        assert "新版式" in hr.done(f"{PAGE}/{kind}/use", token=token)
        assert own.read_bytes() == changed(kind)
        assert "本单位自己的版式" in hr.page(PAGE)
        assert "已经导入或过期" in hr.refused(f"{PAGE}/{kind}/use", token=token)
        assert "已恢复" in hr.done(f"{PAGE}/{kind}/shipped")
        assert not own.exists() and [path.read_bytes() for path in (own.parent / "earlier").iterdir()] == [changed(kind)]
        assert audited(office) == ["template.use", "template.shipped"]
        assert "就是随软件附带的版式" in hr.refused(f"{PAGE}/{kind}/shipped")


@pytest.fixture(params=list(KINDS))
def issued_kind(office: Office, request) -> tuple[Office, str]:
    """A sitting with a record for one who passed."""
    [one] = make_sitting(office.home, essay=False, people=1, profile=PROFILE.replace("certificate = false", "certificate = true"))
    add_script(office.home, "s1", one, RIGHT)
    mark_sitting(office.home, "s1", "test")
    issue_records(office.home, "s1", "hr9")
    return office, request.param


BAD = {
    "no text": (b"\xff\xfe\x00", "不是 UTF-8"),
    "too large": (b"x" * (LARGEST + 1), "过大"),
    "a typing error": (b"#let data = json(bytes(sys.inputs.data))\n\n#data.nothing", "certificate.typ:3"),
    "nobody's": ("特发此证".encode(), "二维码没有放"),
    "runs for ever": (b"#for i in range(10000000) { pagebreak() }", "时间或内存超过限度"),
    "reads elsewhere": (b'#read("/etc/passwd")', "certificate.typ:1"),
    "fetches": (b'\n#import "@preview/cetz:0.2.0"', "certificate.typ:2：版式不能引用外面的软件包"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_and_nothing_changes(office: Office, name: str) -> None:
    template, told = BAD[name]
    with office.staff("hr") as hr:
        assert told in hr.refused_with(f"{PAGE}/certificate/try", file(template))
    assert not (office.home.root / "templates").exists()


def test_specimens_are_given_what_real_sheets_are(issued_kind) -> None:
    """A template that sets the specimens finds the same fields on the day."""
    office, kind = issued_kind
    real = next(sheet_data(office.home, prepare(office.home, "s1", kind)))[1]
    shared = common(kind, "某办", "")
    for sheet in specimens(kind, "某办"):
        made = {**shared, "sheets": [sheet_fields(sheet, shared)]}
        assert made.keys() == real.keys()
        assert made["sheets"][0].keys() == real["sheets"][0].keys()
        assert made["sheets"][0]["columns"].keys() == real["sheets"][0]["columns"].keys() - {SALT}
    assert {type(value) for value in shared.values()} <= {str, list, dict, bool, int}
    assert {name: type(value) for name, value in shared.items()} == {name: type(real[name]) for name in shared}


def test_each_thing_that_a_page_lacks_is_named(tmp_path) -> None:
    sheets: list[Sheet] = list(specimens("certificate", "某办"))
    template = tmp_path / "t.typ"
    template.write_text(f"{sheets[0].number} {sheets[0].columns['姓名']} {sheets[1].number}", encoding="utf-8")
    faults = lacking(set_pdf(template, {}), sheets)
    assert [fault.split("：")[0] for fault in faults] == [
        "2 个人排了 1 页，应当每人一页",
        "“张三”一页的二维码没有放，或者扫不出来", f"“{sheets[1].columns['姓名']}”一页的二维码没有放，或者扫不出来", f"“{sheets[1].columns['姓名']}”一页看不到姓名",
    ]  # fmt: skip


def test_a_specimen_is_nobodys_certificate(office: Office) -> None:
    for kind in KINDS:
        for sheet in specimens(kind, "某办"):
            assert not check(sheet.code, public_key(office.home), date(2026, 11, 28)).good


def test_a_package_hidden_in_a_template_is_not_fetched(tmp_path) -> None:
    template = tmp_path / "t.typ"
    template.write_text('x\n#let p = "@local/a-b:1.0.0"\n#import p', encoding="utf-8")
    with pytest.raises(TypesettingError, match=r"t\.typ:2：版式不能引用"):
        set_pdf(template, {})
