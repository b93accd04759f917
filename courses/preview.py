"""A module as a learner reads it, as one HTML page without scripts and addresses: run, then rendered, trainer's cells left out."""

from __future__ import annotations

import html
import tempfile
from typing import Any

from courses.errors import PreviewError
from courses.module import TRAINER, Cell, Module, learner_copy, to_text

#: Longest a cell may run, in seconds.
CELL_SECONDS = 120
_WIDGET = "application/vnd.jupyter.widget-view+json"
_HIDDEN = "pufa-hidden-input"

_PAGE = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ max-width: 50em; margin: 0 auto; padding: 1em 1.2em 4em; font: 18px/1.8 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", sans-serif;
  color: #1a1a1a; }}
h1 {{ font-size: 1.7em; line-height: 1.4; }} h2 {{ font-size: 1.3em; margin-top: 2em; border-bottom: 1px solid #b5bcc7; }}
pre {{ background: #f6f8fa; padding: 10px 14px; overflow-x: auto; font-size: 15px; line-height: 1.5; white-space: pre-wrap; }}
table {{ border-collapse: collapse; font-size: 16px; }} th, td {{ border: 1px solid #b5bcc7; padding: 4px 12px; text-align: right; }}
img {{ max-width: 100%; }} blockquote {{ margin: 1em 0; padding: 0 1em; border-left: 4px solid #b5bcc7; }}
.pufa {{ border: 1px solid #b5bcc7; border-left: 6px solid #2b5c9e; border-radius: 4px; padding: 8px 20px; margin: 1em 0; }}
.about {{ color: #444; }} .anchor-link, .prompt {{ display: none; }}
@media print {{ .pufa, img, table {{ break-inside: avoid; }} }}
</style>
</head>
<body>
<p class="about">{about}</p>
<main>
{body}
</main>
<hr><p class="about">这是给学员看的样子；选、排、写和对答案在 JupyterLab 里做。</p>
</body>
</html>
"""


def render(module: Module) -> str:
    """Run the learner's copy from top to bottom in an empty folder and render it.

    :raises PreviewError: the notebook is not valid, a cell stopped with an error, ran too long, or the kernel died; the message names the cell.
    """
    # Loaded here: these libraries take seconds, and every other command does without them.
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = nbformat.reads(to_text(learner_copy(module)), as_version=4)  # type: ignore[no-untyped-call]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise PreviewError(f"{module.path}:0: 笔记本的结构不合格式（{str(error).splitlines()[0][:200]}）；请在 JupyterLab 里另存") from error
    _run(notebook, module)
    for read, cell in zip(_learners(module), notebook.cells, strict=True):
        cell.metadata["tags"] = [*read.tags, *([_HIDDEN] if read.collapsed else [])]
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(_WIDGET, None)
    config = Config({"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {_HIDDEN}}})
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=config, template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    audience = "、".join(str(who) for who in audience) if isinstance(audience := module.about.get("audience"), list) else ""
    about = f"{module.title} · 约 {module.about.get('minutes')} 分钟 · 适用：{audience}"
    return _PAGE.format(title=html.escape(module.title or module.path.stem), about=html.escape(about), body=body)


def _learners(module: Module) -> list[Cell]:
    return [cell for cell in module.cells if TRAINER not in cell.tags]


def _run(notebook: Any, module: Module) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    # Cells as learners see them are numbered otherwise than in the file, so each carries its own number.
    numbers = [cell.number for cell in _learners(module)]
    with tempfile.TemporaryDirectory(prefix="pufa-preview-") as folder:
        client = NotebookClient(
            notebook, timeout=CELL_SECONDS, kernel_name="python3", store_widget_state=False, resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
        )  # fmt: skip
        done = [0]
        client.on_cell_start = lambda cell, cell_index: done.__setitem__(0, cell_index)
        try:
            client.execute()
        except CellExecutionError as error:
            raise PreviewError(f"{module.path}:{numbers[done[0]]}: 运行到这一格出错：{error.ename}: {str(error.evalue)[:300]}") from error
        except (TimeoutError, RuntimeError) as error:   # as nbclient tells of a cell that hangs and of a kernel that died
            raise PreviewError(f"{module.path}:{numbers[done[0]]}: 这一格运行超过 {CELL_SECONDS} 秒或内核中断；请在 JupyterLab 里运行看看") from error
