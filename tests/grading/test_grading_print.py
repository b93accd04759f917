"""The list as it comes out of a printer: LibreOffice makes a PDF of it."""

from __future__ import annotations

import re
import subprocess
import zlib

from grading_fixture import RIGHT, add_script, make_sitting

from grading.exports import export_records
from grading.marks import mark_sitting
from grading.records import issue_records


def pages_of(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page in points."""
    objects = pdf + b"".join(
        zlib.decompress(found[1]) for found in re.finditer(rb"/ObjStm.*?stream\r?\n(.*?)endstream", pdf, re.S) if found[1][:1] == b"x"
    )
    boxes = re.findall(rb"/Type\s*/Page\b[^s].*?/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", objects, re.S)
    return [(float(width), float(height)) for width, height in boxes]


def test_it_prints_on_a4_landscape_one_page_wide(home_folder, tmp_path):
    people = make_sitting(home_folder, people=60, essay=False)
    for one in people[:50]:
        add_script(home_folder, "s1", one, RIGHT)
    mark_sitting(home_folder, "s1", "li")
    issue_records(home_folder, "s1", "hr")
    export_records(home_folder, "s1", "xlsx", tmp_path / "list.xlsx", "hr")
    profile = f"-env:UserInstallation=file://{tmp_path / 'office'}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "list.xlsx")],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    pages = pages_of((tmp_path / "list.pdf").read_bytes())
    assert pages and all(abs(width - 842) < 2 and abs(height - 595) < 2 for width, height in pages), pages
    assert 2 <= len(pages) <= 4, "26 columns that did not fit one page wide would take twice as many"
