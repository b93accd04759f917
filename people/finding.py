"""Finding persons and units by what a clerk types: part of a name, the end of a document number; a unit with all that lies under it."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import ColumnElement, Select, or_, select

from people.tables import alias, person, unit

#: the end of a document number, as it stays readable on every list
_ENDING = re.compile(r"\d{3}[\dX]", re.ASCII)


def named(text: str) -> ColumnElement[bool]:
    """Over person: the name (or a former one) has ``text`` in it, or the masked document number ends with its four characters.

    Whole document numbers are not looked for: what is searched stands in addresses and histories of browsers.
    """
    text = "".join(unicodedata.normalize("NFKC", text).split())
    former = select(alias.c.person_id).where(alias.c.name.contains(text, autoescape=True), alias.c.person_id.is_not(None))
    found = or_(person.c.name.contains(text, autoescape=True), person.c.id.in_(former))
    if _ENDING.fullmatch(text.upper()):
        found = or_(found, person.c.identity_masked.endswith(text.upper(), autoescape=True))
    return found


def units_under(text: str) -> Select[tuple[int]]:
    """Ids of the units whose name, or a former one, has ``text`` in it, and of all units below them or merged into them."""
    text = text.strip()
    former = select(alias.c.unit_id).where(alias.c.name.contains(text, autoescape=True), alias.c.unit_id.is_not(None))
    tree = select(unit.c.id).where(or_(unit.c.name.contains(text, autoescape=True), unit.c.id.in_(former))).cte("unit_tree", recursive=True)
    tree = tree.union(select(unit.c.id).join(tree, or_(unit.c.parent_id == tree.c.id, unit.c.merged_into == tree.c.id)))  # UNION ends even in a circle
    return select(tree.c.id)
