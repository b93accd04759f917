"""The printed paper, answer sheet and key: read back from DOCX and PDF, against the form in the safe."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from bank_fixture import write_small_bank
from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph
from paper_fixture import ALL_KINDS, small_paper
from typer.testing import CliRunner

from exams.errors import ContentError
from exams.forms import write_key_form, write_public_form
from exams.paper import PublicOption
from exams.print.blocks import read_blocks
from exams.print.layout import columns_for, key_rows, lay_out
from exams.print.printing import ToPrint, print_keys, print_papers, read_words
from pufa import app

RARE = "𫚥𬭎㐂"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A form of every kind, two of them, with a rare character in a stem; printed once for all tests here."""
    folder = tmp_path_factory.mktemp("print")
    _blueprint, _bank, _paper, public, key = small_paper(folder)
    first = public.questions[0]
    first = replace(first, html=first.html.replace("<p>", f"<p>{RARE}村", 1))
    public = replace(public, questions=(first, *public.questions[1:]))
    other = [
        replace(one, options=tuple(PublicOption("ABCDE"[n], o.html) for n, o in enumerate(reversed(one.options)))) for one in public.questions
    ]
    turned = replace(public, form="B", questions=tuple(other))
    asked = ToPrint("某县2026年领导干部任前法律知识考试", "", ((public, key), (turned, replace(key, form="B"))))
    print_papers(asked, folder / "out")
    print_keys(asked, folder / "sealed", folder / "out")
    return folder, asked


def docx_lines(path: Path) -> list[str]:
    """Paragraphs and table cells in the order in which they stand."""
    lines = []
    for one in Document(io.BytesIO(path.read_bytes())).iter_inner_content():
        if isinstance(one, Paragraph):
            lines.append(one.text)
        elif isinstance(one, Table):
            lines += ["\t".join(cell.text for cell in row.cells) for row in one.rows]
    return lines


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def pdf_text(path: Path) -> str:
    found = subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, text=True, check=True).stdout
    found = re.sub(r"某县2026年领导干部任前法律知识考试\s*[AB]\s*卷\s*第\s*\d+\s*页\s*共\s*\d+\s*页", "", found)
    return squeezed(found.replace("密封线内不要答题", ""))


def expected_pieces(public) -> list[str]:
    """Every stem paragraph and every lettered option, in printed order."""
    pieces = []
    for part in lay_out(public).parts:
        for question in part.questions:
            pieces += [squeezed(block.marker + block.text) for block in question.blocks]
            pieces += [squeezed(f"{option.letter}." + "".join(run.text for run in option.runs)) for option in question.options]
    return pieces


def in_order(pieces: list[str], text: str) -> str | None:
    """The first piece that does not follow where it should, or None."""
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        if found < 0:
            return piece
        at = found + len(piece)
    return None


@pytest.mark.parametrize("form", ["A", "B"])
@pytest.mark.parametrize("kind", ["docx", "pdf"])
def test_the_paper_says_every_stem_and_option_of_its_form_in_order(printed, form, kind):
    folder, asked = printed
    public = next(one for one, _key in asked.forms if one.form == form)
    path = folder / "out" / f"{form}卷-试卷.{kind}"
    text = squeezed("".join(docx_lines(path))) if kind == "docx" else pdf_text(path)
    assert len(expected_pieces(public)) == 6 + 2 + 4 + 4 + 5 + 2  # stems, the case's two questions, options
    assert in_order(expected_pieces(public), text) is None
    assert RARE in text and f"试卷类型：{form}" in text and "绝密★启用前" in text and "满分17分" in text


def test_the_two_forms_letter_their_options_differently(printed):
    folder, _asked = printed
    a, b = (squeezed("".join(docx_lines(folder / "out" / f"{form}卷-试卷.docx"))) for form in "AB")
    assert "A.200人" in a and "D.200人" in b


@pytest.mark.parametrize("kind", ["docx", "pdf"])
@pytest.mark.parametrize("name", ["试卷", "答题纸"])
def test_nothing_of_the_key_is_beside_the_paper(printed, name, kind):
    folder, asked = printed
    path = folder / "out" / f"A卷-{name}.{kind}"
    text = squeezed("".join(docx_lines(path))) if kind == "docx" else pdf_text(path)
    raw = path.read_bytes()
    public, key = asked.forms[0]
    for entry, row in zip(key.entries, key_rows(public, key).values(), strict=True):
        secrets = [*(text_ for _marks, text_ in row.scoring), *(block.text for block in (*row.model_answer, *row.rationale)), *entry.law]
        assert [one for one in secrets if squeezed(one) in text] == []
        assert entry.item not in text and entry.item.encode() not in raw
    assert not any(word in text for word in ("【答案】", "参考答案", "解析", "依据："))
    assert sorted(one.name for one in (folder / "out").iterdir()) == sorted(
        f"{form}卷-{name_}.{kind_}" for form in "AB" for name_ in ("试卷", "答题纸") for kind_ in ("docx", "pdf")
    )


@pytest.mark.parametrize("kind", ["docx", "pdf"])
def test_the_sealed_key_has_letters_scoring_points_and_signatures(printed, kind):
    folder, asked = printed
    public, key = asked.forms[0]
    path = folder / "sealed" / f"A卷-参考答案及评分标准.{kind}"
    text = squeezed("".join(docx_lines(path))) if kind == "docx" else pdf_text(path)
    for word in ("绝密★启用前", "本袋份数", "密封人（签名）", "监封人（签名）", "启封人（签名）", "A卷参考答案及评分标准"):
        assert word in text
    rows = key_rows(public, key)
    assert in_order([f"{row.number}.{row.answer}依据" if kind == "docx" else f"{row.number}.{row.answer}" for row in rows.values() if row.answer], text) is None
    assert all(squeezed(scoring) in text for row in rows.values() for _marks, scoring in row.scoring)
    assert path.stat().st_mode & 0o077 == 0, "only its owner reads a key"


