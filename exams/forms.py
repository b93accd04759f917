"""The two faces of a form: what candidates get and what only markers get, each built by copying named fields; and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import msgspec

from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.paper import (
    LETTERS,
    KeyEntry,
    KeyForm,
    Paper,
    PaperForm,
    PaperQuestion,
    PublicForm,
    PublicOption,
    PublicPart,
    PublicQuestion,
)
from exams.toml_source import Fault
from home import PRIVATE, write_atomically
from question_bank.item import Item
from question_bank.rendering import option_html, stem_html

#: A form of 999 questions with long case material stays far below this.
MAX_BYTES = 20_000_000

_Form = TypeVar("_Form", PublicForm, KeyForm)


def public_form(paper: Paper, form: str, blueprint: Blueprint, bank: Mapping[str, Item]) -> PublicForm:
    """What candidates get of a form: no key, rationale, slug, law or author.

    :raises KeyError: the paper has no such form, or the bank lacks one of its items.
    """
    return PublicForm(
        paper=paper.id,
        form=form,
        title=blueprint.title,
        minutes=blueprint.minutes,
        parts=tuple(PublicPart(part.id, part.title, part.instructions) for part in blueprint.parts),
        questions=tuple(_public(question, bank[question.item], blueprint) for question in _find(paper, form).questions),
        shuffle_questions=blueprint.shuffle_questions,
    )


def _public(question: PaperQuestion, item: Item, blueprint: Blueprint) -> PublicQuestion:
    texts = {option.anchor: option.text for option in item.options}
    ordered = [texts[anchor] for anchor in question.anchors]
    return PublicQuestion(
        id=question.id,
        kind=question.kind,
        part=question.part,
        points=question.points,
        html=stem_html(item),
        options=tuple(PublicOption(letter, option_html(text)) for letter, text in zip(LETTERS, ordered, strict=False)),
        fixed_order=item.fixed_order or item.kind == "true_false" or not blueprint.shuffle_options,
        text=item.stem,
        option_texts=tuple(ordered),
    )


def key_form(paper: Paper, form: str, blueprint: Blueprint, bank: Mapping[str, Item]) -> KeyForm:
    """What only markers get of a form. Rationales keep their anchors (``{a}``); ``anchors`` of the entry leads to letters.

    :raises KeyError: the paper has no such form, or the bank or the blueprint lacks what it names.
    """
    rules = {part.id: part.rule for part in blueprint.parts}
    entries = (_key(question, bank[question.item], rules[question.part]) for question in _find(paper, form).questions)
    return KeyForm(paper=paper.id, form=form, entries=tuple(entries))


def _key(question: PaperQuestion, item: Item, rule: str) -> KeyEntry:
    letters = dict(zip(question.anchors, LETTERS, strict=False))
    return KeyEntry(
        id=question.id,
        item=item.slug,
        item_hash=question.item_hash,
        kind=question.kind,
        part=question.part,
        points=question.points,
        rule=rule,
        key="".join(sorted(letters[anchor] for anchor in item.key)),
        anchors=question.anchors,
        rationale=item.rationale,
        law=tuple(str(citation) for citation in item.law),
        model_answer=item.model_answer,
        scoring_points=tuple((str(point.weight), point.text) for point in item.scoring_points),
    )


def _find(paper: Paper, form: str) -> PaperForm:
    return {one.form: one for one in paper.forms}[form]


# ---------------------------------------------------------------- files


def write_public_form(path: Path, form: PublicForm) -> None:
    """Write what candidates get, atomically."""
    write_atomically(path, json.dumps(asdict(form), ensure_ascii=False, indent=1))


def write_key_form(path: Path, form: KeyForm, mode: int = PRIVATE) -> None:
    """Write what only markers get, atomically, readable by its owner alone."""
    write_atomically(path, json.dumps(asdict(form), ensure_ascii=False, indent=1), mode)


def read_public_form(path: Path) -> PublicForm:
    """:raises ContentError: the file is missing, damaged, or holds a field that candidates must not get."""
    return _read(path, PublicForm)


def read_key_form(path: Path) -> KeyForm:
    """:raises ContentError: the file is missing or damaged."""
    return _read(path, KeyForm)


def read_paper(path: Path) -> Paper:
    """The manifest of a paper.

    :raises ContentError: the file is missing or damaged.
    """
    return _decode(path, _bytes(path), Paper)


def _read(path: Path, kind: type[_Form]) -> _Form:
    return _decode(path, _bytes(path), kind)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size <= MAX_BYTES:
            return path.read_bytes()
    except OSError:
        pass
    raise ContentError([Fault(str(path), 0, "试卷文件缺失、读不到或过大；请重新组卷，或从备份恢复")])


_Kind = TypeVar("_Kind", PublicForm, KeyForm, Paper)


def _decode(path: Path, raw: bytes, kind: type[_Kind]) -> _Kind:
    """Strict: a field too many is as wrong as one too few, because what is not named here must not be here."""
    try:
        form = msgspec.json.decode(raw, type=kind)
        whole = msgspec.json.decode(msgspec.json.encode(form)) == msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        whole = False
    if not whole:
        raise ContentError([Fault(str(path), 0, "试卷文件损坏或被改动；请重新组卷，或从备份恢复")])
    return form
