"""The statements of the simulated bank: what simulation/settlement.py batched of a day, an account at a time.

Faults planted in a batch show in the statement as such a fault would: a line that is not settled is a pending entry,
which no balance counts; a fee that was not agreed is a charge of its own; a wrong total is a closing balance that the
entries do not make.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from gateway.domain.money import Money
from providers.bank_transfer import wire
from providers.bank_transfer.camt_writer import Booking, Page, statement
from providers.bank_transfer.told import entry
from providers.simulation.books import Document

if TYPE_CHECKING:
    from providers.bank_transfer.simulator import TransferBank

_KIND: Mapping[str, str] = {  # the movement, in the words of the statement; and where its cause is in the books
    "payment": wire.CREDIT,
    "refund": wire.RETURN,
    "chargeback": wire.REVERSAL,
    "chargeback_reversal": wire.REVERSAL,
    "fee": "charge",
}
_BOOKS: Mapping[str, str] = {
    "payment": "payment",
    "refund": "refund",
    "chargeback": "dispute",
    "chargeback_reversal": "dispute",
    "fee": "charge",
}


class Statements:
    def __init__(self, bank: "TransferBank") -> None:
        self._bank = bank

    def listed(self, first: date, last: date) -> list[dict[str, Any]]:
        """The statements of these days, as the API lists them."""
        batches = [b for b in self._bank.books.all("batch") if first.isoformat() <= b["date"] <= last.isoformat()]
        return [self._listed(batch, account) for batch in batches for account in self._accounts(batch)]

    def written(self, account: str, statement_id: str, now: datetime) -> bytes | None:
        """A statement as a camt.053; None if there is none."""
        batch = self._bank.books.get("batch", statement_id)
        if batch is None or account not in self._accounts(batch):
            return None
        opening = 0
        for earlier in self._bank.books.all("batch"):
            if earlier["id"] == batch["id"]:
                break
            opening += self._net(earlier, account)
        currency, net = batch["currency"], self._net(batch, account)
        page = Page(
            id=batch["id"],
            account=account,
            day=date.fromisoformat(batch["date"]),
            opening=Money(opening, currency),
            closing=Money(opening + net + batch["offset_minor"], currency),
            bookings=list(self._bookings(batch, account)),
        )
        return statement(page, now)

    def _listed(self, batch: Document, account: str) -> dict[str, Any]:
        stated = {"net_minor": self._net(batch, account) + batch["offset_minor"], "currency": batch["currency"]}
        return {"id": batch["id"], "account": account, "date": batch["date"], **stated}

    def _accounts(self, batch: Document) -> list[str]:
        return list(dict.fromkeys(self._account(batch, line) for line in batch["lines"]))

    def _account(self, batch: Document, line: Mapping[str, Any]) -> str:
        """Whose line it is. One that was planted, for money that never moved, is on the first account of the day."""
        owner = self._bank.books.get("payment", line["transaction_id"])
        owner = owner or self._bank.books.get("charge", line["transaction_id"])
        if owner is not None:
            return str(owner["account"])
        owners = (self._bank.books.get("payment", other["transaction_id"]) for other in batch["lines"])
        return next((str(other["account"]) for other in owners if other is not None), "")

    def _net(self, batch: Document, account: str) -> int:
        bookings = self._bookings(batch, account)
        return sum(b.amount.amount_minor for b in bookings if b.booked and b.amount.currency == batch["currency"])

    def _bookings(self, batch: Document, account: str) -> Iterator[Booking]:
        for line in batch["lines"]:
            if self._account(batch, line) != account:
                continue
            at = datetime.fromtimestamp(line["occurred"], self._bank.zone)
            amount = Money(line["gross_minor"], line["currency"])
            booked = line["status"] == "settled"
            yield entry(self._cause(line), line["id"], _KIND[line["kind"]], amount, at, booked=booked)
            if line["fee_minor"]:
                charge = Money(-line["fee_minor"], line["currency"])
                yield entry({"id": f"CH{line['id']}"}, f"{line['id']}-charge", "charge", charge, at)

    def _cause(self, line: Mapping[str, Any]) -> Document:
        """What moved the money, or what a planted line says that it was."""
        known = self._bank.books.get(_BOOKS[line["kind"]], line["source"])
        if known is not None:
            return known
        identity = line["transaction_id"] if line["kind"] == "payment" else line["source"]
        return {"id": identity, "transaction_id": line["transaction_id"]}
