"""What a procedure costs, explained."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.errors import NotFound
from gateway.domain.fees import Channel, Procedure, Quote, procedure_from_dict, quote
from gateway.store import catalogue
from gateway.store.database import Transaction


class ProcedureNotFound(NotFound):
    code = "procedure_not_found"


# A published version never changes, so what was read of it once stays true; its hash is its name.
_parsed: dict[bytes, Procedure] = {}


def parse(sha256: bytes, definition: Mapping[str, Any]) -> Procedure:
    if sha256 not in _parsed:
        _parsed[sha256] = procedure_from_dict(definition)
    return _parsed[sha256]


def procedure_with_agency(tx: Transaction, code: str) -> tuple[Procedure, int, Agency]:
    """The newest version of the procedure, its number, and who charges for it. Raises ProcedureNotFound."""
    row = catalogue.current_procedure(tx, code)
    if row is None:
        raise ProcedureNotFound(
            f"There is no procedure {code!r}. GET /v1/procedures lists them.",
            fields={"procedure": "is not in the catalogue"},
        )
    return parse(row.sha256, row.definition), row.version, catalogue.agency_from(row)


def list_procedures(tx: Transaction, agency_id: UUID | None) -> list[Procedure]:
    """The catalogue by code: of one agency, or of all."""
    return [parse(row.sha256, row.definition) for row in catalogue.current_procedures(tx, agency_id)]


def quote_fee(tx: Transaction, code: str, facts: Mapping[str, object], channel: Channel, on: date | None) -> Quote:
    """Price `code`, on today's date where its agency is unless `on` says otherwise.

    Raises ProcedureNotFound, or Invalid naming the fact that is missing or wrong and what is allowed.
    """
    procedure, _, agency = procedure_with_agency(tx, code)
    return quote(procedure, facts, channel, on or agency.business_date(tx.now))
