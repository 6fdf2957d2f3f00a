"""The secret of an authenticator that is being set up is shown to the session alone that began it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0018"


def upgrade() -> None:
    op.add_column(
        "officer_authenticators",
        sa.Column(
            "session",
            sa.LargeBinary(),
            nullable=True,
            comment="hash of the token of the session that sets it up; null once it is proven",
        ),
    )
    op.create_unique_constraint(op.f("officer_authenticators_session_key"), "officer_authenticators", ["session"])
