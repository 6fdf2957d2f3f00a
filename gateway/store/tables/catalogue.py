"""The agencies and what they charge for."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.domain.national_references import ReferenceStyle
from gateway.store.tables.base import METADATA, currency, instant, one_of

agencies = Table(
    "agencies",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("names", JSONB, nullable=False),
    Column("time_zone", Text, nullable=False),
    currency(),
    Column("bank_account", Text, nullable=False, unique=True),
    Column("receipt_series", Text, nullable=False),
    Column("receipt_form", Text, nullable=False, server_default=text("''")),
    Column("tax_code", Text, nullable=False, server_default=text("''")),
    Column("providers", ARRAY(Text), nullable=False),
    Column(
        "method_limits",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="by provider: minimum_minor and maximum_minor, in the agency's currency, either may be missing",
    ),
    instant("created_at", server_default=func.now()),
    Column("country", Text, nullable=False, server_default=text("''"), comment="ISO 3166 alpha-2"),
    Column("bank_code", Text, nullable=False, server_default=text("''")),
    Column("account_holder", Text, nullable=False, server_default=text("''")),
    Column("reference_style", Text, nullable=False, server_default=text("'rf'"), comment="in which payers see it"),
    Column("reference_prefix", Text, nullable=False, server_default=text("''")),
    one_of("reference_style", ReferenceStyle),
)

procedures = Table(
    "procedures",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("published_by", Text, nullable=False),
    instant("published_at", server_default=func.now()),
    comment="what is published stays; a change is a new version",
)
