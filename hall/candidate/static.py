"""Scripts and styles, read once; their address holds their digest, so that a browser may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from exams.refusals import Refused

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class _File:
    digest: str
    media_type: str
    body: bytes
    small: bytes


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(hashlib.sha256(body).hexdigest()[:16], _TYPES[path.suffix], body, gzip.compress(body, 9, mtime=0))


_FILES = {path.name: _read(path) for path in sorted((Path(__file__).parent / "static").iterdir()) if path.suffix in _TYPES}


def static_url(name: str) -> str:
    """Address of a static file."""
    return f"/static/{_FILES[name].digest}/{name}"


async def serve_static(request: Request) -> Response:
    """A static file; an old digest gets the present file, but not for ever."""
    found = _FILES.get(request.path_params["name"])
    if found is None:
        raise Refused("not_found")
    current = request.path_params["digest"] == found.digest
    headers = {"cache-control": "public, max-age=31536000, immutable" if current else "no-store", "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.small, media_type=found.media_type, headers={**headers, "content-encoding": "gzip"})
    return Response(found.body, media_type=found.media_type, headers=headers)