def test_the_answer_sheet_has_a_box_for_each_letter_and_a_frame_for_each_written_answer(printed):
    folder, _asked = printed
    lines = docx_lines(folder / "out" / "A卷-答题纸.docx")
    assert {cell for line in lines if line.startswith("答案\t") for cell in line.split("\t")[1:]} == {""}
    numbers = [cell for line in lines if line.startswith("题号\t") for cell in line.split("\t") if cell.isdigit()]
    assert numbers == ["1", "2", "3", "4"]
    assert [line for line in lines if line.startswith(("5.（3.5 分）", "6.（8 分）"))] != []
    header = Document(io.BytesIO((folder / "out" / "A卷-答题纸.docx").read_bytes())).sections[0].first_page_header
    seen = "".join(header._element.itertext())
    assert "准考证号" in seen and "密" in seen


def test_pdfs_are_archivable_and_carry_their_fonts(printed):
    folder, _asked = printed
    path = folder / "out" / "A卷-试卷.pdf"
    assert b"pdfaid:part" in path.read_bytes()
    fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts and all(line.split()[-5] == "yes" for line in fonts), fonts


def test_options_stand_side_by_side_by_their_length():
    assert [columns_for(["甲"] * 4), columns_for(["二十个字的选项一行只能放两个"]), columns_for(["甲", "长" * 16])] == [4, 2, 1]


def test_blocks_keep_lists_emphasis_and_order():
    blocks = read_blocks('<p>材料：<strong>甲</strong>与乙</p><ol start="3"><li>问一</li><li>问二</li></ol><ul><li>点</li></ul>')
    assert [(one.marker, one.text) for one in blocks] == [("", "材料：甲与乙"), ("3.", "问一"), ("4.", "问二"), ("•", "点")]
    assert [run.bold for run in blocks[0].runs] == [False, True, False]


def test_a_key_never_goes_beside_the_paper(printed, tmp_path):
    _folder, asked = printed
    for sealed in (tmp_path / "out", tmp_path / "out" / "keys", tmp_path):
        with pytest.raises(ContentError, match="答案不能和试卷放在同一个文件夹"):
            print_keys(asked, sealed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_key_of_another_form_is_refused(printed):
    _folder, asked = printed
    with pytest.raises(ValueError, match="belong"):
        key_rows(asked.forms[0][0], asked.forms[1][1])


def test_faulty_wording_is_named(home_folder):
    own = home_folder.root / "templates" / "words.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('secrecy = "绝密"\nseal = 3\n[paper]\nname = "试卷"\n', encoding="utf-8")
    with pytest.raises(ContentError, match=r"seal.*fields.*paper\.notes"):
        read_words(home_folder)


def test_the_command_prints_a_built_folder_and_refuses_a_changed_one(tmp_path):
    bank = write_small_bank(tmp_path / "bank") or tmp_path / "bank"
    (tmp_path / "paper.toml").write_text(ALL_KINDS, encoding="utf-8")
    runner, course = CliRunner(), tmp_path / "course"
    made = ["exam", "build", str(tmp_path / "paper.toml"), "--out", str(course), "--seed", "7", "--as-of", "2026-11-23", "--bank", str(bank)]
    built = runner.invoke(app, made)
    assert built.exit_code == 0, built.output
    args = ["exam", "print", str(course), "--out", str(tmp_path / "out"), "--bank", str(bank)]
    done = runner.invoke(app, [*args, "--sealed", str(tmp_path / "sealed")])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "out").iterdir())) == 4 and len(list((tmp_path / "sealed").iterdir())) == 2
    assert runner.invoke(app, args[:3]).exit_code == 2, "nowhere to write to"
    beside = runner.invoke(app, [*args, "--sealed", str(tmp_path / "out" / "key")])
    assert beside.exit_code == 1 and "同一个文件夹" in beside.output + (beside.stderr or "")
    key = course / "keys" / "A.json"
    key.write_text(key.read_text(encoding="utf-8").replace('"key": "', '"key": "D', 1), encoding="utf-8")
    assert runner.invoke(app, args).exit_code == 1


def test_the_command_prints_a_sitting_into_the_safe(home_folder, printed):
    from grading_fixture import make_sitting

    _folder, asked = printed
    make_sitting(home_folder, state="draft")
    folder = home_folder.secret / "papers" / "s1-paper"
    for public, key in asked.forms:
        write_public_form(folder / "public" / f"{public.form}.json", replace(public, paper="s1-paper"))
        write_key_form(folder / "keys" / f"{public.form}.json", replace(key, paper="s1-paper"))
    done = CliRunner().invoke(app, ["exam", "print", "s1", "--home", str(home_folder.root)])
    assert done.exit_code == 0, done.output
    safe = home_folder.secret / "print" / "s1-paper"
    assert len(list((safe / "papers").iterdir())) == 8 and len(list((safe / "keys").iterdir())) == 4
    assert any("模拟，成绩不作依据" in line for line in docx_lines(safe / "papers" / "A卷-试卷.docx"))
