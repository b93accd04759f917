"""人员配备表: each community against a staffing norm; and 岗位等级晋级名册: whose next grade of community worker comes when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from sqlalchemy import func, select

from grading.distribution import decimal_text
from grading.errors import ExportError
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted
from grading.lists.stipend import PERSONAL, personal
from grading.tables import certification
from grading.workforce.communities import COMMUNITY, Need, Total, communities, need_of, total_of
from grading.workforce.due import in_force
from grading.workforce.grades import Career, career
from grading.workforce.holdings import Holder, read_entries
from grading.workforce.norms import Norm, Staffing, staffing_of
from grading.workforce.stipend_rules import GRADES
from people.tables import person, unit

OF_STAFFING = (
    NUMBER, "社区", "上级单位", "城乡", "户数", "常住人口", "网格数", "应设网格", "应配", "在岗", "缺", "超", "每万人", "说明",
)  # fmt: skip
POST, GRADE, SINCE, NEXT, NEXT_ON, STATE, NOTE = "岗位类别", "现等级", "定级日期", "下一级", "满年限日期", "到期情况", "说明"
OF_GRADES = (NUMBER, *PERSONAL, POST, GRADE, SINCE, NEXT, NEXT_ON, STATE, NOTE)
#: the norm per 10,000 that the last line is about
CITY = "city"
FIRST = "grid"


def staffing(wanted: Wanted) -> Made:
    """Rows by parent and name; the numbers of those about whom nothing is on file stay blank."""
    known = staffing_of(wanted.home)
    norm = known.norm(wanted.scope.rule or FIRST)
    everything = communities(wanted.connection, wanted.today)
    needs = [need_of(norm, known.committee, one) for one in everything]
    counts = Counter(state_of(norm, one) for one in needs)

    def close() -> list[str]:
        on_file = communities_on_file(wanted)
        if on_file != len(needs) or sum(counts.values()) != on_file:
            raise ExportError(f"社区个数对不上，没有导出：登记有 {on_file} 个，算出 {len(needs)} 个；请把这段话交给技术人员核对数据")
        city = known.norms.get(CITY)
        return [reconciled(norm, needs), *([ratio_line(city, total_of(city, everything))] if city else []), *notes(norm)]

    return Made((columns(one) for one in needs), close, counts)


def communities_on_file(wanted: Wanted) -> int:
    """Communities counted by the database."""
    alive = (unit.c.valid_from.is_(None) | (unit.c.valid_from <= wanted.today), unit.c.valid_to.is_(None) | (unit.c.valid_to > wanted.today))
    return int(wanted.connection.execute(select(func.count()).where(unit.c.kind == COMMUNITY, *alive)).scalar_one())


def state_of(norm: Norm, one: Need) -> str:
    """short | over | fits | unknown; a norm for all together says nothing of one community."""
    if norm.total:
        return "together"
    return "unknown" if not one.known else "short" if one.short else "over" if one.over else "fits"


def reconciled(norm: Norm, needs: Sequence[Need]) -> str:
    """The reconciliation line of a norm."""
    if norm.total:
        return f"社区 {len(needs)} 个；“{norm.title}”按总量算，单个社区的数只作折算"
    counts = Counter(state_of(norm, one) for one in needs)
    short, over = sum(one.short for one in needs), sum(one.over for one in needs)
    return (
        f"社区 {len(needs)} 个 = 缺人 {counts['short']} 个（共缺 {short} 人） + 相符 {counts['fits']} 个 + "
        f"超出 {counts['over']} 个（共多 {over} 人） + 资料不全 {counts['unknown']} 个"
    )


def ratio_line(norm: Norm, total: Total) -> str:
    """Workers per 10,000 urban residents, and what the norm comes to."""
    left = f"；另有 {total.left_out} 个城镇社区资料不全，没有计入" if total.left_out else ""
    if total.ratio is None:
        return f"每万城镇常住人口：没有可算的社区{left}"
    gap = total.needed - total.workers
    told = f"差 {gap} 人" if gap > 0 else f"多 {-gap} 人" if gap < 0 else "相符"
    return (
        f"每万城镇常住人口：{total.communities} 个城镇社区常住人口 {total.residents:,}，{norm.who} {total.workers} 人，"
        f"每万人 {ratio_text(total.ratio)} 人；按“{norm.title}”应有 {total.needed} 人，{told}{left}"
    )


def ratio_text(ratio: Fraction | None) -> str:
    """One decimal, rounded half up; blank where there is none."""
    return "" if ratio is None else decimal_text(ratio, 1)


def notes(norm: Norm) -> list[str]:
    """What the numbers rest on."""
    return [f"口径：{norm.title}，数的是{norm.who}。{norm.source}。" + (f"{norm.assumed}。" if norm.assumed else "")]


def columns(one: Need) -> Columns:
    """One community as a row."""
    here = one.community
    numbers = {"户数": here.households, "常住人口": here.residents, "网格数": here.grids, "在岗": one.actual}
    return {
        "社区": here.name, "上级单位": here.parent, "城乡": here.setting, **{name: "" if value is None else str(value) for name, value in numbers.items()},
        "应设网格": span_text(one.grids), "应配": one.needed, "缺": str(one.short) if one.short else "", "超": str(one.over) if one.over else "",
        "每万人": ratio_text(one.per_10000), "说明": "；".join(one.doubts),
    }  # fmt: skip


def span_text(pair: tuple[int, int] | None) -> str:
    """``7—14``; blank for None."""
    return "" if pair is None else str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}—{pair[1]}"


# ---------------------------------------------------------------- grades


def grades(wanted: Wanted) -> Made:
    """Who has a grade, the next step first; whoever has left is not in it."""
    rules, counts = staffing_of(wanted.home), Counter[str]()
    found = sorted(careers(wanted, rules), key=lambda pair: (pair[1].next_on or date.max, pair[0].unit, pair[0].name, pair[0].id))

    def rows() -> Iterator[Columns]:
        for holder, one in found:
            state = step_state(one, wanted.today)
            counts[state] += 1
            yield {
                **personal(holder), POST: one.post.title, GRADE: "" if one.grade is None else f"{one.grade} 级", SINCE: one.since.isoformat() if one.since else "",
                NEXT: f"{one.next_grade} 级" if one.next_grade else "", NEXT_ON: one.next_on.isoformat() if one.next_on else "", STATE: state, NOTE: one.doubt,
            }  # fmt: skip

    def close() -> list[str]:
        on_file = select(func.count()).select_from(certification.join(person)).where(certification.c.kind == GRADES, *in_force(wanted.today))
        expected = int(wanted.connection.execute(on_file).scalar_one())
        if expected != len(found) or sum(counts.values()) != expected:
            raise ExportError(f"人数对不上，没有导出：登记岗位等级的应有 {expected} 人，算出 {len(found)} 人；请把这段话交给技术人员核对数据")
        told = " + ".join(f"{state} {counts[state]} 人" for state in STEP_STATES)
        return [f"登记岗位等级 {expected} 人 = {told}", f"依据：{rules.grades.source}。{rules.grades.assumed}。满年限只是一个条件，考核等其他条件以本地文件为准。"]

    return Made(rows(), close, counts)


STEP_STATES = ("已满年限", "今年内满", "以后", "已到最高级", "没有等级")


def step_state(one: Career, today: date) -> str:
    """One of :data:`STEP_STATES`."""
    if one.grade is None:
        return "没有等级"
    if one.next_on is None:
        return "已到最高级"
    return "已满年限" if one.next_on <= today else "今年内满" if one.next_on.year == today.year else "以后"


def careers(wanted: Wanted, rules: Staffing) -> list[tuple[Holder, Career]]:
    """Everybody with a grade of community worker who has not left."""
    entries = read_entries(wanted.connection, certification.c.kind == GRADES, *in_force(wanted.today))
    return [(one.holder, career(rules.grades, one.held.steps, one.holder.post, wanted.today)) for one in entries]
