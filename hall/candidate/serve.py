"""``python -m hall.candidate.serve --home DIR``: the candidate process. Binds, loads, confines itself, then serves.

The admission-code key comes in the environment (``PUFA_CODE_KEY``, hex) and is taken out of it at once; the process is told
nothing else of ``secret/``. SIGTERM: no new connection, open requests are answered, the queue of saves is drained.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn

import logs
from exams.durability import refuse_forgetful
from hall.binding import bind_problem, listen_problem, listening_socket
from hall.candidate.app import create_app
from hall.candidate.confine import ConfinementError, confine, landlock_version
from hall.candidate.streams import Streams
from hall.local_tls import tls_problem
from home import Home, HomeError

log = logging.getLogger("pufa.hall")
KEEP_ALIVE_S = 90
DRAIN_S = 15
DEAD_LINK_MS = 45_000


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hall.candidate.serve", description="考场进程")
    parser.add_argument("--home", type=Path, required=True, help="数据文件夹")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址")
    parser.add_argument("--port", type=int, default=8000, help="监听端口")
    parser.add_argument("--certfile", help="证书")
    parser.add_argument("--keyfile", help="证书的私钥")
    parser.add_argument("--behind-proxy", metavar="CIDR", help="负责加密的反向代理所在网段")
    return parser.parse_args(given)


def code_key() -> bytes:
    """The admission-code key: from the environment (hex), which then no longer holds it, or a credential of the service.

    :raises HomeError: it is missing or not 32 bytes.
    """
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "code-key"
    try:
        key = credential.read_bytes() if credential.is_file() else bytes.fromhex(os.environ.pop("PUFA_CODE_KEY", ""))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise HomeError("环境变量 PUFA_CODE_KEY 缺失或不是 32 字节的十六进制数；请用 pufa serve 启动")
    return key


def settings(given: argparse.Namespace) -> dict[str, object]:
    """Options for uvicorn."""
    return {
        "loop": "uvloop", "http": "httptools", "ws": "none", "access_log": False, "log_config": None, "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_S, "timeout_graceful_shutdown": DRAIN_S, "backlog": 4096,
        "ssl_certfile": given.certfile, "ssl_keyfile": given.keyfile, "proxy_headers": given.behind_proxy is not None,
        "forwarded_allow_ips": given.behind_proxy or "",
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. 0 done, 1 the home or the kernel refuses, 2 wrong usage."""
    given = _arguments(arguments)
    logs.configure("hall")
    problem = bind_problem(given.host, tls=bool(given.certfile), behind_proxy=given.behind_proxy)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    if given.certfile and (problem := tls_problem(Path(given.certfile), Path(given.keyfile or given.certfile))):
        print(f"考场没有启动：{problem}", file=sys.stderr)
        return 1
    try:
        key = code_key()
        home = replace(Home.open(given.home, ("exam",)), office_url=None)  # the office's database is none of this process's business
        refuse_forgetful(home.exam)
        secure = given.certfile is not None or given.behind_proxy is not None
        app = create_app(home, key, secure=secure)
        config = uvicorn.Config(app, **settings(given))  # type: ignore[arg-type]
        config.load()
        listening = _bind(given.host, given.port)
        _tell(confine(home))
    except (HomeError, ConfinementError, OSError) as error:
        print(f"考场没有启动：{error}", file=sys.stderr)
        return 1
    allow_many_connections()
    gc.collect()
    gc.freeze()  # what is loaded now lives as long as the process; collecting it again and again costs saves
    gc.set_threshold(50_000, 50, 100)
    log.info("考场已就绪 %s:%d", given.host, listening.getsockname()[1])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_stopped)
    _Server(config, app.state.hall.streams).run(sockets=[listening])
    return 0


class _Server(uvicorn.Server):
    """Ends the streams of open pages first: uvicorn would wait for them as for requests that are being answered."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """SIGTERM came."""
        await self._streams.close()
        await super().shutdown(sockets)


def _already_stopped(_number: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal once more after it has shut down in order; by then there is nothing left to stop."""


def _bind(host: str, port: int) -> socket.socket:
    """
    :raises HomeError: nothing can listen there.
    """
    try:
        listening = listening_socket(host, port)
    except OSError as error:
        raise HomeError(listen_problem(host, port, error)) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: connections inherit it; a pulled cable is noticed, and the page no longer counted as there
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_LINK_MS)
    return listening


def allow_many_connections() -> None:
    """As many open files as this user may have: a candidate needs two connections, and a shell allows 1,024 at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log.info("最多打开文件数 %d → %d，约容 %d 名考生", soft, hard, hard // 2)


def _tell(confined: bool) -> None:
    if confined:
        log.info("Landlock 已启用（版本 %d）：本进程只能读写 exam/，只能读 release/、open/", landlock_version())
    else:
        log.warning("内核没有 Landlock：请用单独的系统用户运行考场，并核对 secret/ 与 office.db 的文件权限")


if __name__ == "__main__":
    sys.exit(main())
