"""The list of sittings, a new one, and the officer's desk: one page per sitting with the next thing to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from starlette.responses import Response

from backup.schedule import beside_the_data
from exams import blueprint, profile
from exams.blueprint import Blueprint
from exams.profile import Profile, agree
from exams.sittings import NewSitting, Sitting, create_sitting, list_sittings
from exams.tables import attempt, candidate, sitting
from grading.outcome import exact_text
from hall.office.control import access_of
from hall.office.jobs import STATES, ask, recent_jobs
from hall.office.lists import EXPORT_FORMATS
from hall.office.live import View, picture_of
from hall.office.pages import WATCHERS, go, page
from hall.office.steps import current_step, read_facts, steps_of
from hall.office.visit import NotHere, Refused, Visit
from home import instant_of, local_text, transaction
from people.account_links import namesakes

CLOSE_WORD = "收卷"


def home_page(visit: Visit) -> Response:
    """``GET /``: all sittings, the newest first."""
    with visit.home.office.connect() as connection:
        known = list_sittings(connection)
        next_step = {
            one.id: current_step(one, read_facts(connection, one.id), visit.now) for one in known if one.state not in ("marked", "withdrawn")
        }
    beside = beside_the_data(visit.home) if visit.staff.roles & WATCHERS else None
    return page(visit, "sittings.html", sittings=known, next_step=next_step, beside=beside)


# ---------------------------------------------------------------- a new sitting


@dataclass(frozen=True)
class Choice:
    """One shipped file to choose from, with what it means in a few lines."""

    name: str
    title: str
    lines: tuple[str, ...]


def _shipped(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))


def paper_choices() -> list[Choice]:
    """Shipped blueprints that can be used with at least one shipped profile."""
    rules = [Profile.read(path) for path in _shipped(profile.SHIPPED)]
    known = [(path.stem, Blueprint.read(path)) for path in _shipped(blueprint.SHIPPED)]
    return [Choice(name, one.title, blueprint_lines(one)) for name, one in known if not all(agree(one, rule) for rule in rules)]


def profile_choices() -> list[Choice]:
    """Shipped profiles."""
    known = [(path.stem, Profile.read(path)) for path in _shipped(profile.SHIPPED)]
    return [Choice(name, one.title, profile_lines(one)) for name, one in known]


def blueprint_lines(known: Blueprint) -> tuple[str, ...]:
    """A blueprint in words."""
    parts = "，".join(f"{part.title} {part.count} 题 × {exact_text(part.points)} 分" for part in known.parts)
    whole = sum(part.count for part in known.parts)
    late = f"；开考 {known.late_entry_minutes} 分钟后不得入场" if known.late_entry_minutes is not None else ""
    forms = f"{known.forms} 套平行卷" if known.forms > 1 else "1 套卷（题序、选项顺序人人不同）"
    return f"{whole} 题，满分 {exact_text(known.total)} 分，答题 {known.minutes} 分钟{late}", parts, forms


def profile_lines(known: Profile) -> tuple[str, ...]:
    """A profile in words."""
    bands = "，".join(f"{band.title} {exact_text(band.least)} 分起" for band in known.bands)
    minima = "，".join(f"“{one.part}”不低于 {exact_text(one.least)} 分" for one in known.minima)
    resit = f"可补考 {known.resit.most} 次" if known.resit.most else "不补考"
    if known.resit.most and known.resit.within_days:
        resit += f"（{known.resit.within_days} 日内）"
    months = known.validity.months
    lasts = f"合格 {months} 个月内有效" if months else "合格在本届内有效" if known.validity.term else "合格长期有效"
    first = f"及格 {exact_text(known.pass_mark)} 分" + (f"；{minima}" if minima else "") + (f"；{bands}" if bands else "")
    return first, f"{resit}；补考仍不合格：{known.on_final_fail}", f"无故缺考：{known.absence.unexcused}；{lasts}"


def new_page(visit: Visit) -> Response:
    """``GET /sittings/new``."""
    with visit.home.office.connect() as connection:
        firsts = connection.execute(
            select(sitting.c.id, sitting.c.title).where(sitting.c.state.in_(("closed", "marked"))).order_by(sitting.c.opens_at.desc())
        ).all()
    return page(
        visit, "new.html", papers=paper_choices(), profiles=profile_choices(), firsts=firsts, today=local_text(visit.now, "%Y-%m-%d")
    )


def create(visit: Visit) -> Response:
    """``POST /sittings/new``."""
    made = _read_new(visit)
    with transaction(visit.home.office) as connection:
        create_sitting(connection, made, visit.by)
    return go(visit, "desk", good="已新建考试。下一步：导入名单。", sitting=made.id)


def _read_new(visit: Visit) -> NewSitting:
    day = visit.text("day", "考试日期", 10)
    try:
        opens, closes = (instant_of(f"{day} {visit.text(name, title, 5)}") for name, title in (("opens", "开始时间"), ("closes", "结束时间")))
    except ValueError:
        raise Refused("考试日期或时间不对；日期写成 2026-12-01，时间写成 09:00") from None
    paper, rules = (
        _file_of(visit, field, title, folder)
        for field, title, folder in (("blueprint", "试卷", blueprint.SHIPPED), ("profile", "考试办法", profile.SHIPPED))
    )
    return NewSitting(
        visit.text("id", "考试编号", 40, needed=False) or _free_id(visit, day), visit.text("title", "考试名称", 100),
        visit.text("kind", "考试性质", 10), paper, rules, opens, closes, visit.text("place", "地点", 100, needed=False),
        visit.text("resit_of", "首考", 40, needed=False) or None, access_of(visit),
    )  # fmt: skip


def _file_of(visit: Visit, field: str, title: str, folder: Path) -> str:
    own = visit.uploads.get(f"{field}_file")
    if own is not None:
        try:
            return own.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Refused(f"{title}文件“{own.name}”不是 UTF-8 编码的文本；请另存为 UTF-8 后重新选择") from None
    chosen = {path.stem: path for path in _shipped(folder)}.get(visit.form.get(field, ""))
    if chosen is None:
        raise Refused(f"请选择{title}")
    return chosen.read_text(encoding="utf-8")


def _free_id(visit: Visit, day: str) -> str:
    """``2026-12-01-a``, or the next letter that is free."""
    with visit.home.office.connect() as connection:
        taken = set(connection.execute(select(sitting.c.id).where(sitting.c.id.like(f"{day}-%"))).scalars())
    return next((name for letter in "abcdefghijklmnopqrstuvwxyz" if (name := f"{day}-{letter}") not in taken), f"{day}-more")


# ---------------------------------------------------------------- the desk


def desk(visit: Visit) -> Response:
    """``GET /sittings/{sitting}``."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        facts = read_facts(connection, known.id)
        jobs = recent_jobs(connection, visit.now, known.id)[:6]
        same_name = namesakes(connection, select(candidate.c.person_id).where(candidate.c.sitting_id == known.id))
    with visit.home.exam.connect() as connection:
        begun = connection.execute(select(attempt.c.id).where(attempt.c.sitting_id == known.id).limit(1)).first() is not None
    steps = steps_of(known, facts, visit.now)
    return page(
        visit, "desk.html", known=known, facts=facts, steps=steps, step=current_step(known, facts, visit.now), jobs=jobs,
        STATES=STATES, paper_lines=blueprint_lines(known.blueprint), profile_lines=profile_lines(known.profile),
        formats=EXPORT_FORMATS, busy=any(one.live for one in jobs), same_name=same_name, begun=begun,
    )  # fmt: skip


