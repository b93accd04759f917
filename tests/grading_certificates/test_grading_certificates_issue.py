"""Certificates of a sitting: made once, printed again, revoked, replaced, superseded; in PDF, ZIP, list and command."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from datetime import date

import pytest
from certifying_fixture import CERTIFYING, sit
from grading_fixture import make_sitting
from sqlalchemy import update
from typer.testing import CliRunner

from exams.events import record_event
from exams.tables import sitting
from grading.certificates.issue import listed, make, replace, revocations, revoke
from grading.certificates.sheets import merged_pdf, zipped_pdfs
from grading.certificates.statement import unseal
from grading.certificates.verify import check, read_texts
from grading.correction import correct_record
from grading.errors import CertificateError
from grading.records import damaged_records, issue_records, public_key
from grading.tables import certificate, record
from home import AUDIT, OFFICE, transaction
from pufa import app

DAY = date(2026, 11, 24)


def states(home) -> dict[str, str]:
    with home.office.connect() as connection:
        return {one.number: one.state for one in listed(connection, "s1")}


def pdf_text(data: bytes, tmp_path) -> list[str]:
    (tmp_path / "x.pdf").write_bytes(data)
    found = subprocess.run(["pdftotext", "-layout", str(tmp_path / "x.pdf"), "-"], capture_output=True, text=True, check=True).stdout
    return [re.sub(r"\s", "", page) for page in found.split("\f")[:-1]]


def test_those_who_passed_get_one_each_and_making_again_gives_the_same(sat_anywhere):
    home = sat_anywhere.home
    first = make(home, "s1", "certificate", "hr1")
    assert (first.new, len(first.sheets), first.left_out) == (6, 6, ())
    again = make(home, "s1", "certificate", "hr2")
    assert again.new == 0 and [one.code for one in again.sheets] == [one.code for one in first.sheets]
    scores = make(home, "s1", "score_sheet", "hr1")
    assert scores.new == 8 and {one.number[0] for one in scores.sheets} == {"T"}
    known = unseal(scores.sheets[0].code, public_key(home))
    assert (known.name, known.tail, known.total, known.outcome, known.mode) == ("李*", "0001", "70", "合格", "模拟")
    assert unseal(first.sheets[0].code, public_key(home)).total == ""
    with home.office.connect() as connection:
        made = [row.payload for row in connection.execute(AUDIT[OFFICE].select()) if row.action == "certificates.make"]
    assert [json.loads(one)["new"] for one in made] == [6, 0, 8]


def test_the_code_says_no_more_of_a_person_than_it_must(sat):
    import base64

    for sheet in make(sat.home, "s1", "score_sheet", "hr1").sheets:
        raw = base64.b32decode(sheet.code[6:] + "=" * (-len(sheet.code[6:]) % 8)).decode(errors="replace")
        for personal in (sheet.columns["姓名"], sheet.columns["身份证号"], sheet.columns["单位"], sheet.columns["准考证号"]):
            assert personal not in raw


def test_a_certificate_reads_as_one_and_its_code_is_read_off_the_page(sat, tmp_path):
    made = make(sat.home, "s1", "certificate", "hr1")
    pages = pdf_text(merged_pdf(sat.home, made), tmp_path)
    assert len(pages) == 6
    for sheet, page in zip(made.sheets, pages, strict=True):
        for word in (sheet.number, sheet.columns["姓名"], sheet.columns["存档号"], "合格证书", "特发此证", "2028年11月23日", "不作依据"):
            assert word in page, word
    assert "𫚥九·买买提" in pages[5]
    assert read_texts(tmp_path / "x.pdf") == [one.code for one in made.sheets]
    assert b"pdfaid:part" in (tmp_path / "x.pdf").read_bytes()


def test_a_score_sheet_tells_every_part_and_what_follows(sat, tmp_path):
    made = make(sat.home, "s1", "score_sheet", "hr1")
    pages = pdf_text(merged_pdf(sat.home, made), tmp_path)
    assert len(pages) == 8
    for word in ("成绩通知单", "单项选择题40分（满分40分）", "70分", "组织部", "普法办", "合格线60分", "第四类"):
        assert word in pages[0], word
    assert "不合格" in pages[6] and "=cmd|'/ccalc'!A1" in pages[6], "a name is text, whatever it looks like"
    assert "缺考" in pages[7] and "暂缓任用" in pages[7] and "单项选择题" not in pages[7]


def test_where_only_passing_is_published_no_score_leaves(home_folder, tmp_path):
    sat = sit(home_folder, CERTIFYING.replace('show = "score"', 'show = "pass_only"'))
    for kind in ("score_sheet", "certificate"):
        made = make(sat.home, "s1", kind, "hr1")
        assert unseal(made.sheets[0].code, public_key(sat.home)).total == ""
        assert not any(re.search(r"70分(?!（)|总分|单项选择题", page.replace("满分70分", "")) for page in pdf_text(merged_pdf(sat.home, made), tmp_path))


@pytest.mark.parametrize("shows", ["score", "pass_only"])
def test_the_score_sheet_says_what_was_corrected(home_folder, tmp_path, shows):
    """Also where 备注 is left out because it may tell how many points were missing; and on one page, however long the reason."""
    sat = sit(home_folder, CERTIFYING.replace('show = "score"', f'show = "{shows}"'))
    before = pdf_text(merged_pdf(home_folder, make(home_folder, "s1", "score_sheet", "hr1")), tmp_path)
    correct_record(home_folder, "s1", sat.persons[0], {"姓名": "李肆", "单位": "城关镇人民政府"}, by="hr1", reason="名单填错", document_no="更1号")
    correct_record(home_folder, "s1", sat.persons[6], {"单位": "城关镇人民政府"}, by="hr1", reason="长" * 300, document_no="号" * 100)
    pages = pdf_text(merged_pdf(home_folder, make(home_folder, "s1", "score_sheet", "hr1")), tmp_path)
    assert len(pages) == len(before) == 8 and "更正" not in "".join(before) and damaged_records(home_folder, "s1") == ()
    assert "更正：姓名、单位（名单填错，更1号）" in pages[0] and "更正：单位（长长" in pages[6] and "更正" not in pages[1]


def test_a_formal_one_has_no_remark_and_waivers_print_their_note(sat, tmp_path):
    with transaction(sat.home.office) as connection:
        connection.execute(update(sitting).values(kind="formal"))
        from home import audit

        for action in ("sitting.create", "mark.manual"):
            audit(connection, OFFICE, "zhang", action, "s1")
    made = make(sat.home, "s1", "score_sheet", "hr1")
    page = pdf_text(merged_pdf(sat.home, made), tmp_path)[0]
    assert "不作依据" not in page and "考务与阅卷由同一人担任，已说明理由并经会签" in page
    assert check(made.sheets[0].code, public_key(sat.home), DAY).why == "签名有效，内容未被改动"


def test_the_zip_has_one_pdf_each_under_number_and_name(sat, tmp_path):
    made = make(sat.home, "s1", "certificate", "hr1")
    with zipfile.ZipFile(io.BytesIO(zipped_pdfs(sat.home, made))) as archive:
        names = archive.namelist()
        assert names[0] == "2611100001-李四.pdf" and names[5] == "2611100006-𫚥九买买提.pdf" and len(names) == 6
        (tmp_path / "one.pdf").write_bytes(archive.read(names[2]))
    assert read_texts(tmp_path / "one.pdf") == [made.sheets[2].code]


def test_revoked_stays_revoked_until_somebody_replaces_it(sat_anywhere):
    home = sat_anywhere.home
    first, second = (one.number for one in make(home, "s1", "certificate", "hr1").sheets[:2])
    with transaction(home.office) as connection:
        with pytest.raises(CertificateError, match="请写明撤销的原因"):
            revoke(connection, first, "  ", "hr1")
        revoke(connection, first, "冒名，经查实", "hr1")
        with pytest.raises(CertificateError, match="可能已经撤销"):
            revoke(connection, first, "再撤一次", "hr1")
    again = make(home, "s1", "certificate", "hr1")
    assert again.new == 0 and len(again.sheets) == 5 and "2611100001：已撤销" in again.left_out[0]
    new = replace(home, second, "本人遗失，登报声明", "hr1")
    known = states(home)
    assert (known[first], known[second], known[new]) == ("revoked", "replaced", "stands")
    assert {number: why for number, (why, _day) in revocations(home).numbers.items()} == {first: "revoked", second: "replaced"}


def test_a_corrected_record_ends_its_certificates_by_itself(sat_anywhere):
    home, persons = sat_anywhere.home, sat_anywhere.persons
    old = make(home, "s1", "certificate", "hr1").sheets
    with transaction(home.office) as connection:
        record_event(connection, "s1", persons[0], "misconduct", by="officer", reason="复核发现雷同卷", document_no="〔2026〕3号")
    with pytest.raises(CertificateError, match="签发后又有变动"):
        make(home, "s1", "certificate", "hr1")
    issue_records(home, "s1", "hr1")
    known = states(home)
    assert known[old[0].number] == "superseded" and known[old[1].number] == "stands"
    verdict = check(old[0].code, public_key(home), DAY, revocations(home))
    assert not verdict.good and "成绩已更正" in verdict.why
    assert check(old[1].code, public_key(home), DAY, revocations(home)).good
    assert len(make(home, "s1", "certificate", "hr1").sheets) == 5
    with pytest.raises(CertificateError, match="不能补发"):
        replace(home, old[0].number, "遗失", "hr1")


def test_no_certificate_without_records_by_a_profile_without_any_or_on_damaged_ones(home_folder):
    make_sitting(home_folder, essay=False, people=1)
    with pytest.raises(CertificateError, match="还没有签发成绩"):
        make(home_folder, "s1", "score_sheet", "hr1")
    with pytest.raises(CertificateError, match="不发合格证书"):
        make(home_folder, "s1", "certificate", "hr1")
    issue_records(home_folder, "s1", "hr1")
    with transaction(home_folder.office) as connection:
        connection.execute(update(record).values(outcome="passed"))
    with pytest.raises(CertificateError, match="签发后被改动过"):
        make(home_folder, "s1", "score_sheet", "hr1")
    with home_folder.office.connect() as connection:
        assert connection.execute(certificate.select()).first() is None


def test_an_offices_own_template_is_used_and_a_broken_one_named(sat, tmp_path):
    from exams.typesetting import TypesettingError

    made = make(sat.home, "s1", "certificate", "hr1")
    own = sat.home.root / "templates" / "certificate.typ"
    own.parent.mkdir(exist_ok=True)
    own.write_text('#let data = json(bytes(sys.inputs.data))\n#set text(font: data.serif)\n#for s in data.sheets [本县版式 #s.columns.姓名 #pagebreak(weak: true)]', encoding="utf-8")
    assert "本县版式李四" in pdf_text(merged_pdf(sat.home, made), tmp_path)[0]
    own.write_text("#let x = ", encoding="utf-8")
    with pytest.raises(TypesettingError, match=r"certificate\.typ:1：模板排不出版"):
        merged_pdf(sat.home, made)
    with pytest.raises(TypesettingError, match=r"certificate\.typ:1：模板排不出版"):
        zipped_pdfs(sat.home, made)


def test_the_commands_make_list_check_and_take_back(sat, tmp_path):
    run, home = CliRunner(), ["--home", str(sat.home.root)]

    def pufa(*words: str, code: int = 0) -> str:
        done = run.invoke(app, ["certificates", *words])
        assert done.exit_code == code, done.output
        return done.output + done.stderr

    assert "合格证书 6 份，其中新制 6 份" in pufa("make", "s1", *home, "--kind", "certificate", "--out", str(tmp_path / "c.pdf"))
    assert len(pufa("list", "s1", *home).strip().splitlines()) == 6
    key = public_key(sat.home).hex()
    said = pufa("verify", str(tmp_path / "c.pdf"), "--key", key)
    assert said.count("有效：签名有效") == 6 and "李*" in said
    number = re.search(r"C\d{6}-\w{8}", said)[0]  # type: ignore[index]
    pufa("revoke", number, *home, "--reason", "打印错误", "--replace")
    assert "另行补发" in pufa("verify", str(tmp_path / "c.pdf"), *home, code=1)
    pufa("revocations", *home, "--out", str(tmp_path / "list.txt"))
    assert "另行补发" in pufa("verify", str(tmp_path / "c.pdf"), "--key", key, "--revocations", str(tmp_path / "list.txt"), code=1)
    assert "没有找到证书的核验码" in pufa("verify", str(tmp_path / "list.txt"), "--key", key, code=1)
    assert "已经过期" in pufa("verify", str(tmp_path / "c.pdf"), "--key", key, "--on", "2030-01-01", code=1)
    pufa("verify", "PUFA1-AAAA", "--key", "no", code=2)
    pufa("make", "nowhere", *home, "--out", str(tmp_path / "x.pdf"), code=1)
    assert not (tmp_path / "x.pdf").exists()


