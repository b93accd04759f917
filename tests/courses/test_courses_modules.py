"""Every shipped module: outputs stripped, ids whole, and it runs from top to bottom."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

MODULES = Path(__file__).parent.parent.parent / "courses" / "modules"
SHIPPED = sorted(path for path in MODULES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(MODULES)))
def test_module_is_stripped(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert text.endswith("}\n") and "\\u" not in text      # a diff of a module reads as Chinese
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith("# ")
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


@pytest.mark.kernel
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(MODULES)))
@pytest.mark.filterwarnings("default")      # what nbclient's and the kernel's libraries warn of is not ours to mend
def test_module_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(MODULES.parent.parent) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs and not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    if path.parent.name == "start":
        assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)
