"""Officers and their sessions."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.store.tables.base import METADATA, instant

officers = Table(
    "officers",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True, comment="in small letters; how the officer signs in"),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), comment="null: acts for every agency"),
    instant("created_at", server_default=func.now()),
    instant("disabled_at", nullable=True),
    CheckConstraint("cardinality(roles) > 0", name="roles"),
)

officer_sessions = Table(
    "officer_sessions",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256; the cookie holds the token"),
    Column("officer_id", Uuid, ForeignKey("officers.id"), nullable=False),
    instant("begun_at"),
    instant("seen_at"),
    instant("ended_at", nullable=True),
    instant("proven_at", nullable=True, comment="null: the password alone was shown, which opens nothing yet"),
    Index("officer_sessions_officer_id_idx", "officer_id"),
)
