"""What a certification rests on, and entries struck out with a reason.

Columns with a reference are added by plain SQL, the same on SQLite and PostgreSQL: a batch would make the table anew, which
SQLite refuses while steps point to it.
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ('end_document_id', 'document_id'):
        op.execute(f'ALTER TABLE certification ADD COLUMN {column} INTEGER REFERENCES document (id)')
    op.add_column('certification', sa.Column('end_document_no', sa.String(length=100), nullable=True))
    op.add_column('certification', sa.Column('revoked_at', sa.BigInteger(), nullable=True))
    op.add_column('certification', sa.Column('revoked_by', sa.String(length=64), nullable=True))
    op.add_column('certification', sa.Column('revoke_reason', sa.String(length=500), nullable=True))
    op.create_index('certification_rules', 'certification', ['kind', 'reckoned'], unique=False)
    op.add_column('certification_step', sa.Column('revoke_reason', sa.String(length=500), nullable=True))
    op.create_index('ix_certification_step_on_day', 'certification_step', ['on_day'], unique=False)
    op.add_column('training_hours', sa.Column('document_no', sa.String(length=100), nullable=True))
    op.add_column('training_hours', sa.Column('note', sa.String(length=500), nullable=True))
    op.add_column('training_hours', sa.Column('revoke_reason', sa.String(length=500), nullable=True))
