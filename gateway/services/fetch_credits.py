"""Ask banks what has arrived, so that a notification that was lost is made good without a person.

Each time a bank's list is read from some time before the last reading ended, because a bank may book late what it dates
earlier. What was told already is passed over. The mark moves on only when all of the list was read and applied.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice

import structlog

from gateway.domain.circuit import Operation
from gateway.domain.money import Money
from gateway.ports.provider import AckResult, CreditObservation, CreditSource, ProviderError
from gateway.services.apply_observation import apply_observation
from gateway.services.call_provider import Calls
from gateway.services.runtime import Runtime
from gateway.store import credits

log = structlog.get_logger()

FIRST_LOOK_BACK = timedelta(days=3)  # when a bank is asked for the first time
OVERLAP = timedelta(hours=6)
LEASE = timedelta(minutes=5)  # no two read the same list for so long; if they do, nothing is counted twice
CHUNK = 500
SOURCE = "list"


def fetch_credits(runtime: Runtime) -> int:
    """Read the list of every bank that has one. Returns how many credits were news."""
    return sum(
        _fetch(runtime, name, provider)
        for name, provider in runtime.providers.items()
        if isinstance(provider, CreditSource)
    )


def _fetch(runtime: Runtime, name: str, source: CreditSource) -> int:
    with runtime.db.transaction() as tx:
        until = tx.now
        since = credits.claim_fetch(tx, name, until - FIRST_LOOK_BACK, LEASE)
    if since is None:
        return 0  # another worker is at it
    told, whole, calls = 0, True, Calls(runtime.db, name)
    try:
        for chunk in _chunks(calls, source.list_credits(since - OVERLAP, until)):
            for credit in _untold(runtime, name, chunk):
                result = _apply(runtime, name, credit)
                told += result is AckResult.APPLIED
                whole &= result is not None
    except ProviderError as error:
        log.info("credits not listed", provider=name, error=type(error).__name__)
        whole = False
    except Exception:  # a fault in one adapter must not keep the other banks from being read
        log.exception("credits not listed", provider=name)
        whole = False
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        credits.end_fetch(tx, name, until if whole else since)
    return told


def _chunks(calls: Calls, listed: Iterator[CreditObservation]) -> Iterator[list[CreditObservation]]:
    """What a bank lists, read outside any transaction."""
    while chunk := calls.make(Operation.CREDITS, lambda: list(islice(listed, CHUNK))):
        yield chunk


def unheard_of(runtime: Runtime, name: str, listed: Sequence[CreditObservation]) -> list[CreditObservation]:
    """What of it is not written down yet."""
    known = _written_down(runtime, name, listed)
    return [credit for credit in listed if credit.provider_transaction_id not in known]


def _untold(runtime: Runtime, name: str, listed: Sequence[CreditObservation]) -> list[CreditObservation]:
    """What of it is not written down yet, or with another amount."""
    known = _written_down(runtime, name, listed)
    return [credit for credit in listed if known.get(credit.provider_transaction_id) != credit.amount]


def _written_down(runtime: Runtime, name: str, listed: Sequence[CreditObservation]) -> Mapping[str, Money]:
    with runtime.db.read() as tx:
        return credits.amounts(tx, name, [credit.provider_transaction_id for credit in listed])


def _apply(runtime: Runtime, name: str, credit: CreditObservation) -> AckResult | None:
    """None if it failed: the others go on, and the list is read again."""
    try:
        with runtime.db.transaction() as tx:
            return apply_observation(tx, name, credit, SOURCE, runtime)
    except Exception:
        log.exception("credit not applied", provider=name)
        return None
