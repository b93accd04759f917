"""Acts on the whole room: pause, resume, more time, a longer window, taking back; and a draft put right.

Each has a page of its own that tells how many people it concerns before it is done. What was shown there comes back with the form
(``seen``), so that a second click or a second officer does nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from exams.control import grant_room, newest_grant, pause_room, resume_room
from exams.decisions import Details, change_access, edit_draft, extend_window, needs_second
from exams.errors import SittingError
from exams.policy import SECOND_PERSON
from exams.room_access import RoomAccess, read_access
from exams.sittings import Sitting
from hall.office.approvals import second_or_now
from hall.office.live import picture_of
from hall.office.pages import go, page, span_text
from hall.office.visit import NotHere, Refused, Visit
from home import instant_of, local_text, transaction

MOST_MINUTES = 180
#: one click each: what usually stops a room
USUAL = ("停电", "网络中断", "服务器故障", "火警、疏散", "维持考场秩序")


@dataclass(frozen=True)
class RoomAct:
    """One act on its page. ``usual``: reasons that are one click; ``work`` does it and tells what was done."""

    title: str
    button: str
    usual: tuple[str, ...]
    work: Callable[[Visit, Sitting, str], str]


def _pause(visit: Visit, known: Sitting, reason: str) -> str:
    with transaction(visit.home.exam) as connection:
        done = pause_room(connection, known.id, reason=reason, by=visit.by, now=visit.now)
    return "已全场暂停：考生页面几秒内盖住试卷，时间停住。恢复时停了多久就补多久。" if done else "全场已经是暂停状态，没有重复办理。"


def _resume(visit: Visit, known: Sitting, reason: str) -> str:
    with transaction(visit.home.exam) as connection:
        done = resume_room(connection, known.id, reason=reason, by=visit.by, now=visit.now)
    if not done.ms:
        return "考试没有暂停（可能别人刚刚恢复了），没有重复办理。"
    return f"已恢复考试：暂停了 {span_text(done.ms // 1000)}，给 {done.candidates} 名考生如数补回。单独暂停的考生仍在暂停。"


def _time(visit: Visit, known: Sitting, reason: str) -> str:
    minutes = visit.whole("minutes", "加时分钟数", 1, MOST_MINUTES)
    seen = visit.whole("seen", "页面编号", 0, 10**9 - 1)
    with transaction(visit.home.exam) as connection:
        given = grant_room(connection, known.id, minutes * 60, reason=reason, by=visit.by, now=visit.now, after=seen)
    return f"已给正在考试的 {given} 人各加时 {minutes} 分钟；考生页面几秒内自动更新。"


def _take_time(visit: Visit, known: Sitting, reason: str) -> str:
    minutes = visit.whole("minutes", "收回几分钟", 1, MOST_MINUTES)
    seen = visit.whole("seen", "页面编号", 0, 10**9 - 1)
    return second_or_now(visit, known, "take_time", known.id, reason, sitting=known.id, seconds=minutes * 60, after=seen)


def _window(visit: Visit, known: Sitting, reason: str) -> str:
    text = visit.text("closes", "新的结束时间", 16).replace("T", " ")
    try:
        closes = instant_of(text)
    except ValueError:
        raise Refused("新的结束时间不对；请写成 2026-12-01 11:30") from None
    if closes > max(visit.now, known.closes_at) + MOST_MINUTES * 60_000:
        raise Refused(
            f"新的结束时间 {local_text(closes)} 比原定的 {local_text(known.closes_at)} 晚太多，可能是日期或上午、下午填错了；"
            f"延长以后不能再缩短，一次最多延长 {MOST_MINUTES // 60} 小时"
        )
    started = visit.form.get("started") == "yes"
    with transaction(visit.home.office) as connection:
        moved = extend_window(visit.home, connection, known.id, closes, started_too=started, reason=reason, by=visit.by, now=visit.now)
    told = f"已开始的 {moved['started']} 人顺延" if started else "已开始的考生时间不变"
    return f"考试结束时间已延长到 {local_text(closes)}；{told}。"


def _access(visit: Visit, known: Sitting, reason: str) -> str:
    with transaction(visit.home.office) as connection:
        done = change_access(visit.home, connection, known.id, access_of(visit), reason=reason, by=visit.by, now=visit.now)
    return "已改好，从下一次登录、开始、刷新起按新的办。正在作答的考生不受影响。" if done else "与现在的登记相同，没有改动。"


def access_of(visit: Visit) -> RoomAccess:
    """Networks and Config Keys as the form has them.

    :raises SittingError: entries that are none.
    """
    return read_access(*(visit.text(name, title, 4000, needed=False) for name, title in (("ranges", "考场网段"), ("seb_keys", "配置密钥"))))


def _withdraw(visit: Visit, known: Sitting, reason: str) -> str:
    return second_or_now(visit, known, "withdraw", known.id, reason)


#: name in the address -> act
ACTS = {
    "pause": RoomAct("全场暂停", "暂停考试", USUAL, _pause),
    "resume": RoomAct("恢复考试", "恢复考试", ("已恢复正常",), _resume),
    "time": RoomAct("全场加时", "给全场加时", (), _time),
    "take_time": RoomAct("全场收回加时", "收回加时", (), _take_time),
    "window": RoomAct("延长考试时间", "延长", (), _window),
    "access": RoomAct("考场网段与考试浏览器", "改正", (), _access),
    "withdraw": RoomAct("撤回本场", "撤回本场", (), _withdraw),
}


def _the_act(visit: Visit) -> tuple[Sitting, RoomAct]:
    known, act = visit.sitting(), ACTS.get(visit.path["act"])
    if act is None:
        raise NotHere("没有这项操作")
    return known, act


def room_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/room/{act}``: what it means and whom it concerns."""
    known, act = _the_act(visit)
    picture = picture_of(visit, known)
    if known.state not in ("open", "opening") or picture is None:
        raise NotHere("本场不在考试中，没有全场操作")
    with visit.home.exam.connect() as connection:
        seen = newest_grant(connection, known.id)
    return page(
        visit, "room_act.html", known=known, act=act,
        name=visit.path["act"], picture=picture, seen=seen, most=MOST_MINUTES,
        second=visit.path["act"] in SECOND_PERSON and needs_second(known, visit.path["act"]),
    )  # fmt: skip


