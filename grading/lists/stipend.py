"""津贴发放名册 and 津贴未发名单: what is due for a month by a rule, and why the others get nothing; the same numbers below both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from grading.errors import ExportError
from grading.lists.layout import NUMBER
from grading.lists.made import Columns, Made, Wanted
from grading.workforce.holdings import Holder
from grading.workforce.kinds import kinds_of
from grading.workforce.money import money_text
from grading.workforce.norms import staffing_of
from grading.workforce.stipend import REASONS, VERDICTS
from grading.workforce.stipend_roll import RollLine, Sum, count_holders, read_month, roll
from grading.workforce.stipend_rules import Rule, rule_of

CATEGORY, WHAT, PAPER, UNTIL, RATE, DUE, RESULT, REASON, WHY, SIGNED = (
    "人员类别", "资格", "证书编号", "登记有效期至", "标准", "应发", "结果", "原因", "说明", "签领",
)  # fmt: skip
PERSONAL = ("姓名", "性别", "身份证号", "单位", "职务", CATEGORY)
OF_PAID = (NUMBER, *PERSONAL, WHAT, PAPER, UNTIL, RATE, DUE, WHY, SIGNED)
OF_UNPAID = (NUMBER, *PERSONAL, WHAT, PAPER, UNTIL, RESULT, REASON, WHY)
Chooser = Callable[[RollLine], bool]


def personal(holder: Holder) -> dict[str, str]:
    """The columns :data:`PERSONAL`."""
    return dict(zip(PERSONAL, (holder.name, holder.gender, holder.masked, holder.unit, holder.post, holder.category), strict=True))


def paid(wanted: Wanted) -> Made:
    """Rows of whoever is paid."""
    return _made(wanted, lambda line: line.due.verdict == "paid")


def unpaid(wanted: Wanted) -> Made:
    """Rows of whoever is not, and why."""
    return _made(wanted, lambda line: line.due.verdict != "paid")


def _made(wanted: Wanted, choose: Chooser) -> Made:
    rule = rule_of(wanted.home, wanted.scope.rule)
    kinds, grades = kinds_of(wanted.home), staffing_of(wanted.home).grades
    month = read_month(wanted.scope.month, wanted.today)
    whole, listed = Sum(), Counter[str]()

    def rows() -> Iterator[Columns]:
        for line in roll(wanted.connection, kinds, rule, grades, month):
            whole.add(line.due)
            if choose(line):
                listed[line.due.verdict] += 1
                yield columns(rule, line)

    def close() -> list[str]:
        on_file = count_holders(wanted.connection, kinds, rule)
        if whole.holders != on_file or whole.holders != whole.verdicts["paid"] + sum(whole.reasons.values()):
            raise ExportError(f"人数对不上，没有导出：登记有资格的应有 {on_file} 人，算出 {whole.holders} 人；请把这段话交给技术人员核对数据")
        return [whole.line(), whole.total(rule), f"本表 {sum(listed.values())} 人。", *notes(rule)]

    return Made(rows(), close, listed)


def columns(rule: Rule, line: RollLine) -> Columns:
    """One person as a row."""
    due, held = line.due, line.due.certificate
    rate = rule.amounts.get(held.kind.id) if held else None
    return {
        **personal(line.holder), WHAT: held.kind.title if held else "", PAPER: held.number if held else "",
        UNTIL: due.valid_until.isoformat() if due.valid_until else "", RATE: money_text(rate) if rate is not None else "",
        DUE: f"加 {due.amount} 级" if rule.pays == "grade_step" else money_text(due.amount), RESULT: VERDICTS[due.verdict],
        REASON: REASONS.get(due.reason, ""), WHY: "；".join(due.because),
    }  # fmt: skip


def notes(rule: Rule) -> list[str]:
    """What the numbers rest on."""
    told = [f"办法：{rule.title}。依据：{rule.source}。", f"口径：{'；'.join(rule.settled)}。"]
    return [*told, "注意：这是随软件提供的示例办法，本表不作发放依据。"] if rule.example else told
