"""A sitting: one roster, one paper, one window, one profile; from the draft to the papers in the safe.

Opening, codes and closing are in ``exams.opening``; the live picture is in ``exams.status``. All functions here work on
office.db and ``secret/``; none of them is called by the candidate process.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Connection, func, select, update

from exams.blueprint import Blueprint
from exams.errors import ContentError, SittingError
from exams.profile import Profile, agree
from exams.room_access import ANY_ROOM, RoomAccess
from exams.tables import candidate, sitting
from home import BEIJING, OFFICE, audit, digest, instant_of, now_ms
from people.persons import ImportResult

#: kind of sitting -> (title, what it means for those who set it up)
KINDS = {
    "demo": ("演示", "用随软件公开的题目，成绩不作依据"),
    "mock": ("模拟", "用随软件公开的题目，供练习和设备演练，成绩不作依据"),
    "formal": ("正式", "只用本单位已审签、未公开的题目，成绩作为任前考试结果"),
}
#: state of a sitting -> how officers call it; withdrawn: opened by mistake, nobody had started
STATE_TITLES = {
    "draft": "准备中", "opening": "正在开考", "open": "已开考", "closed": "已收卷", "marked": "已阅卷", "withdrawn": "已撤回",
}  # fmt: skip
#: A window lies between these instants and is no longer than this: a half-typed year is refused, not stored.
EARLIEST, LATEST, LONGEST_MS = instant_of("2020-01-01"), instant_of("2100-01-01"), 31 * 86_400_000
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
#: what was read of a stored text, which never changes; every page and every event asks for its sitting
_blueprint, _profile = lru_cache(64)(Blueprint.parse), lru_cache(64)(Profile.parse)


@dataclass(frozen=True)
class NewSitting:
    """What an officer decides when a sitting is made. ``blueprint`` and ``profile`` are TOML text; instants ms UTC."""

    id: str
    title: str
    kind: str
    blueprint: str
    profile: str
    opens_at: int
    closes_at: int
    place: str = ""
    resit_of: str | None = None
    access: RoomAccess = ANY_ROOM


@dataclass(frozen=True)
class Sitting:
    """A sitting as it stands. ``state``: a key of :data:`STATE_TITLES`.

    draft → opening (roster and paper are fixed) → open → closed → marked, or open → withdrawn.
    """

    id: str
    title: str
    kind: str
    place: str
    blueprint: Blueprint
    profile: Profile
    profile_digest: str
    paper_id: str | None
    resit_of: str | None
    opens_at: int
    closes_at: int
    state: str
    access: RoomAccess = ANY_ROOM


@dataclass(frozen=True)
class Enrolment:
    """One line of the roster, as it stands on the day, for a person who is known already."""

    person_id: int
    unit_label: str
    post_label: str | None = None
    proposed_post: str | None = None
    rank_label: str | None = None
    channel: str | None = None
    remark: str | None = None


def enrolments(result: ImportResult) -> Iterable[Enrolment]:
    """What an import of persons says, as lines of a sitting's roster, in its order."""
    for one in result.people:
        row = one.row
        yield Enrolment(one.person_id, row.unit, row.post, row.proposed_post, row.rank, row.channel, row.remark)


def create_sitting(connection: Connection, new: NewSitting, by: str) -> None:
    """Make a draft sitting.

    :raises SittingError: bad id, title, kind or window, an id already taken, or an unknown first sitting of a resit.
    :raises ContentError: blueprint or profile are wrong or do not agree.
    """
    _check_new(connection, new)
    blueprint, profile = Blueprint.parse(new.blueprint), Profile.parse(new.profile)
    faults = agree(blueprint, profile)
    if faults:
        raise ContentError(faults)
    connection.execute(
        sitting.insert().values(
            id=new.id, title=new.title.strip(), kind=new.kind, place=new.place.strip(), blueprint=new.blueprint,
            profile=new.profile, profile_digest=digest(new.profile), resit_of=new.resit_of, opens_at=new.opens_at,
            closes_at=new.closes_at, state="draft", created_at=now_ms(), created_by=by, **access_columns(new.access),
        )
    )  # fmt: skip
    audit(connection, OFFICE, by, "sitting.create", new.id, kind=new.kind, title=new.title)


def access_columns(access: RoomAccess) -> dict[str, str | None]:
    """Values of the columns that hold where a sitting may be taken; null where nothing is asked for."""
    return {"room_ranges": access.ranges or None, "seb_keys": access.seb_keys or None}


def _check_new(connection: Connection, new: NewSitting) -> None:
    if not SLUG.fullmatch(new.id):
        raise SittingError(f"考试编号“{new.id}”不合要求：用 2 至 32 个小写字母、数字和连字符，例如 2026-12-a")
    if not 1 <= len(new.title.strip()) <= 100:
        raise SittingError("请填写考试名称（100 字以内）")
    if new.kind not in KINDS:
        raise SittingError(f"考试性质“{new.kind}”不认识；可用：{'、'.join(KINDS)}")
    check_window(new.opens_at, new.closes_at)
    if connection.execute(select(sitting.c.id).where(sitting.c.id == new.id)).first():
        raise SittingError(f"考试编号“{new.id}”已被使用，请换一个")
    if new.resit_of and not connection.execute(select(sitting.c.id).where(sitting.c.id == new.resit_of)).first():
        raise SittingError(f"找不到首考“{new.resit_of}”，无法设为它的补考")


