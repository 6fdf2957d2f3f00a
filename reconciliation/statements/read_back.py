"""Reads a bank's file back for a purpose. It says who paid, so who reads it, and what for, is written down first."""

from collections.abc import Iterator
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.services.runtime import Caller, Runtime
from reconciliation.callers import check_acts_for_all
from reconciliation.statements.kept import pieces
from reconciliation.statements.telling import found_file

PURPOSE_MAX = 2_000


def read_back(runtime: Runtime, caller: Caller, file_id: UUID, purpose: str) -> Iterator[bytes]:
    """The file as it was handed in, a piece at a time.

    Raises OneAgencyOnly, StatementFileNotFound, Invalid without a `purpose`; VaultError while it is read.
    """
    check_acts_for_all(caller)
    stated = purpose.strip()
    if not stated:
        raise Invalid("Say what the file is read for.", fields={"purpose": "must not be blank"})
    if len(stated) > PURPOSE_MAX:
        raise Invalid("The purpose is too long.", fields={"purpose": f"must have {PURPOSE_MAX} characters at most"})
    with runtime.db.transaction() as tx:
        found_file(tx, file_id)
        tx.audit(caller.actor, "statement.read", "statement_file", file_id, after={"purpose": stated})
    return pieces(runtime, file_id)
