"""How providers do: every call that was made of them, and the circuit of each that ever stopped answering."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Integer, Table, Text, text

from gateway.domain.circuit import Operation, Outcome
from gateway.store.tables.base import METADATA, instant, one_of

provider_calls = Table(
    "provider_calls",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("provider", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False, comment="the provider's or the transport's own word"),
    Column("latency_ms", Integer, nullable=False),
    instant("at"),
    Column("answered", Boolean, comment="whether the provider was there; null if the call says nothing about that"),
    one_of("operation", Operation),
    one_of("outcome", Outcome),
    CheckConstraint("latency_ms >= 0", name="latency_ms"),
    Index("provider_calls_provider_at_idx", "provider", "at"),
    Index("provider_calls_failed_idx", "provider", "at", postgresql_where=text("outcome IN ('unknown', 'not_sent')")),
    comment="only inserted, so that nobody waits for anybody; kept for some days",
)

provider_circuits = Table(
    "provider_circuits",
    METADATA,
    Column("provider", Text, primary_key=True),
    instant("opened_at", nullable=True, comment="null: closed"),
    instant("retry_at", nullable=True, comment="from when on one trial at a time is let through"),
    instant("trial_until", nullable=True, comment="a trial is under way, or was until it was cut short"),
    Column("code", Text, nullable=False, server_default=text("''")),
    comment="written only when a circuit opens or closes and for a trial, never by a call that goes well",
)
