"""The database, and the unit of work on it.

A service opens a transaction with `Database.transaction()`. What the transaction has to say besides its rows (ledger
entries, events for portals, the audit trail, the answer kept for a repeated request) is collected on it and written in
one round trip just before the commit, so that a fact and its consequences are durable together or not at all.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import CursorResult, Engine, Row
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.expression import Executable
from uuid6 import uuid7

from gateway.domain import circuit, ledger
from gateway.domain.circuit import Call
from gateway.domain.errors import Unavailable
from gateway.domain.events import EventType

log = structlog.get_logger()

# A request must not wait longer for a lock or a statement than a portal waits for its answer.
SESSION_OPTIONS = (
    "-c lock_timeout=5s -c statement_timeout=20s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
)

# In the driver's own words, because nearly every transaction ends with it: compiling it would take longer than sending.
RECORD_FACTS = "SELECT record_facts(%s::jsonb, %s::jsonb, %s::jsonb, %s::jsonb)"
AND_CALLS = f"{RECORD_FACTS}, record_calls(%s::jsonb, %s, %s, %s)"


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


def new_id() -> UUID:
    """A UUIDv7: unique, and in the order of creation."""
    return UUID(int=uuid7().int)


def first_id(at: datetime) -> UUID:
    """No UUIDv7 made at `at` or later is below this one: it begins with the milliseconds since 1970."""
    milliseconds = (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(milliseconds=1)
    return UUID(int=max(0, milliseconds) << 80)


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that was violated, by which a service knows which rule spoke."""
    return error.orig.diag.constraint_name or "" if isinstance(error.orig, psycopg.Error) else ""


