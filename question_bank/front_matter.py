"""The front matter of an item file: which fields there are, what each may hold, and on which line it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from question_bank.errors import ERROR, Fault
from question_bank.item import AUDIENCES, KIND_TITLES, LEVELS, Citation

#: Most lines and characters of front matter that are parsed at all.
MOST_LINES, MOST_CHARS = 60, 8_000
ORDERS = {"shuffle": False, "fixed": True}
ARTICLE = re.compile(r"[1-9]\d{0,3}(?:之[一二三四五六七八九十]{1,3})?")
_KEY = re.compile(r"([A-Za-z_]\w*)\s*:")
_ALIAS = re.compile(r"(?:^|[\s\[{,:-])[&*]\S", re.MULTILINE)
#: plain data only; libyaml's where it is there: a bank of hundreds of files is read again and again, and Python's own takes ten times as long
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(ValueError):
    """A field's value is refused; the message says what it should be."""


@dataclass(frozen=True)
class Field:
    """One field: its name in the file and in :class:`~question_bank.item.Item`, and how its value is read."""

    key: str
    name: str
    read: Callable[[object], object]


@dataclass(frozen=True)
class FrontMatter:
    """What was read: values by the names of :class:`~question_bank.item.Item`, lines by the file's keys, and the
    number of lines up to and with the closing ``---``."""

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    end: int = 0


def _shown(value: object) -> str:
    """A value as a message shows it; an integer of thousands of digits has no decimal text."""
    try:
        return str(value)[:40]
    except ValueError:
        return "一个过大的数"


def _one_of(choices: Iterable[str]) -> Callable[[object], str]:
    known = tuple(choices)

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise Refused(f"应为：{'、'.join(known)}")
        return value

    return read


def _text(most: int) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise Refused(f"应为 1 至 {most} 个字的文字")
        return value.strip()

    return read


def _audience(value: object) -> tuple[str, ...]:
    choose = _one_of(AUDIENCES)
    if not isinstance(value, list) or not 1 <= len(value) <= len(AUDIENCES):
        raise Refused(f"应写成列表，如 [街道, 社区]；可用：{'、'.join(AUDIENCES)}")
    named = {choose(one) for one in value}
    return tuple(one for one in AUDIENCES if one in named)


def _difficulty(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise Refused("应为 0 与 1 之间的小数，表示预计答对的比例，如 0.55")
    return float(value)


def _law(value: object) -> tuple[Citation, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 12:
        raise Refused("应写 1 至 12 条依据，每条一行：- {act: 民法典, article: 278}")
    found: list[Citation] = []
    for number, entry in enumerate(value, 1):
        if not isinstance(entry, dict) or set(entry) != {"act", "article"}:
            raise Refused(f"第 {number} 条依据应写成 {{act: 法律简称, article: 条号}}，不多不少")
        act, article = entry["act"], entry["article"]
        if not isinstance(act, str) or not 0 < len(act) <= 60:
            raise Refused(f"第 {number} 条依据的 act 应为法律简称")
        if isinstance(article, bool) or not isinstance(article, int | str) or not ARTICLE.fullmatch(_shown(article)[:12]):
            raise Refused(f"第 {number} 条依据的 article 应为条号，如 278，或加引号的 \"120之一\"")
        found.append(Citation(act.strip(), str(article)))
    if len(set(found)) != len(found):
        raise Refused("同一条依据写了两次；请删去重复的")
    return tuple(found)


FIELDS = (
    Field("kind", "kind", _one_of(KIND_TITLES)),
    Field("law", "law", _law),
    Field("topic", "topic", _text(40)),
    Field("audience", "audience", _audience),
    Field("level", "level", _one_of(LEVELS)),
    Field("difficulty", "difficulty", _difficulty),
    Field("order", "fixed_order", lambda value: ORDERS[_one_of(ORDERS)(value)]),
    Field("author", "author", _text(40)),
)


def read_front_matter(lines: list[str], path: Path) -> tuple[FrontMatter, list[Fault]]:
    """The front matter at the top of a file, and what is wrong with it."""
    end = next((number for number, line in enumerate(lines[1 : MOST_LINES + 1], 1) if line.rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        return FrontMatter(), [Fault(path, 1, ERROR, f"文件应以 --- 开始的题目信息开头，{MOST_LINES} 行内以 --- 结束")]
    places = [(match[1], number) for number, line in enumerate(lines[1:end], 2) if (match := _KEY.match(line))]
    faults = [
        Fault(path, number, ERROR, f"{key} 写了两次；请只留一个")
        for place, (key, number) in enumerate(places) if key in {earlier for earlier, _ in places[:place]}
    ]  # fmt: skip
    at = dict(reversed(places))
    try:
        data = _load("\n".join(lines[1:end]))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        return FrontMatter(lines=at, end=end + 1), [*faults, Fault(path, line, ERROR, "题目信息不合 YAML 格式；请对照样例检查冒号、括号和引号")]
    except (yaml.YAMLError, ValueError, RecursionError):
        return FrontMatter(lines=at, end=end + 1), [*faults, Fault(path, 2, ERROR, "题目信息不合 YAML 格式或过长；请对照样例重写")]
    values, field_faults = _read_fields(data, at, path)
    return FrontMatter(values, at, end + 1), faults + field_faults


def _load(text: str) -> object:
    if len(text) > MOST_CHARS or _ALIAS.search(text):   # aliases can blow up a small text
        raise ValueError
    loader = _LOADER(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _read_fields(data: object, at: dict[str, int], path: Path) -> tuple[dict[str, object], list[Fault]]:
    if not isinstance(data, dict):
        return {}, [Fault(path, 2, ERROR, "题目信息应为“名称: 内容”的各行")]
    known = {each.key: each for each in FIELDS}
    faults = [
        Fault(path, at.get(_shown(key), 2), ERROR, f"没有“{_shown(key)}”这一项；可用：{'、'.join(known)}")
        for key in data if key not in known
    ]  # fmt: skip
    values: dict[str, object] = {}
    for key, each in known.items():
        if key not in data:
            faults.append(Fault(path, 1, ERROR, f"缺少 {key}；请补上"))
            continue
        try:
            values[each.name] = each.read(data[key])
        except Refused as refused:
            faults.append(Fault(path, at.get(key, 2), ERROR, f"{key} 不对：{refused}"))
    return values, faults
