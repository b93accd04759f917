"""Why a candidate's request is not taken: one table of reasons, each with what the candidate reads and does next.

``code`` is what the candidate reads out to the invigilator; the guide for invigilators lists the same codes.
"""

from __future__ import annotations

from dataclasses import dataclass

from exams.errors import AttemptError


@dataclass(frozen=True)
class Reason:
    """``text`` may hold places in braces, filled with the facts of the case."""

    code: str
    text: str


REASONS = {
    "wrong_code": Reason("D01", "准考证号或考试码不对。请对照准考凭条逐位核对后再输入；仍不行请举手找监考人员。"),
    "locked": Reason("D02", "这个准考证号已连续输错 10 次。请对照准考凭条逐位输入正确的考试码；仍不行请举手，请监考人员补发考试码。"),
    "over": Reason("D03", "本场考试已经结束，考试码已失效。如有疑问请找监考人员。"),
    "barred": Reason("D04", "您目前不能参加本场考试（缓考、免试或其他登记）。请举手找监考人员核对。"),
    "device": Reason("D05", "您的考试正在另一台电脑上进行。请回到原来的电脑；需要换电脑时，请举手请监考人员办理“换电脑”后再登录。"),
    "place": Reason("D07", "这台电脑（地址 {address}）不在本场考试指定的考场网段内。请到指定的考场考试；人已在考场的，请举手，把编号和这个地址告诉监考人员。已保存的答案都在。"),
    "seb": Reason("D08", "本场考试要用专用考试浏览器（Safe Exam Browser）打开本场的配置文件。请关闭这个窗口，用监考人员指定的图标进入；仍不行请举手。已保存的答案都在。"),
    "busy_source": Reason("D06", "这里输错的次数太多。请等 {seconds} 秒，对照准考凭条核对后再试。"),
    "session": Reason("S01", "登录已失效。请重新输入考试码，已填的答案都在。"),
    "not_started": Reason("S02", "您还没有开始作答。请先阅读考试须知，再点“开始考试”。"),
    "form_token": Reason("S03", "这个页面放得太久了。请重新打开页面再操作一次。"),
    "early": Reason("K01", "还没有到开考时间（{opens}）。请在座位上等候。"),
    "late_entry": Reason("K02", "开考已超过 {minutes} 分钟，按规定不能再入场。请举手找监考人员。"),
    "stale": Reason("K03", "考试已在另一个页面继续，这个页面不再保存答案。请关闭这个页面，到最新打开的页面作答。"),
    "handed_in": Reason("K04", "您已经交卷，答案不能再改。"),
    "closed": Reason("K05", "本场已经收卷，答案不能再改。收卷前已保存的答案都有效。"),
    "void": Reason("K06", "本次作答已被终止。请举手找监考人员。"),
    "conflict": Reason("K07", "同一编号的答案内容不一致，没有保存。请刷新页面后核对这道题。"),
    "bad_answer": Reason("K08", "第 {question} 题：{fault}，没有保存。"),
    "mismatch": Reason("K09", "服务器上有 {server} 题未答，与页面显示的不一致。请先等“已全部保存”再交卷；仍不一致请刷新页面。"),
    "paused": Reason("K10", "监考人员已暂停考试。请在座位上等候，不要关闭页面，恢复后页面自动继续。"),
    "time_left": Reason("K11", "还没有到时间，请继续作答；剩余时间以页面上显示的为准。"),
    "no_paper": Reason("P01", "试卷还没有准备好。请举手找监考人员。"),
    "unsaved": Reason("B01", "服务器暂时存不了答案，这次没有保存。请不要关闭页面，系统会自动重试；超过一分钟请举手。"),
    "too_fast": Reason("B02", "提交得太快，请稍候。页面会自动重试。"),
    "too_big": Reason("B03", "提交的内容太大，没有接收。"),
    "bad_request": Reason("B04", "请求的内容不完整或格式不对，没有接收。请刷新页面再试。"),
    "not_found": Reason("B05", "没有这个页面。请返回考试页面。"),
    "fault": Reason("B06", "系统出了问题。已保存的答案都在。请刷新页面；再次出现请举手，把编号 {number} 告诉监考人员。"),
}


class Refused(AttemptError):
    """A request is not taken. ``reason`` is a key of :data:`REASONS`."""

    def __init__(self, reason: str, **facts: object) -> None:
        self.reason = reason
        self.code = REASONS[reason].code
        self.facts = facts
        self.text = REASONS[reason].text.format(**facts)
        super().__init__(f"{self.text}（{self.code}）")