def check_window(opens_at: int, closes_at: int) -> None:
    """:raises SittingError: no sitting can be held from ``opens_at`` to ``closes_at`` (ms UTC)."""
    if closes_at <= opens_at:
        raise SittingError("结束时间须晚于开始时间")
    if not EARLIEST <= opens_at <= LATEST or closes_at - opens_at > LONGEST_MS:
        raise SittingError("考试日期不对：年份须在 2020 至 2099 之间，一场考试不超过 31 天；请检查日期是否填完整")


def get_sitting(connection: Connection, sitting_id: str) -> Sitting:
    """The sitting with its blueprint and profile as they were when it was made.

    :raises SittingError: there is none of this id.
    """
    row = connection.execute(select(sitting).where(sitting.c.id == sitting_id)).first()
    if row is None:
        raise SittingError(f"没有编号为“{sitting_id}”的考试；pufa sitting status 列出全部考试")
    return Sitting(
        row.id, row.title, row.kind, row.place or "", _blueprint(row.blueprint), _profile(row.profile),
        row.profile_digest, row.paper_id, row.resit_of, row.opens_at, row.closes_at, row.state,
        RoomAccess(row.room_ranges or "", row.seb_keys or ""),
    )  # fmt: skip


def list_sittings(connection: Connection) -> Sequence[Sitting]:
    """All sittings, the newest window first."""
    ids = connection.execute(select(sitting.c.id).order_by(sitting.c.opens_at.desc(), sitting.c.id)).scalars()
    return [get_sitting(connection, one) for one in ids.all()]


def add_candidates(connection: Connection, sitting_id: str, enrolments: Iterable[Enrolment], by: str) -> int:
    """Put persons on a draft sitting's roster; who is on it already keeps the admission number and gets the new labels.

    Admission numbers are the date of the window and a running number (``261123`` + ``01`` + ``0001``): unique in the home.
    Returns how many were new.

    :raises SittingError: the sitting is not a draft any more.
    """
    known = get_sitting(connection, sitting_id)
    if known.state != "draft":
        raise SittingError("名单只能在开考前修改；开考后新增考生请另建一场")
    present = set(connection.execute(select(candidate.c.person_id).where(candidate.c.sitting_id == sitting_id)).scalars())
    prefix = _admission_prefix(connection, known)
    taken = connection.execute(
        select(func.max(candidate.c.admission_no)).where(candidate.c.sitting_id == sitting_id)
    ).scalar()
    number, new = int(taken[-4:]) if taken else 0, 0
    for line in enrolments:
        labels = {
            "unit_label": line.unit_label, "post_label": line.post_label, "proposed_post": line.proposed_post,
            "rank_label": line.rank_label, "channel": line.channel, "remark": line.remark,
        }  # fmt: skip
        if line.person_id in present:
            here = (candidate.c.sitting_id == sitting_id) & (candidate.c.person_id == line.person_id)
            connection.execute(update(candidate).where(here).values(**labels))
            continue
        number, new = number + 1, new + 1
        if number > 9999:
            raise SittingError("一场考试最多 9999 人；请分场")
        connection.execute(
            candidate.insert().values(
                sitting_id=sitting_id, person_id=line.person_id, admission_no=f"{prefix}{number:04d}",
                pseudonym="c" + secrets.token_hex(8), **labels,
            )
        )  # fmt: skip
        present.add(line.person_id)
    audit(connection, OFFICE, by, "sitting.roster", sitting_id, new=new, total=len(present))
    return new


def remove_candidate(connection: Connection, sitting_id: str, person_id: int, by: str) -> None:
    """Take one person off a draft sitting's roster.

    :raises SittingError: the sitting is not a draft, or the person is not on it.
    """
    if get_sitting(connection, sitting_id).state != "draft":
        raise SittingError("开考后不能从名单删除考生；请登记考生事件（免试、缓考、取消资格）")
    here = (candidate.c.sitting_id == sitting_id) & (candidate.c.person_id == person_id)
    if connection.execute(candidate.delete().where(here)).rowcount != 1:
        raise SittingError("该考生不在本场名单内")
    audit(connection, OFFICE, by, "sitting.roster.remove", f"{sitting_id}/{person_id}")


def _admission_prefix(connection: Connection, known: Sitting) -> str:
    """Six digits of the day and two for the sitting of that day, kept by whoever has a number already."""
    own = connection.execute(
        select(candidate.c.admission_no).where(candidate.c.sitting_id == known.id).limit(1)
    ).scalar()
    if own:
        return str(own[:-4])
    day = datetime.fromtimestamp(known.opens_at / 1000, UTC).astimezone(BEIJING).strftime("%y%m%d")
    last = connection.execute(
        select(func.max(candidate.c.admission_no)).where(candidate.c.admission_no.like(f"{day}%"))
    ).scalar()
    ordinal = int(last[6:-4]) + 1 if last else 1
    return f"{day}{ordinal:02d}"
