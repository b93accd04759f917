"""The workbook that offices fill in: four sheets with their headings, text columns, choices to pick from, and a sheet of explanations."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from grading.workforce.import_sheets import SHEETS, forms, table
from grading.workforce.kinds import Kind

#: columns wider than a name
WIDE = {"kind": 20, "certificate_no": 22, "issuer": 24, "place": 22, "note": 26, "step": 24, "subject": 32, "provider": 26, "unit": 24,
        "parent": 22, "number": 22, "document_no": 22}  # fmt: skip
ROWS = 2000         # rows that are given the text format and the choices


def write_template(kinds: Mapping[str, Kind]) -> bytes:
    """The template as XLSX."""
    import xlsxwriter  # only whoever writes a spreadsheet pays for it

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        font = {"font_name": "宋体", "font_size": 11}
        styles = {
            "text": book.add_format({**font, "num_format": "@"}),
            "head": book.add_format({**font, "bold": True, "border": 1, "bg_color": "#E9EDF2", "align": "center"}),
            "must": book.add_format({**font, "bold": True, "border": 1, "bg_color": "#FFF3D9", "align": "center"}),
            "plain": book.add_format({**font, "text_wrap": True, "valign": "top"}),
            "title": book.add_format({**font, "bold": True, "font_size": 14}),
        }
        _explain(book.add_worksheet("说明"), kinds, styles)
        by_name = {form.name: form for form in forms()}
        for name, title in SHEETS.items():
            form, sheet = by_name[name], book.add_worksheet(title)
            for column, (field, heading) in enumerate(form.titles.items()):
                must = field in form.required
                sheet.set_column(column, column, WIDE.get(field, 14), styles["text"])
                sheet.write_string(0, column, f"{heading}{'*' if must else ''}", styles["must" if must else "head"])
                if choices := _choices(field, kinds):
                    sheet.data_validation(1, column, ROWS, column, {"validate": "list", "source": list(choices), "error_type": "warning"})
            sheet.freeze_panes(1, 0)
            _page(sheet)
    return out.getvalue()


def _choices(field: str, kinds: Mapping[str, Kind]) -> Sequence[str]:
    fixed = {"source": ("培训", "课程", "学位"), "unit_kind": tuple(table()["unit_kinds"]["names"]), "setting": ("城镇", "农村"),
             "category": ("社区工作者", "专职社工", "网格员", "调解员", "法律明白人", "领导干部")}  # fmt: skip
    if field == "kind":
        return [kind.title for kind in kinds.values()]  # a list in a cell may take 255 characters; ours take fewer
    return fixed.get(field, ())


def _page(sheet: Any) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


LINES = (
    "1. 带 * 的列必填。用不到的工作表空着就行；不要改表头，可以增加别的列（不会读取）。",
    "2. 人员按证件号码认人：要先导入人员名单，这里才认得。证件号码列请保持“文本”格式。",
    "3. 日期写到日：2024-03-10、2024.3.10、2024年3月10日、20240310 都可以。",
    "4. “资格”一行是一个人的一项资格；“办理”一行是一次登记、续期、评级等；“学时”一行是一次培训、课程或学位。",
    "5. 在村、学校任职的（法律明白人、法治副校长），“服务单位”填那个村或学校；先在“单位”表里登记。",
    "6. “任职”一行是一个人：哪一类人员、何时入职，离职的填离职日期；津贴名册和人员配备按它算。离职后又回来的，填新的入职日期。",
    "7. 先检查、后导入：有一处错误就整份不导入。同一份文件再导入一次，不会重复登记。",
)


def _explain(sheet: Any, kinds: Mapping[str, Kind], styles: Mapping[str, Any]) -> None:
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 24)
    sheet.set_column(2, 2, 70)
    sheet.write_string(0, 0, "资格、办理、学时导入模板：填写说明", styles["title"])
    for row, line in enumerate(LINES, 1):
        sheet.merge_range(row, 0, row, 2, "", styles["plain"])
        sheet.write_string(row, 0, line, styles["plain"])
    top = len(LINES) + 2
    for column, heading in enumerate(("资格名称", "“取得日期”填什么", "“办理事项”可以填")):
        sheet.write_string(top, column, heading, styles["head"])
    for row, kind in enumerate(kinds.values(), top + 1):
        for column, text in enumerate((kind.title, kind.obtained, "、".join(kind.steps.values()) or "（不用填）")):
            sheet.write_string(row, column, text, styles["plain"])
    _page(sheet)
