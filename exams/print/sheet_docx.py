"""Paper, answer sheet and key as DOCX, as an office edits them in WPS: real paragraphs, tabs, tables and page numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.table import WD_ALIGN_VERTICAL, WD_ROW_HEIGHT_RULE, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Length, Pt
from docx.text.paragraph import Paragraph

from exams.print.blocks import Block, Run
from exams.print.docx_strip import add_strip
from exams.print.layout import KeyRow, PrintedForm, PrintedPart, PrintedQuestion

SONG, HEI = "宋体", "黑体"
LEFT, RIGHT = Cm(3.2), Cm(1.8)
#: width of the text beside the sealed strip
INNER = Cm(21) - LEFT - RIGHT
CENTER = WD_ALIGN_PARAGRAPH.CENTER
Words = Mapping[str, Any]


def paper_docx(form: PrintedForm, words: Words, remark: str) -> bytes:
    """The paper: no key can be in it, for nothing here knows one."""
    book = _begin(form, words, words["paper"]["name"])
    _first_line(book, words["secrecy"], form.form)
    _title(book, form, remark)
    _centered(book, f"（{words['paper']['name']}　　满分 {form.total} 分　　答题时间 {form.minutes} 分钟）")
    _grid(book, [["题号", *(part.numeral for part in form.parts), "总分", "核分人"], ["得分", *([""] * (len(form.parts) + 2))]])
    _notes(book, words["paper"]["notes"])
    for part in form.parts:
        _heading(book, part.heading)
        if part.instructions:
            _plain(book, part.instructions, keep=True)
        for question in part.questions:
            _question(book, question, points=not part.objective)
    _centered(book, words["paper"]["end"])
    return _bytes(book)


def answer_sheet_docx(form: PrintedForm, words: Words, remark: str) -> bytes:
    """The answer sheet: boxes for letters, frames for writing."""
    sheet = words["sheet"]
    book = _begin(form, words, sheet["name"])
    _first_line(book, "", form.form)
    _title(book, form, remark)
    _centered(book, "　".join(sheet["name"]), size=15, font=HEI)
    blank = [""] * (len(form.parts) + 1)
    _grid(book, [["题号", *(part.numeral for part in form.parts), "总分"], *([name, *blank] for name in ("得分", sheet["marked_by"], sheet["checked_by"]))])
    _notes(book, sheet["notes"])
    for part in form.parts:
        _heading(book, part.heading)
        if part.objective:
            _letter_grid(book, part, lambda _question: "")
            continue
        for question in part.questions:
            frame = _grid(book, [[""]], height=Cm(min(24.0, 4 + question.size * 0.9)))
            _write(frame.cell(0, 0).paragraphs[0], f"{question.number}.（{question.points} 分）　　　　得分：________")
            frame.cell(0, 0).paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT
            frame.cell(0, 0).vertical_alignment = WD_ALIGN_VERTICAL.TOP
    return _bytes(book)


def key_docx(form: PrintedForm, keys: Mapping[str, KeyRow], words: Words, remark: str) -> bytes:
    """The sealed key: cover with seals and signatures, letters, scoring points, grounds."""
    key = words["key"]
    book = _begin(form, words, key["name"], strip=False)
    _cover(book, form, words, remark)
    objective = [part for part in form.parts if part.objective]
    written = [part for part in form.parts if not part.objective]
    if objective:
        _heading(book, key["answers"], size=15)
    for part in objective:
        _heading(book, part.heading)
        _letter_grid(book, part, lambda question: keys[question.id].answer)
    if written:
        _heading(book, key["scoring"], size=15)
    for part in written:
        _heading(book, part.heading)
        for question in part.questions:
            _written_key(book, question, keys[question.id])
    if objective:
        _heading(book, key["grounds"], size=15)
    for part in objective:
        for question in part.questions:
            row = keys[question.id]
            _plain(book, f"{question.number}.　{row.answer}　依据：{row.law}", keep=True)
            _blocks(book, row.rationale)
    return _bytes(book)


def _cover(book: DocumentType, form: PrintedForm, words: Words, remark: str) -> None:
    key = words["key"]
    _plain(book, words["secrecy"], size=16, font=HEI)
    for _ in range(5):
        _plain(book, "")
    _centered(book, form.title, size=24, font=HEI)
    if remark:
        _centered(book, remark, size=13, font=HEI)
    _centered(book, f"{form.form} 卷　{key['name']}", size=22, font=HEI)
    for _ in range(2):
        _plain(book, "")
    table = _grid(book, [list(row) for row in key["rows"]], widths=[Cm(5.2), Cm(9)])
    for row in table.rows:
        row.cells[1].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT
    _centered(book, key["cover"])
    book.add_page_break()  # type: ignore[no-untyped-call]


def _written_key(book: DocumentType, question: PrintedQuestion, row: KeyRow) -> None:
    _plain(book, f"{question.number}.（{question.points} 分）参考答案", font=HEI, keep=True)
    _blocks(book, row.model_answer)
    if row.scoring:
        lines = [["序", "采分点", "分值"], *([str(n), text, marks] for n, (marks, text) in enumerate(row.scoring, 1))]
        table = _grid(book, lines, widths=[Cm(1.2), Cm(12), Cm(2)], height=Cm(0.7))
        for line in table.rows[1:]:
            line.cells[1].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT
    if row.law:
        _plain(book, f"依据：{row.law}")


# ------------------------------------------------------------------ pieces


def _begin(form: PrintedForm, words: Words, name: str, *, strip: bool = True) -> DocumentType:
    book = Document()
    book.core_properties.title = f"{form.title} {form.form}卷 {name}"
    book.core_properties.author = ""
    style: Any = book.styles["Normal"]
    style.font.size = Pt(12)
    _fonts(style.element.get_or_add_rPr(), SONG)
    style.paragraph_format.space_after = Pt(2)
    style.paragraph_format.line_spacing = 1.25
    section = book.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = (LEFT, RIGHT) if strip else (Cm(2.4), Cm(2.4))
    section.top_margin, section.bottom_margin, section.footer_distance = Cm(1.8), Cm(1.9), Cm(0.9)
    section.different_first_page_header_footer = True
    for footer in (section.footer, section.first_page_footer):
        footer.is_linked_to_previous = False
        line = footer.paragraphs[0]
        line.alignment = CENTER
        _write(line, f"{form.title}　{form.form} 卷{name}　第 ", size=9)
        _field(line, "PAGE")
        _write(line, " 页　共 ", size=9)
        _field(line, "NUMPAGES")
        _write(line, " 页", size=9)
    if strip:
        for header, fields in ((section.first_page_header, words["fields"]), (section.header, [])):
            header.is_linked_to_previous = False
            add_strip(header.paragraphs[0], fields, words["seal"])
    return book


def _fonts(properties: Any, font: str) -> None:
    fonts = properties.get_or_add_rFonts()
    for name in ("w:ascii", "w:hAnsi", "w:eastAsia"):
        fonts.set(qn(name), "Times New Roman" if font == SONG and name != "w:eastAsia" else font)


def _write(
    line: Paragraph, text: str, *, size: float | None = None, font: str = "", bold: bool = False, italic: bool = False
) -> None:
    run = line.add_run(text)
    run.bold, run.italic = bold or None, italic or None
    if size:
        run.font.size = Pt(size)
    if font:
        _fonts(run._element.get_or_add_rPr(), font)


def _field(line: Paragraph, code: str) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    run, text = OxmlElement("w:r"), OxmlElement("w:t")
    text.text = "1"
    size = OxmlElement("w:sz")
    size.set(qn("w:val"), "18")
    properties = OxmlElement("w:rPr")
    properties.append(size)
    run.extend([properties, text])
    field.append(run)
    line._p.append(field)


def _plain(book: DocumentType, text: str, *, size: float | None = None, font: str = "", keep: bool = False) -> Paragraph:
    line = book.add_paragraph()
    _write(line, text, size=size, font=font)
    line.paragraph_format.keep_with_next = keep
    return line


def _centered(book: DocumentType, text: str, *, size: float | None = None, font: str = "") -> None:
    _plain(book, text, size=size, font=font).alignment = CENTER


def _heading(book: DocumentType, text: str, *, size: float = 13) -> None:
    line = _plain(book, text, size=size, font=HEI, keep=True)
    line.paragraph_format.space_before = Pt(8)


def _first_line(book: DocumentType, left: str, form: str) -> None:
    line = book.add_paragraph()
    line.paragraph_format.tab_stops.add_tab_stop(INNER, WD_TAB_ALIGNMENT.RIGHT)
    _write(line, f"{left}\t试卷类型：{form}", font=HEI)


def _title(book: DocumentType, form: PrintedForm, remark: str) -> None:
    _centered(book, form.title, size=19, font=HEI)
    if remark:
        _centered(book, remark, font=HEI)


def _notes(book: DocumentType, notes: Iterable[str]) -> None:
    for n, note in enumerate(notes, 1):
        _hang(_plain(book, f"{n}. {note}"), Cm(0), Cm(0.6))


def _hang(line: Paragraph, left: Length, by: Length) -> None:
    line.paragraph_format.left_indent = Length(left + by)
    line.paragraph_format.first_line_indent = Length(-by)


def _runs(line: Paragraph, runs: Iterable[Run]) -> None:
    for run in runs:
        _write(line, run.text, bold=run.bold, italic=run.italic)


def _blocks(book: DocumentType, blocks: Sequence[Block], lead: str = "", keep: bool = False) -> None:
    for n, block in enumerate(blocks):
        line = book.add_paragraph()
        _write(line, (lead if n == 0 else "") + (f"{block.marker} " if block.marker else ""))
        _runs(line, block.runs)
        if block.marker:
            _hang(line, Cm(0.8 * block.depth), Cm(0.6))
        line.paragraph_format.keep_with_next = keep
        if n == 0 and lead:
            line.paragraph_format.space_before = Pt(6)


def _question(book: DocumentType, question: PrintedQuestion, *, points: bool) -> None:
    lead = f"{question.number}. " + (f"（{question.points} 分）" if points else "")
    _blocks(book, question.blocks, lead, keep=bool(question.options))
    rows = [question.options[n : n + question.columns] for n in range(0, len(question.options), question.columns)]
    for n, row in enumerate(rows):
        line = book.add_paragraph()
        line.paragraph_format.keep_with_next = n < len(rows) - 1
        if question.columns == 1:
            _hang(line, Cm(0.6), Cm(0.6))
        else:
            line.paragraph_format.left_indent = Cm(0.6)
            for place in range(1, question.columns):
                line.paragraph_format.tab_stops.add_tab_stop(Length(Cm(0.6) + (INNER - Cm(0.6)) * place // question.columns))
        for place, option in enumerate(row):
            _write(line, ("\t" if place else "") + f"{option.letter}. ")
            _runs(line, option.runs)


def _letter_grid(book: DocumentType, part: PrintedPart, answer: Callable[[PrintedQuestion], str]) -> None:
    """Ten questions a row: numbers above, letters (or room for them) below."""
    for start in range(0, len(part.questions), 10):
        row = part.questions[start : start + 10]
        blank = [""] * (10 - len(row))
        numbers = ["题号", *(str(question.number) for question in row), *blank]
        _grid(book, [numbers, ["答案", *(answer(question) for question in row), *blank]], height=Cm(0.68), size=10.5)
        book.paragraphs[-1].paragraph_format.space_after = Pt(0)


def _grid(
    book: DocumentType, rows: Sequence[Sequence[str]], *, widths: Sequence[Length] | None = None, height: Length | None = None,
    size: float | None = None,
) -> Any:
    """A bordered table with centred text, and a thin line of space after it."""
    table = book.add_table(len(rows), len(rows[0]))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    if widths:
        table.autofit = False
        for column, wide in zip(table.columns, widths, strict=True):
            column.width = wide
    for line, texts in zip(table.rows, rows, strict=True):
        line.height, line.height_rule = height or Cm(0.9), WD_ROW_HEIGHT_RULE.AT_LEAST
        for place, (cell, text) in enumerate(zip(line.cells, texts, strict=True)):
            cell.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
            cell.paragraphs[0].alignment = CENTER
            _write(cell.paragraphs[0], text, size=size)
            if widths:
                cell.width = widths[place]
        properties = line._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
    space = book.add_paragraph()
    space.paragraph_format.line_spacing = Pt(6)
    return table


def _bytes(book: DocumentType) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
