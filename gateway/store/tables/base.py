"""What all tables share: the metadata with its naming rule, and the columns that recur."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, MetaData, String
from sqlalchemy.dialects.postgresql import TIMESTAMP

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def instant(name: str, *, nullable: bool = False, **options: Any) -> Column[Any]:
    return Column(name, TIMESTAMP(timezone=True), nullable=nullable, **options)


def minor(name: str, *, nullable: bool = False, **options: Any) -> Column[Any]:
    return Column(name, BigInteger, nullable=nullable, **options)


def currency() -> Column[Any]:
    return Column("currency", String(3), nullable=False)


def one_of(column: str, values: Any) -> CheckConstraint:
    """`column` holds one of the members of an enumeration."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
