"""The office's own sign-off: by a logged-in account other than the author's, in the file beside the bank and in the audit trail.

The file alone proves nothing, for whoever can write it could add a line: a formal sitting counts an ``office`` sign-off only
if the trail of office.db has the act too (:func:`vouched`). Accounts come in as login and name; who may sign is the caller's matter.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from home import AUDIT, OFFICE, audit
from question_bank.errors import SignOffError
from question_bank.item import Item
from question_bank.signoff import BlindAnswer, Return, SignOff, SignOffs, approve, record_blind, send_back

KIND = "office"
_SIGN, _RETURN = "item.sign", "item.return"


@dataclass(frozen=True)
class Signer:
    """The account of a reader: ``login`` is recorded, ``name`` is compared with the author's too."""

    login: str
    name: str

    def refuse_author(self, item: Item) -> None:
        """:raises SignOffError: this is the account of the item's author."""
        if {plain(self.login), plain(self.name)} & {plain(part) for part in (item.author, *item.author.replace("，", "、").split("、"))}:
            raise SignOffError(f"{self.name}（{self.login}）是 {item.slug} 的命题人，不能审自己的题；请另请一位审题人")


def plain(name: str) -> str:
    """A name as it is compared: no white space, no case.

    >>> plain(" 王 Fang ")
    '王fang'
    """
    return "".join(name.split()).casefold()


def answer_blind(known: SignOffs, item: Item, hash_: str, signer: Signer, at: int, answer: str, basis: str) -> BlindAnswer:
    """:func:`question_bank.signoff.record_blind` by an account; for free text ``answer`` is whatever the reader would write."""
    signer.refuse_author(item)
    return record_blind(known, item, hash_, signer.login, at, answer, basis)


def sign(connection: Connection, known: SignOffs, item: Item, hash_: str, signer: Signer, at: int, note: str = "") -> SignOff:
    """Sign an item for formal sittings, inside the caller's transaction on office.db.

    :raises SignOffError: the account is the author's, or has not answered this very version blind.
    """
    signer.refuse_author(item)
    made = approve(known, item, hash_, signer.login, at, KIND, note)
    audit(connection, OFFICE, signer.login, _SIGN, item.slug, hash=hash_)
    return made


def return_item(connection: Connection, known: SignOffs, item: Item, hash_: str, signer: Signer, at: int, reason: str) -> Return:
    """Send an item back to its author, inside the caller's transaction on office.db.

    :raises SignOffError: the account is the author's, or gives no reason.
    """
    signer.refuse_author(item)
    made = send_back(known, item, hash_, signer.login, at, reason)
    audit(connection, OFFICE, signer.login, _RETURN, item.slug, hash=hash_)
    return made


def vouched(connection: Connection) -> frozenset[tuple[str, str, str]]:
    """(item, hash, login) of every office sign-off that the audit trail knows."""
    table = AUDIT[OFFICE]
    rows = connection.execute(select(table.c.actor, table.c.subject, table.c.payload).where(table.c.action == _SIGN))
    return frozenset((row.subject, str(json.loads(row.payload)["hash"]), row.actor) for row in rows if row.payload)


def office_signed(known: SignOffs, hashes: Mapping[str, str], trail: Collection[tuple[str, str, str]]) -> frozenset[str]:
    """Items whose present version an account has signed, as file and trail both have it."""
    found = {slug: known.find(slug, hash_, KIND) for slug, hash_ in hashes.items()}
    return frozenset(slug for slug, one in found.items() if one is not None and (slug, hashes[slug], one.by) in trail)
