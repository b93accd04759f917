"""津贴: who is due what for a month by a rule, who is not and why; the roster is written by the worker."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from grading.lists.asking import scope_of
from grading.lists.kinds import LISTS
from grading.lists.stipend import notes
from grading.roll import day_of
from grading.workforce.kinds import kinds_of
from grading.workforce.money import money_text
from grading.workforce.norms import staffing_of
from grading.workforce.stipend import REASONS, VERDICTS
from grading.workforce.stipend_roll import RollLine, Sum, count_holders, month_text, read_month, roll
from grading.workforce.stipend_rules import Rule, rule_of, rules_of
from hall.office.jobs import ask
from hall.office.lists import EXPORT_FORMATS, rule_title
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit

#: persons shown on the page; the roster has them all
SHOWN = 200
#: beyond so many holders the page would keep a clerk waiting: the worker writes the roster
MOST = 5_000


def stipends_page(visit: Visit) -> Response:
    """``GET /workforce/stipends?rule=&month=&show=``; ``show``: a verdict or a reason."""
    rules, today = rules_of(visit.home), day_of(visit.now)
    rule = rules.get(visit.query.get("rule", "")) or next(iter(rules.values()))
    month = read_month(visit.query.get("month", ""), today)
    show = visit.query.get("show", "paid")
    whole, lines, many = _reckon(visit, rule, month, show if show in (*VERDICTS, *REASONS) else "paid")
    return page(
        visit, "stipends.html", rules=[(key, rule_title(one)) for key, one in rules.items()], rule=rule, month=f"{month:%Y-%m}", month_text=month_text(month),
        whole=whole, lines=lines[:SHOWN], found=len(lines), SHOWN=SHOWN, many=many, show=show, notes=notes(rule), VERDICTS=VERDICTS, REASONS=REASONS,
        formats=EXPORT_FORMATS, money=money_text, due=lambda one: f"加 {one.amount} 级" if rule.pays == "grade_step" else f"{money_text(one.amount)} 元",
    )  # fmt: skip


def _reckon(visit: Visit, rule: Rule, month: date, show: str) -> tuple[Sum, list[RollLine], int]:
    """(what it comes to, the lines to be shown, how many holders if they are too many to reckon here, else 0)."""
    kinds, grades, whole, lines = kinds_of(visit.home), staffing_of(visit.home).grades, Sum(), list[RollLine]()
    with visit.home.office.connect() as connection:
        holders = count_holders(connection, kinds, rule)
        if holders > MOST:
            return whole, lines, holders
        for line in roll(connection, kinds, rule, grades, month):
            whole.add(line.due)
            if show in (line.due.verdict, line.due.reason):
                lines.append(line)
    return whole, lines, 0


def make_roster(visit: Visit) -> Response:
    """``POST /workforce/stipends``: the roster, or the list of those who get nothing, as a file."""
    kind, form = LISTS.get(visit.form.get("list", "")), visit.form.get("format", "")
    if kind is None or kind.asks != "month" or form not in EXPORT_FORMATS:
        raise Refused("请选择名册和格式")
    rule = rule_of(visit.home, visit.form.get("rule", "")[:60])
    with visit.home.office.connect() as connection:
        scope = scope_of(connection, kind, month=visit.form.get("month", ""), rule=rule.id)
        layout = kind.layout(connection, None)
    ask(visit, "export", None, list=kind.key, format=form, columns=layout.name, **scope.arguments())
    return go(visit, "exports", good=f"正在导出{kind.title}，完成后出现在下面的文件列表里。", query=f"list={kind.key}")
