"""A file of a bank's statements, and what it brought, in JSON."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import NotFound
from gateway.store import statements
from gateway.store.database import Transaction


class StatementFileNotFound(NotFound):
    code = "statement_file_not_found"


def found_file(tx: Transaction, file_id: UUID) -> Row[Any]:
    """Raises StatementFileNotFound."""
    row = statements.find_file(tx, file_id)
    if row is None:
        raise StatementFileNotFound("There is no such file.")
    return row


def file_json(tx: Transaction, file_id: UUID) -> Mapping[str, Any]:
    """Raises StatementFileNotFound."""
    row = found_file(tx, file_id)
    return head_json(row) | {"statements": [_statement_json(each) for each in statements.statements_of(tx, file_id)]}


def head_json(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "sha256": row.sha256.hex(),
        "size_bytes": row.size_bytes,
        "format": row.format,
        "layout": row.layout,
        "status": row.status,
        "uploaded_by": row.uploaded_by,
        "received_at": row.received_at.isoformat(),
        "lines": row.lines,
        "read_lines": row.read_lines,
        "learnt_lines": row.learnt_lines,
        "learnt_at": row.learnt_at.isoformat() if row.learnt_at else None,
        "errors": row.errors,
    }


def _statement_json(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "statement_id": row.statement_id,
        "account": row.account,
        "currency": row.currency,
        "business_date": row.business_date.isoformat(),
        "opening_minor": row.opening_minor,
        "closing_minor": row.closing_minor,
        "lines": row.lines,
    }
