"""Landlock: from here on this process opens only what is listed, whatever its user could open otherwise.

Source: Linux ``Documentation/userspace-api/landlock.rst`` and ``include/uapi/linux/landlock.h`` (kernel 5.13 and later). The
rules bind the calling thread and everything it starts later, so they are set before any other thread exists. They cannot be
taken off again. No library needed: three system calls and one ``prctl``.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from home import Home

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_PR_SET_NO_NEW_PRIVS = 38
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_ALL_V1 = (1 << 13) - 1
#: rights that later versions of the interface added: version -> bits
_ADDED = {2: 1 << 13, 3: _TRUNCATE, 5: 1 << 15}

_READ = _READ_FILE | _READ_DIR
_RUN = _READ | _EXECUTE
_KEEP = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
#: rights that make sense on a file; the kernel refuses the others there
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15


class ConfinementError(Exception):
    """The kernel refused a rule, or a path that must be closed can still be opened."""


@dataclass(frozen=True)
class Rule:
    """What may be done below a path."""

    path: Path
    rights: int


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _call(number: int, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    result = int(library.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def landlock_version() -> int:
    """Version of the kernel's interface; 0 where there is none or it is switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def rules_for(home: Home) -> tuple[Rule, ...]:
    """What a candidate process needs: exam.db to write, released papers, open content, and Python's own files to read."""
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    system = ("/usr", "/lib", "/lib64", "/bin", "/etc")
    rooms = Path(__file__).resolve().parent.parent.parent
    code = [Rule(rooms / name, _READ) for name in ("home.py", "exams", "hall/candidate", "hall/__init__.py", "hall/binding.py")]
    return (
        Rule(home.root / "exam", _KEEP),
        Rule(home.release, _READ),
        Rule(home.open_content, _READ),
        *(Rule(Path(path), _RUN) for path in sorted({*python, *system})),
        *code,
        *(Rule(Path(path), _READ_FILE | _WRITE_FILE) for path in ("/dev/null", "/dev/urandom", "/dev/tty")),
    )


def closed_paths(home: Home) -> tuple[Path, ...]:
    """What must not open after :func:`confine`."""
    return home.root / "office.db", home.root / "home.toml", home.secret, home.exports, home.root / "backups"


def confine(home: Home) -> bool:
    """Restrict this process for good; whether the kernel could.

    :raises ConfinementError: it could and did not, or something secret is still open to this process.
    """
    version = landlock_version()
    if not version:
        return False
    try:
        _restrict(rules_for(home), version)
    except OSError as error:
        raise ConfinementError(f"内核拒绝了限制规则：{error}") from error
    leaks = [path for path in closed_paths(home) if _opens(path)]
    if leaks:
        raise ConfinementError(f"限制之后仍能打开 {leaks[0]}；数据文件夹不能放在 Python 或系统文件夹里")
    return True


def _restrict(rules: Iterable[Rule], version: int) -> None:
    handled = _ALL_V1 | sum(bits for since, bits in _ADDED.items() if version >= since)
    facts = _Ruleset(handled)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(facts), ctypes.c_size_t(ctypes.sizeof(facts)), ctypes.c_uint32(0))
    try:
        for rule in rules:
            _allow(ruleset, rule, handled)
        library = ctypes.CDLL(None, use_errno=True)
        if library.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
            raise OSError(ctypes.get_errno(), "prctl")
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, rule: Rule, handled: int) -> None:
    try:
        place = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return  # a rule only ever opens; what this user cannot reach needs none
    try:
        rights = rule.rights & handled & (-1 if rule.path.is_dir() else _ON_FILES)
        beneath = _Beneath(rights, place)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), ctypes.byref(beneath), ctypes.c_uint32(0))
    finally:
        os.close(place)


def _opens(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True
