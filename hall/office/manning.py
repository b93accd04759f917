"""人员配备: each community against a norm, what supposed numbers come to, and whose grade of community worker is due."""

from __future__ import annotations

from starlette.responses import Response

from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS
from grading.lists.made import Wanted
from grading.lists.scope import Scope
from grading.lists.staffing import (
    CITY,
    FIRST,
    STEP_STATES,
    careers,
    notes,
    ratio_line,
    ratio_text,
    reconciled,
    span_text,
    state_of,
    step_state,
)
from grading.roll import day_of
from grading.workforce.communities import communities, need_of, total_of
from grading.workforce.norms import Staffing, Supposed, staffing_of, suppose
from hall.office.jobs import ask
from hall.office.lists import EXPORT_FORMATS
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit

SHOWN, SHOWN_GRADES = 300, 20
MOST_HOUSEHOLDS, MOST_RESIDENTS = 1_000_000, 100_000_000


def staffing_page(visit: Visit) -> Response:
    """``GET /workforce/staffing?norm=&households=&residents=&show=``; ``show``: short | over | unknown, or all."""
    known, today = staffing_of(visit.home), day_of(visit.now)
    norm = known.norms.get(visit.query.get("norm", "")) or known.norms[FIRST]
    supposed, faults = _supposed(visit, known)
    with visit.home.office.connect() as connection:
        everything = communities(connection, today)
        steps = careers(Wanted(visit.home, connection, Scope(), (), today), known)
    needs = [need_of(norm, known.committee, one) for one in everything]
    show = visit.query.get("show", "")
    lines = [one for one in needs if not show or state_of(norm, one) == show]
    city = known.norms.get(CITY)
    due = sorted(((one, holder) for holder, one in steps if step_state(one, today) in STEP_STATES[:2]), key=lambda pair: (str(pair[0].next_on), pair[1].name))
    return page(
        visit, "staffing.html", norms=list(known.norms.values()), norm=norm, supposed=supposed, faults=faults, households=visit.query.get("households", "")[:9],
        residents=visit.query.get("residents", "")[:9], needs=needs, lines=lines[:SHOWN], found=len(lines), SHOWN=SHOWN, show=show,
        counts={state: sum(state_of(norm, one) == state for one in needs) for state in ("short", "fits", "over", "unknown")},
        short=sum(one.short for one in needs), line=reconciled(norm, needs), ratio=ratio_line(city, total_of(city, everything)) if city else "",
        notes=notes(norm), committee=known.committee, grades=due[:SHOWN_GRADES], graded=len(due), rule=known.grades, ratio_text=ratio_text, span_text=span_text,
        state_of=state_of, formats=EXPORT_FORMATS, today=today,
    )  # fmt: skip


def _supposed(visit: Visit, known: Staffing) -> tuple[list[Supposed], list[str]]:
    """What the numbers of the form come to, and which of them are none."""
    given: dict[str, int | None] = {"households": None, "residents": None}
    faults = []
    for name, title, most in (("households", "户数", MOST_HOUSEHOLDS), ("residents", "常住人口", MOST_RESIDENTS)):
        text = visit.query.get(name, "").strip().replace(",", "").replace("，", "")
        if not text:
            continue
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most:
            given[name] = int(text)
        else:
            faults.append(f"{title}“{text[:20]}”应为 0 至 {most:,} 之间的整数")
    return suppose(known, given["households"], given["residents"]), faults


def make_staffing(visit: Visit) -> Response:
    """``POST /workforce/staffing``: 人员配备表 or 岗位等级晋级名册 as a file."""
    kind, form = LISTS.get(visit.form.get("list", "")), visit.form.get("format", "")
    if kind is None or kind.asks not in ("norm", "today") or form not in EXPORT_FORMATS:
        raise Refused("请选择名册和格式")
    norm = staffing_of(visit.home).norm(visit.form.get("norm", FIRST)[:60])
    with visit.home.office.connect() as connection:
        scope = scope_of(connection, kind, rule=norm.key if kind.asks == "norm" else "")
        layout = kind.layout(connection, None)
    ask(visit, "export", None, list=kind.key, format=form, columns=layout.name, **scope.arguments())
    return go(visit, "exports", good=f"正在导出{kind.title}，完成后出现在下面的文件列表里。", query=f"list={kind.key}")
