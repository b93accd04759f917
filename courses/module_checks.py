"""What a module must have (``craft.md``, 一课好在哪里): ONE list of small rules.

To add a rule: write a function ``(Checking) -> Iterator[Hit]``, a hit being (cell, message), and add it to :data:`RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from courses.errors import CellFault
from courses.module import ACTIVITIES, ACTIVITY, TRAINER, WORKED, Module, courses, parse
from question_bank.errors import CitationFault
from question_bank.item import AUDIENCES, Citation, Item
from question_bank.likeness import statute_runs
from question_bank.registry import Registry
from question_bank.statutes import chinese_number

SHORTEST, LONGEST = 25, 45
FEWEST_PRACTICE, FEWEST_TESTED, FEWEST_DECISIONS = 5, 3, 2
POOL = "practice"
#: What ``pufa course new`` leaves for the author to write.
UNWRITTEN = "待写"
_NAME = re.compile(r"\d\d-[a-z0-9]+(?:-[a-z0-9]+)*")
_CITED = re.compile(r"《([^《》\n]{2,40})》第(\d{1,4}|[一二三四五六七八九十百千零]{1,9})条(?:之([一二三四五六七八九十]{1,3}))?")
_ADDRESS = re.compile(r"https?://|//cdn\.", re.IGNORECASE)

Hit = tuple[int, str]


@dataclass(frozen=True)
class Checking:
    """A module and what it is checked against. ``statutes``: (name, text) pairs, where the caller has them."""

    module: Module
    bank: Mapping[str, Item]
    registry: Registry
    as_of: date
    statutes: tuple[tuple[str, str], ...] = ()


def check_module(checking: Checking) -> list[CellFault]:
    """Every fault, in the order of the cells."""
    return sorted(CellFault(checking.module.path, cell, message) for rule in RULES for cell, message in rule(checking))


# ---------------------------------------------------------------- the notebook


def _metadata(checking: Checking) -> Iterator[Hit]:
    about, module = checking.module.about, checking.module
    title, minutes, objective, audience = (about.get(name) for name in ("title", "minutes", "objective", "audience"))
    if not isinstance(title, str) or not 2 <= len(title.strip()) <= 40:
        yield 0, "metadata 的 pufa.title 应是 2 到 40 字的课名"
    if about.get("course") != module.course or module.course not in courses():
        yield 0, f"metadata 的 pufa.course 应与文件夹同名，是 {'、'.join(courses())} 之一"
    if type(minutes) is not int or not SHORTEST <= minutes <= LONGEST:
        yield 0, f"metadata 的 pufa.minutes 应是 {SHORTEST} 到 {LONGEST} 之间的整数；太长就拆成两课"
    if not isinstance(objective, str) or not objective.startswith("能") or len(objective) < 8:
        yield 0, "metadata 的 pufa.objective 应以“能”开头，写学完能做什么，如“能判断一份业主大会决议是否有效”"
    if not isinstance(audience, list) or not audience or any(who not in AUDIENCES for who in audience):
        yield 0, f"metadata 的 pufa.audience 应从 {'、'.join(AUDIENCES)} 中选"
    if not _NAME.fullmatch(module.path.stem):
        yield 0, "文件名应是 两位数字-英文短名.ipynb，如 01-owners-vote.ipynb"


def _notebook(checking: Checking) -> Iterator[Hit]:
    module = checking.module
    if module.kernel != "python3":
        yield 0, "内核应是 python3；请在 JupyterLab 右上角改选"
    first = module.cells[0] if module.cells else None
    if first is None or first.kind != "markdown" or not first.source.startswith("# "):
        yield 1, "第一格应是以 # 开头的课名"
    for cell in module.cells:
        if not cell.clean:
            yield cell.number, "留有运行输出；请清除所有输出再保存"
        if cell.kind == "code" and parse(cell) is None:
            yield cell.number, "不是完整的 Python 代码；请运行看看，去掉 % 和 ! 开头的行"
        if UNWRITTEN in cell.source:
            yield cell.number, f"还有“{UNWRITTEN}”；请写完"
        if TRAINER not in cell.tags and _ADDRESS.search(cell.source):
            yield cell.number, "引了网址，没有外网的办公室打不开；请把要看的内容写进来"


def _tags(checking: Checking) -> Iterator[Hit]:
    showing = {call.cell for call in checking.module.calls}
    for cell in checking.module.cells:
        if cell.number in showing and (ACTIVITY not in cell.tags or not cell.collapsed):
            yield cell.number, f"显示练习的格子要加标签 {ACTIVITY}，并收起代码（jupyter.source_hidden: true）"
        if ACTIVITY in cell.tags and cell.number not in showing:
            yield cell.number, f"有标签 {ACTIVITY} 却没有调用 {'、'.join(ACTIVITIES)} 之一"
        if TRAINER in cell.tags and cell.kind != "markdown":
            yield cell.number, "讲师备注应是文字格子；学员的副本里没有它，后面的代码会缺东西"


# ---------------------------------------------------------------- the course of the lesson


def _parts(checking: Checking) -> Iterator[Hit]:
    module, names = checking.module, [call.name for call in checking.module.calls]
    slugs = {slug for _, slug in module.items("practise")}
    if len(slugs) < FEWEST_PRACTICE:
        yield 0, f"只有 {len(slugs)} 道练习题；至少 {FEWEST_PRACTICE} 道不同的 practise(…)"
    if names.count("decide") < FEWEST_DECISIONS:
        yield 0, f"只有 {names.count('decide')} 个决定；开头的难题一个，结尾回到它再来一个"
    if "write_then_compare" not in names and not any(WORKED in cell.tags for cell in module.cells):
        yield 0, f"没有应用任务：加一个 write_then_compare(…)，或把参考答案的格子标为 {WORKED}"
    if names.count("self_test") != 1:
        yield 0, f"应有且只有一个结课自测 self_test(…)，现有 {names.count('self_test')} 个"
    if not any(TRAINER in cell.tags for cell in module.cells):
        yield 0, f"没有讲师备注；写一格讲法、常见争论、可替换的本地案例，加标签 {TRAINER}"


def _sequence(checking: Checking) -> Iterator[Hit]:
    calls = checking.module.calls
    where = {name: [call.cell for call in calls if call.name == name] for name in ("decide", "practise", "self_test")}
    if calls and calls[0].name != "decide":
        yield calls[0].cell, "第一个动手处应是开头那件难事的决定 decide(…)"
    if len(where["decide"]) > 1 and where["practise"] and where["decide"][-1] < where["practise"][-1]:
        yield where["decide"][-1], "最后一个决定应在练习之后：学完回到开头的事再决定一次"
    if where["self_test"] and calls[-1].name != "self_test":
        yield calls[-1].cell, "结课自测之后不再有练习"


def _decisions(checking: Checking) -> Iterator[Hit]:
    for call in checking.module.calls:
        options = call.arguments[1] if call.name == "decide" and len(call.arguments) > 1 else call.named.get("options")
        if call.name == "decide" and isinstance(options, list):
            good = all(isinstance(one, tuple) and len(one) == 2 and all(isinstance(text, str) and text.strip() for text in one) for one in options)
            if not good or len(options) < 2:
                yield call.cell, "decide 的每个选项都要写成（做法, 说理的反馈）"


# ---------------------------------------------------------------- items and law


def _items(checking: Checking) -> Iterator[Hit]:
    module, bank = checking.module, checking.bank
    practised, tested = module.items("practise"), module.items("self_test")
    for call in module.calls:
        asked = {"practise": practised, "self_test": tested}.get(call.name)
        if asked is not None and not any(cell == call.cell for cell, _ in asked):
            yield call.cell, f"{call.name} 的题号要直接写在括号里，不要用变量"
    for cell, slug in practised + tested:
        item = bank.get(slug)
        if item is None:
            yield cell, f"题库里没有题号 {slug[:60]}；请用 pufa bank show 核对"
        elif item.pool != POOL:
            yield cell, f"{slug} 在 {item.pool} 池，不是练习题；课程只用 {POOL} 池的题，以免泄露考题"


def _tested(checking: Checking) -> Iterator[Hit]:
    tested = checking.module.items("self_test")
    seen = {slug for _, slug in checking.module.items("practise")}
    for cell, slug in tested:
        if slug in seen:
            yield cell, f"{slug} 在前面练过；自测要用没有练过的题"
        elif slug in checking.bank and not checking.bank[slug].options:
            yield cell, f"{slug} 要人评阅，不能放进自测"
    if tested and len(tested) < FEWEST_TESTED:
        yield tested[0][0], f"自测只有 {len(tested)} 题；至少 {FEWEST_TESTED} 题"


def _listed(checking: Checking) -> Iterator[Hit]:
    module = checking.module
    listed = module.about.get("items")
    used = {slug for activity in ("practise", "self_test") for _, slug in module.items(activity)}
    if not isinstance(listed, list) or {str(slug) for slug in listed} != used or len(listed) != len(used):
        yield 0, f"metadata 的 pufa.items 应正好是用到的 {len(used)} 个题号：{'、'.join(sorted(used))}"


def _law(checking: Checking) -> Iterator[Hit]:
    module, registry = checking.module, checking.registry
    rows = module.about.get("law")
    if not isinstance(rows, list) or not rows or len(module.law) != len(rows):
        yield 0, 'metadata 的 pufa.law 应列出所讲的条文，如 {"act": "民法典", "article": "278"}'
    known = {Citation(registry.short_title(one.act), one.article) for one in module.law}
    for citation in module.law:
        try:
            registry.resolve(citation, checking.as_of)
        except CitationFault as fault:
            yield 0, f"metadata 的 pufa.law：{fault}"
    for cell in module.cells:
        for act, article, sub in _CITED.findall(cell.source):
            number = article if article.isdigit() else str(chinese_number(article))
            citation = Citation(registry.short_title(act), number + (f"之{sub}" if sub else ""))
            if citation.act in registry.acts and citation not in known:
                yield cell.number, f"讲到{citation}，metadata 的 pufa.law 里没有；请补上，修法时才找得到本课"


def _copied(checking: Checking) -> Iterator[Hit]:
    texts = {str(cell.number): cell.source for cell in checking.module.cells}
    for number, (statute, run) in statute_runs(texts, checking.statutes).items() if checking.statutes else ():
        yield int(number), f"有一段与《{statute}》的条文逐字相同（“{run[:16]}……”）；请用自己的话讲"


RULES: tuple[Callable[[Checking], Iterable[Hit]], ...] = (_metadata, _notebook, _tags, _parts, _sequence, _decisions, _items, _tested, _listed, _law, _copied)
