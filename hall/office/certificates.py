"""证书: certificates and score sheets of a sitting: made by the worker, listed with what became of each, revoked, replaced; and
what others need to check them without us."""

from __future__ import annotations

import re

from starlette.responses import Response

from exams.sittings import Sitting
from grading.certificates.issue import STATES as FATES
from grading.certificates.issue import Listed, listed, replace, revoke
from grading.certificates.offline_page import offline_page, revocation_file
from grading.certificates.own_templates import in_use
from grading.certificates.sheets import FORMS, produce
from grading.certificates.statement import KINDS
from grading.stale import stale_records
from hall.office.events import disposition
from hall.office.jobs import STATES, ask, recent_jobs, title_of
from hall.office.lists import ExportFile, export_files
from hall.office.pages import go, page
from hall.office.rosters import the_candidate
from hall.office.steps import read_facts
from hall.office.visit import NotHere, Refused, Visit
from home import OFFICE, audit, local_text, transaction

PAGE, SHOWN_FILES = 100, 6
FORM_TITLES = {"pdf": "合成一个 PDF（打印、盖章）", "zip": "每人一个 PDF，打成 ZIP（分发、归档）"}
_NUMBER = re.compile(r"[CT]\d{6}-[0-9A-Z]{8}")


def kinds_of(known: Sitting) -> dict[str, str]:
    """What this sitting's profile gives."""
    return {kind: title for kind, title in KINDS.items() if kind != "certificate" or known.profile.certificate}


def certificates_page(visit: Visit) -> Response:
    """``GET /sittings/{sitting}/certificates?q=&state=&page=``."""
    known = visit.sitting()
    with visit.home.office.connect() as connection:
        everything = listed(connection, known.id)
        facts = read_facts(connection, known.id)
        stale = stale_records(connection, known.id)
        jobs = [one for one in recent_jobs(connection, visit.now, known.id) if one.title == title_of("certificates")][:3]
    wanted = {name: visit.query.get(name, "").strip()[:60] for name in ("q", "state")}
    shown = [one for one in everything if _fits(one, wanted)]
    text = visit.query.get("page", "1")
    pages = max(1, -(-len(shown) // PAGE))
    number = min(pages, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    return page(
        visit, "certificates.html", known=known, facts=facts, stale=stale, shown=shown[(number - 1) * PAGE : number * PAGE], found=len(shown),
        whole=len(everything), wanted=wanted, FATES=FATES, KINDS_OF=kinds_of(known), titles=KINDS, forms=FORM_TITLES, jobs=jobs, STATES=STATES,
        files=_files(visit, known.id), number=number, pages=pages, templates=in_use(visit.home),
        standing={kind: sum(one.kind == kind and one.state == "stands" for one in everything) for kind in KINDS},
    )  # fmt: skip


def _fits(one: Listed, wanted: dict[str, str]) -> bool:
    text = wanted["q"]
    return (not text or text in one.name or text in one.admission_no or text.upper() in one.number) and wanted["state"] in ("", one.state)


def _files(visit: Visit, sitting_id: str) -> list[ExportFile]:
    return [one for one in export_files(visit.home.exports) if any(one.name.startswith(f"{sitting_id}-{title}-") for title in KINDS.values())][:SHOWN_FILES]


def make_all(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/certificates``: the worker makes them."""
    known = visit.sitting()
    kind, form = visit.form.get("kind", ""), visit.form.get("form", "")
    if kind not in kinds_of(known) or form not in FORMS:
        raise Refused("请选择要制作的种类和文件形式")
    ask(visit, "certificates", known.id, sheets=kind, form=form)
    return go(visit, "certificates", good=f"正在制作{KINDS[kind]}，完成后在下面下载。", sitting=known.id)


def _number(visit: Visit, known: Sitting) -> str:
    """The certificate that the address names, if it is of this sitting."""
    number = visit.path["certificate"]
    with visit.home.office.connect() as connection:
        there = _NUMBER.fullmatch(number) and any(one.number == number for one in listed(connection, known.id))
    if not there:
        raise NotHere("本场没有这个编号的证书；请从列表进入")
    return number


def take_back(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/certificates/{certificate}``: revoked, or revoked and replaced by a new one."""
    known = visit.sitting()
    number, reason = _number(visit, known), visit.text("reason", "原因", 500)
    if visit.form.get("act") == "replace":
        new = replace(visit.home, number, reason, visit.by)
        return go(visit, "certificates", good=f"{number} 已作废，补发 {new}；请点它后面的“打印”，并重新导出停用清单。", sitting=known.id)
    if visit.form.get("act") != "revoke":
        raise Refused("请选择撤销或补发")
    with transaction(visit.home.office) as connection:
        revoke(connection, number, reason, visit.by)
    return go(visit, "certificates", good=f"已撤销 {number}。请收回原件，并重新导出停用清单发给核验单位。", sitting=known.id)


def one_sheet(visit: Visit) -> Response:
    """``POST /sittings/{sitting}/records/{number}/sheet``: one person's certificate or score sheet, as a PDF to print."""
    known, one = visit.sitting(), the_candidate(visit, visit.path["sitting"])
    kind = visit.form.get("kind", "")
    if kind not in kinds_of(known):
        raise Refused("本场的考试办法不发这一种；请选择成绩通知单")
    made, data = produce(visit.home, known.id, kind, "pdf", visit.by, person_id=one.person_id)
    return Response(data, media_type="application/pdf", headers=dict(disposition(f"{KINDS[kind]}-{one.admission_no}-{made.sheets[0].number}.pdf")))


# ---------------------------------------------------------------- for those who check without us


def verification_page(visit: Visit) -> Response:
    """``GET /certificates/page``: the offline page; who took it is recorded."""
    return given(visit, "page", f"核验页面-{local_text(visit.now, '%Y%m%d')}.html", offline_page(visit.home), "text/html; charset=utf-8")


def revocation_list(visit: Visit) -> Response:
    """``GET /certificates/revocations``: the signed list of those that stand no more."""
    return given(visit, "revocations", f"停用清单-{local_text(visit.now, '%Y%m%d')}.txt", revocation_file(visit.home), "text/plain; charset=utf-8")


def given(visit: Visit, what: str, name: str, text: str, media: str) -> Response:
    """A text as a file; that it was taken is recorded."""
    with transaction(visit.home.office) as connection:
        audit(connection, OFFICE, visit.by, f"certificates.{what}", name)
    return Response(text.encode(), media_type=media, headers=dict(disposition(name)))
