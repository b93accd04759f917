"""Where an app may listen: loopback, or anywhere else only with TLS or behind a proxy that does it."""

from __future__ import annotations

import errno
import ipaddress
import socket


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


def shown_at(scheme: str, host: str, port: int) -> str:
    """What people type to come here.

    >>> shown_at("https", "0.0.0.0", 8000), shown_at("http", "::1", 8000)
    ('https://服务器地址:8000', 'http://[::1]:8000')
    """
    place = "服务器地址" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"{scheme}://{place}:{port}"


def port_problem(host: str, port: int) -> str | None:
    """Why nothing can listen here now, with what to do; None if something can."""
    try:
        listening_socket(host, port).close()
    except OSError as error:
        return listen_problem(host, port, error)
    return None


def listen_problem(host: str, port: int, error: OSError) -> str:
    """What a refusal of the system to listen means to whoever starts the server."""
    if error.errno == errno.EADDRINUSE:
        return f"端口 {port} 已被占用：可能 pufa 已经在运行，也可能是别的程序。请先停掉它，或用 --port 换一个端口"
    if error.errno == errno.EINVAL:
        return f"端口 {port} 不在 1 至 65535 之间；请用 --port 换一个（办公端口是其后一个）"
    if error.errno == errno.EACCES:
        return f"没有权限使用端口 {port}；请用 --port 换一个 1024 以上的端口"
    return f"本机没有 {host} 这个地址，或不能使用；请核对 --host（考试机要访问的，写 0.0.0.0）"


def listening_socket(host: str, port: int) -> socket.socket:
    """A TCP socket bound to an address of this machine, not yet listening.

    :raises OSError: taken, not ours, or no right to it; EINVAL: there is no such port.
    """
    if not 0 <= port < 2**16:
        raise OSError(errno.EINVAL, "no such port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.set_inheritable(False)
    return bound
