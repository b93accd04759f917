"""The notebook that ``pufa course new`` writes: every part that a module must have, with what is still to be written marked 待写."""

from __future__ import annotations

from typing import Any

from courses.module import ACTIVITY, TRAINER

IMPORT = "# 准备\nfrom courses.activities import arrange, decide, practise, self_test, sort_into, write_then_compare"

_OPENING = """# {title}

学完这一课，你**能待写**（一句话，写能做什么）。约 35 分钟。

> 先按上方工具栏的 **▶▶**（重启内核并运行所有单元格），练习就会出现。不需要会编程，代码都收起来了。"""

_TRAINER = """**讲师备注**（学员的副本里没有这一格）

- 讲法：待写
- 常见争论：待写
- 可替换的本地案例：待写"""

_DECIDE = """# 做个决定
decide(
    "待写：一件难办的事，现在要你决定。",
    [
        ("待写：做法一", "待写：这样做会怎样，为什么"),
        ("待写：做法二", "待写：这样做会怎样，为什么"),
        ("待写：做法三", "待写：这样做会怎样，为什么"),
    ],
    best=0,
)"""

_SORT = """# 分一分
sort_into(
    "待写：把下面的事分开。",
    ["待写：甲类", "待写：乙类"],
    [("待写：一件事", "待写：甲类", "待写：理由"), ("待写：另一件事", "待写：乙类", "待写：理由")],
)"""

_WRITE = """# 写一写
write_then_compare(
    "待写：请动手写一份……",
    "待写：参考答案（分点写，附依据）",
)"""

_PARTS = (
    ("md", "## 一、一件难办的事\n\n待写：时间、身份、关键事实，没有多余的故事。"),
    ("do", _DECIDE),
    ("md", "## 二、待写\n\n待写：谁、什么条件下、做什么、不做会怎样；用自己的话，附条号，如《民法典》第278条。"),
    ("do", '# 练一练\npractise("待写")'),
    ("do", '# 练一练\npractise("待写")'),
    ("md", "## 三、待写"),
    ("do", _SORT),
    ("do", '# 练一练\npractise("待写")'),
    ("do", '# 练一练\npractise("待写")'),
    ("md", "## 四、动手写\n\n待写"),
    ("do", _WRITE),
    ("do", '# 练一练\npractise("待写")'),
    ("md", "## 五、回到开头那件事\n\n待写：多了一个事实，或换一个时间，再决定一次。"),
    ("do", _DECIDE),
    ("md", "## 结课自测\n\n下面的题前面没有练过。不限时间，可以重做。"),
    ("do", '# 结课自测\nself_test(["待写", "待写", "待写"])'),
    ("md", "## 带走三句话\n\n1. 待写\n2. 待写\n3. 待写"),
)


def new_module(course: str, title: str) -> dict[str, Any]:
    """A notebook (plain JSON, format 4.5) for one new module."""
    opening = _markdown(_OPENING.format(title=title))
    cells = [opening, _code(IMPORT, []), _markdown(_TRAINER, [TRAINER])]
    cells += [_markdown(source) if kind == "md" else _code(source, [ACTIVITY]) for kind, source in _PARTS]
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number:02d}"
    about = {"title": title, "course": course, "minutes": 35, "audience": ["社区"], "objective": "能待写", "law": [], "items": []}
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "pufa": about,
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _markdown(source: str, tags: list[str] | None = None) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "", "metadata": {"tags": tags} if tags else {}, "source": source.splitlines(keepends=True)}


def _code(source: str, tags: list[str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"jupyter": {"source_hidden": True}}
    if tags:
        metadata["tags"] = tags
    return {"cell_type": "code", "execution_count": None, "id": "", "metadata": metadata, "outputs": [], "source": source.splitlines(keepends=True)}
