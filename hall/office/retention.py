"""What the policy no longer keeps: shown, asked for by one person, granted by another, and then done by the worker."""

from __future__ import annotations

from starlette.responses import Response

from grading import jobs as work
from grading.retention.holds import lift_hold, place_hold, standing_holds, titles_of
from grading.retention.plan import make_plan
from grading.retention.policy import CLASSES, read_policy
from hall.office.pages import go, page
from hall.office.visit import Refused, Visit
from home import transaction
from people.approvals import ask, waiting

ACT, SUBJECT = "record.erase", "*"
#: a list that was looked at longer ago than this is looked at again before it is asked for
SHOWN_FOR_MS = 3_600_000


def retention_page(visit: Visit) -> Response:
    """``GET /retention``."""
    with visit.home.office.connect() as connection:
        asked = next(iter(waiting(connection, ACT)), None)
        holds = standing_holds(connection)
        titles = titles_of(connection, holds)
    plan = make_plan(visit.home, int(str(asked.arguments["at"])) if asked else visit.now)  # what was asked for, as it was asked for
    months = read_policy(visit.home).months
    same = asked is not None and asked.arguments["plan"] == plan.digest
    return page(visit, "retention.html", plan=plan, months=months, CLASSES=CLASSES, asked=asked if same else None, holds=holds, titles=titles)


def ask_to_erase(visit: Visit) -> Response:
    """``POST /retention/ask``: another person is asked to approve exactly what the page showed."""
    reason, shown, at = visit.text("reason", "依据和事由", 500), visit.text("plan", "到期清单", 64), visit.text("at", "清单时间", 16)
    if not (at.isascii() and at.isdigit()) or not 0 <= visit.now - int(at) <= SHOWN_FOR_MS:
        raise Refused("清单放得太久了；请刷新页面再看一遍后申请")
    plan = make_plan(visit.home, int(at))
    if plan.digest != shown or not plan.due:
        raise Refused("到期的内容刚才有变化；请再看一遍清单后申请")
    with transaction(visit.home.office) as connection:
        ask(connection, ACT, SUBJECT, by=visit.by, reason=reason, plan=plan.digest, at=plan.at)
    return go(visit, "retention", good="已提交申请。请另一位工作人员在“待审批”页面批准，批准后回到这里执行。")


def erase(visit: Visit) -> Response:
    """``POST /retention/erase``: what was approved is done by the worker."""
    with transaction(visit.home.office) as connection:
        asked = next((one for one in waiting(connection, ACT) if one.granted), None)
        if asked is None:
            raise Refused("还没有得到另一人的批准，或者批准已过期；请重新申请")
        work.ask(connection, "erase", {**asked.arguments, "approval": asked.id}, visit.by)
    return go(visit, "jobs", good="已交后台执行；完成后这里显示结果。")


def hold(visit: Visit) -> Response:
    """``POST /retention/hold``: nothing about a subject is erased until the hold is lifted."""
    with transaction(visit.home.office) as connection:
        place_hold(
            connection, visit.text("subject", "对象", 64), reason=visit.text("reason", "事由", 500),
            document_no=visit.text("document_no", "文号", 100, needed=False), by=visit.by,
        )  # fmt: skip
    return go(visit, "retention", good="已登记：解除之前，相关内容到期也不删除。")


def lift(visit: Visit) -> Response:
    """``POST /retention/hold/{hold}/lift``."""
    with transaction(visit.home.office) as connection:
        lift_hold(connection, visit.number("hold"), reason=visit.text("reason", "解除的事由", 500), by=visit.by)
    return go(visit, "retention", good="已解除。到期内容仍要两人办理才会删除。")
