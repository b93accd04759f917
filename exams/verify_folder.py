"""Verification of a course folder: the manifest against blueprint, bank and law, and every file against the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from exams.blueprint import Blueprint
from exams.course_folder import NOTEBOOK, assignment_of
from exams.errors import ContentError
from exams.forms import key_form, public_form, read_key_form, read_paper
from exams.notebook import release_notebook, source_notebook, to_json
from exams.paper import Paper
from exams.program import seed_hash
from exams.toml_source import Fault
from exams.verify import verify
from question_bank.bank import Bank
from question_bank.likeness import near_duplicates
from question_bank.registry import Registry


@dataclass(frozen=True)
class Checked:
    """A paper as found in a folder, and everything wrong with it."""

    paper: Paper
    blueprint: Blueprint
    bank: Bank
    faults: tuple[Fault, ...]


def verify_folder(folder: Path, bank: Bank, registry: Registry) -> Checked:
    """Check a folder that ``pufa exam build`` wrote, against the bank it was drawn from.

    :raises ContentError: manifest or blueprint are missing or unreadable, so that nothing can be checked.
    """
    paper = read_paper(folder / "manifest.json")
    blueprint = Blueprint.read(folder / "blueprint.toml")
    drawn = {question.item for form in paper.forms for question in form.questions}
    enemies = near_duplicates({slug: bank[slug] for slug in sorted(drawn) if slug in bank})
    faults = verify(paper, blueprint, bank, enemies=enemies)
    if not faults:
        faults = [*_hashes(folder, paper, bank, registry), *_files(folder, paper, blueprint, bank), *_seed(folder, paper)]
    return Checked(paper, blueprint, bank, tuple(faults))


def _hashes(folder: Path, paper: Paper, bank: Bank, registry: Registry) -> Iterator[Fault]:
    """Each item is the version that was drawn, under the law of the paper's day."""
    try:
        day = date.fromisoformat(paper.as_of)
    except ValueError:
        yield Fault(str(folder / "manifest.json"), 0, f"日期“{paper.as_of[:20]}”不对；请从备份恢复或重新组卷")
        return
    for form in paper.forms:
        for question in form.questions:
            if question.item_hash != bank.item_hash(question.item, registry, day):
                message = f"{form.form} 卷 {question.id}（{question.item}）的题目或所引条文与组卷时不同；请核对后重新组卷"
                yield Fault(str(folder / "manifest.json"), 0, message)


def _files(folder: Path, paper: Paper, blueprint: Blueprint, bank: Bank) -> Iterator[Fault]:
    """Keys and notebooks say exactly what the manifest and the bank say."""
    for form in paper.forms:
        public, key = public_form(paper, form.form, blueprint, bank), key_form(paper, form.form, blueprint, bank)
        path = folder / "keys" / f"{form.form}.json"
        try:
            if read_key_form(path) != key:
                yield Fault(str(path), 0, "答案文件与题库不一致；请重新组卷")
        except ContentError as error:
            yield Fault(str(path), 0, error.faults[0])
        for place, notebook in (("source", source_notebook(public, key)), ("release", release_notebook(public))):
            path = folder / place / assignment_of(form.form) / f"{NOTEBOOK}.ipynb"
            if not path.is_file() or path.read_bytes() != to_json(notebook).encode():
                yield Fault(str(path), 0, "试卷文件缺失或被改动；请重新组卷")


def _seed(folder: Path, paper: Paper) -> Iterator[Fault]:
    path = folder / "seed.txt"
    if path.exists():
        try:
            told = int(path.read_text(encoding="ascii"), 16)
        except ValueError:
            told = -1
        if told < 0 or seed_hash(told) != paper.seed_hash:
            yield Fault(str(path), 0, "随机种子与组卷时承诺的摘要不符；请从备份恢复")
