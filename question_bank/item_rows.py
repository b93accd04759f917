"""One row of a spreadsheet as the text of an item file, and back: columns, header aliases, spellings of answers.

The columns follow the field's usual template; a row becomes the text of a file, so that the one reader of item files
judges it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from question_bank.item import ANCHORS, KIND_TITLES, Item
from question_bank.item_file import FOLDER, SLUG
from question_bank.marking import read_choice

LONGEST_CELL = 20_000

#: column -> header spellings that mean it; the first is the template's (domain D.1)
COLUMNS: dict[str, tuple[str, ...]] = {
    "slug": ("编号", "题号"),
    "kind": ("题型", "题目类型", "试题类型"),
    "stem": ("题干", "题目", "题目内容", "试题", "问题"),
    **{f"option_{anchor}": (f"选项{anchor.upper()}", anchor.upper()) for anchor in ANCHORS},
    "key": ("答案", "正确答案", "正确选项", "标准答案"),
    "rationale": ("解析", "题目解析", "答案解析"),
    "model_answer": ("参考答案",),
    "scoring_points": ("采分点", "评分标准", "评分要点"),
    "points": ("分值", "分数"),
    "difficulty": ("难度", "难度系数"),
    "act": ("法律名称", "法律", "依据法律"),
    "article": ("条款", "条号", "法条"),
    "version": ("法律版本(施行日期)", "法律版本"),
    "audience": ("适用类别", "适用对象", "适用"),
    "level": ("能力层次(识记/理解/应用)", "能力层次", "层次"),
    "topic": ("主题", "知识点", "知识点名称", "章节", "标签"),
    "subject": ("科目", "题目分类"),
    "order": ("选项次序",),
    "author": ("命题人", "出题人"),
    "reviewer": ("审核人",),
    "since": ("启用日期",),
    "until": ("停用日期",),
}
REQUIRED = ("kind", "stem", "act", "article", "author")
_DEFAULTS = {"audience": "机关、乡镇、街道、村、社区", "level": "理解", "difficulty": "0.6", "rationale": "（待补）"}
_TRUE = {"正确", "对", "√", "是", "T", "TRUE", "A", "1"}
_FALSE = {"错误", "错", "×", "✗", "X", "否", "F", "FALSE", "B", "2"}
#: how people write a kind
KINDS_BY_WORD = {
    **{title: name for name, title in KIND_TITLES.items()}, **{title.removesuffix("题"): name for name, title in KIND_TITLES.items()},
    **{name: name for name in KIND_TITLES}, "单项选择题": "single", "多项选择题": "multiple", "是非题": "true_false",
}  # fmt: skip
_SPLIT = re.compile(r"[、,，;；/\s]+")


class CellFault(ValueError):
    """A cell is wrong: its column and what to do."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def file_of(row: Mapping[str, str], subject: str) -> tuple[str, str, str]:
    """(slug, subject, text of the item file) of a row's cells by column; ``subject`` where the row has none.

    :raises CellFault: the first cell that cannot be understood.
    """
    cells = {column: row.get(column) or _DEFAULTS.get(column, "") for column in COLUMNS}
    for column, text in cells.items():
        if len(text) > LONGEST_CELL:
            raise CellFault(column, f"超过 {LONGEST_CELL} 字；请缩短")
    kind = KINDS_BY_WORD.get(cells["kind"])
    if kind is None:
        raise CellFault("kind", f"题型“{cells['kind'][:20]}”不认识；可用：{'、'.join(KIND_TITLES.values())}")
    folder = cells["subject"] or subject
    if not FOLDER.fullmatch(folder):
        raise CellFault("subject", f"科目“{folder[:20]}”应为小写英文、数字和下划线，如 civil_code；或删去本列改用 --subject")
    text = _front(cells, kind) + "\n" + _body(cells, kind)
    slug = cells["slug"].lower()
    if not slug or slug.isdigit():      # a mere number is no stable identity: the content is
        slug = "x-" + hashlib.sha256(f"{kind}{cells['stem']}{_options(cells)}".encode()).hexdigest()[:16]
    if not SLUG.fullmatch(slug):
        raise CellFault("slug", f"编号“{slug[:20]}”应为小写英文、数字和连字符；或留空由系统编号")
    return slug, folder, text


