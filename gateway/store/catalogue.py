"""Agencies and the published versions of their procedures."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.engine import Row

from gateway.domain.agency import Agency, Limits
from gateway.domain.national_references import ReferenceStyle
from gateway.store.database import Transaction, new_id
from gateway.store.tables.catalogue import agencies, procedures

_AGENCY = [agencies.c[name] for name in Agency.__slots__]

_CURRENT_PROCEDURE = (
    select(procedures.c.version, procedures.c.definition, procedures.c.sha256, *_AGENCY)
    .join(agencies, agencies.c.id == procedures.c.agency_id)
    .where(procedures.c.code == bindparam("code"))
    .order_by(procedures.c.version.desc())
    .limit(1)
)
_ALL_CURRENT = (
    select(procedures.c.definition, procedures.c.sha256, procedures.c.agency_id)
    .ext(distinct_on(procedures.c.code))
    .order_by(procedures.c.code, procedures.c.version.desc())
)

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('procedure:' || :code, 0))")


def agency_from(row: Row[Any]) -> Agency:
    values = {name: row._mapping[name] for name in Agency.__slots__}
    values["reference_style"] = ReferenceStyle(row.reference_style)
    limits = {provider: Limits(**limits) for provider, limits in values["method_limits"].items()}
    return Agency(**{**values, "providers": tuple(values["providers"]), "method_limits": limits})


def current_procedure(tx: Transaction, code: str) -> Row[Any] | None:
    """Its newest version with its definition and its agency, in one statement."""
    return tx.one_or_none(_CURRENT_PROCEDURE, {"code": code})


def lock_procedure(tx: Transaction, code: str) -> None:
    """Until the transaction ends nobody else publishes a version of it."""
    tx.execute(_LOCK, {"code": code})


def current_procedures(tx: Transaction, agency_id: UUID | None) -> list[Row[Any]]:
    """The newest version of each procedure, by code; of one agency or of all."""
    return [row for row in tx.all(_ALL_CURRENT) if agency_id in (None, row.agency_id)]


def published_procedures(tx: Transaction, versions: Collection[tuple[str, int]]) -> list[Row[Any]]:
    """These versions of procedures, each a code and a number, with their definitions."""
    query = select(procedures.c.code, procedures.c.version, procedures.c.definition, procedures.c.sha256)
    return tx.all(query.where(tuple_(procedures.c.code, procedures.c.version).in_(versions)))


def agency(tx: Transaction, agency_id: UUID) -> Agency:
    return agency_from(tx.execute(select(*_AGENCY).where(agencies.c.id == agency_id)).one())


def agencies_by_account(tx: Transaction, key: str) -> list[Agency]:
    """Those that collect on the account with this key; see gateway.domain.credit.account_key."""
    query = select(*_AGENCY).where(key_of_account(agencies.c.bank_account) == key)
    return [agency_from(row) for row in tx.all(query.order_by(agencies.c.code))]


def key_of_account(account: ColumnElement[str]) -> ColumnElement[str]:
    """As gateway.domain.credit.account_key."""
    return func.upper(func.regexp_replace(account, "[^0-9A-Za-z]", "", "g"))


def all_agencies(tx: Transaction) -> list[Agency]:
    return [agency_from(row) for row in tx.all(select(*_AGENCY).order_by(agencies.c.code))]


def put_agency(tx: Transaction, values: Mapping[str, Any]) -> UUID:
    """Insert the agency, or bring the one with this code up to date. Returns its id."""
    statement = insert(agencies).values(id=new_id(), **values)
    statement = statement.on_conflict_do_update(index_elements=["code"], set_=dict(values))
    found: UUID = tx.execute(statement.returning(agencies.c.id)).scalar_one()
    return found


def publish_procedure(
    tx: Transaction, code: str, agency_id: UUID, definition: Mapping[str, Any], sha256: bytes, published_by: str
) -> bool:
    """A new version, unless the newest says the same already. True if there is something new."""
    lock_procedure(tx, code)
    newest = tx.one_or_none(_CURRENT_PROCEDURE, {"code": code})
    if newest is not None and newest.sha256 == sha256:
        return False
    version = select(func.coalesce(func.max(procedures.c.version), 0) + 1).where(procedures.c.code == code)
    tx.execute(
        insert(procedures).values(
            code=code,
            version=version.scalar_subquery(),
            agency_id=agency_id,
            definition=definition,
            sha256=sha256,
            published_by=published_by,
        )
    )
    return True
