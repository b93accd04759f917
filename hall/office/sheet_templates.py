"""版式: how certificates and score sheets look. Download, change, try on specimens, put into use, go back; all by the page."""

from __future__ import annotations

from starlette.responses import Response

from grading.certificates.own_templates import back_to_shipped, in_use, put_into_use
from grading.certificates.sheets import shipped_template, template_in_use
from grading.certificates.specimen import LARGEST, PEOPLE, try_template
from grading.certificates.statement import KINDS
from hall.office.certificates import given
from hall.office.events import disposition
from hall.office.kept_uploads import keep_upload, kept_upload
from hall.office.pages import go, page
from hall.office.visit import NotHere, Refused, Visit

PURPOSE = "template upload"


def templates_page(visit: Visit) -> Response:
    """``GET /certificates/templates``."""
    return page(visit, "templates.html", templates=in_use(visit.home), largest=LARGEST // 1024)


def template_file(visit: Visit) -> Response:
    """``GET /certificates/templates/{kind}?shipped=``: the template that is used now, or the shipped one, to be changed."""
    kind = _kind(visit)
    path = shipped_template(kind) if visit.query.get("shipped") else template_in_use(visit.home, kind)
    return given(visit, "template", path.name, path.read_text(encoding="utf-8", errors="replace"), "text/plain; charset=utf-8")


def try_upload(visit: Visit) -> Response:
    """``POST /certificates/templates/{kind}/try``: set on specimens; nothing is changed."""
    kind, file = _kind(visit), visit.uploads.get("file")
    if file is None or not file.data:
        raise Refused("请先选择改好的版式文件（.typ）")
    try_template(visit.home, kind, file.data)
    token = keep_upload(visit, PURPOSE, kind, file)
    return page(visit, "template_tried.html", kind=kind, title=KINDS[kind], token=token, file=file.name, people=[who["姓名"] for who in PEOPLE])


def specimen(visit: Visit) -> Response:
    """``POST /certificates/templates/{kind}/specimen``: the specimens as a PDF, of the upload that ``token`` names or of what is used now."""
    kind = _kind(visit)
    template = kept_upload(visit, PURPOSE, kind).data if visit.form.get("token") else template_in_use(visit.home, kind).read_bytes()
    return Response(try_template(visit.home, kind, template), media_type="application/pdf", headers=dict(disposition(f"{KINDS[kind]}-样张.pdf")))


def use_upload(visit: Visit) -> Response:
    """``POST /certificates/templates/{kind}/use``: what was tried is used from now on."""
    kind = _kind(visit)
    kept = kept_upload(visit, PURPOSE, kind)
    put_into_use(visit.home, kind, kept.data, visit.by)
    kept.path.unlink(missing_ok=True)
    return go(visit, "templates", good=f"{KINDS[kind]}从现在起用本单位的新版式。已经印发的不受影响。")


def use_shipped(visit: Visit) -> Response:
    """``POST /certificates/templates/{kind}/shipped``."""
    kind = _kind(visit)
    back_to_shipped(visit.home, kind, visit.by)
    return go(visit, "templates", good=f"{KINDS[kind]}已恢复随软件附带的版式；本单位原来的版式留在数据文件夹的 templates/earlier 里。")


def _kind(visit: Visit) -> str:
    kind = visit.path["kind"]
    if kind not in KINDS:
        raise NotHere("没有这种版式")
    return kind