def _front(cells: Mapping[str, str], kind: str) -> str:
    order = "fixed" if kind in ("true_false", "short", "case") or cells["order"] in ("fixed", "固定") else "shuffle"
    audience = ", ".join(_quoted(part) for part in _SPLIT.split(cells["audience"]) if part)
    lines = ["---", f"kind: {kind}", "law:", *_law(cells["act"], cells["article"])]
    lines += [f"topic: {_quoted(cells['topic'] or '未分类')}", f"audience: [{audience}]", f"level: {_quoted(cells['level'])}"]
    lines += [f"difficulty: {_difficulty(cells['difficulty'])}", f"order: {order}", f"author: {_quoted(cells['author'])}", "---", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return '"' + " ".join(text.replace("\\", "／").replace('"', "”").split()) + '"'


def _difficulty(text: str) -> str:
    words = {"易": "0.8", "容易": "0.8", "简单": "0.8", "中": "0.6", "中等": "0.6", "一般": "0.6", "难": "0.4", "困难": "0.4"}
    number = words.get(text, text)
    if not re.fullmatch(r"0?\.\d{1,4}", number):
        raise CellFault("difficulty", f"难度“{text[:20]}”应为预计答对的比例，如 0.55；或写 易、中、难")
    return number if number.startswith("0") else f"0{number}"


def _law(acts: str, articles: str) -> list[str]:
    """Acts and their articles run in parallel: ``民法典；人民调解法`` with ``278、279；33``."""
    names = [name.strip().strip("《》") for name in re.split(r"[;；\n]", acts) if name.strip()]
    groups = [group for group in re.split(r"[;；\n]", articles) if group.strip()]
    if len(names) != len(groups):
        raise CellFault("article", f"法律 {len(names)} 部而条号 {len(groups)} 组；几部法律请用分号隔开，条号也用分号分组")
    lines = []
    for name, group in zip(names, groups, strict=True):
        for one in re.split(r"[、,，\s]+", group.strip()):
            number = re.sub(r"^第|条", "", one)
            if not re.fullmatch(r"\d{1,4}(?:之[一二三四五六七八九十]{1,3})?", number):
                raise CellFault("article", f"条号“{one[:20]}”应为数字，如 278 或 120之一")
            lines.append(f'  - {{act: {_quoted(name)}, article: "{number}"}}')
    return lines


def _options(cells: Mapping[str, str]) -> list[str]:
    return [cells[f"option_{anchor}"] for anchor in ANCHORS]


def _body(cells: Mapping[str, str], kind: str) -> str:
    parts = [_plain(cells["stem"], "stem")]
    if kind in ("short", "case"):
        points = [line.strip() for line in cells["scoring_points"].split("\n") if line.strip()]
        parts += ["## 参考答案", _plain(cells["model_answer"] or cells["key"], "model_answer"), "## 采分点"]
        parts.append("\n".join(line if line.startswith("-") else f"- {line}" for line in points))
    elif kind == "true_false":
        word = cells["key"].strip().upper()
        if word not in _TRUE | _FALSE:
            raise CellFault("key", f"判断题的答案“{word[:20]}”不认识；请写 正确 或 错误")
        parts.append("\n".join(f"- [{'x' if (word in _TRUE) is right else ' '}] {text}" for right, text in ((True, "正确"), (False, "错误"))))
    else:
        parts.append(_choices(cells))
    return "\n\n".join([*parts, "## 解析", _plain(cells["rationale"], "rationale"), ""])


def _choices(cells: Mapping[str, str]) -> str:
    options = _options(cells)
    last = max((place for place, text in enumerate(options, 1) if text), default=0)
    if any(not text for text in options[:last]):
        raise CellFault("option_a", "选项中间有空格；请连续填写选项A、选项B……")
    digits = {str(place): anchor.upper() for place, anchor in enumerate(ANCHORS, 1)}
    key = read_choice("".join(digits.get(part, part) for part in _SPLIT.split(cells["key"])))
    if not key or any(ANCHORS.index(letter.lower()) >= last for letter in key):
        raise CellFault("key", f"答案“{cells['key'][:20]}”不认识或者超出选项；请写 A、AC 这样的字母")
    return "\n".join(
        f"- [{'x' if anchor.upper() in key else ' '}] {' '.join(text.split())}" for anchor, text in zip(ANCHORS, options[:last], strict=False)
    )


def _plain(text: str, column: str) -> str:
    if re.search(r"^(?:#|- \[|---)", text, re.MULTILINE):
        raise CellFault(column, "文字里有以 #、--- 或 - [ 开头的行，会与题目格式混淆；请改写")
    return text


def cells_of(item: Item) -> dict[str, str]:
    """A row of the template that reads back as the same item."""
    acts = list(dict.fromkeys(citation.act for citation in item.law))
    cells = {
        "slug": item.slug, "kind": KIND_TITLES[item.kind], "stem": item.stem, "rationale": item.rationale,
        "model_answer": item.model_answer, "scoring_points": "\n".join(f"({float(one.weight):g}) {one.text}" for one in item.scoring_points),
        "difficulty": f"{item.difficulty:g}", "act": "；".join(acts),
        "article": "；".join("、".join(one.article for one in item.law if one.act == act) for act in acts),
        "audience": "、".join(item.audience), "level": item.level, "topic": item.topic, "subject": item.subject,
        "order": "固定" if item.fixed_order else "打乱", "author": item.author,
    }  # fmt: skip
    if item.kind == "true_false":
        return cells | {"key": "正确" if item.options[0].right else "错误"}
    letters = "".join(sorted(item.key)).upper()
    return cells | {"key": letters} | {f"option_{option.anchor}": option.text for option in item.options}
