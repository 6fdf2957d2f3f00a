"""The bank to which providers pay out: it writes a statement of the day, with faults, and each must be found.

Payouts come as banks book them: one too short, one not at all, two in one credit, one in two parts; beside them a
charge and a credit of somebody else.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from rich.console import Console
from rich.table import Table

from gateway.demo_day.office import DemoFailed, Document, Office, shown
from gateway.domain.money import Money
from gateway.domain.payout import bank_source
from gateway.payout_settings import DEMO_ACCOUNT

CURRENCY = "VND"
ACCOUNT = DEMO_ACCOUNT.format(CURRENCY)
MISSING_MINOR = 1_000
CHARGE_MINOR, UNKNOWN_MINOR = 11_000, 123_456


@dataclass(frozen=True, slots=True)
class Payout:
    provider: str
    name: str
    minor: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A line of the statement; what left the account is negative. `code` is MT940's type."""

    minor: int
    text: str
    code: str = "NTRF"


@dataclass(frozen=True, slots=True)
class Planted:
    """What the bank did, and as what it must be found: discrepancies of `kinds` about `name`, or lines of a `rule`."""

    what: str
    kinds: frozenset[str] = frozenset()
    name: str = ""
    minor: int = 0
    rule: str = ""


def pay_out(office: Office, runs: Sequence[Document], console: Console) -> tuple[int, list[str]]:
    """The bank's statement of the day is handed in and reconciled. Returns how many faults it has, and those that were
    not found."""
    bookings, planted = as_booked(_payouts(office, runs))
    day = date.fromisoformat(max(run["business_date"] for run in runs))
    statement = mt940(day, secrets.token_hex(4).upper(), bookings).encode()
    file = office.upload("finance", "/v1/reconciliation/statements", "treasury.mt940", statement)
    if file["status"] != "loaded":
        raise DemoFailed(f"the bank's statement was not loaded: {file['errors'][:3]}")
    run = office.run_until_it_ends({"provider": bank_source(ACCOUNT), "business_date": day.isoformat()})
    return len(planted), _show(console, run, planted)


def _payouts(office: Office, runs: Sequence[Document]) -> list[Payout]:
    """What providers that hold the money say they pay out, by provider and name; but for what the bank has booked on an
    earlier day that was played here."""
    found = []
    known = {payout["payout"] for row in _at_bank(office) for payout in row["evidence"].get("payouts", ())}
    for run in runs:
        if office.control(run["provider"], "health")["lands_in_bank"]:
            continue
        report = office.call("finance", "GET", f"/v1/reconciliation/runs/{run['id']}/report?format=json")
        for batch in report["batches"]:
            payout = Payout(run["provider"], batch["payout"] or batch["batch"], _minor(batch))
            is_new = payout.name not in known and not _has_come(office, payout)
            if batch["currency"] == CURRENCY and payout.minor > 2 * MISSING_MINOR and is_new:
                found.append(payout)
    return sorted(found, key=lambda each: (each.provider, each.name))


def _minor(batch: Document) -> int:
    return int(batch["net_minor"] if batch["total_minor"] is None else batch["total_minor"])


def _at_bank(office: Office) -> list[Document]:
    return office.pages("finance", f"/v1/reconciliation/discrepancies?provider={bank_source(ACCOUNT)}")


def _has_come(office: Office, payout: Payout) -> bool:
    path = f"/v1/reconciliation/payouts/{payout.provider}/{payout.name}/report?format=json"
    return bool(office.call("finance", "GET", path)["bank_credits"])


