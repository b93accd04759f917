"""What sittings have shown about items (``office.db``); sign-offs and freezes are files beside the bank."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table

from home import OFFICE

item_history = Table(
    "item_history", OFFICE,
    Column("item_hash", String(64), primary_key=True),
    Column("sitting_id", ForeignKey("sitting.id"), primary_key=True),
    Column("item", String(80), nullable=False),
    Column("n", Integer, nullable=False),
    Column("facility", Float, nullable=False),
    Column("exposure", Integer, nullable=False),
)  # fmt: skip
