"""The columns of a pass record (domain.md D.4) as text, fixed when the record is issued."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from exams.sittings import Sitting
from grading.cut import shown_text
from grading.outcome import OUTCOMES, Earlier, Outcome
from grading.roll import Candidate
from home import local_text

#: Names of the columns in the order of D.4. 序号 is given by the list that a record is printed in.
COLUMNS = (
    "考试批次", "考试名称", "准考证号", "姓名", "性别", "身份证号", "单位", "职务", "拟任职务", "层级", "试卷类别", "公共部分",
    "专业部分", "总分", "等次", "是否合格", "考试日期", "用时", "补考次数", "补考成绩", "最终结果", "最终成绩", "缺考缓考违纪", "有效期至",
    "存档号", "备注",
)  # fmt: skip
COMMON, SPECIAL = "公共部分", "专业部分"
LONGEST = 500


def payload_columns(
    known: Sitting, one: Candidate, outcome: Outcome, earlier: Sequence[Earlier], record_id: str
) -> dict[str, str]:
    """Column name → text. Identity numbers are masked; totals are shown as the profile rounds them."""
    script = one.script
    resits = sum(1 for before in earlier[1:] if OUTCOMES[before.outcome].sat)
    if earlier and outcome.kind.sat:
        resits += 1
    values = {
        "考试批次": known.id,
        "考试名称": known.title,
        "准考证号": one.admission_no,
        "姓名": one.name,
        "性别": one.gender,
        "身份证号": one.identity_masked,
        "单位": one.unit_label,
        "职务": one.post_label,
        "拟任职务": one.proposed_post,
        "层级": one.rank_label,
        "试卷类别": f"{script.form if script else one.form} 卷" if (script or one.form) else "",
        COMMON: _points(known, outcome.sections.get(COMMON)),
        SPECIAL: _points(known, outcome.sections.get(SPECIAL)),
        "总分": _points(known, outcome.total),
        "等次": outcome.band,
        "是否合格": {True: "合格", False: "不合格", None: ""}[outcome.kind.passed],
        "考试日期": local_text(script.started_at if script else known.opens_at, "%Y-%m-%d"),
        "用时": _span(script.finished_at - script.started_at) if script else "",
        "补考次数": str(resits),
        "补考成绩": _points(known, outcome.total) if earlier and outcome.kind.sat else "",
        "最终结果": OUTCOMES[outcome.final].title,
        "最终成绩": _points(known, outcome.final_total),
        "缺考缓考违纪": "" if outcome.kind.sat else outcome.kind.title,
        "有效期至": _validity(known, outcome),
        "存档号": record_id,
        "备注": "；".join(filter(None, (one.remark, *outcome.reasons, outcome.document_no))),
    }
    return {name: values[name][:LONGEST] for name in COLUMNS}


def _points(known: Sitting, points: Fraction | None) -> str:
    rounding = known.profile.rounding
    return "" if points is None else shown_text(points, rounding.digits, rounding.mode)


def _span(ms: int) -> str:
    """How long it took: ``43分05秒``."""
    minutes, seconds = divmod(max(0, ms) // 1000, 60)
    return f"{minutes}分{seconds:02d}秒"


def _validity(known: Sitting, outcome: Outcome) -> str:
    if outcome.final != "passed":
        return ""
    if outcome.valid_until is not None:
        return outcome.valid_until.isoformat()
    return "本届" if known.profile.validity.term else ""
