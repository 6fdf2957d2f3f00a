"""The night after the day: providers settle, with faults planted in their reports, and each fault must be found."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from gateway.demo_day.office import Document, Office, shown
from gateway.demo_day.visits import Visit

# What is planted in each provider's report, and what it must be found as. A missing line is a matter of timing for a
# provider that pays out days later; an unknown credit on a bank account is a receipt without a payer.
PLANTED: Mapping[str, frozenset[str]] = {
    "drop_line": frozenset({"missing_at_provider", "timing"}),
    "change_amount": frozenset({"amount_mismatch"}),
    "change_currency": frozenset({"currency_mismatch"}),
    "duplicate_line": frozenset({"duplicate_at_provider"}),
    "wrong_fee": frozenset({"fee_mismatch"}),
    "extra_line": frozenset({"missing_in_gateway", "unidentified_receipt"}),
    "wrong_status": frozenset({"status_mismatch"}),
    "unknown_refund": frozenset({"refund_unknown"}),
    "wrong_total": frozenset({"payout_short", "payout_over"}),
}
OF_NO_PAYMENT = ("extra_line", "unknown_refund", "wrong_total")
# A bank's charge is an entry of its own; and a statement of mixed currencies, or whose balances do not add up, is
# refused whole rather than compared.
NOT_OF_A_BANK = ("change_currency", "wrong_fee", "wrong_total")


def settle(office: Office, provider: str, visits: Sequence[Visit]) -> list[Document]:
    """Plant a fault of each kind, as far as there are payments for them, each in another payment's line; and let the
    provider report its day."""
    today = office.control(provider, "health")["business_date"]
    planted = []
    for fault, payment in zip(_faults(office, provider), _untouched(office, provider, visits), strict=False):
        where = {"date": today, "fault": fault, "payment": payment["provider_transaction_id"]}
        planted.append(office.control(provider, "settlement-faults", where) | {"payment_id": payment["id"]})
    office.control(provider, "settle", {"date": today})
    return planted


def reconcile(office: Office, provider: str) -> Document:
    body = {"provider": provider, "business_date": office.control(provider, "health")["business_date"]}
    return office.run_until_it_ends(body)


def show_run(console: Console, planted: Sequence[Document], run: Document) -> list[str]:
    """The report of one run beside what was planted; returns the faults that it did not find."""
    totals = run["totals"]
    console.print(
        f"\n[bold]{run['provider']}[/bold] on {run['business_date']}: {run['status']}, {totals['matched']} matched"
    )
    for each in totals.get("by_currency", ()):
        ledger, settled = (shown(each[side], each["currency"]) for side in ("ledger_minor", "statement_minor"))
        console.print(f"ledger {ledger}, settlement {settled}")
    table = Table("planted", "found as", "explained")
    missed = []
    for fault in planted:
        found = _found(fault, run["found"])
        table.add_row(fault["fault"], found["kind"] if found else "[red]not found", _explanation(found))
        missed += [] if found else [f"{fault['fault']} ({run['provider']})"]
    console.print(table)
    others = Counter(found["kind"] for found in run["found"])
    console.print("All discrepancies: " + ", ".join(f"{kind} {count}" for kind, count in sorted(others.items())))
    return missed


def _faults(office: Office, provider: str) -> list[str]:
    is_bank = bool(office.control(provider, "health")["lands_in_bank"])
    return [fault for fault in PLANTED if not (is_bank and fault in NOT_OF_A_BANK)]


def _untouched(office: Office, provider: str, visits: Sequence[Visit]) -> list[Document]:
    """Payments that simply succeeded, and of which nothing was refunded."""
    mine = [visit for visit in visits if visit.provider == provider and visit.outcome == "succeed"]
    found = [office.call("finance", "GET", f"/v1/payments/{visit.payment_id}") for visit in mine if visit.payment_id]
    return [payment for payment in found if not payment["amount_refunded_minor"]]


def _found(fault: Document, discrepancies: Sequence[Document]) -> Document | None:
    """A fault in a payment's line is found as a discrepancy of that payment; others have no payment of ours."""
    for discrepancy in discrepancies:
        of_kind = discrepancy["kind"] in PLANTED[fault["fault"]]
        if of_kind and (fault["fault"] in OF_NO_PAYMENT or discrepancy["payment"] == fault["payment_id"]):
            return discrepancy
    return None


def _explanation(found: Document | None) -> str:
    return str(found["explanation"]["en"]["text"]) if found else ""
