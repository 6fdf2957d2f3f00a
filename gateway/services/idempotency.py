"""A request that is repeated is answered, not carried out again.

The key, who sent it, a hash of what was asked and the answer are written in the transaction that does the work. The
same key with the same request gets the same answer; with another request it is refused; while the first is still at
work, a second is told so at once. Keys are kept for KEPT.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from gateway.domain.errors import Conflict, Invalid
from gateway.services.runtime import Caller, Runtime
from gateway.store import idempotency
from gateway.store.database import Transaction

KEPT = timedelta(days=30)
MAX_KEY_LENGTH = 255


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"


class RequestInFlight(Conflict):
    code = "request_in_flight"


@dataclass(frozen=True, slots=True)
class Request:
    """`key` is the caller's Idempotency-Key, None if it sent none; `fingerprint` hashes method, path and body."""

    caller: Caller
    key: str | None
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The request was begun and what it made is `subject_id`, but its answer was never written."""

    subject_id: UUID


def answer_once(runtime: Runtime, request: Request, action: Callable[[Transaction], Answer]) -> Answer:
    """Carry out `action` in a transaction and keep its answer, or give the answer it got before.

    Raises IdempotencyKeyReused or RequestInFlight, and whatever `action` raises: then nothing is kept.
    """
    with runtime.db.transaction() as tx:
        known = look_up(tx, request)
        if isinstance(known, Answer):
            return known
        answer = action(tx)
        keep(tx, request, answer)
        return answer


def look_up(tx: Transaction, request: Request) -> Answer | Unfinished | None:
    """The kept answer; None if this is the first time, and then the key is ours until the transaction ends."""
    if request.key is None:
        return None
    known = idempotency.claim(tx, request.caller.id, request.key)
    if known.state == "new":
        return None
    if known.state == "in_flight":
        raise RequestInFlight("A request with this Idempotency-Key is being carried out. Ask again in a moment.")
    if known.known_hash != request.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for another request. Use a new key.",
            fields={"Idempotency-Key": "belongs to another request"},
        )
    if known.known_status is None:
        return Unfinished(known.known_subject)
    return Answer(known.known_status, known.known_response)


def keep(tx: Transaction, request: Request, answer: Answer | Unfinished) -> None:
    """Write the answer with the transaction; an Unfinished one says only what the request made."""
    if request.key is None:
        return
    if isinstance(answer, Answer):
        kept = {"status": answer.status, "response": answer.body, "subject_id": None}
    else:
        kept = {"status": None, "response": None, "subject_id": str(answer.subject_id)}
    identity = {"caller": str(request.caller.id), "key": request.key, "request_hash": request.fingerprint.hex()}
    tx.answer(identity | kept)


def forget(tx: Transaction, request: Request) -> None:
    """Nothing came of the request, so the key may be used for another try."""
    if request.key is not None:
        idempotency.forget(tx, request.caller.id, request.key)


def purge_keys(runtime: Runtime) -> int:
    """Forget keys older than KEPT. Returns how many."""
    with runtime.db.transaction() as tx:
        return idempotency.purge(tx, tx.now - KEPT)