def _in_state(known: Sitting, states: tuple[str, ...], message: str) -> None:
    if known.state not in states:
        raise Refused(message)


def build(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/build``."""
    known = visit.sitting()
    _in_state(known, ("draft",), "开考后不能重新组卷")
    ask(visit, "build_papers", known.id)
    return go(visit, "desk", good="已开始组卷，一般不到一分钟。", sitting=known.id)


def open_(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/open``."""
    known = visit.sitting()
    _in_state(known, ("draft", "opening"), "本场已经开考或收卷")
    if known.paper_id is None:
        raise Refused("还没有组卷；请先组卷")
    if known.closes_at <= visit.now:
        raise Refused(f"考试时间已过（{local_text(known.closes_at)} 结束）；请另建一场")
    ask(visit, "open", known.id)
    return go(visit, "desk", good="正在把名单和试卷送进考场。完成后即可打印考试码。", sitting=known.id)


def close_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/close``: asks for a typed word, and says whom it would cut off."""
    known = visit.sitting()
    if known.state != "open":
        raise NotHere("本场不在考试中，不能收卷")
    return page(visit, "close.html", known=known, word=CLOSE_WORD, picture=picture_of(visit, known, View(state="at_work")))


def close(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/close``."""
    known = visit.sitting()
    _in_state(known, ("open",), "本场不在考试中，不能收卷")
    if visit.form.get("word", "").strip() != CLOSE_WORD:
        raise Refused(f"没有收卷：请在框内输入“{CLOSE_WORD}”两个字再确认")
    ask(visit, "close", known.id)
    ask(visit, "grade", known.id)  # done in turn: the worker takes the oldest job first
    return go(visit, "desk", good="正在收卷，收卷后自动开始机器评阅。仍在作答的考生按最后一次保存的答案收卷。", sitting=known.id)


def grade(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/grade``."""
    known = visit.sitting()
    _in_state(known, ("closed", "marked"), "还没有收卷；收卷后才能阅卷")
    ask(visit, "grade", known.id)
    return go(visit, "desk", good="已开始阅卷。客观题由系统评阅，主观题等阅卷人评阅。", sitting=known.id)


def issue(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/issue``."""
    known = visit.sitting()
    _in_state(known, ("closed", "marked"), "还没有收卷，不能签发成绩")
    ask(visit, "issue_records", known.id)
    return go(visit, "records", good="正在签发成绩记录，完成后刷新本页。", sitting=known.id)
