"""Where an app may listen: loopback, or anywhere else only with TLS or behind a proxy that does it."""

from __future__ import annotations

import ipaddress


def bind_problem(host: str, *, tls: bool, behind_proxy: str | None) -> str | None:
    """Why this bind is refused, or None: answers and codes never cross a network in clear text."""
    if behind_proxy is not None:
        try:
            ipaddress.ip_network(behind_proxy)
        except ValueError:
            return f"--behind-proxy {behind_proxy} 不是网段；例如 10.0.0.0/24"
        return None
    if tls:
        return None
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return None if local else f"监听 {host} 会让口令和答案明文过网；请加 --tls（用本地证书）或 --behind-proxy 网段"
