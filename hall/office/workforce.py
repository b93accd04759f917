"""队伍持证: who holds what and what falls due, whom to look for, which villages and schools are short, and by which rules."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from sqlalchemy import func, select
from starlette.responses import Response

from grading.cut import exact_text
from grading.roll import day_of
from grading.workforce.clock import HOLDING
from grading.workforce.coverage import coverage
from grading.workforce.kinds import Kind, kind_source, kinds_of
from grading.workforce.listing import DUE, OVERDUE, STALE, TITLES, Filter, list_page
from hall.office.pages import page
from hall.office.visit import Visit
from people.finding import named
from people.tables import person, unit

FOUND = 60
#: kinds of unit that have others below them: offered while a name is typed
ABOVE = ("乡镇", "街道", "机关")
MOST_OFFERED = 400
PERS = {"period": "每个有效期", "year": "每年", "before_start": "开始以前"}
ENDS = {"corresponding_day": "到期日是期满那个月的同一日（民法典第202条）", "day_before": "到期日是对应日的前一日"}


def today(visit: Visit) -> date:
    """The day of the request, Beijing time."""
    return day_of(visit.now)


def page_number(visit: Visit) -> int:
    """``?page=``; anything else than a number is the first page."""
    text = visit.query.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def workforce_page(visit: Visit) -> Response:
    """``GET /workforce?kind=&unit=&name=&state=&due=&page=``."""
    kinds = kinds_of(visit.home)
    wanted = _filter(visit)
    with visit.home.office.connect() as connection:
        listing = list_page(connection, kinds, today(visit), wanted, page_number(visit))
        offered = connection.execute(select(unit.c.name).where(unit.c.kind.in_(ABOVE)).order_by(unit.c.name).distinct().limit(MOST_OFFERED)).scalars().all()
    return page(
        visit, "workforce_list.html", kinds=kinds, wanted=wanted, asked={key: value for key, value in asdict(wanted).items() if value}, listing=listing,
        units=offered, TITLES=TITLES, DUE=DUE, OVERDUE=OVERDUE, STALE=STALE, HOLDING=HOLDING, today=today(visit), exact=exact_text,
    )  # fmt: skip


def _filter(visit: Visit) -> Filter:
    """What the address asks for; values that do not exist ask for nothing."""
    query = {name: visit.query.get(name, "").strip()[:100] for name in ("kind", "unit", "name", "state", "due")}
    query["state"] = query["state"] if query["state"] in TITLES else ""
    query["due"] = query["due"] if query["due"] in (*DUE, OVERDUE) else ""
    if query["due"]:
        query["state"] = ""  # one of the two tabs
    return Filter(**query)


def holders_page(visit: Visit) -> Response:
    """``GET /workforce/people?name=``: anybody on file, holding something or not, to open the page where things are entered."""
    name = visit.query.get("name", "").strip()[:100]
    found, more = [], False
    if name:
        query = (
            select(person.c.id, person.c.name, person.c.identity_masked, person.c.category, person.c.left_on, unit.c.name.label("unit"))
            .outerjoin(unit, unit.c.id == person.c.unit_id)
            .where(named(name), person.c.identity_masked != "")
            .order_by(unit.c.name, person.c.name, person.c.id)
            .limit(FOUND + 1)
        )  # fmt: skip
        with visit.home.office.connect() as connection:
            found = list(connection.execute(query))
        more = len(found) > FOUND
    with visit.home.office.connect() as connection:
        whole = connection.execute(select(func.count()).select_from(person)).scalar_one()
    return page(visit, "workforce_people.html", name=name, found=found[:FOUND], more=more, whole=whole)


def coverage_page(visit: Visit) -> Response:
    """``GET /workforce/coverage?kind=&unit=&show=``: the target of a village or school, and who falls short of it by how many."""
    kinds = kinds_of(visit.home)
    having = {ident: kind for ident, kind in kinds.items() if kind.target is not None}
    wanted = visit.query.get("kind", "")
    kind = having.get(wanted) or next(iter(having.values()), None)
    under, show = visit.query.get("unit", "").strip()[:100], visit.query.get("show", "short")
    found = None
    if kind is not None:
        with visit.home.office.connect() as connection:
            found = coverage(connection, kinds, kind, today(visit), under)
    shown = {"empty": found.empty, "all": found.units}.get(show, found.short) if found else ()
    return page(
        visit, "workforce_coverage.html", having=having, kind=kind, under=under, show=show if show in ("empty", "all") else "short", found=found,
        shown=shown, today=today(visit),
    )  # fmt: skip


def kinds_page(visit: Visit) -> Response:
    """``GET /workforce/kinds``: every kind with its rules in words, and the file that says so."""
    kinds = kinds_of(visit.home)
    shown = [(kind, *kind_source(visit.home, kind), rules_of(kind)) for kind in kinds.values()]
    return page(visit, "workforce_kinds.html", shown=shown)


def rules_of(kind: Kind) -> list[tuple[str, str]]:
    """(heading, rule in words) of one kind, in the order in which a clerk needs them."""
    found = [("起算", f"{kind.obtained}{'（正式考试的合格成绩可以转入）' if kind.records else ''}")]
    if kind.exam:
        found.append(("考试科目", f"{'、'.join(title for _, title in kind.exam.subjects)}；{kind.exam.within_years} 个连续考试年度内全部合格"))
    for stage in kind.stages:
        within = f"，在上一步之后 {stage.within_months} 个月内" if stage.within_months else ""
        found.append(("步骤", f"{stage.title}{within}：{stage.do}{'；从这一步起有效' if stage.starts else ''}"))
    months = kind.validity.months
    again = "可以重新办理，重新计算" if kind.validity.restart else "不能再续，须重新取得"
    found.append(("有效期", f"{months} 个月；{ENDS[kind.validity.ends]}；过期后{again}" if months else "长期"))
    if kind.renewal:
        follows = "接着原有效期计算" if kind.renewal.from_expiry else "从办理之日起计算"
        found.append(("续期", f"{kind.renewal.title}：期满前 {kind.renewal.window_months} 个月起受理，{follows}；{kind.renewal.do}"))
    for one in kind.requirements:
        degree = f"；取得学位抵 {exact_text(one.degree)} {one.unit}，一生一次" if one.degree else ""
        found.append(("要求", f"{one.title}：{PERS[one.per]} {exact_text(one.needed)} {one.unit}{degree}"))
    if kind.age_most is not None:
        found.append(("年龄", f"任到满 {kind.age_most} 周岁"))
    if kind.marks:
        found.append(("另可登记", "、".join(f"{one.title}{'（计次）' if one.count else ''}" for one in kind.marks)))
    if kind.target:
        found.append(("配备目标", f"每个{kind.target.unit_kind}不少于 {kind.target.least} 名"))
    found.append(("终止称为", kind.ended))
    return found
