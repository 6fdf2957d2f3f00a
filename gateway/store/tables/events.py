"""What comes in from providers (the inbox) and what goes out to portals (the outbox and its deliveries)."""

from sqlalchemy import (
    BigInteger,
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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.store.tables.base import METADATA, instant, one_of

provider_events = Table(
    "provider_events",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("sealed_payload", LargeBinary, nullable=False, comment="may hold personal data, so it is kept encrypted"),
    instant("received_at"),
    instant("applied_at", nullable=True),
    Column("result", Text),
    instant("next_attempt_at", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("provider", "event_id"),
    Index("provider_events_next_attempt_at_idx", "next_attempt_at", postgresql_where=text("applied_at IS NULL")),
)

events = Table(
    "events",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    Column("position", BigInteger, comment="its place in the feed, given once it is committed"),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    instant("occurred_at"),
    Index("events_position_key", "position", unique=True, postgresql_where=text("position IS NOT NULL")),
    Index("events_agency_id_idx", "agency_id", "position", postgresql_where=text("position IS NOT NULL")),
    Index("events_unplaced_idx", "sequence", postgresql_where=text("position IS NULL")),
    Index("events_about_idx", text("coalesce(data ->> 'payment', data ->> 'invoice')")),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), comment="null: of every agency"),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False, comment="empty: all"),
    Column("master_key_id", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_position", BigInteger, nullable=False, comment="of the feed: events up to it have their delivery"),
    Column("created_by", Uuid, nullable=False),
    instant("created_at", server_default=func.now()),
    instant("disabled_at", nullable=True),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    METADATA,
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id"), primary_key=True),
    Column("event_id", Uuid, ForeignKey("events.id"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    instant("next_attempt_at", nullable=True),
    instant("created_at", server_default=func.now()),
    one_of("status", ("pending", "delivered", "failed")),
    Index(
        "webhook_deliveries_pending_idx",
        "endpoint_id",
        "next_attempt_at",
        postgresql_where=text("status = 'pending'"),
    ),
)

webhook_attempts = Table(
    "webhook_attempts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    instant("at"),
    Column("http_status", Integer),
    Column("error", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Index("webhook_attempts_endpoint_id_event_id_idx", "endpoint_id", "event_id"),
)
