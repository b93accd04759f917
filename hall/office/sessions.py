"""Sessions of staff, in the database: only a digest of the cookie is kept, roles are read anew with every request."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from home import Home, transaction
from people.accounts import Account, get_account
from people.tables import account, office_session

#: A session ends after this long without a request, and after a working day whatever happens.
IDLE_MS = 4 * 3600 * 1000
LONGEST_MS = 12 * 3600 * 1000
#: "Last seen" is written at most this often: a page that polls must not write with every poll.
SEEN_EVERY_MS = 60_000
TONES = ("good", "bad")
LONGEST_NOTICE = 4000


@dataclass(frozen=True)
class Session:
    """A living session; roles are those of this moment. ``notice``: (tone, text) that the next page tells once."""

    digest: str
    csrf: str
    staff: Account
    notice: tuple[str, str] | None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin_session(connection: Connection, account_id: int, now: int) -> str:
    """A new session; returns the token for the cookie, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        office_session.insert().values(
            token_digest=_digest(token), account_id=account_id, csrf=secrets.token_urlsafe(32), created_at=now, last_seen_at=now
        )
    )
    return token


def find_session(home: Home, token: str | None, now: int) -> Session | None:
    """The living session behind a cookie; None if there is none, it has run out, or the account is disabled."""
    if not token or len(token) > 100:
        return None
    query = (
        select(office_session)
        .join(account, account.c.id == office_session.c.account_id)
        .where(office_session.c.token_digest == _digest(token))
        .where(office_session.c.ended_at.is_(None), account.c.disabled_at.is_(None))
    )
    with home.office.connect() as connection:
        row = connection.execute(query).first()
        if row is None or now - row.last_seen_at > IDLE_MS or now - row.created_at > LONGEST_MS:
            return None
        staff = get_account(connection, row.account_id)
    if now - row.last_seen_at > SEEN_EVERY_MS:
        _write(home, row.token_digest, last_seen_at=now)
    tone, text = json.loads(row.notice) if row.notice else ("", "")
    return Session(row.token_digest, row.csrf, staff, (tone, text) if text else None)


def find_lapsed(home: Home, token: str | None) -> tuple[int, str] | None:
    """(account id, CSRF token) of a session that nobody has ended, whether it still lives or has run out; None if there is none."""
    if not token or len(token) > 100:
        return None
    query = (
        select(office_session.c.account_id, office_session.c.csrf)
        .join(account, account.c.id == office_session.c.account_id)
        .where(office_session.c.token_digest == _digest(token), office_session.c.ended_at.is_(None), account.c.disabled_at.is_(None))
    )
    with home.office.connect() as connection:
        row = connection.execute(query).first()
    return (row.account_id, row.csrf) if row is not None else None


def _write(home: Home, digest: str, **values: object) -> None:
    with transaction(home.office) as connection:
        connection.execute(update(office_session).where(office_session.c.token_digest == digest).values(**values))


def leave_notice(home: Home, session: Session, tone: str, text: str) -> None:
    """Have the next page of this session say ``text``; ``tone`` is one of :data:`TONES`."""
    _write(home, session.digest, notice=json.dumps([tone, text[:LONGEST_NOTICE]], ensure_ascii=False))


def take_notice(home: Home, session: Session) -> tuple[str, str] | None:
    """What is to be told, once."""
    if session.notice is not None:
        _write(home, session.digest, notice=None)
    return session.notice


def end_session(connection: Connection, session: Session, now: int) -> None:
    """Log out."""
    here = office_session.c.token_digest == session.digest
    connection.execute(update(office_session).where(here).values(ended_at=now))
