"""The audit trail: who did what, and whether the chain is whole."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, select
from starlette.responses import Response

from exams.anchors import verify_trails
from hall.office.pages import go, page
from hall.office.visit import Visit
from home import AUDIT, EXAM, OFFICE

SHOWN = 300
LONGEST = 160
ACTIONS = {
    "office.login": "登录", "office.login.refused": "登录失败", "office.logout": "退出登录", "account.add": "新建工作账号", "account.password": "修改口令",
    "account.disable": "停用账号", "role.grant": "授予岗位", "role.revoke": "收回岗位", "account.link": "关联人员", "account.unlink": "取消关联", "person.merge": "合并人员", "people.import": "导入人员",
    "sitting.create": "新建考试", "sitting.roster": "更新名单", "sitting.roster.remove": "移出名单", "paper.build": "组卷",
    "sitting.open": "开考", "sitting.close": "收卷", "codes.issue": "生成考试码", "candidate.event": "登记考生事项",
    "candidate.event.revoke": "撤销考生事项", "candidate.event.attach": "补传附件", "document.file": "存入附件", "document.download": "下载附件",
    "record.correct": "更正成绩记录", "record.appeal": "调取申诉材料", "mark.change": "签发后改分", "entry.barred": "考场停考", "entry.free": "考场恢复", "attempt.grant": "加时",
    "attempt.release_device": "准许换电脑", "room.grant": "全场加时", "time.take_back": "收回加时", "room.pause": "全场暂停", "room.resume": "恢复考试", "attempt.pause": "单独暂停", "attempt.resume": "单独恢复",
    "entry.late": "允许迟到入场", "attempt.void": "终止作答", "attempt.reopen": "恢复作答", "sitting.withdraw": "撤回场次", "sitting.edit": "修改考试",
    "sitting.window": "延长考试时间", "sitting.access": "修改考场网段", "answer_file.merge": "并入答案文件", "incident.note": "考场记录", "incident.handled": "处理考场情况",
    "approval.ask": "提交审批", "approval.grant": "批准", "approval.refuse": "不批准", "approval.take_back": "撤回申请", "own.refused": "关系本人，未准办理", "sheet.closing": "打印收卷单", "stall.credit": "服务器停顿补时", "scripts.copied": "收集答卷", "sitting.mark": "机器评阅", "mark.manual": "人工评阅",
    "records.issue": "签发成绩", "records.export": "导出成绩册", "export.download": "下载文件", "retention.erase": "按期限删除", "hold.place": "登记暂缓删除", "hold.lift": "解除暂缓删除", "job.ask": "提交任务", "job.done": "任务完成", "job.failed": "任务失败",
}  # fmt: skip


@dataclass(frozen=True)
class Act:
    """One audited act."""

    at: int
    actor: str
    action: str
    subject: str
    payload: str
    place: str


def trail_page(visit: Visit) -> Response:
    """``GET /trail``: the newest acts of both databases."""
    with visit.home.office.connect() as office, visit.home.exam.connect() as exam:
        found = _read(office, OFFICE, "办公") + _read(exam, EXAM, "考场")
    found.sort(key=lambda act: act.at, reverse=True)
    return page(visit, "trail.html", acts=found[:SHOWN])


def _read(connection: Connection, metadata: MetaData, place: str) -> list[Act]:
    table = AUDIT[metadata]
    rows = connection.execute(select(table).order_by(table.c.n.desc()).limit(SHOWN))
    return [Act(row.at, row.actor, ACTIONS.get(row.action, row.action), row.subject, shorten(row.payload), place) for row in rows]


def shorten(payload: str | None) -> str:
    """What a page shows of an entry's payload; ``None`` was erased by policy."""
    if payload is None:
        return "（已按规定删除）"
    return "" if payload == "{}" else payload if len(payload) <= LONGEST else payload[:LONGEST] + "……"


def check(visit: Visit) -> Response:
    """``POST /trail``: walk both chains from the first entry on, each against what the other remembers."""
    wrong = "；".join(str(one) for one in verify_trails(visit.home))
    wrong += "。请立即封存数据文件夹并报告，不要再在上面办事" if wrong else ""
    return go(visit, "trail", bad=wrong, good="" if wrong else "两份日志都完整，没有发现改动。")
