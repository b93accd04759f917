"""Real small papers for tests of every room: a blueprint text, a bank and the paper drawn from it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bank_fixture import write_generated_bank, write_small_bank

from exams.assembly import assemble
from exams.blueprint import Blueprint
from exams.forms import key_form, public_form
from exams.paper import KeyForm, Paper, PublicForm
from question_bank.bank import Bank

AS_OF = date(2026, 11, 23)

#: All kinds that the small bank has, one question of each but two single ones; half_each for the multiple one.
ALL_KINDS = """
title = "小卷"
minutes = 10
pools = ["sample_exam"]
[[parts]]
id = "single"
title = "单项选择题"
kind = "single"
count = 2
points = 1
[[parts]]
id = "multiple"
title = "多项选择题"
kind = "multiple"
count = 1
points = 2
rule = "half_each"
[[parts]]
id = "judge"
title = "判断题"
kind = "true_false"
count = 1
points = "3/2"
[[parts]]
id = "short"
title = "简答题"
kind = "short"
count = 1
points = "7/2"
[[parts]]
id = "case"
title = "案例分析题"
kind = "case"
count = 1
points = 8
"""


def blueprint_text(single: int = 8, multiple: int = 4, true_false: int = 4, forms: int = 2, extra: str = "") -> str:
    """A blueprint over a generated bank; ``extra`` is TOML put before the parts."""
    parts = [("single", single, 1), ("multiple", multiple, 2), ("true_false", true_false, 1)]
    lines = [f'title = "卷"\nminutes = 20\nforms = {forms}\npools = ["sample_exam"]\n{extra}\n']
    lines += [
        f'[[parts]]\nid = "{kind}"\ntitle = "{kind}题"\nkind = "{kind}"\ncount = {count}\npoints = {points}\n'
        for kind, count, points in parts
        if count
    ]
    return "".join(lines)


def hashes_of(bank: Bank) -> dict[str, str]:
    """Stand-ins for item hashes, one per slug."""
    return {slug: f"hash-{slug}" for slug in bank}


def generated_bank(folder: Path, n: int, seed: int = 1) -> Bank:
    return Bank.read(write_generated_bank(folder, n, seed))


def draw(blueprint: Blueprint, bank: Bank, seed: int = 7, **more: object) -> Paper:
    return assemble(blueprint, bank, paper_id="p-1", seed=seed, as_of=AS_OF, hashes=hashes_of(bank), **more)  # type: ignore[arg-type]


def small_paper(folder: Path, seed: int = 7) -> tuple[Blueprint, Bank, Paper, PublicForm, KeyForm]:
    """A one-form paper with every kind of the small bank."""
    bank = Bank.read(write_small_bank(folder))
    blueprint = Blueprint.parse(ALL_KINDS)
    paper = draw(blueprint, bank, seed)
    return blueprint, bank, paper, public_form(paper, "A", blueprint, bank), key_form(paper, "A", blueprint, bank)
