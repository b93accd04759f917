"""One request of a staff member after the gate: who, what was sent, and the bounded readers of form fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from exams.errors import SittingError
from exams.sittings import Sitting, get_sitting
from hall.office.sessions import Session
from home import Home
from people.accounts import Account


class Refused(Exception):
    """What was sent cannot be done; the message is Chinese and says what to do."""


class Recused(Refused):
    """What was sent concerns the very person who sent it; the gate writes it down."""


class NotHere(Exception):
    """There is no such thing, or it is not for this person: both look the same."""


@dataclass(frozen=True)
class Upload:
    """A file from the browser. ``name`` is only shown, never used as a path."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Visit:
    """What a handler gets. ``now`` is ms UTC; ``form`` is empty for GET."""

    home: Home
    session: Session
    now: int
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def staff(self) -> Account:
        return self.session.staff

    @property
    def by(self) -> str:
        """The name under which acts are recorded."""
        return self.session.staff.login

    def text(self, name: str, title: str, most: int, *, needed: bool = True) -> str:
        """A text field of the form, without white space around it.

        :raises Refused: longer than ``most`` characters, or blank although it is needed.
        """
        value = self.form.get(name, "").strip()
        if needed and not value:
            raise Refused(f"请填写“{title}”")
        if len(value) > most:
            raise Refused(f"“{title}”过长（{len(value)} 字）；请控制在 {most} 字以内")
        return value

    def whole(self, name: str, title: str, least: int, most: int) -> int:
        """A whole number from the form.

        :raises Refused: it is none, or out of bounds.
        """
        value = self.form.get(name, "").strip()
        if not (value.isascii() and value.isdigit()) or len(value) > 9 or not least <= int(value) <= most:
            raise Refused(f"“{title}”应为 {least} 至 {most} 之间的整数")
        return int(value)

    def number(self, name: str) -> int:
        """A number that the address names.

        :raises NotHere: it is none.
        """
        value = self.path[name]
        if not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise NotHere("没有这条登记、申请或记录；可能编号写错或链接已过期")
        return int(value)

    def sitting(self) -> Sitting:
        """The sitting that the address names.

        :raises NotHere: there is none.
        """
        try:
            with self.home.office.connect() as connection:
                return get_sitting(connection, self.path["sitting"])
        except SittingError:
            raise NotHere("没有这场考试；可能编号写错或链接已过期") from None


Handler = Callable[[Visit], Response]
