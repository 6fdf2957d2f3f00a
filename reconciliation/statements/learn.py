"""Makes what a loaded statement tells count, as if the bank had notified us of each booking.

    a credit for an invoice, or on an account whose payers transfer to it     as the bank's notification: paid, or an
                                                                              unidentified receipt
    a credit that was given or taken back, or comes again                     a return, or a dispute
    what names a payout, and the bank's charges                               left to the run of the bank account

Each booking counts once by the bank's own name of it, whoever told it first. So this may be stopped at any line and
begun again: what is through is kept with the file, line by line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.bank_file import FileStatus
from gateway.domain.money import Money
from gateway.ports.bookings import BookingKind, kind_of
from gateway.ports.provider import AckResult, CreditObservation, Observation
from gateway.ports.told_by_statement import original_of, told_by
from gateway.services.apply_observation import apply_observation
from gateway.services.receive_event import report_stray
from gateway.services.runtime import Runtime
from gateway.store import credits, statements
from gateway.store.database import Transaction
from reconciliation.statements.accounts import bank_of
from reconciliation.statements.bookings import Booking
from reconciliation.statements.names import references_in
from reconciliation.statements.reread import Line, lines_of

log = structlog.get_logger()

SOURCE = "statement"
LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _News:
    """What `bank` may tell for the first time by a line."""

    line: Line
    bank: str
    observation: Observation


def learn_statement(runtime: Runtime, file_id: UUID) -> int:
    """Go on where the learning of the file was left. Returns how many bookings were news. Raises LayoutGone.

    A booking that cannot be applied keeps none of the others back; the file is then not done, and is tried again.
    """
    with runtime.db.read() as tx:
        file = statements.find_file(tx, file_id)
    if file is None or file.status != FileStatus.LOADED or file.learnt_at is not None:
        return 0
    learnt, whole = 0, True
    for chunk in _chunks(runtime, file):
        results = [_apply(runtime, file_id, news) for news in _news(runtime, chunk)]
        learnt += results.count(AckResult.APPLIED)
        whole &= None not in results
        if whole:
            with runtime.db.transaction() as tx:
                statements.advance(tx, file_id, read=chunk[-1].place)
    if whole:
        with runtime.db.transaction() as tx:
            statements.change_file(tx, file_id, learnt_at=tx.now)
    log.info("statement learnt", file=str(file_id), news=learnt, whole=whole)
    return learnt


def _chunks(runtime: Runtime, file: Row[Any]) -> Iterator[list[Line]]:
    """What is not through yet. Raises LayoutGone."""
    lines = (line for line in lines_of(runtime, file) if line.place > file.read_lines)
    while chunk := list(islice(lines, LINES_AT_ONCE)):
        yield chunk


def _news(runtime: Runtime, chunk: list[Line]) -> list[_News]:
    """What of these lines is about payers' money. What another statement told before is not in the database as this
    one's, and a credit that is known with its amount is no news."""
    with runtime.db.read() as tx:
        named = statements.names_of_lines(tx, [(line.statement, line.booking.line) for line in chunk])
        found = [
            _News(line, bank, observation)
            for line in chunk
            if (names := named.get((line.statement, line.booking.line))) is not None
            and (agency := line.account.agency) is not None
            and (bank := bank_of(runtime, agency)) is not None
            and not _is_a_payout(frozenset(names), line)
            and (observation := _observed(tx, line.booking, agency, bank)) is not None
        ]
        references = {news.line.booking.reference for news in found}
        known = {bank: credits.amounts(tx, bank, references) for bank in {news.bank for news in found}}
    return [news for news in found if not _is_known(news, known[news.bank])]


def _is_known(news: _News, amounts: Mapping[str, Money]) -> bool:
    booking = news.line.booking
    return isinstance(news.observation, CreditObservation) and amounts.get(booking.reference) == booking.entry.amount


def _apply(runtime: Runtime, file_id: UUID, news: _News) -> AckResult | None:
    """None if it failed."""
    try:
        with runtime.db.transaction() as tx:
            result = apply_observation(tx, news.bank, news.observation, SOURCE, runtime)
            if result is AckResult.APPLIED:
                statements.advance(tx, file_id, learnt=1)
            elif result is AckResult.NOT_FOUND and not news.line.account.paid_by:
                report_stray(tx, runtime, news.bank, news.observation, SOURCE)
            return result
    except Exception:
        log.exception("booking not applied", file=str(file_id), line=news.line.booking.line)
        return None


def _is_a_payout(names: frozenset[str], line: Line) -> bool:
    """It names a payout; or a provider that pays out there, but no invoice, as payers name their wallet too."""
    invoices = names & references_in(line.booking.entry)
    others = names - invoices
    return bool(others.difference(line.account.paid_by)) or (bool(others) and not invoices)


def _observed(tx: Transaction, booking: Booking, agency: Agency, bank: str) -> Observation | None:
    """What the bank's notification would have said; None if it says nothing about money of payers."""
    entry, kind = booking.entry, kind_of(booking.entry)
    original = original_of(entry, booking.reference)
    if kind is BookingKind.OTHER and original and credits.find(tx, bank, original) is not None:
        kind = BookingKind.REVERSAL
    if not booking.reference or not entry.amount.amount_minor:
        return None
    return told_by(entry, booking.reference, ZoneInfo(agency.time_zone), kind)
