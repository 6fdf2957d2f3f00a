"""What providers settled, what matched, and what did not: settlements, runs, matches and discrepancies."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, JSONB

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.reconciliation import RunStatus
from gateway.store.tables.base import METADATA, currency, instant, minor, one_of

BLOCK = 1024
"""So many lines of a batch, or entries of the ledger, are written together."""

settlement_batches = Table(
    "settlement_batches",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("payout_id", Text),
    Column("sha256", LargeBinary, nullable=False),
    Column("lines", Integer, nullable=False),
    minor("total_minor", nullable=True, comment="the net that the provider states, if it states one"),
    Column("total_currency", Text),
    instant("loaded_at", server_default=func.now()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("provider", "batch_id"),
    Index("settlement_batches_provider_business_date_idx", "provider", "business_date"),
)

settlement_lines = Table(
    "settlement_lines",
    METADATA,
    Column("batch", Uuid, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("line_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider_transaction_id", Text),
    Column("provider_refund_id", Text),
    Column("merchant_reference", Text),
    currency(),
    minor("gross_minor"),
    minor("fee_minor"),
    instant("occurred_at"),
    Column("status", Text, nullable=False, comment="the provider's word"),
    Column("settled", Boolean, nullable=False, comment="whether its money is part of what is paid out"),
)

settlement_batch_versions = Table(
    "settlement_batch_versions",
    METADATA,
    Column("batch", Uuid, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("payout_id", Text),
    Column("sha256", LargeBinary, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("last_line", Integer, nullable=False, comment="the highest number of a line up to this version"),
    minor("total_minor", nullable=True),
    Column("total_currency", Text),
    instant("loaded_at", server_default=func.now()),
    comment="a batch each time that its provider told it in another way; only inserted",
)

gone_lines = Table(
    "gone_lines",
    METADATA,
    Column("batch", Uuid, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("version", Integer, nullable=False, comment="from this one on the provider does not tell the line"),
    ForeignKeyConstraint(["batch", "line"], ["settlement_lines.batch", "settlement_lines.line"]),
    comment="only inserted",
)

reconciliation_runs = Table(
    "reconciliation_runs",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("correction", Integer, nullable=False, server_default=text("0"), comment="0: the day's own run"),
    Column("corrects", Uuid, ForeignKey("reconciliation_runs.id"), comment="the signed run before it"),
    Column("dated", Date, nullable=False, comment="what it posts has this business date"),
    Column("status", Text, nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("totals", JSONB, nullable=False),
    Column("report_sha256", LargeBinary, comment="of the JSON report that was signed"),
    Column("requested_by", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=text("''")),
    instant("started_at"),
    instant("finished_at", nullable=True),
    Column("signed_off_by", Text),
    instant("signed_off_at", nullable=True),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("acknowledged", JSONB, comment="what was open when it was signed: discrepancy, kind and reason"),
    UniqueConstraint("provider", "business_date", "correction"),
    one_of("status", RunStatus),
    CheckConstraint("(correction = 0) = (corrects IS NULL)", name="corrects"),
    CheckConstraint(
        "(status = 'signed_off') = (signed_off_by IS NOT NULL AND signed_off_at IS NOT NULL"
        " AND report_sha256 IS NOT NULL)",
        name="signed_off",
    ),
)

run_reports = Table(
    "run_reports",
    METADATA,
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    comment="the reports of a signed run, byte for byte; only inserted",
)

run_report_chunks = Table(
    "run_report_chunks",
    METADATA,
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("compressed", LargeBinary, nullable=False, comment="zlib"),
)

match_rows = Table(
    "match_rows",
    METADATA,
    Column("batch", Uuid),
    Column("line", Integer),
    Column("entry_id", BigInteger),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("evidence", JSONB, comment="null: what the rule's name says is equal in line and entry"),
    Column("group_no", Integer, comment="in the run; its rows are one match, each with a line, an entry or both"),
    UniqueConstraint("batch", "line", name="match_rows_batch_line_key"),
    CheckConstraint("(batch IS NULL) = (line IS NULL)", name="batch"),
    CheckConstraint("num_nonnulls(line, entry_id) >= CASE WHEN group_no IS NULL THEN 2 ELSE 1 END", name="sides"),
    ForeignKeyConstraint(["batch", "line"], ["settlement_lines.batch", "settlement_lines.line"]),
    Index("match_rows_run_id_idx", "run_id"),
    Index("match_rows_entry_id_idx", "entry_id"),
    Index("match_rows_group_no_idx", "run_id", "group_no", postgresql_where=text("group_no IS NOT NULL")),
    comment="matches by the steps of the matching; the view `matches` has them all. That an entry is in one live"
    " match is for the bits to say: a match that has ended keeps its row",
)

match_chunks = Table(
    "match_chunks",
    METADATA,
    Column("batch", Uuid, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("block", Integer, primary_key=True, comment="line >> 10"),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("pairs", ARRAY(BigInteger), nullable=False, comment="(entry << 10) | (line & 1023), in no order"),
    Index("match_chunks_run_id_idx", "run_id"),
    comment="matches of one line and one entry by provider_reference: the bulk, in blocks of lines",
)

matched_lines = Table(
    "matched_lines",
    METADATA,
    Column("batch", Uuid, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("block", Integer, primary_key=True, comment="line >> 10"),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("bits", BIT(BLOCK), nullable=False, comment="bit line & 1023 is set if the run matched the line"),
    Index("matched_lines_run_id_idx", "run_id"),
    comment="exclusive by a trigger: a settlement line takes part in one live match",
)

matched_entries = Table(
    "matched_entries",
    METADATA,
    Column("block", BigInteger, primary_key=True, comment="entry >> 10"),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("bits", BIT(BLOCK), nullable=False, comment="bit entry & 1023 is set if the run matched the entry"),
    Index("matched_entries_run_id_idx", "run_id"),
    comment="exclusive by a trigger: a ledger entry takes part in one live match",
)

ended_matches = Table(
    "ended_matches",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), nullable=False),
    Column("batch", Uuid),
    Column("line", Integer),
    Column("entry_id", BigInteger),
    Column("ended_by", Uuid, ForeignKey("reconciliation_runs.id"), nullable=False),
    instant("ended_at"),
    Index("ended_matches_run_id_idx", "run_id"),
    Index("ended_matches_ended_by_idx", "ended_by"),
    comment="members of matches whose line is gone; they have no bits any more. Only inserted",
)

discrepancies = Table(
    "discrepancies",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="what it is about, so that a rerun finds it again"),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("agency_id", Uuid, ForeignKey("agencies.id")),
    Column("business_date", Date, nullable=False),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), comment="null: found as it happened"),
    Column("cleared_by", Uuid, ForeignKey("reconciliation_runs.id"), comment="the run that found it explained"),
    Column("payment_id", Uuid, ForeignKey("payments.id")),
    Column("refund_id", Uuid, ForeignKey("refunds.id")),
    Column("batch", Uuid, comment="with line: of the settlement"),
    Column("line", Integer),
    Column("entry_id", BigInteger, comment="of the ledger"),
    minor("amount_minor", comment="the money in question; signed, towards us is positive"),
    currency(),
    Column("evidence", JSONB, nullable=False),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    Column("assigned_to", Text, comment="who looks after it"),
    Column("carried_until", Date, comment="until then it is known to be a matter of time"),
    one_of("kind", DiscrepancyKind),
    one_of("status", DiscrepancyStatus),
    CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed_at"),
    Index("discrepancies_run_id_idx", "run_id"),
    Index("discrepancies_payment_id_idx", "payment_id"),
    Index("discrepancies_batch_idx", "batch", "line", postgresql_where=text("batch IS NOT NULL")),
    Index("discrepancies_open_idx", "provider", "business_date", postgresql_where=text("status = 'open'")),
)

run_findings = Table(
    "run_findings",
    METADATA,
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), primary_key=True),
    Column("discrepancy_id", Uuid, ForeignKey("discrepancies.id"), primary_key=True),
    Column("origin", Text, nullable=False),
    one_of("origin", ("matching", "repair")),
    comment="what a run found, also what an earlier one had opened",
)
