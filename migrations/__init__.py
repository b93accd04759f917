"""Schema migrations (Alembic): one line of revisions for each of the two databases."""
