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
    """Ids of the units whose name, or a former one, has ``text`` in it, and of all units below them or merged into them.

    This looks for parts of names and may find many; which one unit a whole name means is told by :mod:`people.unit_names`. Of those the
    name behind that of the unit above (乙镇东街社区, 乙镇/东街社区) is understood here too, whole: parts of two names are no part of a name.
    """
    text, above = text.strip(), unit.alias("above")
    whole = "".join(text.replace("／", "/").split("/"))
    behind = select(unit.c.id).join(above, above.c.id == unit.c.parent_id).where(above.c.name + unit.c.name == whole)
    former = select(alias.c.unit_id).where(alias.c.name.contains(text, autoescape=True), alias.c.unit_id.is_not(None))
    tree = select(unit.c.id).where(or_(unit.c.name.contains(text, autoescape=True), unit.c.id.in_(former), unit.c.id.in_(behind))).cte("unit_tree", recursive=True)
    tree = tree.union(select(unit.c.id).join(tree, or_(unit.c.parent_id == tree.c.id, unit.c.merged_into == tree.c.id)))  # UNION ends even in a circle
    return select(tree.c.id)
