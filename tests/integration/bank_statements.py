"""A bank's statements, written straight into the tables that a loaded file fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert

from gateway.store.database import Database, new_id
from gateway.store.tables.statements import bank_lines, bank_statements, statement_files


@dataclass(frozen=True)
class Booked:
    """A line; money from the account is negative."""

    minor: int
    names: Sequence[str] = ()
    code: str = "RCDT/ESCT"
    reference: str = ""
    end_to_end_id: str = ""


def write_statement(db: Database, account: str, day: date, *lines: Booked, currency: str = "VND") -> None:
    file_id, statement_id = new_id(), new_id()
    with db.transaction() as tx:
        file: dict[str, Any] = {"id": file_id, "sha256": file_id.bytes, "name": f"{day}.xml", "format": "camt"}
        file |= {"status": "loaded", "uploaded_by": "test", "received_at": tx.now, "size_bytes": 1, "errors": []}
        file |= {"layout": "", "lines": len(lines), "read_lines": len(lines), "learnt_at": tx.now}
        tx.execute(insert(statement_files).values(file))
        statement = {"id": statement_id, "file_id": file_id, "statement_id": f"{day}-{str(file_id)[-6:]}"}
        statement |= {"account": account, "currency": currency, "business_date": day, "lines": len(lines)}
        moved = sum(line.minor for line in lines)
        tx.execute(insert(bank_statements).values(statement | {"opening_minor": 0, "closing_minor": moved}))
        rows = [
            {
                "statement_id": statement_id,
                "line": number,
                "account": account,
                "currency": currency,
                "amount_minor": line.minor,
                "booked_on": day,
                "value_on": day,
                "code": line.code,
                "bank_reference": line.reference or f"{day}/{str(file_id)[-6:]}/{number}",
                "end_to_end_id": line.end_to_end_id,
                "names": list(line.names),
                "reversal": False,
            }
            for number, line in enumerate(lines, start=1)
        ]
        if rows:
            tx.execute(insert(bank_lines), rows)
