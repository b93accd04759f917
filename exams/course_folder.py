"""An nbgrader course folder for a paper: each form is an assignment ``form-A`` with one notebook ``paper.ipynb``.

::

    source/form-A/paper.ipynb     with keys                        keys/A.json       what markers get
    release/form-A/paper.ipynb    what candidates may get          manifest.json     the Paper
    nbgrader_config.py            marks without a kernel, and never gives marks for silence
    blueprint.toml, seed.txt      where the caller gives them

The folder as a whole is secret. It is built aside and renamed; one that holds anything else is left alone.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.forms import write_key_form
from exams.notebook import CODE_STUB, TEXT_STUB, release_notebook, source_notebook, to_json
from exams.paper import KeyForm, Paper, PublicForm
from exams.toml_source import Fault
from home import write_atomically

#: Everything a course folder may hold before the first submission arrives; only such a folder is replaced.
OWN = frozenset({"source", "release", "keys", "manifest.json", "nbgrader_config.py", "blueprint.toml", "seed.txt"})

NOTEBOOK = "paper"
_ASCII = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")   # what nbgrader takes as a course id

_CONFIG = '''"""由 pufa 生成，供 nbgrader 使用。本文件夹含答案，不得交给考生。"""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = {course!r}
c.ClearSolutions.code_stub = {{"python": {code_stub!r}}}
c.ClearSolutions.text_stub = {text_stub!r}

try:
    from grading.gradebook.autograde import configure
except ImportError as error:
    # nbgrader would only log an ordinary error here and then mark without the guard: full marks for silence.
    raise SystemExit(f"找不到 pufa（{{error}}）：请在安装了 pufa 的 Python 环境里运行 nbgrader，没有评阅任何试卷") from error

configure(c)  # NoKernelExecute and GuardedSaveAutoGrades
'''


def assignment_of(form: str) -> str:
    """nbgrader's name of a form.

    >>> assignment_of("A")
    'form-A'
    """
    return f"form-{form}"


def write_course(
    out: Path,
    paper: Paper,
    publics: Sequence[PublicForm],
    keys: Sequence[KeyForm],
    blueprint: Blueprint | None = None,
    seed: int | None = None,
) -> None:
    """Write the course folder of a paper, or replace one that nobody has worked in.

    With ``blueprint`` and ``seed`` the folder can be verified by itself.

    :raises ContentError: ``out`` holds other things, such as submissions or a gradebook.
    """
    if out.exists():
        found = sorted(path.name for path in out.iterdir()) if out.is_dir() else [out.name]
        foreign = [name for name in found if name not in OWN]
        if foreign:
            raise ContentError([Fault(str(out), 0, f"文件夹里已有其他内容（{'、'.join(foreign[:5])}），没有改动；请换一个新文件夹")])
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        _fill(aside, out.name if _ASCII.fullmatch(out.name) else paper.id, paper, publics, keys)
        if blueprint is not None:
            write_atomically(aside / "blueprint.toml", blueprint.source)
        if seed is not None:
            write_atomically(aside / "seed.txt", f"{seed:032x}\n", 0o600)
        _replace(out, aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(folder: Path, course: str, paper: Paper, publics: Sequence[PublicForm], keys: Sequence[KeyForm]) -> None:
    folder.mkdir(mode=0o700)
    for public, key in zip(publics, keys, strict=True):
        name = assignment_of(public.form)
        write_atomically(folder / "source" / name / f"{NOTEBOOK}.ipynb", to_json(source_notebook(public, key)), 0o600)
        write_atomically(folder / "release" / name / f"{NOTEBOOK}.ipynb", to_json(release_notebook(public)))
        write_key_form(folder / "keys" / f"{public.form}.json", key, 0o600)
    config = _CONFIG.format(course=course, code_stub=CODE_STUB, text_stub=TEXT_STUB)
    write_atomically(folder / "nbgrader_config.py", config)
    write_atomically(folder / "manifest.json", json.dumps(asdict(paper), ensure_ascii=False, indent=1) + "\n", 0o600)


def _replace(out: Path, aside: Path) -> None:
    """Rename into place; the former folder goes away only after the new one is there."""
    former = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
    if out.exists():
        out.rename(former)
    aside.rename(out)
    shutil.rmtree(former, ignore_errors=True)
