"""Reading one item file. Front matter is YAML (``safe_load`` types only), the body Markdown; everything is bounded.

::

    ---
    kind: single
    law:
      - {act: 民法典, article: 278}
    ...
    ---

    stem

    - [ ] option
    - [x] option

    ## 解析

    rationale, which names options by {a} {b} …
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from question_bank.errors import ERROR, Fault
from question_bank.front_matter import FIELDS, FrontMatter, read_front_matter
from question_bank.item import ANCHORS, Item, Option, ScoringPoint
from question_bank.kinds import KINDS
from question_bank.kinds.kind import Problem

#: Largest item file, in bytes. A long case is 8 kB.
LARGEST_FILE = 64 * 1024
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FOLDER = re.compile(r"[a-z0-9][a-z0-9_]*")
_OPTION = re.compile(r"- \[([ xX])\]\s*(.*)")
_POINT = re.compile(r"-\s*[(（]\s*(\d{1,3}(?:\.\d{1,2})?)\s*(?:分\s*)?[)）]\s*(.*)")
#: what could move a terminal's cursor or turn text around: C0, C1 and bidirectional controls
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ANCHOR = re.compile(r"\{([^{}\n]{0,20})\}")


def read_item(path: Path, folder: Path) -> tuple[Item | None, list[Fault]]:
    """The item at ``path`` in the bank ``folder`` (None where it has errors) and its faults, warnings among them."""

    def refuse(message: str) -> tuple[None, list[Fault]]:
        return None, [Fault(path, 1, ERROR, message)]

    place = path.relative_to(folder).parts
    if len(place) != 3 or not all(FOLDER.fullmatch(name) for name in place[:2]):
        return refuse("题目文件应放在“题库/池/科目/题号.md”，池和科目用小写英文、数字和下划线命名；请移动文件")
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            return refuse(f"文件超过 {LARGEST_FILE // 1024} KB；一题一个文件，请拆开或缩短")
        text = raw.decode("utf-8-sig")
    except OSError as error:
        return refuse(f"读不出文件（{error.strerror}）；请检查文件和权限")
    except UnicodeDecodeError:
        return refuse("文件不是 UTF-8 编码；请用文本编辑器另存为 UTF-8")
    return parse_item(text, path, pool=place[0], subject=place[1])


def parse_item(text: str, path: Path, pool: str, subject: str) -> tuple[Item | None, list[Fault]]:
    """Item and faults from the text of a file; the slug is the file's name. The item is None if any fault is an error."""
    lines = text.replace("\r\n", "\n").split("\n")
    front, faults = read_front_matter(lines, path)
    faults += [Fault(path, number, ERROR, "有看不见的控制字符；请删去这一行重新输入") for number, line in enumerate(lines, 1) if _CONTROL.search(line)]
    if not SLUG.fullmatch(path.stem) or not 3 <= len(path.stem) <= 60:
        faults.append(Fault(path, 1, ERROR, "文件名应为 3 至 60 个字符的小写英文、数字和连字符；请改名"))
    body = _split_body(lines, front.end)
    faults += [Fault(path, line, ERROR, message) for line, message in body.faults]
    if front.values.keys() >= {field.name for field in FIELDS}:
        item = _assemble(front, body, path, pool, subject)
        faults += [Fault(path, _line_of(problem, front, body), problem.severity, problem.message)
                   for problem in _problems(item, body)]  # fmt: skip
        if all(fault.severity != ERROR for fault in faults):
            return item, sorted(faults)
    return None, sorted(faults)


@dataclass(frozen=True)
class _Body:
    stem: str
    options: tuple[tuple[int, bool, str], ...]      # line, right, text
    sections: dict[str, tuple[int, str]]            # title -> line, text
    points: tuple[ScoringPoint, ...]
    faults: tuple[tuple[int, str], ...]
    first: int                                      # line of the body's beginning


def _split_body(lines: list[str], start: int) -> _Body:
    stem: list[str] = []
    options: list[tuple[int, bool, str]] = []
    sections: dict[str, tuple[int, str]] = {}
    faults: list[tuple[int, str]] = []
    title: str | None = None
    for number, line in enumerate(lines[start:], start + 1):
        option = _OPTION.match(line)
        if line.startswith("#"):
            title = line.lstrip("#").strip()
            if title in sections:
                faults.append((number, f"“## {title}”出现了两次；请合并"))
            sections.setdefault(title, (number, ""))
        elif title is not None:
            at, so_far = sections[title]
            sections[title] = (at, f"{so_far}\n{line}")
        elif option:
            options.append((number, option[1] != " ", option[2].strip()))
        elif options and line.strip():
            at, right, said = options[-1]
            options[-1] = (at, right, f"{said} {line.strip()}")
            if not line.startswith("  "):
                faults.append((number, "选项之后只能是选项或“## 解析”；选项换行请缩进两格，其他文字请移到题干"))
        elif not options:
            stem.append(line)
    points, point_faults = _scoring_points(*sections.get("采分点", (0, "")))
    tidy = {name: (at, said.strip()) for name, (at, said) in sections.items()}
    return _Body("\n".join(stem).strip(), tuple(options), tidy, points, (*faults, *point_faults), start + 1)


def _scoring_points(at: int, text: str) -> tuple[tuple[ScoringPoint, ...], list[tuple[int, str]]]:
    points: list[ScoringPoint] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), at):
        point = _POINT.fullmatch(line.strip())
        if point and Fraction(point[1]) > 0:
            points.append(ScoringPoint(Fraction(point[1]), point[2].strip()))
        elif line.strip():
            faults.append((number, "采分点应写成“- (2) 要点”，括号内是大于 0 的分值，可带小数"))
    return tuple(points), faults


def _assemble(front: FrontMatter, body: _Body, path: Path, pool: str, subject: str) -> Item:
    options = tuple(Option(anchor, text, right) for anchor, (_, right, text) in zip(ANCHORS, body.options, strict=False))
    return Item(
        slug=path.stem, pool=pool, subject=subject, path=path, stem=body.stem, options=options,
        rationale=body.sections.get("解析", (0, ""))[1], model_answer=body.sections.get("参考答案", (0, ""))[1],
        scoring_points=body.points, **front.values,  # type: ignore[arg-type]  # each value was checked by its field
    )  # fmt: skip


def _problems(item: Item, body: _Body) -> Iterator[Problem]:
    kind = KINDS[item.kind]
    if not item.stem:
        yield Problem("stem", "没有题干；请写在选项之前")
    if len(body.options) > len(ANCHORS):
        yield Problem("options", f"有 {len(body.options)} 个选项，最多 {len(ANCHORS)} 个")
    for title in body.sections:
        if title not in kind.sections:
            yield Problem(title, f"{kind.title}没有“{title}”这一节；可用：{'、'.join(kind.sections)}")
    if not item.rationale:
        yield Problem("解析", "没有解析；请在“## 解析”下说明为什么对、错项错在哪里")
    anchors = {option.anchor for option in item.options}
    for found in _ANCHOR.findall(item.rationale):
        if found not in anchors:
            yield Problem("解析", f"解析里的 {{{found}}} 没有对应的选项；本题选项是 {' '.join(sorted(anchors)) or '（无）'}")
    yield from kind.check(item)


def _line_of(problem: Problem, front: FrontMatter, body: _Body) -> int:
    if problem.where in front.lines:
        return front.lines[problem.where]
    if problem.where in body.sections:
        return body.sections[problem.where][0]
    if problem.where == "options" and body.options:
        return body.options[0][0]
    return body.first
