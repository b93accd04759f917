"""Column sets of the office's own: rename, order, hide, widen, save under a name. Every button is a plain form button, no dragging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.responses import Response

from grading.errors import ExportError
from grading.lists.kinds import ListKind
from grading.lists.layout import LONGEST_NAME, LONGEST_TITLE, Column, drop_columns, save_columns, saved_names
from hall.office.lists import kind_of
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from home import transaction

#: What a heading is wide by default when a hidden column is shown again.
WIDTH = 12.0


@dataclass(frozen=True)
class Draft:
    """A column set being edited: ``shown`` are (number of the column in the list, heading, width as typed), in order."""

    kind: ListKind
    name: str
    shown: tuple[tuple[int, str, str], ...]
    focus: str = ""                 # the button that was pressed: the keyboard stays where it was

    @property
    def hidden(self) -> list[tuple[int, str]]:
        here = {number for number, _, _ in self.shown}
        return [(number, name) for number, name in enumerate(self.kind.columns) if number not in here]

    def rows(self) -> list[tuple[str, str, object]]:
        """(name, heading, width) for :func:`save_columns`, which says what is wrong."""
        return [(self.kind.columns[number], title, _number(width)) for number, title, width in self.shown]


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def columns_page(visit: Visit) -> Response:
    """``GET /columns?list=&set=``."""
    kind = kind_of(visit.query.get("list", "scores"))
    with visit.home.office.connect() as connection:
        layout = kind.layout(connection, visit.query.get("set") or None)
        own = saved_names(connection, kind.key)
    name = layout.name if layout.name in own else ""
    return _shown(visit, Draft(kind, name, tuple(map(lambda one: _line(kind, one), layout.columns))), "")


def _line(kind: ListKind, one: Column) -> tuple[int, str, str]:
    return kind.columns.index(one.name), one.title, f"{one.width:g}"


def _shown(visit: Visit, draft: Draft, faults: str) -> Response:
    with visit.home.office.connect() as connection:
        own = saved_names(connection, draft.kind.key)
    widths = [value for _, _, text in draft.shown if isinstance(value := _number(text), float)]
    return page(visit, "columns.html", 200, kind=draft.kind, draft=draft, own=own, faults=faults, total=sum(widths),
                LONGEST_NAME=LONGEST_NAME, LONGEST_TITLE=LONGEST_TITLE)  # fmt: skip


def edit_columns(visit: Visit) -> Response:
    """``POST /columns``: one button of the editor."""
    kind = kind_of(visit.form.get("list", ""))
    draft = _read(visit, kind)
    act, _, which = visit.form.get("act", "keep").partition(":")
    if act == "save":
        return _save(visit, draft)
    if act == "drop":
        with transaction(visit.home.office) as connection:
            drop_columns(connection, kind.key, draft.name, visit.by)
        return go(visit, "exports", good=f"已删除列方案“{draft.name}”。", query=f"list={kind.key}")
    if act in MOVES and which.isascii() and which.isdigit() and len(which) < 4:
        draft = replace(MOVES[act](draft, int(which)), focus=f"{act}:{which}")
    return _shown(visit, draft, "")


def _read(visit: Visit, kind: ListKind) -> Draft:
    numbers = [text for text in visit.form.get("order", "").split(",") if text]
    if not all(text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(kind.columns) for text in numbers):
        raise Refused("页面内容不完整；请重新打开列方案")
    shown = tuple((int(text), visit.form.get(f"t{text}", "")[:200], visit.form.get(f"w{text}", "")[:20]) for text in numbers)
    return Draft(kind, visit.form.get("name", "")[:100], shown)


def _save(visit: Visit, draft: Draft) -> Response:
    kind = draft.kind
    try:
        with transaction(visit.home.office) as connection:
            save_columns(connection, kind.key, kind.shipped, kind.columns, draft.name, draft.rows(), visit.by)
    except ExportError as error:
        return _shown(visit, draft, f"没有保存：{error}")
    name = " ".join(draft.name.split())
    return go(visit, "exports", good=f"已保存列方案“{name}”，导出时可以选它。", query=f"list={kind.key}")


def _moved(step: int) -> Callable[[Draft, int], Draft]:
    def move(draft: Draft, number: int) -> Draft:
        shown = list(draft.shown)
        place = next((n for n, line in enumerate(shown) if line[0] == number), None)
        if place is None or not 0 <= place + step < len(shown):
            return draft
        shown[place], shown[place + step] = shown[place + step], shown[place]
        return replace(draft, shown=tuple(shown))

    return move


def _hide(draft: Draft, number: int) -> Draft:
    return replace(draft, shown=tuple(line for line in draft.shown if line[0] != number))


def _show(draft: Draft, number: int) -> Draft:
    if number not in {hidden for hidden, _ in draft.hidden}:
        return draft
    return replace(draft, shown=(*draft.shown, (number, draft.kind.columns[number], f"{WIDTH:g}")))


MOVES: dict[str, Callable[[Draft, int], Draft]] = {"up": _moved(-1), "down": _moved(1), "hide": _hide, "show": _show}
