"""Whether the files of a stored paper are still those that were built: their digests stand in office.db."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sqlalchemy import Connection, select

from exams.errors import SittingError
from exams.tables import paper
from home import Home


def file_digests(folder: Path) -> dict[str, str]:
    """{``keys/A.json``: SHA-256 in hex} of a paper's key and public files."""
    paths = sorted([*folder.glob("keys/*.json"), *folder.glob("public/*.json")])
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def refuse_changed(home: Home, connection: Connection, paper_id: str) -> None:
    """:raises SittingError: a file of the paper is missing, new or changed since it was built; each is named."""
    folder = home.secret / "papers" / paper_id
    manifest = connection.execute(select(paper.c.manifest).where(paper.c.id == paper_id)).scalar_one()
    built = json.loads(manifest).get("files")
    if built is None:
        return  # stored before digests were kept
    found = file_digests(folder)
    wrong = sorted(name for name in built.keys() | found.keys() if built.get(name) != found.get(name))
    if wrong:
        raise SittingError(f"试卷文件与组卷时不一致：{'、'.join(wrong)}；请从备份恢复 {folder} 后再办，不要用改动过的文件")
