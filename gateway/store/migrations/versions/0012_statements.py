"""What banks state of accounts: the files whole and sealed, and their statements line by line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    create_files()
    create_chunks()
    create_statements()
    create_lines()


def create_files() -> None:
    op.create_table(
        "statement_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as it was uploaded; it means nothing"),
        sa.Column("format", sa.Text(), nullable=False, comment="blank: it is none that can be read"),
        sa.Column(
            "layout", sa.Text(), nullable=False, comment="the column map by which it was read; blank: none was needed"
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "errors",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it is quarantined: line, field and reason of each fault",
        ),
        sa.Column("lines", sa.Integer(), nullable=False, comment="movements in it, in all its statements"),
        sa.Column(
            "read_lines",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="so many are through the learning",
        ),
        sa.Column(
            "learnt_lines",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="so many were news",
        ),
        sa.Column(
            "learnt_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="since then all of it is learnt",
        ),
        sa.CheckConstraint("status IN ('loaded', 'quarantined')", name=op.f("statement_files_status_check")),
        sa.CheckConstraint("format IN ('camt', 'mt940', 'delimited', '')", name=op.f("statement_files_format_check")),
        sa.CheckConstraint(
            "(status = 'quarantined') = (errors <> '[]'::jsonb)", name=op.f("statement_files_errors_check")
        ),
        sa.CheckConstraint(
            "read_lines BETWEEN 0 AND lines AND learnt_lines BETWEEN 0 AND lines",
            name=op.f("statement_files_progress_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("statement_files_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("statement_files_sha256_key")),
    )
    op.create_index("statement_files_received_at_idx", "statement_files", ["received_at", "id"])


def create_chunks() -> None:
    op.create_table(
        "statement_chunks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["statement_files.id"], name=op.f("statement_chunks_file_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("statement_chunks_pkey")),
        sa.UniqueConstraint("file_id", "number", name=op.f("statement_chunks_file_id_number_key")),
        comment="a file byte for byte, in pieces; it holds personal data",
    )


def create_statements() -> None:
    op.create_table(
        "bank_statements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Text(), nullable=False, comment="the bank's name of it"),
        sa.Column("account", sa.Text(), nullable=False, comment="as it is configured here"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "business_date", sa.Date(), nullable=False, comment="of the closing balance, or of the last movement"
        ),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column(
            "sha256",
            sa.LargeBinary(),
            server_default=sa.text("''::bytea"),
            nullable=False,
            comment="of its figures: another file may tell it again, but not otherwise",
        ),
        sa.ForeignKeyConstraint(["file_id"], ["statement_files.id"], name=op.f("bank_statements_file_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("bank_statements_pkey")),
        sa.UniqueConstraint("account", "statement_id", name=op.f("bank_statements_account_statement_id_key")),
    )
    op.create_index("bank_statements_file_id_idx", "bank_statements", ["file_id"])


def create_lines() -> None:
    op.create_table(
        "bank_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False, comment="as it is configured here"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "amount_minor", sa.BigInteger(), nullable=False, comment="what came to the account; negative: what left it"
        ),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False, comment="the bank's family of transaction, or its own word"),
        sa.Column("bank_reference", sa.Text(), nullable=False, comment="the bank's name of the booking"),
        sa.Column("end_to_end_id", sa.Text(), nullable=False),
        sa.Column(
            "names",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="the payouts, batches, providers and invoices that its words name; nothing else of them",
        ),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["bank_statements.id"], name=op.f("bank_lines_statement_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("bank_lines_pkey")),
        sa.UniqueConstraint("statement_id", "line", name=op.f("bank_lines_statement_id_line_key")),
    )
    op.create_index("bank_lines_account_booked_on_idx", "bank_lines", ["account", "booked_on"])
    op.create_index(
        "bank_lines_bank_reference_idx",
        "bank_lines",
        ["bank_reference"],
        postgresql_where=sa.text("bank_reference <> ''"),
    )
