"""PDF/A from a Typst template and plain data: lists, certificates, papers, room sheets.

A template is a ``.typ`` file that an office may replace by one of its own in ``<home>/templates/``; it gets its data as JSON
(``#let data = json(bytes(sys.inputs.data))``), so that no name, unit or stem is ever read as Typst code. A template sees only
its own folder and what ``files`` hands it; no package is fetched.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from exams.errors import ExamsError
from home import Home

#: PDF/A-2b: what an archive takes. Tables need no tagging there.
STANDARD: Literal["a-2b"] = "a-2b"
#: first what a template should name in ``#set text(font: data.fonts)``: 仿宋 and 黑体 where the office has them, Noto otherwise
SERIF = ("FangSong", "仿宋", "Noto Serif CJK SC", "HanaMinA", "HanaMinB")
SANS = ("SimHei", "黑体", "Noto Sans CJK SC", "HanaMinA", "HanaMinB")


class TypesettingError(ExamsError):
    """A template cannot be set; the message names the template and what Typst says."""


def template_of(home: Home | None, shipped: Path) -> Path:
    """The office's own copy of a template in ``<home>/templates/``, or the shipped one."""
    own = home.root / "templates" / shipped.name if home else shipped
    return own if own.is_file() else shipped


def _refusal(template: Path, error: Exception) -> str:
    """What Typst says, in words: a character without a glyph is the fault of the fonts, all else of the template."""
    rare = re.search(r'the text `"(.+?)"` could not be displayed', str(error))
    if rare:
        return f"这台机器的字体里没有“{rare[1]}”字，排不出 PDF；请安装字体 fonts-hanazono（花园明朝）后重做，其他格式不受影响"
    return f"{template}：模板排不出版（{error}）；请改正模板，或删去它以用随附的模板"


def set_pdf(template: Path, data: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> bytes:
    """A PDF/A-2b of a template filled with ``data`` (anything JSON takes; ``serif`` and ``sans`` are added).

    ``files``: {name: bytes} that lie beside the template while it is set, e.g. pictures.

    :raises TypesettingError: the template cannot be read, or Typst refuses it.
    """
    import typst  # 25 MB of compiler: only whoever prints pays for it

    body = json.dumps({"serif": SERIF, "sans": SANS, **data}, ensure_ascii=False)
    with tempfile.TemporaryDirectory(prefix="typeset") as folder:
        root = Path(folder)
        try:
            (root / "main.typ").write_bytes(template.read_bytes())
            for name, content in (files or {}).items():
                (root / Path(name).name).write_bytes(content)
            made = typst.compile(
                root / "main.typ", root=root, sys_inputs={"data": body}, format="pdf", pdf_standards=STANDARD,
                package_path=root / "none", package_cache_path=root / "none",
            )  # fmt: skip
        except OSError as error:
            raise TypesettingError(f"{template}：模板读不出来（{error.strerror or error}）；请检查文件") from None
        except typst.TypstError as error:
            raise TypesettingError(_refusal(template, error)) from None
    assert isinstance(made, bytes)
    return made


def set_pdfs(template: Path, sheets: Iterable[tuple[Mapping[str, object], Mapping[str, bytes]]]) -> Iterator[bytes]:
    """As :func:`set_pdf`, one PDF for each (data, files): the compiler, whose fonts take a quarter second, is made once.

    :raises TypesettingError: the template cannot be read, or Typst refuses it.
    """
    import typst  # see set_pdf

    with tempfile.TemporaryDirectory(prefix="typeset") as folder:
        root = Path(folder)
        try:
            (root / "main.typ").write_bytes(template.read_bytes())
            compiler = typst.Compiler(root=root, package_path=root / "none", package_cache_path=root / "none")
            for data, files in sheets:
                for name, content in files.items():
                    (root / Path(name).name).write_bytes(content)
                body = json.dumps({"serif": SERIF, "sans": SANS, **data}, ensure_ascii=False)
                made = compiler.compile(root / "main.typ", format="pdf", sys_inputs={"data": body}, pdf_standards=STANDARD)
                assert isinstance(made, bytes)
                yield made
        except OSError as error:
            raise TypesettingError(f"{template}：模板读不出来（{error.strerror or error}）；请检查文件") from None
        except typst.TypstError as error:
            raise TypesettingError(_refusal(template, error)) from None
