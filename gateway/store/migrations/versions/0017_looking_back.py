"""Find what happened: the audit trail by day and by who did it, reads of the vault by day, and the events of a payment."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index("audit_log_at_idx", "audit_log", ["at", "id"])
    op.create_index("audit_log_actor_idx", "audit_log", ["actor", "at", "id"])
    op.create_index("vault_reads_at_idx", "vault_reads", ["at", "id"])
    op.create_index("events_about_idx", "events", [sa.text("coalesce(data ->> 'payment', data ->> 'invoice')")])
