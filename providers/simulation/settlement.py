"""A day's movements become a batch that the provider pays out, and the faults that can be planted in it.

A batch holds the lines as the provider will report them. The books stay true: a planted fault changes what the report
says of a movement, never the movement, and the batch remembers what was done to it. The stated total follows the
lines, so that a fault shows as itself and not as a wrong payout too; only wrong_total makes them disagree.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from providers.simulation.bank import Bank, NotPossible
from providers.simulation.books import Change, Document

Line = dict[str, Any]
_OTHER_CURRENCY = {"VND": "USD"}


def settle(bank: Bank, day: date) -> list[Document]:
    """The batches of `day`: all that moved up to its end and was in none yet. Another is added if more moved since."""
    with bank.change() as change:
        open_movements = [m for m in bank.books.all("movement") if m["batch"] is None and _day(bank, m) <= day]
        for currency in sorted({movement["currency"] for movement in open_movements}):
            _batch(bank, change, day, currency, [m for m in open_movements if m["currency"] == currency])
    _send_out(bank, day)
    return _batches(bank, day)


def settle_past_days(bank: Bank) -> None:
    """A day's report is there once the day is over."""
    yesterday = datetime.now(ZoneInfo(bank.capabilities.time_zone)).date() - timedelta(days=1)
    past = {_day(bank, m) for m in bank.books.all("movement") if m["batch"] is None}
    if bank.outbox is not None:
        past |= bank.outbox.missing_days(yesterday)
    for day in sorted(day for day in past if day <= yesterday):
        settle(bank, day)


def plant(bank: Bank, day: date, fault: str, payment: str | None = None) -> Document:
    """Plant `fault` in the report of `day`: at once if there is a batch, else as soon as there is one.

    `payment` (our payment id, or the provider's transaction) says which line; without it, the first untouched one that
    fits. Raises NotPossible.
    """
    if fault not in FAULTS:
        raise NotPossible(f"fault must be one of: {', '.join(sorted(FAULTS))}")
    planted: Document = {
        "id": bank.new_id("movement"),
        "date": day.isoformat(),
        "fault": fault,
        "payment": payment,
        "batch": None,
        "line": None,
    }
    with bank.change() as change:
        fitting = [batch for batch in _batches(bank, day) if _fits(batch, planted)]
        done = _applied(bank, change, fitting[0], planted) if fitting else change.put("planted", planted)
    _send_out(bank, day)
    return done


def planted_faults(bank: Bank, day: date) -> list[Document]:
    return [planted for planted in bank.books.all("planted") if planted["date"] == day.isoformat()]


def _batches(bank: Bank, day: date) -> list[Document]:
    return [batch for batch in bank.books.all("batch") if batch["date"] == day.isoformat()]


def _send_out(bank: Bank, day: date) -> None:
    """As it stands: nothing else changes the books meanwhile, so that no older report replaces a newer one."""
    if bank.outbox is not None:
        with bank.books.change():
            bank.outbox.send(day, [(batch, total_minor(batch)) for batch in _batches(bank, day)], bank.board)


def _batch(bank: Bank, change: Change, day: date, currency: str, movements: list[Document]) -> None:
    number = sum(b["date"] == day.isoformat() and b["currency"] == currency for b in bank.books.all("batch")) + 1
    batch: Document = {
        "id": bank.batch_id(day, currency, number),
        "date": day.isoformat(),
        "currency": currency,
        "lines": [{**movement, "status": "settled"} for movement in movements],
        "touched": [],
        "offset_minor": 0,
    }
    for movement in movements:
        change.put("movement", {**movement, "batch": batch["id"]})
    change.put("batch", batch)
    for waiting in planted_faults(bank, day):
        planted = change.get("planted", waiting["id"]) or waiting
        batch = change.get("batch", batch["id"]) or batch
        if planted["batch"] is None and _fits(batch, planted):
            _applied(bank, change, batch, planted)
    bank.batch_made(change, change.get("batch", batch["id"]) or batch)


def total_minor(batch: Document) -> int:
    """What the provider says it pays out: the nets of its settled lines in the batch's currency."""
    lines = [line for line in batch["lines"] if (line["currency"], line["status"]) == (batch["currency"], "settled")]
    return int(sum(line["gross_minor"] - line["fee_minor"] for line in lines) + batch["offset_minor"])


def _day(bank: Bank, movement: Document) -> date:
    return datetime.fromtimestamp(movement["occurred"], ZoneInfo(bank.capabilities.time_zone)).date()


def _candidates(batch: Document, planted: Document) -> list[int]:
    wanted = planted["payment"]
    return [
        index
        for index, line in enumerate(batch["lines"])
        if line["kind"] == "payment"
        and line["id"] not in batch["touched"]
        and (wanted is None or wanted in (line["payment_id"], line["transaction_id"]))
    ]


def _fits(batch: Document, planted: Document) -> bool:
    return planted["fault"] == "wrong_total" or bool(_candidates(batch, planted))


def _applied(bank: Bank, change: Change, batch: Document, planted: Document) -> Document:
    if planted["fault"] == "wrong_total":
        change.put("batch", {**batch, "offset_minor": batch["offset_minor"] - 10_000})
        return change.put("planted", {**planted, "batch": batch["id"]})
    index = _candidates(batch, planted)[0]
    line = batch["lines"][index]
    replaced = FAULTS[planted["fault"]](bank, dict(line))
    lines = [*batch["lines"][:index], *replaced, *batch["lines"][index + 1 :]]
    touched = [*batch["touched"], line["id"], *(new["id"] for new in replaced)]
    change.put("batch", {**batch, "lines": lines, "touched": touched})
    affected = {"line": line["id"], "transaction_id": line["transaction_id"], "payment_id": line["payment_id"]}
    return change.put("planted", {**planted, "batch": batch["id"], **affected})


def _unknown(bank: Bank, line: Line, kind: str, **changed: Any) -> Line:
    """A line for a movement that never was."""
    fresh = {"id": bank.new_id("movement"), "kind": kind, "source": bank.new_id(kind.replace("payment", "transaction"))}
    return {**line, **fresh, **changed}


def _extra_line(bank: Bank, line: Line) -> list[Line]:
    transaction = bank.new_id("transaction")
    return [line, _unknown(bank, line, "payment", transaction_id=transaction, source=transaction, payment_id=None)]


def _unknown_refund(bank: Bank, line: Line) -> list[Line]:
    refund = bank.new_id("refund")
    changed = {"refund_id": refund, "source": refund, "gross_minor": -line["gross_minor"], "fee_minor": 0}
    return [line, _unknown(bank, line, "refund", **changed)]


def _other_currency(_: Bank, line: Line) -> list[Line]:
    return [{**line, "currency": _OTHER_CURRENCY.get(line["currency"], "VND")}]


FAULTS: Mapping[str, Callable[[Bank, Line], list[Line]]] = {
    "drop_line": lambda _, line: [],
    "change_amount": lambda _, line: [{**line, "gross_minor": line["gross_minor"] + 1_000}],
    "change_currency": _other_currency,
    "duplicate_line": lambda bank, line: [line, {**line, "id": bank.new_id("movement")}],
    "wrong_fee": lambda _, line: [{**line, "fee_minor": line["fee_minor"] + 500}],
    "extra_line": _extra_line,
    "wrong_status": lambda _, line: [{**line, "status": "reversed"}],
    "unknown_refund": _unknown_refund,
    "wrong_total": lambda _, line: [line],  # in _applied: it concerns no line
}
"""What becomes of a line under each fault."""
