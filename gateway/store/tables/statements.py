"""What banks state of accounts: the files whole and sealed, and their statements line by line."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.domain.bank_file import FileStatus
from gateway.store.tables.base import METADATA, currency, instant, minor, one_of

statement_files = Table(
    "statement_files",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False, comment="as it was uploaded; it means nothing"),
    Column("format", Text, nullable=False, comment="blank: it is none that can be read"),
    Column("layout", Text, nullable=False, comment="the column map by which it was read; blank: none was needed"),
    Column("status", Text, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    instant("received_at"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("errors", JSONB, nullable=False, comment="why it is quarantined: line, field and reason of each fault"),
    Column("lines", Integer, nullable=False, comment="movements in it, in all its statements"),
    Column("read_lines", Integer, nullable=False, server_default=text("0"), comment="so many are through the learning"),
    Column("learnt_lines", Integer, nullable=False, server_default=text("0"), comment="so many were news"),
    instant("learnt_at", nullable=True, comment="since then all of it is learnt"),
    instant("named_at", nullable=True, comment="payouts known then were looked for in it; null: those when it came"),
    one_of("status", FileStatus),
    one_of("format", ("camt", "mt940", "delimited", "")),
    CheckConstraint("(status = 'quarantined') = (errors <> '[]'::jsonb)", name="errors"),
    CheckConstraint("read_lines BETWEEN 0 AND lines AND learnt_lines BETWEEN 0 AND lines", name="progress"),
    Index("statement_files_received_at_idx", "received_at", "id"),
)

statement_chunks = Table(
    "statement_chunks",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("file_id", Uuid, ForeignKey("statement_files.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("file_id", "number"),
    comment="a file byte for byte, in pieces; it holds personal data",
)

bank_statements = Table(
    "bank_statements",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("file_id", Uuid, ForeignKey("statement_files.id"), nullable=False),
    Column("statement_id", Text, nullable=False, comment="the bank's name of it"),
    Column("account", Text, nullable=False, comment="as it is configured here"),
    currency(),
    Column("business_date", Date, nullable=False, comment="of the closing balance, or of the last movement"),
    minor("opening_minor", nullable=True),
    minor("closing_minor", nullable=True),
    Column("lines", Integer, nullable=False),
    Column(
        "sha256",
        LargeBinary,
        nullable=False,
        server_default=text("''::bytea"),
        comment="of its figures: another file may tell it again, but not otherwise",
    ),
    UniqueConstraint("account", "statement_id"),
    Index("bank_statements_file_id_idx", "file_id"),
)

bank_lines = Table(
    "bank_lines",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("statement_id", Uuid, ForeignKey("bank_statements.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("account", Text, nullable=False, comment="as it is configured here"),
    currency(),
    minor("amount_minor", comment="what came to the account; negative: what left it"),
    Column("booked_on", Date, nullable=False),
    Column("value_on", Date),
    Column("code", Text, nullable=False, comment="the bank's family of transaction, or its own word"),
    Column("bank_reference", Text, nullable=False, comment="the bank's name of the booking"),
    Column("end_to_end_id", Text, nullable=False),
    Column(
        "names",
        ARRAY(Text),
        nullable=False,
        comment="the payouts, batches, providers and invoices that its words name; nothing else of them",
    ),
    Column("reversal", Boolean, nullable=False),
    UniqueConstraint("statement_id", "line"),
    Index("bank_lines_account_booked_on_idx", "account", "booked_on"),
    Index("bank_lines_bank_reference_idx", "bank_reference", postgresql_where=text("bank_reference <> ''")),
)
