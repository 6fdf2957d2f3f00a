"""How officers prove who they are: passwords, second factors, invitations, and what slows down guessing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # A session that is there was begun without a second factor: its officer signs in again.
    op.add_column(
        "officer_sessions",
        sa.Column(
            "proven_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="null: the password alone was shown, which opens nothing yet",
        ),
    )
    op.create_table(
        "sign_in_ceremonies",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, comment="SHA-256; a cookie holds the token"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "content",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="challenges and nonces that count once",
        ),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('passkey', 'openid')", name=op.f("sign_in_ceremonies_kind_check")),
        sa.PrimaryKeyConstraint("token_hash", "kind", name=op.f("sign_in_ceremonies_pkey")),
    )
    op.create_index("sign_in_ceremonies_made_at_idx", "sign_in_ceremonies", ["made_at"])
    op.create_table(
        "sign_in_tries",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "who", sa.LargeBinary(), nullable=False, comment="keyed hash of an e-mail address, an officer or an address"
        ),
        sa.Column("tries", sa.Integer(), nullable=False, comment="since the last that went well"),
        sa.Column("last_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("blocked_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('password', 'code', 'address')", name=op.f("sign_in_tries_kind_check")),
        sa.PrimaryKeyConstraint("kind", "who", name=op.f("sign_in_tries_pkey")),
    )
    op.create_index("sign_in_tries_last_at_idx", "sign_in_tries", ["last_at"])
    op.create_table(
        "officer_authenticators",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the secret of the one-time codes"),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "confirmed_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="null until a first code proved it",
        ),
        sa.Column(
            "last_step",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="no code up to it counts again",
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_authenticators_officer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("officer_authenticators_pkey")),
    )
    op.create_index("officer_authenticators_officer_id_idx", "officer_authenticators", ["officer_id"])
    op.create_table(
        "officer_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_identities_officer_id_fkey")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("officer_identities_pkey")),
    )
    op.create_index("officer_identities_officer_id_idx", "officer_identities", ["officer_id"])
    op.create_table(
        "officer_invitations",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, comment="SHA-256; the link holds the token"),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True), nullable=True, comment="or replaced by a later one"),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_invitations_officer_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("officer_invitations_pkey")),
    )
    op.create_index("officer_invitations_officer_id_idx", "officer_invitations", ["officer_id"])
    op.create_table(
        "officer_passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False, comment="COSE"),
        sa.Column(
            "sign_count", sa.BigInteger(), nullable=False, comment="of the authenticator; 0 if it does not count"
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("added_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_passkeys_officer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("officer_passkeys_pkey")),
        sa.UniqueConstraint("credential_id", name=op.f("officer_passkeys_credential_id_key")),
    )
    op.create_index("officer_passkeys_officer_id_idx", "officer_passkeys", ["officer_id"])
    op.create_table(
        "officer_passwords",
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="Argon2id, with its parameters"),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_passwords_officer_id_fkey")),
        sa.PrimaryKeyConstraint("officer_id", name=op.f("officer_passwords_pkey")),
    )
    op.create_table(
        "officer_recovery_codes",
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_recovery_codes_officer_id_fkey")),
        sa.PrimaryKeyConstraint("officer_id", "code_hash", name=op.f("officer_recovery_codes_pkey")),
    )
