"""1,000 certificates with their signed QR codes from standing records, as one PDF/A and as a ZIP of 1,000. Budget: 10 s.

``python -m bench.certificates``. Compared with the same sheets set one at a time by ``typst.compile``, each with its own compiler,
as a loop over a template would do it (40 sheets, reckoned up). The budget is of the clock on two idle
cores; where others work on them too, the processor's time tells how far the clock can be believed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typst
from sqlalchemy import update

from bench._sitting import ID, PROFILE, make_home
from exams.tables import sitting
from exams.typesetting import SANS, SERIF
from grading.certificates.issue import Made
from grading.certificates.sheets import produce, qr_png, sheet_data, shipped_template
from grading.marks import mark_sitting
from grading.records import issue_records
from home import Home, transaction

PEOPLE, ALONE, BUDGET_S = 1000, 40, 10.0
#: certificates for all: whoever has a mark passes
RULES = PROFILE.replace("certificate = false", "certificate = true").replace("total = 60", "total = 1")


def timed(title: str, work: Callable[..., Any], *given: object) -> tuple[Any, float, float]:
    """(what it gave, seconds by the clock, seconds of the processor)."""
    started, spent = time.perf_counter(), time.process_time()
    made = work(*given)
    clock, cpu = time.perf_counter() - started, time.process_time() - spent
    print(f"{title}: {clock:.1f} s, processor {cpu:.1f} s", flush=True)
    return made, clock, cpu


def alone(home: Home, made: Made) -> None:
    """Forty sheets, one compile each."""
    for sheet, data in sheet_data(home, made):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "main.typ").write_bytes(shipped_template(made.kind).read_bytes())
            (root / f"{sheet.number}.png").write_bytes(qr_png(sheet.code))
            body = json.dumps({"serif": SERIF, "sans": SANS, **data}, ensure_ascii=False)
            typst.compile(root / "main.typ", root=root, sys_inputs={"data": body}, format="pdf", pdf_standards="a-2b")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home", PEOPLE)
        with transaction(home.office) as connection:
            connection.execute(update(sitting).values(profile=RULES))
        mark_sitting(home, ID, "bench")
        issue_records(home, ID, "bench")
        spent = {}
        for kind in ("certificate", "score_sheet"):
            for form in ("pdf", "zip"):
                made, clock, cpu = timed(f"{PEOPLE} {kind}, {form}", produce, home, ID, kind, form, "bench")
                assert len(made[0].sheets) == PEOPLE
                spent[kind, form] = clock, cpu
            few = Made(ID, kind, made[0].sheets[:ALONE], ())
            _, clock, cpu = timed(f"{ALONE} {kind}, one compile each", alone, home, few)
            spent[kind, "alone"] = clock * PEOPLE / ALONE, cpu * PEOPLE / ALONE
        home.close()
    for kind in ("certificate", "score_sheet"):
        for form in ("pdf", "zip"):
            clock, cpu = spent[kind, form]
            print(f"RATIO 1,000 {kind} ({form}) of {BUDGET_S:.0f} s: {clock / BUDGET_S:.2f} by the clock, {cpu / BUDGET_S:.2f} of the processor "
                  f"(budget 1.00); one compile each takes {spent[kind, 'alone'][1] / cpu:.1f} x the processor")  # fmt: skip


if __name__ == "__main__":
    main()
