"""Grounds of an event, how long misconduct stays on record, why an event was revoked."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('candidate_event', schema=None) as batch_op:
        batch_op.add_column(sa.Column('ground', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('until', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('revoke_reason', sa.String(length=500), nullable=True))
