"""The page on which anyone checks a certificate without us: one HTML file, no server, no network, opened by ``file://``.

It carries the office's public key, the revocation list of the day, and noble-ed25519 (MIT, audited; unchanged, its licence beside
it): browsers of 2020 have no Ed25519 of their own. Its content policy lets nothing in or out but its own script, by digest.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from grading.certificates.issue import private_key, revocations
from grading.certificates.revocations import REASONS, write_list
from grading.certificates.statement import key_id, raw_public
from home import Home

HERE = Path(__file__).parent / "page"
LIBRARY = "noble-ed25519-2.3.0.js"


def _source(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


def revocation_file(home: Home) -> str:
    """The signed revocation list as of now."""
    return write_list(revocations(home), private_key(home))


def offline_page(home: Home) -> str:
    """The whole page."""
    key, office = raw_public(private_key(home)), str(home.settings["office_name"])
    style = (HERE / "verify.css").read_text(encoding="utf-8")
    script = f"{(HERE / LIBRARY).read_text(encoding='utf-8')}\n{(HERE / 'verify.js').read_text(encoding='utf-8')}"
    data = {"key": key.hex(), "key_id": key_id(key), "reasons": REASONS, "revocations": revocation_file(home)}
    pieces = {
        "@SCRIPT_HASH@": _source(script).strip("'"), "@STYLE_HASH@": _source(style).strip("'"), "@OFFICE@": html.escape(office),
        "@KEY_ID@": key_id(key), "@STYLE@": style, "@DATA@": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"), "@SCRIPT@": script,
    }  # fmt: skip
    page = (HERE / "verify.html").read_text(encoding="utf-8")
    return re.sub("|".join(pieces), lambda found: pieces[found[0]], page)  # in one pass: a place's name within a text stays text
