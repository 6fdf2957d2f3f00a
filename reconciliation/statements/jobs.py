"""Learning from loaded statements in the background: a job a file, and a sweep for files whose job did not end."""

from typing import Any
from uuid import UUID

import procrastinate
from procrastinate import RetryStrategy, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from gateway.domain.errors import Unavailable
from gateway.services.runtime import Runtime
from gateway.store import statements
from gateway.store.database import Transaction
from reconciliation.statements.learn import learn_statement

TASK = "learn_statement"
SWEEP = "learn_statements"
RETRY = RetryStrategy(max_attempts=6, linear_wait=30, retry_exceptions=(Unavailable,))


class LearningQueue:
    """Enqueues a file in the transaction that loads it."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=SyncPsycopgConnector())

    def add(self, tx: Transaction, file_id: UUID) -> None:
        """Raises AlreadyEnqueued if it waits already, and the transaction can do no more."""
        connection: Any = tx.connection.connection.driver_connection
        name = f"{TASK} {file_id}"
        self._app.configure_task(TASK, connection=connection, lock=name, queueing_lock=name).defer(file_id=str(file_id))


def register(app: procrastinate.App, runtime: Runtime) -> None:
    """Add the task and its sweep to the worker's app."""
    queue = LearningQueue()

    def learn(file_id: str) -> None:
        learn_statement(runtime, UUID(file_id))

    def learn_rest(timestamp: int) -> None:
        enqueue_rest(runtime, queue)

    app.task(name=TASK, retry=RETRY)(learn)
    app.periodic(cron="*/10 * * * *")(app.task(name=SWEEP, queueing_lock=SWEEP)(learn_rest))


def enqueue_rest(runtime: Runtime, queue: LearningQueue) -> int:
    """Files whose learning has not ended, and does not wait. Returns how many."""
    with runtime.db.read() as tx:
        found = statements.unlearnt_files(tx)
    added = 0
    for file_id in found:
        try:
            with runtime.db.transaction() as tx:
                queue.add(tx, file_id)
        except AlreadyEnqueued:
            continue
        added += 1
    return added
