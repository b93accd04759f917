"""A home for three system users: candidates' process, office, worker. What each may read is the kernel's business then.

====================  ============================  =======================================================
place                 owner : group, mode           so that
====================  ============================  =======================================================
the folder            worker : staff, 2771          staff write, the hall may only pass through
``exam/``             worker : hall, 2770           all three share exam.db; nobody else sees it
``release/ open/``    worker : hall, 2750           the hall reads papers and writes none
``tls/``              worker : staff, 2750          keys reach the hall as credentials of its service
everything else       worker : staff, 2770          the hall's user is not in the staff group
====================  ============================  =======================================================

New files inherit their folder's group (set-group-ID); the umask of a home that a group may write is 007 (``Home.open``).
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import faults
from home import Home, HomeError

USERS = ("pufa-hall", "pufa-office", "pufa-worker")
GROUPS = ("pufa", "pufa-staff")
#: place in the home -> (the hall's group?, mode of folders, mode of files)
_PLACES = {"exam": (True, 0o2770, 0o660), "release": (True, 0o2750, 0o640), "open": (True, 0o2750, 0o640), "tls": (False, 0o2750, 0o640)}
_ELSE = (False, 0o2770, 0o660)
_ROOT = 0o2771
#: read by every process before it knows what it is
_SETTINGS = 0o644


@dataclass(frozen=True)
class Ids:
    """Numeric owner and groups: ``hall`` is the group that the hall's user and the staff's users are in, ``staff`` the staff's alone."""

    worker: int
    hall: int
    staff: int


def service_ids() -> Ids:
    """The users and groups of ``deploy/systemd/pufa.sysusers``.

    :raises HomeError: one of them is not on this machine.
    """
    try:
        return Ids(pwd.getpwnam("pufa-worker").pw_uid, grp.getgrnam("pufa").gr_gid, grp.getgrnam("pufa-staff").gr_gid)
    except KeyError:
        raise HomeError(f"这台机器上没有系统用户 {'、'.join(USERS)} 或用户组 {'、'.join(GROUPS)}；先运行 deploy/systemd/install-services.sh") from None


def share(home: Home, ids: Ids) -> int:
    """Give every file of a home the owner, group and mode of the table; returns how many. Nothing may run on it meanwhile.

    :raises HomeError: not root, or a file cannot be changed.
    """
    if os.geteuid() != 0:
        raise HomeError("改变文件属主要用管理员（root）运行")
    count = 0
    try:
        for path in _all(home.root):
            group, mode = _wanted(path, home.root)
            os.chown(path, ids.worker, ids.hall if group else ids.staff, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(mode)
            count += 1
    except OSError as error:
        raise HomeError(f"{error.filename}：改不了属主或权限（{faults.why(error)}）；请核对文件系统是否支持") from None
    return count


def _all(root: Path) -> Iterator[Path]:
    yield root
    yield from sorted(root.rglob("*"))


def _wanted(path: Path, root: Path) -> tuple[bool, int]:
    """Whether the hall's group owns it, and the mode."""
    if path == root:
        return False, _ROOT
    top = path.relative_to(root).parts[0]
    if path.parent == root and path.name == "home.toml":
        return False, _SETTINGS
    group, folder, file = _PLACES.get(top, _ELSE)
    return group, folder if path.is_dir() else file
