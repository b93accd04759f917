"""Building a sitting's papers and keeping them: manifest, keys and seed in ``secret/papers/<paper>/``.

::

    secret/papers/<paper>/manifest.json   the Paper                public/<form>.json   what candidates get, copied at opening
                          seed.txt        disclosed after the last resit      keys/<form>.json
    secret/nbgrader/<sitting>/            the course folder for nbgrader

Imports the solver: only the worker and the command import this module.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection, select, update

from exams.assembly import assemble
from exams.blueprint import Blueprint
from exams.course_folder import write_course
from exams.draw_list import DrawList, draw_list
from exams.errors import ContentError, SittingError
from exams.forms import key_form, public_form, write_key_form, write_public_form
from exams.paper import KeyForm, Paper, PublicForm
from exams.paper_files import file_digests
from exams.sittings import Sitting, get_sitting
from exams.tables import paper, sitting
from exams.verify import verify
from home import BEIJING, OFFICE, PRIVATE, Home, audit, canonical_json, digest, now_ms, transaction, write_atomically
from question_bank.bank import Bank
from question_bank.likeness import near_duplicates
from question_bank.registry import Registry
from question_bank.signoff import SignOffs


def bank_folder(home: Home, kind: str) -> Path | None:
    """Where a sitting's items come from: a formal one's from the office's secret bank, else from the shipped one (None).

    Nothing that waits for a formal sitting is ever shown in a demo or mock one.
    """
    return home.secret / "bank" if kind == "formal" else None


def build_papers(home: Home, sitting_id: str, by: str, seed: int | None = None) -> Paper:
    """Draw the forms of a draft sitting and put them in the safe; building again replaces an unopened paper.

    ``seed``: 128 bits; only demo and mock sittings may name it, otherwise it comes from :mod:`secrets`.

    :raises SittingError: not a draft, or a seed for a formal sitting.
    :raises ContentError: the bank is wrong, the blueprint asks too much, or a formal sitting would use unsigned or shipped items.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        asked = _asked_before(home, connection, known)
    if known.state != "draft":
        raise SittingError("开考后不能重新组卷")
    if known.kind == "formal" and seed is not None:
        raise SittingError("正式考试的随机种子由系统产生，不能指定")
    as_of = datetime.fromtimestamp(known.opens_at / 1000, UTC).astimezone(BEIJING).date()
    folder = bank_folder(home, known.kind)
    bank = Bank.read(folder)
    listed = draw_list(bank, Registry.read(), SignOffs.read(folder), as_of, known.blueprint.pools)
    unfit = _unfit_for_formal(bank, listed.hashes, folder) if known.kind == "formal" else frozenset()
    seed = secrets.randbits(128) if seed is None else seed
    blueprint, drawn = _draw(known, bank, f"{sitting_id}-{secrets.token_hex(3)}", seed, as_of, listed, asked | unfit)
    faults = verify(drawn, blueprint, bank, enemies=listed.enemies)
    if faults:
        raise ContentError(faults)
    publics, keys = _store(home, known, drawn, bank, seed)
    with transaction(home.office) as connection:
        _take_over(connection, known, drawn, file_digests(paper_of(home, drawn.id)), as_of, by)
        write_course(home.secret / "nbgrader" / known.id, drawn, publics, keys, known.blueprint)
    return drawn


def _draw(
    known: Sitting, bank: Bank, paper_id: str, seed: int, as_of: date, listed: DrawList, exclude: frozenset[str]
) -> tuple[Blueprint, Paper]:
    """The forms; a resit, which may not repeat what was asked, makes do with fewer forms where the bank is too small."""
    refusal: ContentError | None = None
    for forms in range(known.blueprint.forms, 0, -1):
        blueprint = known.blueprint.with_forms(forms)
        try:
            return blueprint, assemble(
                blueprint, bank, paper_id=paper_id, seed=seed, as_of=as_of, hashes=listed.hashes, exclude=exclude,
                enemies=listed.enemies,
            )  # fmt: skip
        except ContentError as error:
            refusal = refusal or error
        if not known.resit_of:
            break
    assert refusal is not None
    if exclude and known.resit_of:
        raise ContentError([*refusal.faults, f"补考不重复以前考过的题，已排除 {len(exclude)} 题；题库不够，请补充题目"])
    raise refusal


def _asked_before(home: Home, connection: Connection, known: Sitting) -> frozenset[str]:
    """Items of every sitting that this one is a resit of, back to the first."""
    asked: frozenset[str] = frozenset()
    before, seen = known.resit_of, {known.id}
    while before and before not in seen:
        seen.add(before)
        row = connection.execute(select(sitting.c.paper_id, sitting.c.resit_of).where(sitting.c.id == before)).one()
        asked |= _items_of(home, row.paper_id) if row.paper_id else frozenset()
        before = row.resit_of
    return asked


def _items_of(home: Home, paper_id: str) -> frozenset[str]:
    """Slugs of a stored paper: a resit asks nothing that the first sitting asked."""
    manifest = json.loads((paper_of(home, paper_id) / "manifest.json").read_text(encoding="utf-8"))
    return frozenset(question["item"] for form in manifest["forms"] for question in form["questions"])


def _unfit_for_formal(bank: Bank, hashes: Mapping[str, str], folder: Path | None) -> frozenset[str]:
    """Items that a formal sitting must not use: shipped ones, their near-duplicates, and those without an office sign-off."""
    signed = SignOffs.read(folder)
    shipped = Bank.read()
    public = set(shipped) | {a for a, b in near_duplicates(bank, shipped)}
    return frozenset(slug for slug in hashes if slug in public or not signed.holds(slug, hashes[slug], "office"))


def _store(home: Home, known: Sitting, drawn: Paper, bank: Bank, seed: int) -> tuple[list[PublicForm], list[KeyForm]]:
    folder = paper_of(home, drawn.id)
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    publics, keys = [], []
    for form in drawn.forms:
        publics.append(public_form(drawn, form.form, known.blueprint, bank))
        keys.append(key_form(drawn, form.form, known.blueprint, bank))
        write_public_form(aside / "public" / f"{form.form}.json", publics[-1])
        write_key_form(aside / "keys" / f"{form.form}.json", keys[-1])
    write_atomically(aside / "manifest.json", json.dumps(drawn.to_json(), ensure_ascii=False, indent=1), PRIVATE)
    write_atomically(aside / "seed.txt", f"{seed:032x}\n", PRIVATE)
    aside.rename(folder)
    return publics, keys


def _take_over(connection: Connection, known: Sitting, drawn: Paper, files: dict[str, str], as_of: date, by: str) -> None:
    """Make the paper the sitting's own, if the sitting is still a draft: somebody may have opened it while this was drawn."""
    manifest = drawn.to_json()
    connection.execute(paper.insert().values(
        id=drawn.id, digest=digest(manifest), manifest=canonical_json({**manifest, "files": files}), as_of=as_of, built_at=now_ms(), built_by=by))  # fmt: skip
    taken = connection.execute(
        update(sitting).where(sitting.c.id == known.id, sitting.c.state == "draft").values(paper_id=drawn.id)
    ).rowcount
    if not taken:
        raise SittingError("组卷期间本场已经开考，仍用开考时的试卷；这次组的卷没有采用")
    audit(connection, OFFICE, by, "paper.build", known.id, paper=drawn.id, digest=digest(manifest), seed_hash=drawn.seed_hash)


def paper_of(home: Home, paper_id: str) -> Path:
    """Folder of a stored paper."""
    return home.secret / "papers" / paper_id