def as_booked(payouts: Sequence[Payout]) -> tuple[list[Booking], list[Planted]]:
    """The faults as far as there are payouts for them; the others come as they are."""
    rest = iter(payouts)
    bookings = [Booking(-CHARGE_MINOR, "PHI QUAN LY TAI KHOAN", "NCHG"), Booking(UNKNOWN_MINOR, "CHUYEN TIEN")]
    planted = [
        Planted("a charge of the bank", frozenset({"missing_in_gateway"}), minor=-CHARGE_MINOR),
        Planted("a credit of somebody else", frozenset({"missing_in_gateway"}), minor=UNKNOWN_MINOR),
    ]
    for short in islice(rest, 1):
        bookings.append(Booking(short.minor - MISSING_MINOR, _words(short)))
        planted.append(Planted("a payout too short", frozenset({"payout_short"}), short.name, -MISSING_MINOR))
    for missing in islice(rest, 1):
        kinds = frozenset({"timing", "payout_missing"})
        planted.append(Planted("a payout that does not come", kinds, missing.name, missing.minor))
    together = list(islice(rest, 2))
    if together:
        bookings.append(Booking(sum(each.minor for each in together), " ".join(map(_words, together))))
    if len(together) > 1:
        planted.append(Planted("two payouts in one credit", rule="payouts_in_one"))
    for divided in islice(rest, 1):
        half = divided.minor // 2
        bookings += [Booking(minor, _words(divided)) for minor in (half, divided.minor - half)]
        planted.append(Planted("a payout in two parts", rule="payout_in_parts"))
    bookings += [Booking(each.minor, _words(each)) for each in rest]
    return bookings, planted


def _words(payout: Payout) -> str:
    """As a bank writes them: in capitals, without the signs that its messages do not have."""
    return f"PAYOUT {payout.provider} {payout.name}".upper().replace("_", " ")


def mt940(day: date, name: str, bookings: Sequence[Booking]) -> str:
    """The statement of one day, from an empty account. `name` is the bank's, and how its bookings' names begin."""
    closing = sum(booking.minor for booking in bookings)
    sides = "C" if closing >= 0 else "D"
    return "\r\n".join(
        [
            f":20:{name}",
            f":25:{ACCOUNT}",
            f":28C:{day:%j}/1",
            f":60F:C{day:%y%m%d}{CURRENCY}0,",
            *_entries(day, name, bookings),
            f":62F:{sides}{day:%y%m%d}{CURRENCY}{_amount(closing)}",
            "-",
            "",
        ]
    )


def _entries(day: date, name: str, bookings: Sequence[Booking]) -> Iterator[str]:
    for number, booking in enumerate(bookings, start=1):
        side = "C" if booking.minor > 0 else "D"
        reference = f"NONREF//{name}-{number:04}"
        yield f":61:{day:%y%m%d}{day:%m%d}{side}{_amount(booking.minor)}{booking.code}{reference}"
        yield f":86:{booking.text}"


def _amount(minor: int) -> str:
    whole, _, part = f"{Money(abs(minor), CURRENCY).major():f}".partition(".")
    return f"{whole},{part}"


def _show(console: Console, run: Document, planted: Sequence[Planted]) -> list[str]:
    totals = run["totals"]
    console.print(f"\n[bold]{run['provider']}[/bold] on {run['business_date']}: {run['status']}")
    for each in totals["by_currency"]:
        expected, came = (shown(each[side], each["currency"]) for side in ("ledger_minor", "statement_minor"))
        console.print(f"should have come {expected}, statement {came}")
    table = Table("the bank books", "found as", "explained")
    missed = []
    for fault in planted:
        found = _found(fault, run)
        table.add_row(fault.what, *(found or ("[red]not found", "")))
        missed += [] if found else [f"{fault.what} ({run['provider']})"]
    console.print(table)
    return missed


def _found(fault: Planted, run: Document) -> tuple[str, str] | None:
    if fault.rule:
        lines = run["totals"]["by_rule"].get(fault.rule)
        return (fault.rule, f"lines of the statement that matched so: {lines}") if lines else None
    for each in run["found"]:
        if each["kind"] not in fault.kinds or each["amount_minor"] != fault.minor:
            continue
        if fault.name in each["evidence"]["provider_transaction_id"]:
            return each["kind"], each["explanation"]["en"]["text"]
    return None
