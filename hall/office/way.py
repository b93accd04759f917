"""One line of the route table, and which page of the table an address shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.routing import compile_path

from hall.office.concerns import Concern
from hall.office.visit import Handler


@dataclass(frozen=True)
class Way:
    """One line of the route table. ``back``: the page that is shown, with the reason, when a POST is refused and no nearer page has its form.

    ``concerns``: whose matter it is (:mod:`hall.office.concerns`); every POST says so.
    """

    name: str
    method: str
    path: str
    handler: Handler
    roles: frozenset[str]
    back: str = ""
    concerns: Concern | None = None


class Pages:
    """The pages of a route table, found by name or by address."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._known: dict[str, tuple[Way, re.Pattern[str]]] = {
            way.name: (way, compile_path(way.path)[0]) for way in ways if way.method == "GET" and not way.path.endswith(".json")
        }

    def named(self, name: str) -> Way | None:
        """The page of this name."""
        return self._known[name][0] if name in self._known else None

    def at(self, address: str) -> tuple[Way, dict[str, str]] | None:
        """The page at a path as it stands in an address (quoted), with what the path names; as the router, the first that fits.

        >>> Pages([Way("x", "GET", "/x/{a}", lambda visit: None, frozenset())]).at("/x/%E7%94%B2")[1]
        {'a': '甲'}
        """
        path = unquote(address)
        for way, pattern in self._known.values():
            if found := pattern.match(path):
                return way, found.groupdict()
        return None
