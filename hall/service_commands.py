"""``pufa upgrade`` and ``pufa share``: what the system services need before they start."""

from __future__ import annotations

from grading.terminal import HomeOption, console, open_home
from grading.worker import lock_home
from hall.sharing import service_ids
from hall.sharing import share as share_home


def upgrade(home: HomeOption) -> None:
    """把数据库升级到本版软件；已是最新的不变。服务须停着。"""
    with open_home(home) as where, lock_home(where):
        where.migrate()
    console.print(f"{where.root}：数据库已是本版")


def share(home: HomeOption) -> None:
    """装成系统服务时用：让考场、办公、后台三个系统用户各得其所（要 root，服务须停着）。"""
    with open_home(home) as where, lock_home(where):
        count = share_home(where, service_ids())
    console.print(f"{where.root}：{count} 个文件和文件夹已设好属主和权限")
