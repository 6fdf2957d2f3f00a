"""The double-entry ledger. Its triggers, functions and partitions are in migrations/sql/ledger.sql."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)

from gateway.domain.ledger import AccountKind
from gateway.domain.seal import RecordKind
from gateway.store.tables.base import METADATA, currency, instant, minor, one_of

ledger_accounts = Table(
    "ledger_accounts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    currency(),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("agency_id", "currency", "code"),
    UniqueConstraint("id", "agency_id", "currency"),
    one_of("kind", AccountKind),
)

ledger_entries = Table(
    "ledger_entries",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("cause", Text, nullable=False),
    Column("agency_id", Uuid, primary_key=True, comment="an agency's, because its transfers' accounts are"),
    Column("subject_id", Uuid, nullable=False),
    instant("occurred_at"),
    Column("business_date", Date, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    instant("posted_at", primary_key=True, server_default=func.now()),
    Index("ledger_entries_subject_id_idx", "subject_id"),
    Index("ledger_entries_business_date_idx", "business_date", "agency_id", "id"),
)

ledger_transfers = Table(
    "ledger_transfers",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("entry_id", BigInteger, nullable=False),
    Column("agency_id", Uuid, nullable=False),
    currency(),
    Column("debit_account_id", BigInteger, nullable=False),
    Column("credit_account_id", BigInteger, nullable=False),
    minor("amount_minor"),
    Column("business_date", Date, nullable=False),
    instant("posted_at", primary_key=True, server_default=func.now()),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
    # Both instants are those of the transaction, so that nothing can be added to an entry once it is committed.
    ForeignKeyConstraint(
        ["entry_id", "agency_id", "posted_at"],
        ["ledger_entries.id", "ledger_entries.agency_id", "ledger_entries.posted_at"],
        name="ledger_transfers_entry_fkey",
    ),
    ForeignKeyConstraint(
        ["debit_account_id", "agency_id", "currency"],
        ["ledger_accounts.id", "ledger_accounts.agency_id", "ledger_accounts.currency"],
        name="ledger_transfers_debit_account_fkey",
    ),
    ForeignKeyConstraint(
        ["credit_account_id", "agency_id", "currency"],
        ["ledger_accounts.id", "ledger_accounts.agency_id", "ledger_accounts.currency"],
        name="ledger_transfers_credit_account_fkey",
    ),
    Index("ledger_transfers_entry_id_idx", "entry_id"),
    Index("ledger_transfers_debit_account_id_idx", "debit_account_id", "business_date"),
    Index("ledger_transfers_credit_account_id_idx", "credit_account_id", "business_date"),
    postgresql_partition_by="RANGE (posted_at)",
)

ledger_snapshots = Table(
    "ledger_snapshots",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("upto_transfer_id", BigInteger, nullable=False, unique=True),
    instant("taken_at", server_default=func.now()),
)

ledger_totals = Table(
    "ledger_totals",
    METADATA,
    Column("snapshot_id", BigInteger, ForeignKey("ledger_snapshots.id"), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("ledger_accounts.id"), primary_key=True),
    Column("business_date", Date, primary_key=True),
    minor("debit_minor"),
    minor("credit_minor"),
    Index("ledger_totals_account_id_idx", "account_id", "business_date"),
    comment="what the transfers of one snapshot add to each account and day",
)

ledger_flows = Table(
    "ledger_flows",
    METADATA,
    Column("snapshot_id", BigInteger, ForeignKey("ledger_snapshots.id"), primary_key=True),
    Column("debit_account_id", BigInteger, ForeignKey("ledger_accounts.id"), primary_key=True),
    Column("credit_account_id", BigInteger, ForeignKey("ledger_accounts.id"), primary_key=True),
    Column("business_date", Date, primary_key=True),
    minor("amount_minor"),
    Index("ledger_flows_business_date_idx", "business_date"),
    comment="what the transfers of one snapshot move between each two accounts on each day",
)

ledger_seal_blocks = Table(
    "ledger_seal_blocks",
    METADATA,
    Column("record", Text, primary_key=True),
    Column("upto_id", BigInteger, primary_key=True, comment="covers the ids above the block before, up to this one"),
    Column("digests", LargeBinary, nullable=False, comment="of each record: its id (8 bytes) and SHA-256 (32 bytes)"),
    one_of("record", RecordKind),
    comment="what the seals are made over, kept so that the very record that differs can be named",
)

ledger_seals = Table(
    "ledger_seals",
    METADATA,
    Column("sealed_on", Date, primary_key=True),
    Column("upto_entry_id", BigInteger, nullable=False),
    Column("upto_audit_id", BigInteger, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    instant("sealed_at", server_default=func.now()),
)
