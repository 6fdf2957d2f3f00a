"""Bank statements: the sealed files, what they state line by line, and how far they are learnt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import func, insert, literal, select, text, tuple_, update
from sqlalchemy.engine import Row

from gateway.domain.bank_file import FileStatus
from gateway.store.database import Transaction
from gateway.store.tables.reconciliation import settlement_batches
from gateway.store.tables.statements import bank_lines, bank_statements, statement_chunks, statement_files

STATEMENT_TIMEOUT, LOCK_TIMEOUT = "15min", "30s"

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('load statement', 0))")

_NEW_LINES = text(
    """
    CREATE TEMPORARY TABLE new_bank_lines (
        statement_id uuid, line integer, account text, currency text, amount_minor bigint, booked_on date,
        value_on date, code text, bank_reference text, end_to_end_id text, reversal boolean, names text[]
    ) ON COMMIT DROP
    """
)
_COPY_LINES = "COPY new_bank_lines FROM STDIN"

# A bank may tell a booking in a notification first and in its statement later: it is the same money, and one line.
_KEEP_NEWS = text(
    """
    INSERT INTO bank_lines (statement_id, line, account, currency, amount_minor, booked_on, value_on, code,
                            bank_reference, end_to_end_id, names, reversal)
    SELECT statement_id, line, account, currency, amount_minor, booked_on, value_on, code, bank_reference,
           end_to_end_id, names, reversal
      FROM new_bank_lines AS new
     WHERE new.bank_reference = ''
        OR NOT EXISTS (SELECT FROM bank_lines AS known
                        WHERE known.bank_reference = new.bank_reference AND known.account = new.account
                          AND known.amount_minor = new.amount_minor AND known.currency = new.currency
                          AND known.reversal = new.reversal)
     ORDER BY statement_id, line
    """
)


@dataclass(frozen=True, slots=True)
class StagedStatement:
    """One statement as it was read; its lines are the bytes from `start` to `end` of the staged file, in COPY's text
    format."""

    id: UUID
    statement_id: str
    account: str
    currency: str
    business_date: date
    opening_minor: int | None
    closing_minor: int | None
    lines: int
    sha256: bytes
    start: int
    end: int


def take_turn(tx: Transaction) -> None:
    """Files are loaded one after the other, each in the time that it needs. Raises DatabaseUnavailable if the one
    before takes too long."""
    for name, limit in (("statement_timeout", STATEMENT_TIMEOUT), ("lock_timeout", LOCK_TIMEOUT)):
        tx.execute(text("SELECT set_config(:name, :limit, true)"), {"name": name, "limit": limit})
    tx.execute(_ONE_AT_A_TIME)


def find_file(tx: Transaction, file_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(statement_files).where(statement_files.c.id == file_id))


def file_of(tx: Transaction, sha256: bytes) -> Row[Any] | None:
    """The file with this content."""
    return tx.one_or_none(select(statement_files).where(statement_files.c.sha256 == sha256))


def add_file(tx: Transaction, values: Mapping[str, Any]) -> None:
    tx.execute(insert(statement_files).values(received_at=tx.now, **values))


def change_file(tx: Transaction, file_id: UUID, **values: Any) -> None:
    tx.execute(update(statement_files).where(statement_files.c.id == file_id).values(**values))


def advance(tx: Transaction, file_id: UUID, *, read: int = 0, learnt: int = 0) -> None:
    """The learning is through the first `read` lines of the file; `learnt` more were news."""
    columns = statement_files.c
    values = {
        "read_lines": func.greatest(columns.read_lines, read),
        "learnt_lines": columns.learnt_lines + literal(learnt),
    }
    tx.execute(update(statement_files).where(columns.id == file_id).values(values))


def page_of_files(tx: Transaction, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Row[Any]]:
    """The newest first, each with how many statements it brought."""
    files = statement_files.c
    brought = select(func.count()).where(bank_statements.c.file_id == files.id).scalar_subquery()
    query = select(statement_files, brought.label("statements"))
    if after is not None:
        query = query.where(tuple_(files.received_at, files.id) < after)
    return tx.all(query.order_by(files.received_at.desc(), files.id.desc()).limit(limit))


def unlearnt_files(tx: Transaction) -> list[UUID]:
    """Files that are loaded, and not learnt to their end."""
    files = statement_files.c
    query = select(files.id).where(files.status == FileStatus.LOADED, files.learnt_at.is_(None))
    return list(tx.execute(query.order_by(files.received_at)).scalars())


def add_chunks(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        tx.execute(insert(statement_chunks), rows)


def chunk(tx: Transaction, file_id: UUID, number: int) -> Row[Any] | None:
    """The sealed piece of the file; None after the last."""
    columns = statement_chunks.c
    return tx.one_or_none(select(statement_chunks).where(columns.file_id == file_id, columns.number == number))


def statements_of(tx: Transaction, file_id: UUID) -> list[Row[Any]]:
    query = select(bank_statements).where(bank_statements.c.file_id == file_id)
    return tx.all(query.order_by(bank_statements.c.account, bank_statements.c.business_date, bank_statements.c.id))


def find_statement(tx: Transaction, account: str, statement_id: str) -> Row[Any] | None:
    columns = bank_statements.c
    query = select(bank_statements).where(columns.account == account, columns.statement_id == statement_id)
    return tx.one_or_none(query)


def add_statements(tx: Transaction, file_id: UUID, statements: Iterable[StagedStatement], staged: BinaryIO) -> None:
    """Write them with those of their lines that no statement has told before."""
    tx.execute(_NEW_LINES)
    driver: Any = tx.connection.connection.driver_connection
    for statement in statements:
        values = {name: getattr(statement, name) for name in StagedStatement.__slots__ if name not in ("start", "end")}
        tx.execute(insert(bank_statements).values(file_id=file_id, **values))
        with driver.cursor() as cursor, cursor.copy(_COPY_LINES) as copy:
            for piece in _pieces(staged, statement.start, statement.end):
                copy.write(piece)
    tx.execute(_KEEP_NEWS)


def names_of_lines(tx: Transaction, places: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], list[str]]:
    """What the words of these lines (statement and line) name, of those that are kept."""
    columns = bank_lines.c
    query = select(columns.statement_id, columns.line, columns.names)
    rows = tx.execute(query.where(tuple_(columns.statement_id, columns.line).in_(places)))
    return {(row.statement_id, row.line): row.names for row in rows}


def payout_names(tx: Transaction, providers: Sequence[str], since: date) -> frozenset[str]:
    """The payouts and batches that these providers settled from `since` on."""
    columns = settlement_batches.c
    query = select(columns.payout_id, columns.batch_id)
    rows = tx.execute(query.where(columns.provider.in_(providers), columns.business_date >= since))
    return frozenset(name for row in rows for name in row if name)


def _pieces(staged: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    staged.seek(start)
    while start < end and (piece := staged.read(min(1 << 16, end - start))):
        start += len(piece)
        yield piece
