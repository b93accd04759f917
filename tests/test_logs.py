"""No process logs a row: real faults of real databases through the real logging, as far as the end of the process."""

from __future__ import annotations

import ast
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

import logs
from home import Home, transaction

ROOT = Path(__file__).parent.parent


def _ends(home: Home, how: str) -> tuple[str, str]:
    """What a faulty process says, and its secret."""
    secret = "张" + secrets.token_hex(8)
    done = subprocess.run(
        [sys.executable, "tests/a_faulty_process.py", str(home.root), how], capture_output=True, text=True, cwd=ROOT, timeout=120,
        env={**os.environ, "FAULTY_SECRET": secret, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert "all done" in done.stderr and done.returncode == 1, done.stderr[-3000:]
    assert not done.stdout
    return done.stderr, secret


def test_no_fault_tells_a_row_wherever_it_is_logged(any_home):
    said, secret = _ends(any_home, "guarded")
    assert secret not in said and "Failing row" not in said and "[SQL" not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    loggers = {line["logger"] for line in lines if line["level"] in ("ERROR", "CRITICAL")}
    assert loggers == {"pufa.office", "elsewhere", "uvicorn.error", "asyncio", "pufa"}
    assert {line["message"] for line in lines} >= {"the process ended by a fault", "a thread ended", "nobody's fault, chained"}
    assert [line for line in said.splitlines() if not line.startswith("{")] == ["all done"]
    trace = next(line["exc_info"] for line in lines if line["message"] == "nobody's fault, chained")
    assert "sqlalchemy.exc.IntegrityError: " in trace and "of_age" in trace  # what failed, by its name in the schema
    assert re.search(r"a_faulty_process\.py\", line \d+, in check", trace) and trace.endswith("\nValueError")
    assert trace.count(logs._TRACE) == 4 and "\nRuntimeError\n" in trace


def test_without_the_guard_the_same_faults_do_tell(any_home):
    """Else the test above would show nothing."""
    said, secret = _ends(any_home, "bare")
    for logger in ("pufa.office", "elsewhere", "uvicorn.error", "asyncio"):
        shown = [block for block in re.split(r"^(?=\w+:[\w.]+:)", said, flags=re.MULTILINE) if block.startswith(f"ERROR:{logger}:")]
        assert shown and any(secret in block for block in shown), logger
    assert secret in said.rpartition("all done")[2]


def test_the_command_tells_no_row_when_it_breaks(any_home):
    """A defect in a command: what it writes to takes nothing."""
    with transaction(any_home.office) as connection:
        connection.execute(text("INSERT INTO account (id, login, name, password_hash, created_at) VALUES (1, 'wang', '王某', 'x', 0)"))
        connection.execute(text("ALTER TABLE audit RENAME TO audit_kept"))
        connection.execute(text("CREATE VIEW audit AS SELECT * FROM audit_kept UNION ALL SELECT * FROM audit_kept"))
    asked = [sys.executable, "-m", "pufa", "people", "disable-staff", "wang", "--home", str(any_home.root)]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stderr.startswith("程序出错") and "audit" in done.stderr
    assert "wang" not in done.stderr and "[SQL" not in done.stderr and "Background on this error" not in done.stderr


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("已备份：/srv/pufa/backups/a", "已备份：/srv/pufa/backups/a"),
        ("批 3：duplicate key\nDETAIL:  Key (name)=(张某) already exists.", "批 3：duplicate key" + logs.LEFT_OUT),
        ("x [SQL: INSERT INTO person VALUES ('张某')]", "x" + logs.LEFT_OUT),
        ("future: <Task exception=ValueError('张某')>", "future: <Task" + logs.LEFT_OUT),
        ('Traceback (most recent call last):\n  File "a.py", line 3, in f\n    f(x)\nValueError: 张某\n  张某', 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError'),
    ],
)  # fmt: skip
def test_of_a_message_our_own_words_stay(said, kept):
    assert logs.cleaned(said) == kept


def test_what_helps_the_operator_is_said():
    def told(error: BaseException) -> str:
        return logs.trace(error).splitlines()[-1]

    assert told(OSError(28, "No space left on device", "/srv/张某.pdf")) == "OSError: No space left on device"
    assert told(AttributeError("'NoneType' object has no attribute 'id'")).endswith("has no attribute 'id'")
    assert told(ValueError("张某")) == "ValueError" and told(KeyError("张某")) == "KeyError"


@pytest.mark.parametrize("path", sorted(
    path for path in ROOT.rglob("*.py") if not {"tests", "bench"} & set(path.relative_to(ROOT).parts) and not path.relative_to(ROOT).parts[0].startswith(".")
), ids=lambda path: str(path.relative_to(ROOT)))  # fmt: skip
def test_every_engine_hides_parameters(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and "create_engine" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            assert any(one.arg == "hide_parameters" for one in node.keywords), f"{path}:{node.lineno}"
