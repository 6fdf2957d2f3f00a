"""Load a bank's statement that somebody hands in: all of it, or nothing.

The file is read to its end and checked (balances, control totals, accounts) before anything is written; then it is
written in one transaction. One that cannot be read is kept all the same, with its faults, and nothing of it counts: it
is quarantined. The same file again is known by its digest; if it was quarantined it is read anew, because a column map
may have been mended meanwhile.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO, cast
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from gateway.domain.bank_file import FileStatus
from gateway.domain.errors import Conflict, Invalid
from gateway.ports.delimited import StatementMap
from gateway.ports.statement import UnreadableStatement
from gateway.ports.statements import CHUNK_BYTES, StatementFormat, format_of, read_statement
from gateway.services.runtime import Runtime
from gateway.store import invoices, statements
from gateway.store.database import Transaction, new_id
from gateway.store.statements import StagedStatement
from reconciliation.bank.payout_names import KnownNames
from reconciliation.statements.accounts import Account, find_account
from reconciliation.statements.bookings import bookings
from reconciliation.statements.faults import faults_in
from reconciliation.statements.kept import keep
from reconciliation.statements.layouts import newest
from reconciliation.statements.staging import Staging

log = structlog.get_logger()

PAYOUTS_OF = timedelta(days=120)
"""A bank names payouts of this time before it is read."""

NAME_MAX = 200

Then = Callable[[Transaction, UUID], None]


class NotOurAccount(Invalid):
    """The statement is of an account that no agency collects on, and that no provider pays out to."""

    code = "not_our_account"

    def __init__(self, account: str) -> None:
        self.about = {"account": account, "statement": ""}
        super().__init__(
            f"The statement is of account {account}, on which no agency collects and to which no provider pays out"
            " here. Check that it is the right file; if it is, add the account to the catalogue or to"
            " GATEWAY_PAYOUT_ACCOUNTS.",
            fields={"file": f"is of account {account}, which is not known here"},
        )


class StatementChanged(Conflict):
    """The bank tells a statement in another way than when it was loaded."""

    code = "statement_changed"

    def __init__(self, account: str, statement: str) -> None:
        self.about = {"account": account, "statement": statement}
        super().__init__(
            f"Statement {statement} of account {account} is loaded already, and its figures were others. What was"
            " loaded stays. Ask the bank which one is right, and for a statement with an id of its own.",
            fields={"file": f"contradicts statement {statement}, which is loaded"},
        )


class UnknownLayout(Invalid):
    """There is no column map of this name."""

    code = "unknown_layout"


class EmptyFile(Invalid):
    code = "empty_file"


FORM_BYTES = 16 * 1024
"""What a form adds to the file that it carries."""


@dataclass(frozen=True, slots=True)
class Upload:
    """`content` can be read more than once; `layout` names the column map of a delimited file, "" of any other."""

    content: BinaryIO
    name: str
    layout: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`is_new` is False if the same file was known, and nothing has changed."""

    file_id: UUID
    status: FileStatus
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file is, and what of it was read: statements, or why it cannot be."""

    sha256: bytes
    size_bytes: int
    format: StatementFormat | None
    layout: str
    statements: tuple[StagedStatement, ...] = ()
    errors: tuple[dict[str, Any], ...] = ()

    @property
    def status(self) -> FileStatus:
        return FileStatus.QUARANTINED if self.errors else FileStatus.LOADED


def load_statement(runtime: Runtime, upload: Upload, actor: str, then: Then) -> Loaded:
    """`then` is called in the transaction that loads it, with the file's id.

    Raises NotOurAccount, StatementChanged, UnknownLayout or EmptyFile; then nothing is kept. Whoever is killed at any
    moment leaves nothing, and the next try loads.
    """
    layout, column_map = _layout(runtime, upload.layout)
    sha256, size_bytes = _digest(upload.content)
    if not size_bytes:
        raise EmptyFile("The file is empty.", fields={"file": "is empty: choose the file that the bank sent"})
    with runtime.db.read() as tx:
        known = statements.file_of(tx, sha256)
    if known is not None and known.status == FileStatus.LOADED:
        return Loaded(known.id, FileStatus.LOADED, is_new=False)
    with tempfile.TemporaryFile() as temporary:
        staged = cast("BinaryIO", temporary)
        content = _read(runtime, upload.content, (layout, column_map), (sha256, size_bytes), staged)
        with runtime.db.transaction() as tx:
            return _write(tx, runtime, upload, content, staged, actor, then)


def _layout(runtime: Runtime, asked: str) -> tuple[str, StatementMap | None]:
    """The name of the column map with its version, and the map itself."""
    if not asked:
        return "", None
    name = newest(runtime.statement_layouts, asked)
    if name is None:
        there_are = ", ".join(sorted(runtime.statement_layouts)) or "none; see GATEWAY_STATEMENT_LAYOUTS"
        raise UnknownLayout(
            f"There is no layout {asked!r}. There are: {there_are}.", fields={"layout": f"must be one of {there_are}"}
        )
    return name, runtime.statement_layouts[name]


def _digest(content: BinaryIO) -> tuple[bytes, int]:
    content.seek(0)
    digest = hashlib.sha256()
    while piece := content.read(CHUNK_BYTES):
        digest.update(piece)
    return digest.digest(), content.tell()


def _read(
    runtime: Runtime,
    stream: BinaryIO,
    layout: tuple[str, StatementMap | None],
    known: tuple[bytes, int],
    staged: BinaryIO,
) -> _Content:
    """Raises NotOurAccount."""
    stream.seek(0)
    kind = format_of(stream.read(CHUNK_BYTES), layout[1])
    stream.seek(0)
    name, by_map = layout if kind is StatementFormat.DELIMITED else ("", None)
    staging = Staging(
        staged,
        lambda number: _account(runtime, number),
        lambda account: _names(runtime, account),
        lambda references: _existing(runtime, references),
    )
    try:
        rows = bookings(read_statement(stream, by_map), newest_first=by_map is not None and by_map.newest_first)
        read = staging.stage(rows)
    except UnreadableStatement as fault:
        return _Content(*known, kind, name, errors=faults_in(stream, by_map, fault))
    return _Content(*known, kind, name, statements=tuple(read))


def _account(runtime: Runtime, number: str) -> Account:
    with runtime.db.read() as tx:
        found = find_account(tx, runtime.payouts, number)
    if found is None:
        raise NotOurAccount(number)
    return found


def _names(runtime: Runtime, account: Account) -> KnownNames:
    if not account.paid_by:
        return KnownNames(())
    with runtime.db.read() as tx:
        settled = statements.payout_names(tx, account.paid_by, (tx.now - PAYOUTS_OF).date())
    return KnownNames([*settled, *account.paid_by])


def _existing(runtime: Runtime, references: frozenset[str]) -> frozenset[str]:
    if not references:
        return references
    with runtime.db.read() as tx:
        return invoices.known_references(tx, references)


def _write(
    tx: Transaction,
    runtime: Runtime,
    upload: Upload,
    content: _Content,
    staged: BinaryIO,
    actor: str,
    then: Then,
) -> Loaded:
    statements.take_turn(tx)
    known = statements.file_of(tx, content.sha256)
    if known is not None and known.status == FileStatus.LOADED:
        return Loaded(known.id, FileStatus.LOADED, is_new=False)  # somebody else has loaded it meanwhile
    news = [each for each in content.statements if _is_news(tx, each)]
    file_id = _write_file(tx, runtime, upload, content, known, actor, lines=sum(each.lines for each in news))
    statements.add_statements(tx, file_id, news, staged)
    told = {"status": content.status, "sha256": content.sha256.hex(), "statements": len(news)}
    tx.audit(actor, f"statement.{content.status}", "statement_file", file_id, after=told)
    if content.status is FileStatus.LOADED:
        then(tx, file_id)
    log.info("statement handed in", file=str(file_id), status=content.status, statements=len(news))
    return Loaded(file_id, content.status, is_new=known is None or content.status is FileStatus.LOADED)


def _write_file(
    tx: Transaction,
    runtime: Runtime,
    upload: Upload,
    content: _Content,
    known: Row[Any] | None,
    actor: str,
    *,
    lines: int,
) -> UUID:
    values = {
        "format": content.format or "",
        "layout": content.layout,
        "status": content.status,
        "errors": list(content.errors),
        "lines": lines,
    }
    if known is not None:
        statements.change_file(tx, known.id, **values)
        return UUID(str(known.id))
    file_id = new_id()
    fixed = {"id": file_id, "sha256": content.sha256, "size_bytes": content.size_bytes, "uploaded_by": actor}
    statements.add_file(tx, {**fixed, **values, "name": upload.name[:NAME_MAX]})
    keep(tx, runtime.vault, file_id, upload.content)
    return file_id


def _is_news(tx: Transaction, staged: StagedStatement) -> bool:
    """Raises StatementChanged."""
    known = statements.find_statement(tx, staged.account, staged.statement_id)
    if known is not None and known.sha256 != staged.sha256:
        raise StatementChanged(staged.account, staged.statement_id)
    return known is None
