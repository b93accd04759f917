"""``python -m hall.office.serve``: the office app of one home on one port; ``pufa serve`` starts it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

import logs
from hall.binding import bind_problem, port_problem
from hall.local_tls import tls_problem
from hall.office.app import create_app
from home import Home, HomeError

#: Longer than any proxy in front keeps an idle connection.
KEEP_ALIVE_S = 75
DRAIN_S = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; 1 if home, certificate or port cannot be used, 2 if the bind is refused."""
    asked = _parser().parse_args(arguments)
    tls = asked.certfile is not None
    problem = bind_problem(asked.host, tls=tls, behind_proxy=asked.behind_proxy)
    if problem or tls != (asked.keyfile is not None):
        print(problem or "--certfile 和 --keyfile 须同时给出", file=sys.stderr)
        return 2
    try:
        home = Home.open(asked.home)
    except HomeError as error:
        print(error, file=sys.stderr)
        return 1
    if problem := (tls_problem(Path(asked.certfile), Path(asked.keyfile)) if tls else None) or port_problem(asked.host, asked.port):
        print(f"办公页面没有启动：{problem}", file=sys.stderr)
        return 1
    logs.configure("office")
    app = create_app(home, secure=tls or asked.behind_proxy is not None)
    config = uvicorn.Config(
        app, host=asked.host, port=asked.port, ssl_certfile=asked.certfile, ssl_keyfile=asked.keyfile,
        proxy_headers=asked.behind_proxy is not None, forwarded_allow_ips=asked.behind_proxy or "",
        server_header=False, access_log=False, log_config=None, timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )  # fmt: skip
    uvicorn.Server(config).run()
    home.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hall.office.serve", description="办公页面")
    parser.add_argument("--home", type=Path, required=True, help="数据文件夹")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--certfile")
    parser.add_argument("--keyfile")
    parser.add_argument("--behind-proxy", metavar="CIDR", help="反向代理所在网段，由它负责加密")
    return parser


if __name__ == "__main__":
    sys.exit(main())
