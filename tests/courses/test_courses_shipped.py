"""Every shipped module keeps the format, its items and its law. (That it runs clean: test_courses_modules.py.)"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from courses.module import MODULES, courses, module_paths, read_module
from courses.module_checks import Checking, check_module
from question_bank.bank import Bank
from question_bank.registry import Registry

#: The day of the shipped registry's evidence; `pufa course check` asks for today.
AS_OF = date(2026, 11, 23)
BANK, REGISTRY = Bank.read(), Registry.read()


@pytest.mark.parametrize("path", module_paths(), ids=lambda path: str(path.relative_to(MODULES)))
def test_module_is_whole(path: Path) -> None:
    module, found = read_module(path)
    assert module is not None, found
    assert [str(fault) for fault in check_module(Checking(module, BANK, REGISTRY, AS_OF))] == []


def test_every_course_has_a_module_and_every_notebook_has_a_course() -> None:
    paths = module_paths()
    assert {path.parent.name for path in paths} == set(courses())
    others = {path for path in MODULES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts} - set(paths)
    assert {path.parent.name for path in others} == {"start"}
