"""Alembic's environment: runs on the connection that ``home.Home.migrate`` hands over, inside its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=True,  # SQLite cannot alter most things in place
)
context.run_migrations()
