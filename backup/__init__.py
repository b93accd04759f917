"""Backups of a home: one encrypted file that a blank machine turns into the same home again, on SQLite or PostgreSQL.

Like ``home.py`` and ``migrations`` this is ground under the rooms: it knows files and tables, not what they mean.
"""
