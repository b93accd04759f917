"""Printing a paper: for each form the paper and the answer sheet, and apart from them the sealed key; DOCX and PDF.

::

    out/A卷-试卷.docx .pdf     out/A卷-答题纸.docx .pdf          sealed/A卷-参考答案及评分标准.docx .pdf

Keys go to another folder than papers, never into it or under it. Every file is readable by its owner alone; in a home that services
share, by them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exams.errors import ContentError, SittingError
from exams.forms import key_form, public_form, read_key_form, read_public_form
from exams.paper import KeyForm, PublicForm
from exams.paper_files import refuse_changed
from exams.print.layout import PrintedForm, PrintedPart, key_rows, lay_out
from exams.sittings import KINDS, get_sitting
from exams.toml_source import Fault
from exams.typesetting import set_pdf, template_of
from exams.verify_folder import verify_folder
from home import OFFICE, PRIVATE, Home, audit, transaction, write_atomically
from question_bank.bank import Bank
from question_bank.registry import Registry

HERE = Path(__file__).parent


@dataclass(frozen=True)
class ToPrint:
    """A paper with all its forms. ``remark`` stands under the title: 模拟，成绩不作依据; empty for a formal one."""

    title: str
    remark: str
    forms: tuple[tuple[PublicForm, KeyForm], ...]


def from_home(home: Home, sitting_id: str) -> ToPrint:
    """The paper of a sitting, as it lies in the safe.

    :raises SittingError: no such sitting, no paper yet, or its files were changed since it was built.
    :raises ContentError: a file is damaged.
    """
    with home.office.connect() as connection:
        known = get_sitting(connection, sitting_id)
        if known.paper_id is None:
            raise SittingError("还没有组卷；请先组卷，再打印试卷")
        refuse_changed(home, connection, known.paper_id)
    folder = home.secret / "papers" / known.paper_id
    names = sorted(path.stem for path in (folder / "public").glob("*.json"))
    if not names:
        raise SittingError("试卷文件缺失；请重新组卷，或从备份恢复")
    forms = tuple((read_public_form(folder / "public" / f"{name}.json"), read_key_form(folder / "keys" / f"{name}.json")) for name in names)
    return ToPrint(known.title, "" if known.kind == "formal" else f"（{KINDS[known.kind][0]}，成绩不作依据）", forms)


def from_course(folder: Path, bank: Bank) -> ToPrint:
    """The paper in a course folder of ``pufa exam build``, after it has been verified against the bank.

    :raises ContentError: anything in the folder does not fit the manifest, the bank or the law.
    """
    checked = verify_folder(folder, bank, Registry.read())
    if checked.faults:
        raise ContentError(checked.faults)
    paper, blueprint = checked.paper, checked.blueprint
    forms = tuple((public_form(paper, one.form, blueprint, bank), key_form(paper, one.form, blueprint, bank)) for one in paper.forms)
    return ToPrint(blueprint.title, "", forms)


def read_words(home: Home | None = None) -> dict[str, Any]:
    """The fixed wording of the sheets; the office's own ``templates/words.toml`` goes first.

    :raises ContentError: the file is not TOML, or something the sheets need is missing.
    """
    path = template_of(home, HERE / "words.toml")
    try:
        words = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ContentError([Fault(str(path), 0, "试卷用语文件读不出来；请改正，或删去它以用随附的文件")]) from None
    shipped = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    missing = [key for key in shipped if type(words.get(key)) is not type(shipped[key])]
    missing += [f"{key}.{name}" for key, part in shipped.items() if isinstance(part, dict)
                for name in part if type((words.get(key) or {}).get(name) if isinstance(words.get(key), dict) else None) is not type(part[name])]  # fmt: skip
    if missing:
        raise ContentError([Fault(str(path), 0, f"试卷用语文件缺少或写错：{'、'.join(missing)}；请对照随附的 words.toml 改正")])
    return words


def print_papers(asked: ToPrint, out: Path, home: Home | None = None) -> list[Path]:
    """Write paper and answer sheet of each form into ``out``; returns the files.

    :raises ContentError, TypesettingError: wording or a template is wrong; nothing is written before all forms are set.
    """
    from exams.print.sheet_docx import answer_sheet_docx, paper_docx  # lxml: only for those who print

    words = read_words(home)
    made: list[tuple[Path, bytes]] = []
    for public, _key in asked.forms:
        form = _titled(lay_out(public), asked)
        data = _data(form, words, asked.remark)
        for name, template, write in (("试卷", "paper.typ", paper_docx), ("答题纸", "answer_sheet.typ", answer_sheet_docx)):
            made.append((out / f"{form.form}卷-{name}.docx", write(form, words, asked.remark)))
            made.append((out / f"{form.form}卷-{name}.pdf", set_pdf(template_of(home, HERE / template), data)))
    return _write(made, home)


def print_keys(asked: ToPrint, sealed: Path, out: Path, home: Home | None = None) -> list[Path]:
    """Write the key of each form into ``sealed``; returns the files.

    :raises ContentError: ``sealed`` is the papers' folder ``out``, or one lies inside the other.
    """
    from exams.print.sheet_docx import key_docx

    one, other = sealed.resolve(), out.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise ContentError([Fault(str(sealed), 0, "答案不能和试卷放在同一个文件夹里或套在里面；请另选一个文件夹")])
    words = read_words(home)
    made: list[tuple[Path, bytes]] = []
    for public, key in asked.forms:
        form = _titled(lay_out(public), asked)
        rows = key_rows(public, key)
        data = _data(form, words, asked.remark)
        for part in data["parts"]:
            for question in part["questions"]:
                question["key"] = asdict(rows[question["id"]])
        made.append((sealed / f"{form.form}卷-参考答案及评分标准.docx", key_docx(form, rows, words, asked.remark)))
        made.append((sealed / f"{form.form}卷-参考答案及评分标准.pdf", set_pdf(template_of(home, HERE / "key.typ"), data)))
    return _write(made, home)


def _titled(form: PrintedForm, asked: ToPrint) -> PrintedForm:
    return PrintedForm(asked.title, form.form, form.minutes, form.total, form.parts)


def _data(form: PrintedForm, words: dict[str, Any], remark: str) -> dict[str, Any]:
    return {
        "title": form.title, "form": form.form, "minutes": form.minutes, "total": form.total, "remark": remark, "words": words,
        "parts": list(_parts(form.parts)),
    }  # fmt: skip


def _parts(parts: Sequence[PrintedPart]) -> Iterator[dict[str, Any]]:
    for part in parts:
        questions = [{**asdict(question), "size": question.size} for question in part.questions]
        yield {**asdict(part), "objective": part.objective, "questions": questions}


def _write(made: Sequence[tuple[Path, bytes]], home: Home | None) -> list[Path]:
    for path, content in made:
        write_atomically(path, content, PRIVATE if home else 0o600)
    return [path for path, _content in made]


# ------------------------------------------------------------------ in a home


def print_folder(home: Home, paper_id: str) -> Path:
    """Where the printed files of a stored paper lie: ``secret/print/<paper>/papers`` and ``…/keys``."""
    return home.secret / "print" / paper_id


def print_sitting(home: Home, sitting_id: str, by: str, out: Path | None = None, sealed: Path | None = None) -> list[Path]:
    """Print a sitting's paper, into the safe unless told otherwise; who did it is audited. Printing again replaces the files.

    ``out`` given without ``sealed``: no key is printed.

    :raises SittingError, ContentError, TypesettingError: see :func:`from_home`, :func:`print_papers`, :func:`print_keys`.
    """
    asked = from_home(home, sitting_id)
    paper = asked.forms[0][0].paper
    safe = print_folder(home, paper)
    sealed = sealed or (None if out else safe / "keys")
    out = out or safe / "papers"
    files = print_keys(asked, sealed, out, home) if sealed else []
    files = [*print_papers(asked, out, home), *files]
    with transaction(home.office) as connection:
        audit(connection, OFFICE, by, "paper.print", sitting_id, paper=paper, n=len(files), keys=sealed is not None)
    return files