def room_act(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/room/{act}``. A usual reason is a button of its own (``usual``)."""
    known, act = _the_act(visit)
    reason = visit.form.get("usual", "") if visit.form.get("usual", "") in act.usual else visit.text("reason", "原因", 500)
    if known.state not in ("open", "opening"):
        raise SittingError("本场不在考试中，不能办理")
    told = act.work(visit, known, reason)
    return go(visit, "desk" if visit.path["act"] == "withdraw" else "live", good=told, sitting=known.id)


# ------------------------------------------------------------------ a draft


def edit_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/edit``: title, place and window of a draft."""
    known = visit.sitting()
    if known.state != "draft":
        raise NotHere("开考后不能再改；要延长，请到考场实况办理“延长考试时间”")
    times = {name: local_text(at, "%Y-%m-%dT%H:%M") for name, at in (("opens", known.opens_at), ("closes", known.closes_at))}
    values = {"title": known.title, "place": known.place, **times, "ranges": known.access.ranges, "seb_keys": known.access.seb_keys}
    return page(visit, "edit.html", known=known, values=values)


def edit(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/edit``."""
    known = visit.sitting()
    access = access_of(visit)
    try:
        opens, closes = (instant_of(visit.text(name, title, 16).replace("T", " ")) for name, title in (("opens", "开始时间"), ("closes", "结束时间")))
    except ValueError:
        raise Refused("时间不对；请写成 2026-12-01 09:00") from None
    new = Details(visit.text("title", "考试名称", 100), visit.text("place", "地点", 100, needed=False), opens, closes, access)
    with transaction(visit.home.office) as connection:
        stale = edit_draft(connection, known.id, new, visit.by)
    return go(visit, "desk", good="已改好。" + ("考试换了日期，题目的法条依据要按新日期核对：请重新组卷。" if stale else ""), sitting=known.id)
