"""Why a blueprint cannot be met: which part or bound lacks how much, said before and after the solver has tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, hstack, identity, vstack

from exams.blueprint import Blueprint, Part, Share
from exams.eligible import counts_for, expected, unmarkable
from exams.program import Row, Slot, target_score
from question_bank.item import Item

WAY_OUT = "请补充题目、减少题数或平行卷份数，或者放宽这一要求"
DIAGNOSIS_LIMIT_S = 20.0

Pools = Mapping[str, Sequence[Item]]


def shortfalls(blueprint: Blueprint, pools: Pools) -> list[str]:
    """What counting alone shows: parts with too few items, shares and difficulties out of reach, items that cannot be marked."""
    found = []
    for part in blueprint.parts:
        found += _of_part(blueprint, part, pools[part.id])
    if found:
        return found
    for part in blueprint.parts:
        found += [fault for share in part.shares if (fault := _of_share(blueprint, share, [part], pools))]
    found += [fault for share in blueprint.shares if (fault := _of_share(blueprint, share, blueprint.parts, pools))]
    return found or _of_difficulty(blueprint, pools)


def _of_part(blueprint: Blueprint, part: Part, items: Sequence[Item]) -> list[str]:
    need = part.count * blueprint.forms
    found = []
    if len(items) < need:
        limits = "".join(f"、{'、'.join(names)}" for names in (part.subjects, blueprint.audience) if names)
        found.append(
            f"“{part.title}”（{part.id}）：{blueprint.forms} 份卷共需 {need} 题，题库中可用 {len(items)} 题"
            f"（{'、'.join(blueprint.pools)}{limits}），缺 {need - len(items)} 题。{WAY_OUT}"
        )
    bad = unmarkable(part, items)
    if bad:
        names = "、".join(item.slug for item, _ in bad[:10])
        found.append(f"“{part.title}”（{part.id}）：有 {len(bad)} 题不能按“{part.rule}”评分，如 {names}：{bad[0][1]}；或把它们写入 exclude")
    return found


def _of_share(blueprint: Blueprint, share: Share, parts: Sequence[Part], pools: Pools) -> str | None:
    """A share that even the most (or the fewest) matching items cannot keep."""
    most = least = Fraction(0)
    total = sum((part.marks for part in parts), Fraction(0)) * blueprint.forms
    where = f"“{parts[0].title}”中" if len(parts) == 1 and len(blueprint.parts) > 1 else ""
    for part in parts:
        need = part.count * blueprint.forms
        fitting = sum(counts_for(share, item) for item in pools[part.id])
        most += part.points * min(fitting, need)
        least += part.points * max(0, need - (len(pools[part.id]) - fitting))
    points = max(part.points for part in parts)
    if most < share.least * total:
        lack = share.least * total - most
        return (
            f"{where}{share.title}：{blueprint.forms} 份卷至少要 {_text(share.least * total)} 分，"
            f"可用的题最多 {_text(most)} 分，缺 {_text(lack)} 分（至少 {math.ceil(lack / points)} 题）。{WAY_OUT}"
        )
    if least > share.most * total:
        over = least - share.most * total
        return (
            f"{where}{share.title}：{blueprint.forms} 份卷至多 {_text(share.most * total)} 分，其余的题不够，"
            f"至少要占 {_text(least)} 分，多出 {_text(over)} 分（还缺其他题至少 {math.ceil(over / points)} 题）。{WAY_OUT}"
        )
    return None


def _of_difficulty(blueprint: Blueprint, pools: Pools) -> list[str]:
    lowest = highest = Fraction(0)
    for part in blueprint.parts:
        marks = sorted(expected(part, item) for item in pools[part.id])
        need = part.count * blueprint.forms
        lowest += sum(marks[:need], Fraction(0))
        highest += sum(marks[-need:], Fraction(0))
    target = target_score(blueprint, pools)
    low, high = lowest / blueprint.forms, highest / blueprint.forms
    if low <= target + blueprint.tolerance and high >= target - blueprint.tolerance:
        return []
    return [
        f"预计平均分：要求 {_text(target)} 分（上下 {_text(blueprint.tolerance)} 分），"
        f"可用的题平均只能做到 {_text(low)} 至 {_text(high)} 分。请改 [difficulty]，或补充{'较易' if high < target else '较难'}的题目"
    ]


def elastic_shortfall(
    blueprint: Blueprint, slots: Sequence[Slot], rows: Sequence[Row], matrix: Callable[[Sequence[Mapping[int, Fraction]], int], csr_matrix]
) -> list[str]:
    """Bounds that fit one by one and not together: the least that must give way over all forms, found by an elastic program."""
    n, m, forms = len(slots), len(rows), blueprint.forms
    slugs = sorted({slot.item.slug for slot in slots})
    once = matrix([{k: Fraction(1) for k, slot in enumerate(slots) if slot.item.slug == slug} for slug in slugs], n)
    bounds = matrix([row.weights for row in rows], n)
    none = csr_matrix((len(slugs), 2 * m))
    both = vstack([hstack([bounds, identity(m), -identity(m)]), hstack([once, none])])
    low = np.concatenate([[float(row.low * forms) for row in rows], np.zeros(len(slugs))])
    high = np.concatenate([[float(row.high * forms) for row in rows], np.ones(len(slugs))])
    solved = milp(
        c=np.concatenate([np.zeros(n), np.ones(2 * m)]),
        constraints=LinearConstraint(both, low, high),
        bounds=Bounds(0, np.concatenate([np.ones(n), np.full(2 * m, np.inf)])),
        integrality=np.concatenate([np.ones(n), np.zeros(2 * m)]),
        options={"time_limit": DIAGNOSIS_LIMIT_S},
    )
    found = [] if solved.x is None else [
        _gives_way(row, forms, float(solved.x[n + k]), float(solved.x[n + m + k])) for k, row in enumerate(rows)
    ]  # fmt: skip
    told = [line for line in found if line]
    return told or [
        f"各项要求单独都能满足，但凑不齐 {forms} 份难度相当、互不重题、没有近似题同卷的试卷。"
        "请减少平行卷份数、放宽 [difficulty] 的 tolerance，或补充题目"
    ]


def _gives_way(row: Row, forms: int, short: float, over: float) -> str | None:
    if max(short, over) < 1e-6:
        return None
    wanted, verb, by = (row.low, "至少", short) if short >= over else (row.high, "至多", over)
    return (
        f"{row.title}：{forms} 份卷合计{verb}要 {_text(wanted * forms)} {row.unit}，和其他要求合在一起"
        f"还差 {_text(Fraction(by).limit_denominator(1000))} {row.unit}。{WAY_OUT}"
    )


def _text(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.2f}"
