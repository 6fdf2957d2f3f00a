"""Runs that are signed off with their reports, and corrections of signed days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0008"

RUNS = "reconciliation_runs"
SIGNED = (
    "(status = 'signed_off') = (signed_off_by IS NOT NULL AND signed_off_at IS NOT NULL AND report_sha256 IS NOT NULL)"
)


def upgrade() -> None:
    extend_runs()
    create_tables()


def extend_runs() -> None:
    """Until now no run could be signed, and each was its day's own."""
    for column in (
        sa.Column(
            "correction", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="0: the day's own run"
        ),
        sa.Column("corrects", sa.Uuid(), nullable=True, comment="the signed run before it"),
        sa.Column("dated", sa.Date(), nullable=True, comment="what it posts has this business date"),
        sa.Column("signed_off_by", sa.Text(), nullable=True),
        sa.Column("signed_off_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "acknowledged",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what was open when it was signed: discrepancy, kind and reason",
        ),
    ):
        op.add_column(RUNS, column)
    op.execute("UPDATE reconciliation_runs SET dated = business_date")
    op.alter_column(RUNS, "dated", nullable=False)
    op.alter_column(RUNS, "report_sha256", comment="of the JSON report that was signed")
    op.create_foreign_key(op.f(f"{RUNS}_corrects_fkey"), RUNS, RUNS, ["corrects"], ["id"])
    op.drop_constraint(op.f(f"{RUNS}_provider_business_date_key"), RUNS, type_="unique")
    columns = ["provider", "business_date", "correction"]
    op.create_unique_constraint(op.f(f"{RUNS}_provider_business_date_correction_key"), RUNS, columns)
    op.create_check_constraint(op.f(f"{RUNS}_corrects_check"), RUNS, "(correction = 0) = (corrects IS NULL)")
    op.create_check_constraint(op.f(f"{RUNS}_signed_off_check"), RUNS, SIGNED)


def create_tables() -> None:
    """The application may insert and read them, and nothing else: what was signed stays."""
    op.create_table(
        "run_reports",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("run_reports_run_id_fkey")),
        sa.PrimaryKeyConstraint("run_id", "format", name=op.f("run_reports_pkey")),
        comment="the reports of a signed run, byte for byte; only inserted",
    )
    op.create_table(
        "run_report_chunks",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("compressed", sa.LargeBinary(), nullable=False, comment="zlib"),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("run_report_chunks_run_id_fkey")),
        sa.PrimaryKeyConstraint("run_id", "format", "number", name=op.f("run_report_chunks_pkey")),
    )
