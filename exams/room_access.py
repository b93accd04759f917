"""Where and with what a sitting may be taken: the room's network ranges, and Safe Exam Browser's Config Keys. Both may be left open.

The rule of Safe Exam Browser: with every request it sends SHA-256 (lower-case hex) of the absolute URL without its fragment,
followed by the Config Key (64 lower-case hex digits), in the header :data:`CONFIG_KEY_HEADER`; versions without headers (WKWebView) give
the same value for the page's own URL to its script, as ``SafeExamBrowser.security.configKey``. Source: safeexambrowser.org, "Developer
Documentation: Config Key"; the same in Moodle's ``quizaccess_seb``, ``seb_access_manager::check_key``.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from exams.errors import SittingError

CONFIG_KEY_HEADER = b"x-safeexambrowser-configkeyhash"
#: widths of the columns that hold the lists
MOST_TEXT = 500
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BETWEEN = re.compile(r"[\s,;，；、]+")
_KEY = re.compile(r"[0-9a-f]{64}")
_ANYWHERE = "本项不限制时请留空，不要写成全部地址"


class AccessFault(SittingError):
    """What was typed is no network or no key; the message names every such entry."""


@dataclass(frozen=True)
class RoomAccess:
    """What a sitting asks for, as it is stored: lists separated by commas, each empty where nothing is asked for."""

    ranges: str = ""
    seb_keys: str = ""

    def told(self) -> str:
        """In words, for the room's record and the audit trail; of a key only its first digits."""
        keys = "、".join(key[:8] + "…" for key in filter(None, self.seb_keys.split(",")))
        where = f"网段 {self.ranges.replace(',', '、')}" if self.ranges else "不限网段"
        return where + (f"，考试浏览器配置 {keys}" if keys else "，不限浏览器")


@dataclass(frozen=True)
class Origin:
    """Where a request comes from. ``address``: the browser's, behind a proxy the one that the proxy names; ``url``: what the browser
    asked for, as it is seen from outside; ``header``: what Safe Exam Browser sent with it; ``script``: what its script gave to the
    page at ``script_url``."""

    address: str = ""
    url: str = ""
    header: str | None = None
    script: str = ""
    script_url: str = ""


ANY_ROOM, UNKNOWN = RoomAccess(), Origin()

# ------------------------------------------------------------------ what an officer writes


def read_access(ranges: str, seb_keys: str) -> RoomAccess:
    """What an officer typed, as it is stored; entries stand on lines of their own or between commas.

    :raises AccessFault: entries that are none, all of them named.
    """
    networks, faults = _read_ranges(ranges)
    keys, more = _read_keys(seb_keys)
    made = RoomAccess(",".join(networks), ",".join(keys))
    faults += more
    if not faults and max(len(made.ranges), len(made.seb_keys)) > MOST_TEXT:
        faults.append(f"考场网段和配置密钥各不能超过 {MOST_TEXT} 个字符；请合并相邻的网段")
    if faults:
        raise AccessFault("；".join(faults))
    return made


def _read_ranges(text: str) -> tuple[list[str], list[str]]:
    found, faults = [], []
    for piece in filter(None, _BETWEEN.split(text.strip())):
        try:
            network = ipaddress.ip_network(piece, strict=False)
        except ValueError:
            faults.append(f"“{piece[:60]}”不是网段；请写成 192.168.10.0/24，单台电脑写成 192.168.10.15")
            continue
        if "/" in piece and ipaddress.ip_address(piece.partition("/")[0]) != network.network_address:
            faults.append(f"“{piece[:60]}”不是网段的起始地址；整个网段请写成 {network}，单台电脑请写成 {piece.partition('/')[0]}")
        elif network.prefixlen == 0:
            faults.append(f"“{piece[:60]}”是全部地址；{_ANYWHERE}")
        else:
            found.append(str(network if "/" in piece else network.network_address))
    return list(dict.fromkeys(found)), faults


def _read_keys(text: str) -> tuple[list[str], list[str]]:
    found, faults = [], []
    for piece in filter(None, _BETWEEN.split(text.strip().lower())):
        if _KEY.fullmatch(piece):
            found.append(piece)
        else:
            faults.append(f"“{piece[:20]}”不是配置密钥；请从 Safe Exam Browser 配置工具复制 Config Key，共 64 位数字和字母 a 至 f（现在 {len(piece)} 位）")
    return list(dict.fromkeys(found)), faults


# ------------------------------------------------------------------ what the hall asks


@lru_cache(64)
def _networks(ranges: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one) for one in ranges.split(","))


def inside(ranges: str | None, address: str) -> bool:
    """Whether a browser's address lies in a stored list of ranges; no list: anywhere, no address: nowhere.

    >>> inside("192.168.10.0/24", "192.168.10.7"), inside("192.168.10.0/24", "::ffff:192.168.10.7"), inside("192.168.10.0/24", "10.0.0.1")
    (True, True, False)
    """
    if not ranges:
        return True
    try:
        here = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(here, ipaddress.IPv6Address) and here.ipv4_mapped is not None:
        here = here.ipv4_mapped
    return any(here.version == one.version and here in one for one in _networks(ranges))


def config_key_hash(url: str, key: str) -> str:
    """What Safe Exam Browser sends for a URL under a Config Key."""
    return hashlib.sha256((url.partition("#")[0] + key).encode()).hexdigest()


def _fits(keys: str, url: str, sent: str) -> bool:
    given = sent.strip().lower().encode()
    return any([hmac.compare_digest(config_key_hash(url, key).encode(), given) for key in keys.split(",")])


def seb_way(keys: str | None, origin: Origin, before: str | None = None) -> str | None:
    """By which way a request shows one of the keys: ``header``, ``script``, ``""`` where none is asked for; None: it does not.

    A header that is sent has to be right. Without one, what the script gave counts, or ``before``, the way in which this session
    was opened, if that was ``script``: such a browser has no headers to send.
    """
    if not keys:
        return ""
    if origin.header is not None:
        return "header" if _fits(keys, origin.url, origin.header) else None
    if origin.script and _fits(keys, origin.script_url, origin.script):
        return "script"
    return "script" if before == "script" else None
