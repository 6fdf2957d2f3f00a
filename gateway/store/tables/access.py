"""Who may call, what they did, and what they were answered: keys, idempotency and the audit trail."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.store.tables.base import METADATA, instant

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), comment="null: acts for every agency"),
    instant("created_at", server_default=func.now()),
    instant("expires_at", nullable=True),
    instant("revoked_at", nullable=True),
    instant("last_used_at", nullable=True),
    Column("principal", Uuid, nullable=False, comment="whose key it is: the first of those that succeeded each other"),
    CheckConstraint("cardinality(scopes) > 0", name="scopes"),
)

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("caller", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer, comment="null while the request is in flight"),
    Column("response", JSONB),
    Column("subject_id", Uuid, comment="what the request made, so that one cut short can be answered"),
    instant("created_at", server_default=func.now()),
    UniqueConstraint("caller", "key"),
    Index("idempotency_keys_created_at_idx", "created_at"),
)

audit_log = Table(
    "audit_log",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    instant("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Index("audit_log_subject_idx", "subject_type", "subject_id"),
    Index("audit_log_at_idx", "at", "id"),
    Index("audit_log_actor_idx", "actor", "at", "id"),
)

payers = Table(
    "payers",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, comment="the payer's own key, wrapped; null once the payer is erased"),
    Column("sealed", LargeBinary, comment="AES-GCM of the payer's data; null once the payer is erased"),
    Column("lookup_hashes", ARRAY(LargeBinary), nullable=False),
    instant("created_at", server_default=func.now()),
    instant("erased_at", nullable=True),
    CheckConstraint("(wrapped_key IS NULL) = (erased_at IS NOT NULL)", name="erased"),
    Index("payers_lookup_hashes_idx", "lookup_hashes", postgresql_using="gin"),
)

vault_reads = Table(
    "vault_reads",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("payer_id", Uuid, ForeignKey("payers.id"), nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    instant("at", server_default=func.now()),
    Index("vault_reads_at_idx", "at", "id"),
)
