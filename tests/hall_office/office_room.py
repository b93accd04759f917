"""A real office for tests: a home with staff of every role, a browser-like client, a roster, a worker that really works."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import openpyxl
from sqlalchemy import select
from starlette.testclient import TestClient

from grading.worker import claim, run
from hall.office.app import create_app
from home import Home, local_text, now_ms, transaction
from people.accounts import ROLES, add_account
from people.identity import check_digit
from people.tables import account

PASSWORD = "一句够长的口令-2026"
HEADINGS = ("姓名", "身份证号", "工作单位", "现任职务", "拟任职务", "职级", "任免渠道")
UNITS = ("某县司法局", "某县民政局", "城关镇人民政府", "东街街道办事处", "某县住房和城乡建设局")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ("建国", "秀英", "志强", "丽华", "玉兰", "海涛", "桂芳", "文斌", "晓燕", "国庆", "敏", "伟", "静", "磊", "洋")


def identity(number: int) -> str:
    body = f"340210{1965 + number % 30}{1 + number % 12:02d}{1 + number % 28:02d}{number % 1000:03d}"
    return body + check_digit(body)


def people(n: int, first: int = 1) -> list[tuple[str, ...]]:
    return [
        (SURNAMES[k % 20] + GIVEN[k % 15], identity(k), UNITS[k % 5], "科员", "副局长", "乡科级副职", "党委管理")
        for k in range(first, first + n)
    ]


def roster(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "名单"
    sheet.append(list(headings))
    for row in rows:
        sheet.append(list(row))
    for cells in sheet.iter_rows(min_row=2):
        for cell in cells:
            cell.number_format, cell.data_type = "@", "s"
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()


@dataclass
class Office:
    """The app over a home; one client a person."""

    home: Home
    base: str = "http://office.test"

    def __post_init__(self) -> None:
        self.app = create_app(self.home, secure=self.base.startswith("https"))

    def hire(self, role: str) -> str:
        """The account that holds only this role; made when first wanted, because argon2 is slow on purpose."""
        login = login_of(role)
        with transaction(self.home.office) as connection:
            if not connection.execute(select(account.c.id).where(account.c.login == login)).first():
                add_account(connection, login, f"{ROLES[role].title}甲", PASSWORD, [role], "test")
        return login

    @contextmanager
    def visitor(self) -> Iterator[Person]:
        with TestClient(self.app, base_url=self.base, follow_redirects=False) as client:
            yield Person(client)

    @contextmanager
    def staff(self, role: str) -> Iterator[Person]:
        with self.visitor() as person:
            person.log_in(self.hire(role), PASSWORD)
            yield person

    def work(self) -> list[bool]:
        """Do all waiting jobs, as the worker would; returns whether each went well."""
        done = []
        while (claimed := claim(self.home)) is not None:
            done.append(run(self.home, claimed))
        return done


def login_of(role: str) -> str:
    return role.replace("_", "-") + "1"


@dataclass
class Person:
    """Somebody at a browser: keeps cookies, sends the page's own CSRF token."""

    client: TestClient
    csrf: str = ""

    def log_in(self, login: str, password: str):
        token = field(self.client.get("/login").text, "token")
        answer = self.client.post("/login", data={"token": token, "login": login, "password": password})
        if answer.status_code == 303:
            self.csrf = field(self.client.get("/password").text, "csrf")
        return answer

    def get(self, path: str):
        return self.client.get(path)

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-600:])
        return answer.text

    def post(self, path: str, files: dict | None = None, **form: str):
        return self.client.post(path, data={"csrf": self.csrf, **form}, files=files)

    def done(self, path: str, files: dict | None = None, **form: str) -> str:
        """Post a form that must go through; returns the page it leads to, with its notice."""
        answer = self.post(path, files, **form)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[-600:])
        shown = self.page(answer.headers["location"])
        assert 'class="notice bad"' not in shown.replace(STUCK, ""), shown
        return shown

    def refused(self, path: str, **form: str) -> str:
        """Post a form that must be refused; returns the notice."""
        return self.refused_with(path, None, **form)

    def refused_with(self, path: str, files: dict | None, **form: str) -> str:
        """The same with files."""
        answer = self.post(path, files, **form)
        assert answer.status_code == 422, (path, answer.status_code, answer.text[-600:])
        return notice(answer.text)


STUCK = 'class="job-stuck notice bad"'


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def notice(page: str) -> str:
    found = re.search(r'<div class="notice (?:bad|good)" role="\w+"[^>]*>(.*?)</div>', page, re.S)
    assert found, page[-800:]
    return found[1]


def new_sitting(officer: Person, ident: str = "s-1", *, minutes: int = 90, blueprint: str = "county_100", **more: str) -> None:
    """A demo sitting whose window is open now, by the form."""
    now = now_ms()
    day = local_text(now, "%Y-%m-%d")
    form = {
        "title": "任前法律知识考试", "kind": "demo", "blueprint": blueprint, "profile": "small_office", "day": day, "opens": "00:00",
        "closes": "23:59", "place": "县委党校三楼机房", "id": ident, **more,
    }  # fmt: skip
    officer.done("/sittings/new", **form)


def import_people(officer: Person, ident: str, rows: Sequence[Sequence[str]]) -> None:
    """Upload a roster and confirm it."""
    files = {"file": ("名单.xlsx", roster(rows), "application/octet-stream")}
    seen = officer.post(f"/sittings/{ident}/roster/upload", files=files)
    assert seen.status_code == 200, seen.text[-800:]
    officer.done(f"/sittings/{ident}/roster/confirm", token=field(seen.text, "token"))


def opened(office: Office, officer: Person, ident: str = "s-1", n: int = 6) -> None:
    """A sitting that is open, with n candidates."""
    new_sitting(officer, ident)
    import_people(officer, ident, people(n))
    officer.done(f"/sittings/{ident}/build")
    assert office.work() == [True]
    officer.done(f"/sittings/{ident}/open")
    assert office.work() == [True]
