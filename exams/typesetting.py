"""PDF/A from a Typst template and plain data: lists, certificates, papers, room sheets.

A template is a ``.typ`` file that an office may replace by one of its own in ``<home>/templates/``; it gets its data as JSON
(``#let data = json(bytes(sys.inputs.data))``), so that no name, unit or stem is ever read as Typst code. A template sees only
its own folder and what ``files`` hands it, and may name no package, for that would be fetched.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from exams.errors import ExamsError
from home import Home

#: PDF/A-2b: what an archive takes. Tables need no tagging there.
STANDARD: Literal["a-2b"] = "a-2b"
#: first what a template should name in ``#set text(font: data.fonts)``: 仿宋 and 黑体 where the office has them, Noto otherwise
SERIF = ("FangSong", "仿宋", "Noto Serif CJK SC", "HanaMinA", "HanaMinB")
SANS = ("SimHei", "黑体", "Noto Sans CJK SC", "HanaMinA", "HanaMinB")


#: set at once by :func:`set_pdfs`: Typst works outside Python's lock
THREADS = 2
_UNSHOWN = re.compile(r'the text `"(.+?)"` could not be displayed')
_PACKAGE = re.compile(rb"@[\w-]+/[\w-]+:\d")
_LINE = re.compile(r"^error: .*?main\.typ:(\d+):\d+", re.S | re.M)


class TypesettingError(ExamsError):
    """A template cannot be set; the message names the template, the line where Typst knows it, and what Typst says."""


class MissingGlyphError(TypesettingError):
    """No font of this machine shows a character of the data. ``text``: the character as Typst names it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"这台机器的字体里没有“{text}”字，排不出 PDF；请安装字体 fonts-hanazono（花园明朝）后重做，其他格式不受影响")
        self.text = text


def template_of(home: Home | None, shipped: Path) -> Path:
    """The office's own copy of a template in ``<home>/templates/``, or the shipped one."""
    own = own_template(home, shipped) if home else shipped
    return own if own.is_file() else shipped


def own_template(home: Home, shipped: Path) -> Path:
    """Where an office's own copy of a shipped template lies, if it has one."""
    return home.root / "templates" / shipped.name


def set_pdf(
    template: Path, data: Mapping[str, object], files: Mapping[str, bytes] | None = None, *, tagged: bool = True
) -> bytes:  # fmt: skip
    """A PDF/A-2b of a template filled with ``data`` (anything JSON takes; ``serif`` and ``sans`` are added).

    ``files``: {name: bytes} that lie beside the template while it is set, e.g. pictures. ``tagged``: with a structure for
    screen readers; a batch for the printer does without, and is a fifth of the size.

    :raises TypesettingError: the template cannot be read, or Typst refuses it.
    :raises MissingGlyphError: a character that no font shows.
    """
    with tempfile.TemporaryDirectory(prefix="typeset") as folder, _explained(template):
        root = Path(folder)
        (root / "main.typ").write_bytes(_source(template))
        return _compile(_compiler(root), root, data, files or {}, tagged=tagged)


def set_pdfs(template: Path, sheets: Iterable[tuple[Mapping[str, object], Mapping[str, bytes]]]) -> Iterator[bytes]:
    """As :func:`set_pdf`, one PDF for each (data, files), in their order; fonts are loaded once, and two are set at a time.

    :raises TypesettingError, MissingGlyphError: as :func:`set_pdf`.
    """
    own = threading.local()

    with tempfile.TemporaryDirectory(prefix="typeset") as folder, _explained(template), ThreadPoolExecutor(THREADS) as pool:
        root = Path(folder)
        (root / "main.typ").write_bytes(_source(template))

        def one(data: Mapping[str, object], files: Mapping[str, bytes]) -> bytes:
            if not hasattr(own, "compiler"):
                own.compiler = _compiler(root)
            return _compile(own.compiler, root, data, files, tagged=True)

        ahead: list[Future[bytes]] = []
        for data, files in sheets:
            ahead.append(pool.submit(one, data, files))
            if len(ahead) > 2 * THREADS:
                yield ahead.pop(0).result()
        for made in ahead:
            yield made.result()


def _source(template: Path) -> bytes:
    """A template that names no package: the compiler would fetch it from the internet."""
    source = template.read_bytes()
    named = _PACKAGE.search(source)
    if named:
        line = source.count(b"\n", 0, named.start()) + 1
        raise TypesettingError(f"{template}:{line}：版式不能引用外面的软件包（{named[0].decode(errors='replace')}…）；请删去这一句，把需要的写进版式本身")
    return source


def _compiler(root: Path) -> Any:
    import typst  # 25 MB of compiler: only whoever prints pays for it

    return typst.Compiler(root=root, package_path=root / "none", package_cache_path=root / "none")


def _compile(compiler: Any, root: Path, data: Mapping[str, object], files: Mapping[str, bytes], *, tagged: bool) -> bytes:
    for name, content in files.items():
        (root / Path(name).name).write_bytes(content)
    body = json.dumps({"serif": SERIF, "sans": SANS, **data}, ensure_ascii=False)
    made = compiler.compile(root / "main.typ", format="pdf", sys_inputs={"data": body}, pdf_standards=STANDARD, pdf_tags=tagged)
    assert isinstance(made, bytes)
    return made


@contextmanager
def _explained(template: Path) -> Iterator[None]:
    """Typst's refusals as ours: which template, which line, what to do."""
    import typst

    try:
        yield
    except OSError as error:
        raise TypesettingError(f"{template}：模板读不出来（{error.strerror or error}）；请检查文件") from None
    except typst.TypstError as error:
        unshown = _UNSHOWN.search(error.message)
        if unshown:
            raise MissingGlyphError(unshown[1]) from None
        line = _LINE.search(str(getattr(error, "diagnostic", "") or ""))
        where = f"{template}:{line[1]}" if line else str(template)
        raise TypesettingError(f"{where}：模板排不出版（{error}）；请改正模板，或删去它以用随附的模板") from None
