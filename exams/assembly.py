"""Parallel forms from a blueprint and a bank, by mixed-integer programming (HiGHS through ``scipy.optimize.milp``).

Forms are drawn one by one, each together with a *shadow form* that stands for all forms still to come (van der Linden,
*Linear Models for Optimal Test Design*, 2005, ch. 6), so that the first form does not take what the last one needs. The
difficulty is a tolerance, not the objective: minimising the deviation never closes its gap. The objective is the sum of
seeded random item costs, which makes the draw random. A solve that ends by a limit is refused, never used.

Importing this module loads scipy: only the worker, the command and benchmarks do.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, hstack, vstack

from exams.blueprint import Blueprint
from exams.eligible import expected, pools_of_parts
from exams.errors import ContentError
from exams.paper import Paper, PaperForm, PaperQuestion
from exams.program import Row, Slot, decimal_text, rows_of, seed_hash, target_score
from exams.shortfall import elastic_shortfall, shortfalls
from question_bank.bank import Bank

#: Seconds for one form; reaching them is a refusal. A form of 100 items from 2,000 takes well under one.
LIMIT_S = 120.0
#: The random costs have no meaning of their own, so the best draw need not be proved to the last digit.
GAP = 0.05
#: Other random costs are tried so many times before a draw counts as impossible.
TRIES = 3

OPTIMAL, INFEASIBLE = 0, 2


def assemble(
    blueprint: Blueprint,
    bank: Bank,
    *,
    paper_id: str,
    seed: int,
    as_of: date,
    hashes: Mapping[str, str],
    exclude: Collection[str] = frozenset(),
    enemies: Collection[tuple[str, str]] = (),
) -> Paper:
    """Draw the forms of a paper.

    ``hashes``: slug -> item hash of every item that may be drawn; ``exclude``: slugs that must not; ``enemies``: pairs of
    which no form holds both. The same arguments give the same paper.

    :raises ContentError: the blueprint asks for more than the bank has; each shortfall is named.
    """
    pools = pools_of_parts(blueprint, bank, set(hashes) - set(exclude))
    faults = shortfalls(blueprint, pools)
    if faults:
        raise ContentError(faults)
    slots = [Slot(part, item) for part in blueprint.parts for item in pools[part.id]]
    target = target_score(blueprint, pools)
    drawn = _draw(blueprint, slots, target, seed, enemies)
    return Paper(
        id=paper_id,
        blueprint_digest=blueprint.digest,
        bank_digest=bank.digest,
        as_of=as_of.isoformat(),
        seed_hash=seed_hash(seed),
        forms=tuple(_form(blueprint, name, chosen, seed, hashes) for name, chosen in zip(blueprint.form_names, drawn, strict=True)),
    )


def _draw(
    blueprint: Blueprint, slots: list[Slot], target: Fraction, seed: int, enemies: Collection[tuple[str, str]]
) -> list[list[Slot]]:
    """The slots of each form. A try whose random draw leads into a corner is followed by another one."""
    for attempt in range(TRIES):
        left, forms = list(slots), []
        for number, name in enumerate(blueprint.form_names):
            rows, after = rows_of(blueprint, left, target), blueprint.forms - number - 1
            chosen = _solve(left, rows, after, enemies, _rng(seed, "costs", name, attempt))
            if chosen is None or not all(row.low <= row.value(chosen) <= row.high for row in rows):
                break   # none, or right only within the solver's rounding
            forms.append([left[n] for n in chosen])
            used = {slot.item.slug for slot in forms[-1]}
            left = [slot for slot in left if slot.item.slug not in used]
        else:
            return forms
    raise ContentError(elastic_shortfall(blueprint, slots, rows_of(blueprint, slots, target), _matrix))


def _rng(seed: int, *about: object) -> random.Random:
    """An independent stream for each purpose; :mod:`random` gives the same numbers on every machine."""
    words = "/".join([f"{seed:032x}", *map(str, about)])
    return random.Random(int.from_bytes(hashlib.sha256(words.encode()).digest(), "big"))


def _solve(
    slots: list[Slot], rows: list[Row], after: int, enemies: Collection[tuple[str, str]], rng: random.Random
) -> list[int] | None:
    """Numbers of the slots of one form, or None where there is no such form.

    Columns: the form (whole numbers), then the shadow of ``after`` further forms (fractions of items are enough there).
    """
    n = len(slots)
    form = _matrix([row.weights for row in rows], n)
    low = np.array([float(row.low) for row in rows])
    high = np.array([float(row.high) for row in rows])
    once = _matrix(list(_places(slots).values()), n)
    apart = _matrix(_enemy_rows(slots, enemies), n)
    nothing = csr_matrix(form.shape)
    both = vstack([hstack([form, nothing]), hstack([nothing, form]), hstack([once, once]), hstack([apart, csr_matrix(apart.shape)])])
    lows = np.concatenate([low, low * after, np.zeros(once.shape[0] + apart.shape[0])])
    highs = np.concatenate([high, high * after, np.ones(once.shape[0] + apart.shape[0])])
    solved = milp(
        c=np.concatenate([[rng.random() for _ in range(n)], np.zeros(n)]),
        constraints=LinearConstraint(both, lows, highs),
        bounds=Bounds(0, np.concatenate([np.ones(n), np.full(n, 1.0 if after else 0.0)])),
        integrality=np.concatenate([np.ones(n), np.zeros(n)]),
        options={"time_limit": LIMIT_S, "mip_rel_gap": GAP, "presolve": True},
    )
    if solved.status == INFEASIBLE:
        return None
    if solved.status != OPTIMAL:
        raise ContentError([f"组卷没有在 {LIMIT_S:.0f} 秒内算完（{solved.message}）；没有采用未算完的结果。请放宽比例或难度要求，或减少平行卷份数"])
    return [number for number, value in enumerate(solved.x[:n]) if value > 0.5]


def _matrix(rows: Sequence[Mapping[int, Fraction]], columns: int) -> csr_matrix:
    places = [(r, c, float(weight)) for r, row in enumerate(rows) for c, weight in row.items()]
    if not places:
        return csr_matrix((len(rows), columns))
    r, c, weights = zip(*places, strict=True)
    return csr_matrix((weights, (r, c)), shape=(len(rows), columns))


def _places(slots: list[Slot]) -> dict[str, dict[int, Fraction]]:
    """slug -> its slots: an item is drawn once at most, whichever part draws it."""
    found: dict[str, dict[int, Fraction]] = {}
    for number, slot in enumerate(slots):
        found.setdefault(slot.item.slug, {})[number] = Fraction(1)
    return found


def _enemy_rows(slots: list[Slot], enemies: Collection[tuple[str, str]]) -> list[dict[int, Fraction]]:
    places = _places(slots)
    return [places[one] | places[other] for one, other in enemies if one != other and one in places and other in places]


def _form(blueprint: Blueprint, name: str, chosen: list[Slot], seed: int, hashes: Mapping[str, str]) -> PaperForm:
    rng = _rng(seed, "order", name)
    questions: list[PaperQuestion] = []
    for part in blueprint.parts:
        slots = sorted((slot for slot in chosen if slot.part.id == part.id), key=lambda slot: slot.item.slug)
        rng.shuffle(slots)
        for slot in slots:
            anchors = [option.anchor for option in slot.item.options]
            if blueprint.shuffle_options and not slot.item.fixed_order and slot.item.kind != "true_false":
                rng.shuffle(anchors)
            questions.append(
                PaperQuestion(
                    id=f"q{len(questions) + 1:03d}", item=slot.item.slug, item_hash=hashes[slot.item.slug], part=part.id,
                    kind=part.kind, points=str(part.points), anchors="".join(anchors),
                )
            )  # fmt: skip
    score = sum((expected(slot.part, slot.item) for slot in chosen), Fraction(0))
    return PaperForm(name, tuple(questions), decimal_text(score))
