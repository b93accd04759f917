"""No way from what strangers send to code that runs (cases E4): banned in every file of the product, and a live canary through each reader."""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from bank_fixture import SMALL

from backup.archive import BackupError
from backup.restoring import restore
from courses.module import read_module
from exams.answer_seal import AnswerFileError, read_answer_file
from grading.certificates.verify import read_texts
from grading.errors import CertificateError
from people.errors import RosterError
from people.spreadsheet import read_spreadsheet
from question_bank.item_file import parse_item

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path for name in ("home.py", "logs.py", "pufa.py", "workbooks.py", "backup", "people", "question_bank", "exams", "courses", "grading", "hall", "migrations")
    for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
)  # fmt: skip
#: modules that turn bytes into objects or text into code
MODULES = frozenset(("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "codeop", "imp", "runpy", "xmlrpc", "telnetlib"))
NAMES = frozenset(("eval", "exec", "compile", "__import__", "breakpoint"))
#: attribute calls by their last two names
CALLS = frozenset((
    "os.system", "os.popen", "os.execv", "os.execvp", "os.execve", "os.spawnv", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.full_load_all", "subprocess.getoutput",
    "subprocess.getstatusoutput", "pd.read_pickle", "pandas.read_pickle", "pd.eval", "np.load", "numpy.load", "shutil.unpack_archive", "tar.extractall", "archive.extractall", "tempfile.mktemp", "builtins.eval", "builtins.exec",
    "asyncio.create_subprocess_shell",
))  # fmt: skip

def banned(path: Path) -> Iterator[str]:
    """What a file does of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(node: ast.Call) -> Iterator[str]:
    if isinstance(node.func, ast.Name) and node.func.id in NAMES:
        yield node.func.id
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        name = f"{owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else '?'}.{node.func.attr}"
        if name in CALLS or node.func.attr in ("extractall", "from_pickle", "read_pickle", "to_pickle"):
            yield name
    for word in node.keywords:
        if (word.arg, isinstance(word.value, ast.Constant) and word.value.value) in (("shell", True), ("allow_pickle", True)):
            yield f"{word.arg}=True"


def test_nothing_in_the_product_runs_what_it_reads() -> None:
    found = [(path.relative_to(ROOT).as_posix(), what) for path in PRODUCT for what in banned(path)]
    assert not found, found
    assert len(PRODUCT) > 200


def test_yaml_is_read_by_a_safe_reader_only() -> None:
    """A reader is a class of the library: any name of one in the product is a safe one's."""
    named = [
        (path.name, node.attr if isinstance(node, ast.Attribute) else node.value)
        for path in PRODUCT for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml" and node.attr.endswith("Loader"))
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"C?[A-Z]\w*Loader", node.value))
    ]  # fmt: skip
    assert named and {name for _, name in named} <= {"SafeLoader", "CSafeLoader", "FileSystemLoader"}, named


def test_the_ban_would_be_seen(tmp_path: Path) -> None:
    bad = tmp_path / "x.py"
    bad.write_text("import pickle, os\nimport subprocess as s\neval('1')\nyaml.load(x)\ns.run('x', shell=True)\nos.system('x')\ntarfile.open(x).extractall()\nfrom marshal import loads\n", encoding="utf-8")
    assert set(banned(bad)) == {"pickle", "eval", "yaml.load", "shell=True", "os.system", "?.extractall", "marshal"}


class Canary:
    """Whoever unpickles it touches a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.place,)


def test_a_live_canary_through_every_reader_of_bytes(tmp_path: Path) -> None:
    """Bytes that run when unpickled, YAML that runs when loaded, code where data belongs: each reader refuses or reads, and nothing ran."""
    flag = tmp_path / "ran"
    pickled = pickle.dumps(Canary(flag))
    tag = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{flag}']]"
    call = f"__import__('pathlib').Path('{flag}').touch()"
    text = SMALL["mediation-agreement-regret"][1]
    for value in (tag, call, f"{{{{ {call} }}}}", f"!!python/name:os.system '{flag}'"):
        parse_item(text.replace("调解协议", value, 1), Path("some-item.md"), "p", "s")
    for data in (pickled, call.encode(), b"PK\x03\x04" + pickled):
        with pytest.raises(AnswerFileError):
            read_answer_file(data, bytes(32))
        (tmp_path / "x.ipynb").write_bytes(data)
        assert read_module(tmp_path / "x.ipynb")[0] is None
        with pytest.raises(CertificateError):
            read_texts(tmp_path / "x.ipynb")
        with contextlib.suppress(RosterError):
            read_spreadsheet(data, "x.xlsx")
        with pytest.raises(BackupError):
            restore(tmp_path / "x.ipynb", tmp_path / "target")
    assert not flag.exists()
    pickle.loads(pickled)  # noqa: S301 — our own, three lines above
    assert flag.exists(), "the canary sings where it is let"


# ---------------------------------------------------------------- archives (cases E8)


def archive(path: Path, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, link, 0 if kind != tarfile.REGTYPE else 1
        tar.addfile(entry, io.BytesIO(b"x") if kind == tarfile.REGTYPE else None)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../escaped", tarfile.REGTYPE, ""), ("/tmp/escaped", tarfile.REGTYPE, ""), ("a/../../escaped", tarfile.REGTYPE, ""), ("link", tarfile.SYMTYPE, "/etc/passwd"), ("link", tarfile.LNKTYPE, "../escaped"),
        ("device", tarfile.CHRTYPE, ""), ("pipe", tarfile.FIFOTYPE, ""), ("folder", tarfile.DIRTYPE, ""),
    ],
)  # fmt: skip
def test_an_archive_that_climbs_restores_nothing(tmp_path: Path, name: str, kind: bytes, link: str) -> None:
    source = archive(tmp_path / "x.tar.gz", name, kind, link)
    before = {path for path in tmp_path.rglob("*")}
    with pytest.raises(BackupError, match="不该有的内容"):
        restore(source, tmp_path / "target")
    assert {path for path in tmp_path.rglob("*")} == before and not Path("/tmp/escaped").exists()
    assert not PurePosixPath(name).is_absolute() or not Path(name).exists()


def test_no_archive_is_written_with_what_is_outside(tmp_path: Path) -> None:
    """A link that somebody laid into the home is not followed into a backup."""
    from backup.archive import make_backup
    from home import Home, now_ms

    home = Home.create(tmp_path / "home", "某县")
    secret = tmp_path / "outside"
    secret.write_text("outside", encoding="utf-8")
    (home.release / "link.json").symlink_to(secret)
    made = make_backup(home, tmp_path / "backups", now_ms())
    home.close()
    with tarfile.open(made.path) as tar:
        assert not [entry.name for entry in tar if "link.json" in entry.name or not entry.isfile()]
