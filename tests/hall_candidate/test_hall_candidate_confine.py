"""The candidate process cannot open what it must not know; as root, and as a user without rights."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hall_fixture import ROOT
from sitting_fixture import KEY, open_demo

from hall.candidate.confine import closed_paths, landlock_version, rules_for
from hall.candidate.serve import main
from home import Home

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")

PROBE = """
import sys
sys.path.insert(0, {root!r})
from dataclasses import replace
from pathlib import Path
from sqlalchemy import event, text
from home import Home, HomeError, transaction
import hall.candidate.serve
from hall.candidate.confine import confine
Home.open(Path({home!r}), ("exam",)).exam.dispose()  # the driver is loaded, as it is when serve confines itself
{drop}
home = replace(Home.open(Path({home!r}), ("exam",)), office_url=None)
confined = confine(home) if {confine} else False
print("confined", confined)
for path in {paths!r}:
    for mode in ("rb", "ab"):
        try:
            open(path, mode).close()
            print("OPEN", mode, path)
        except OSError:
            pass
    try:
        import os
        os.listdir(path)
        print("OPEN list", path)
    except OSError:
        pass
if {confine}:
    event.listen(home.exam, "connect", hall.candidate.state.prepare)
    with transaction(home.exam) as connection:
        connection.execute(text("UPDATE open_sitting SET title = 'written'"))
    home.exam.dispose()
    with transaction(home.exam) as connection:  # a statement journal and a sort larger than SQLite keeps in memory by itself
        connection.execute(text("CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, hex(randomblob(200)) AS t FROM n"))
        connection.execute(text("CREATE UNIQUE INDEX big_i ON big (i)"))
        connection.execute(text("UPDATE big SET t = t || 'x', i = -i"))
        connection.execute(text("SELECT * FROM big ORDER BY t")).all()
        connection.execute(text("DROP TABLE big"))
    with transaction(home.exam) as connection:
        print("title", connection.execute(text("SELECT title FROM open_sitting")).scalar_one())
    home.exam.dispose()
    print("paper", len((home.release / "demo" / "A.json").read_bytes()) > 100)
    for way in ("/proc/1/environ", "/proc/self/environ", {parent!r}):
        try:
            open(way, "rb").close()
            print("OPEN", way)
        except OSError:
            pass
"""


@pytest.fixture
def stocked() -> Iterator[Home]:
    """A home with a sitting, and something in every secret folder.

    Not under pytest's own folder: other test sessions of the same user close that to other users at any time.
    """
    with tempfile.TemporaryDirectory(prefix="pufa-home-") as folder:
        Path(folder).chmod(0o755)
        home = Home.create(Path(folder) / "home", "某县考试办公室")
        open_demo(home, 1)
        for name in ("secret/bank/item.md", "secret/papers/p/keys/A.json", "secret/nbgrader/demo/gradebook.db", "exports/l.xlsx", "backups/b.zip"):
            (home.root / name).parent.mkdir(parents=True, exist_ok=True)
            (home.root / name).write_text("secret")
        home.close()
        yield home


def secret_paths(home: Home) -> list[str]:
    """Every path that the process must not reach."""
    under = [path for top in (home.secret, home.exports, home.root / "backups") for path in top.rglob("*")]
    beside = [path for path in home.root.glob("office.db*")]
    assert len(under) > 8 and beside
    return [str(path) for path in (*closed_paths(home), *under, *beside)]


def probe(home: Home, *, confine: bool, user: int | None = None) -> str:
    drop = "" if user is None else f"import os; os.setgroups([]); os.setgid({user}); os.setuid({user})"
    code = PROBE.format(
        root=str(ROOT), home=str(home.root), paths=secret_paths(home), confine=confine, drop=drop, parent=str(home.root.parent / "beside.txt")
    )
    (home.root.parent / "beside.txt").write_text("not ours")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PUFA_CODE_KEY": KEY.hex()})
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_landlock
def test_a_confined_process_opens_no_secret_path_and_still_works(stocked):
    said = probe(stocked, confine=True)
    assert "OPEN" not in said
    assert {"confined True", "title written", "paper True"} <= set(said.splitlines())


def test_the_probe_can_fail(stocked):
    if os.geteuid() == 0:
        assert f"OPEN rb {stocked.root / 'office.db'}" in probe(stocked, confine=False)
    else:
        assert f"OPEN rb {stocked.root / 'home.toml'}" in probe(stocked, confine=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("confine", [pytest.param(True, marks=needs_landlock), False])
def test_an_unprivileged_user_opens_no_secret_path(stocked, confine):
    nobody = 65534
    for path in (stocked.root / "exam", *(stocked.root / "exam").iterdir(), stocked.release, *stocked.release.rglob("*"), stocked.root / "home.toml"):
        os.chown(path, nobody, nobody)  # as an installation gives them to the hall's user
    stocked.root.chmod(0o755)
    said = probe(stocked, confine=confine, user=nobody)
    closed = [line for line in said.splitlines() if line.startswith("OPEN") and "home.toml" not in line]
    assert closed == []
    if confine:
        assert "OPEN" not in said and "title written" in said


def test_no_rule_reaches_above_the_home_or_into_its_secrets(home_folder):
    for rule in rules_for(home_folder):
        for path in closed_paths(home_folder):
            assert not path.is_relative_to(rule.path), f"{rule.path} would open {path}"


@needs_landlock
def test_a_home_inside_an_open_folder_is_refused(tmp_path):
    inside = Path(sys.prefix) / f"home-{os.getpid()}"
    Home.create(inside, "x").close()
    try:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; from home import Home; from hall.candidate.confine import confine; confine(Home.open(Path({str(inside)!r})))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 1 and "ConfinementError" in done.stderr and "限制之后仍能打开" in done.stderr
    finally:
        subprocess.run(["rm", "-r", str(inside)], check=True)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, "--tls"),
        (["--host", "192.0.2.1"], 2, "--tls"),
        (["--behind-proxy", "everything"], 2, "不是网段"),
        (["--certfile", "nowhere.pem", "--keyfile", "nowhere.key", "--host", "0.0.0.0"], 1, "没有启动"),
    ],
)
def test_what_serve_refuses(home_folder, monkeypatch, capsys, options, code, words):
    monkeypatch.setenv("PUFA_CODE_KEY", KEY.hex())
    assert main(["--home", str(home_folder.root), *options]) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("key", [None, "", "zz", "00" * 31])
def test_serve_needs_the_code_key_and_takes_it_out_of_the_environment(home_folder, monkeypatch, capsys, key):
    monkeypatch.delenv("PUFA_CODE_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("PUFA_CODE_KEY", key)
    assert main(["--home", str(home_folder.root)]) == 1
    assert "PUFA_CODE_KEY" in capsys.readouterr().err and "PUFA_CODE_KEY" not in os.environ


def test_serve_refuses_a_folder_that_is_no_home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PUFA_CODE_KEY", KEY.hex())
    assert main(["--home", str(tmp_path)]) == 1
    assert "pufa init" in capsys.readouterr().err