@dataclass(slots=True)
class Transaction:
    """A unit of work. Rows go through `execute`; facts are collected by `post`, `emit`, `audit`, `note_call`, `answer`.

    `connect` is called once, when the first statement is executed.
    """

    connect: Callable[[], Connection]
    now: datetime
    _connection: Connection | None = None
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)
    _audits: list[dict[str, Any]] = field(default_factory=list)
    _calls: list[dict[str, Any]] = field(default_factory=list)
    _answer: dict[str, Any] | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def has_facts(self) -> bool:
        return bool(self._entries or self._events or self._audits or self._calls or self._answer)

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    def one_or_none(self, statement: Executable, parameters: Any = None) -> Row[Any] | None:
        return self.execute(statement, parameters).one_or_none()

    def all(self, statement: Executable, parameters: Any = None) -> list[Row[Any]]:
        return list(self.execute(statement, parameters))

    def post(self, entry: ledger.Entry) -> None:
        """Write `entry` into the ledger. An entry without transfers (a fee of zero) leaves no trace."""
        if entry.transfers:
            self._entries.append(_entry_as_json(entry))

    def emit(self, kind: str, agency_id: UUID, data: Mapping[str, Any]) -> None:
        """Tell the portals of `agency_id`. `data` holds no personal data."""
        self._events.append(
            {
                "id": str(new_id()),
                "agency_id": str(agency_id),
                "type": EventType(kind),
                "data": data,
                "occurred_at": self.now.isoformat(),
            }
        )

    def audit(
        self,
        actor: str,
        action: str,
        subject_type: str,
        subject_id: UUID | str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record who did what. `before` and `after` hold no personal data."""
        self._audits.append(
            {
                "at": self.now.isoformat(),
                "actor": actor,
                "action": action,
                "subject_type": subject_type,
                "subject_id": str(subject_id),
                "before": before,
                "after": after,
            }
        )

    def note_call(self, call: Call) -> None:
        """Record what became of a call of a provider; it may open or close the provider's circuit."""
        self._calls.append(
            {
                "provider": call.provider,
                "operation": call.operation,
                "outcome": call.outcome,
                "code": call.code,
                "latency_ms": call.latency_ms,
                "at": call.at.isoformat(),
                "answered": call.answered,
                "is_trial": call.is_trial,
            }
        )

    def answer(self, answer: dict[str, Any]) -> None:
        """Keep the answer to an idempotent request; see gateway.services.idempotency."""
        self._answer = answer

    def flush(self) -> None:
        """Write the collected facts now. Happens by itself at the end of the transaction."""
        if self.has_facts:
            self.flush_through(self.connection.connection.driver_connection)

    def flush_through(self, driver: Any) -> None:
        """Write the collected facts through a connection of the driver's."""
        facts = (self._entries, self._events, self._audits, self._answer)
        told = [json.dumps(fact) if fact else None for fact in facts]
        if self._calls:
            rule = [circuit.FAILURES, circuit.WITHIN, circuit.COOL_DOWN]
            _, moved = driver.execute(AND_CALLS, [*told, json.dumps(self._calls), *rule]).fetchone()
            for provider, to in moved.items():
                log.warning("circuit moved", provider=provider, now=to)
        else:
            driver.execute(RECORD_FACTS, told)
        self._entries, self._events, self._audits, self._calls, self._answer = [], [], [], [], None


class Database:
    """A pool of connections to PostgreSQL with the application's role.

    `clock` tells the time; all that one transaction writes carries the same instant.
    """

    def __init__(self, url: str, clock: Any, *, pool_size: int = 10) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"options": SESSION_OPTIONS, "connect_timeout": 5},
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._clock = clock

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block and is rolled back by any exception.

        Raises DatabaseUnavailable if the database cannot be reached; nothing has been written then, except that a
        connection lost during the commit leaves open whether it happened, which is why callers bring idempotency keys.
        """
        with _translated(), ExitStack() as stack:
            transaction = Transaction(lambda: stack.enter_context(self.engine.begin()), self._clock())
            yield transaction
            if transaction.is_connected:
                transaction.flush()
            elif transaction.has_facts:
                # Its last word is its only statement, which is a transaction by itself: no BEGIN, no COMMIT.
                transaction.flush_through(stack.enter_context(self._driver()))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """For single reading statements: no transaction is opened."""
        with _translated(), self._autocommit.connect() as connection:
            yield Transaction(lambda: connection, self._clock())

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """For reads that must agree with each other: all see what was committed when the first began."""
        with _translated(), self._snapshots.begin() as connection:
            yield Transaction(lambda: connection, self._clock())

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        """One of the pool's connections, committing each statement; thrown away if anything goes wrong with it."""
        pooled = self.engine.raw_connection()
        driver: Any = pooled.driver_connection
        try:
            driver.autocommit = True
            yield driver
            driver.autocommit = False
        except BaseException:
            pooled.invalidate()
            raise
        finally:
            pooled.close()

    def now(self) -> datetime:
        now: datetime = self._clock()
        return now

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """The errors of the driver as those that SQLAlchemy makes of them; DatabaseUnavailable if the connection is why."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(RECORD_FACTS, None, error) from error
    except (DBAPIError, psycopg.Error) as error:
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        reason = error.orig if isinstance(error, DBAPIError) else error
        if lost or isinstance(reason, psycopg.OperationalError):
            raise DatabaseUnavailable("The database cannot be reached or is too busy. Try again.") from error
        raise


def _entry_as_json(entry: ledger.Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "cause": entry.cause,
        "agency_id": str(entry.agency_id),
        "subject_id": str(entry.subject_id),
        "occurred_at": entry.occurred_at.isoformat(),
        "business_date": entry.business_date.isoformat(),
        "transfers": [
            {
                "debit": transfer.debit,
                "debit_kind": ledger.kind_of(transfer.debit),
                "credit": transfer.credit,
                "credit_kind": ledger.kind_of(transfer.credit),
                "currency": transfer.amount.currency,
                "amount_minor": transfer.amount.amount_minor,
            }
            for transfer in entry.transfers
        ],
    }
