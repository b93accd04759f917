"""An item in the terminal, as candidates see it or with key and rationale."""

from __future__ import annotations

import re

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from question_bank.item import KIND_TITLES, Item
from question_bank.rendering import plain_letters, rationale_text

_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


def prose(text: str) -> Text:
    """Markdown's bold as bold; everything else as it stands (no markup of ours is read from it)."""
    shown = Text()
    for number, part in enumerate(_BOLD.split(text)):
        shown.append(part, style="bold" if number % 2 else "")
    return shown


def item_panel(item: Item, with_key: bool) -> Panel:
    """The item in the file's order; ``with_key`` adds key, model answer, rationale and citations."""
    parts = [prose(item.stem), Text()]
    for option in item.options:
        line = Text("✔ " if with_key and option.right else "  ", style="green")
        line.append(f"{option.anchor.upper()}. ", style="bold").append_text(prose(option.text))
        parts.append(line)
    title = f"{KIND_TITLES[item.kind]}　{item.slug}"
    if not with_key:
        return Panel(Group(*parts), title=Text(title), title_align="left")
    if item.options:
        parts += [Text(), Text("答案：" + "".join(sorted(item.key)).upper(), style="bold green")]
    if item.model_answer:
        parts += [Text(), Text("参考答案：", style="bold").append_text(prose(item.model_answer))]
    parts += [Text(f"（{float(point.weight):g} 分）{point.text}") for point in item.scoring_points]
    parts += [Text(), Text("解析：", style="bold").append_text(prose(rationale_text(item.rationale, plain_letters(item))))]
    parts.append(Text("依据：" + "、".join(str(citation) for citation in item.law), style="dim"))
    about = f"{item.topic} · {item.level} · 难度 {item.difficulty:g} · {'、'.join(item.audience)} · 命题 {item.author}"
    return Panel(Group(*parts), title=Text(title), title_align="left", subtitle=Text(about), subtitle_align="left")
