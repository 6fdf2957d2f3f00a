"""The whole day, and what must hold at its end: no money missing, every fault found, every trial balance even."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.demo_day.night import reconcile, settle, show_run
from gateway.demo_day.office import POLL, SETTLED_WITHIN, DemoFailed, Document, Office, shown
from gateway.demo_day.treasury import pay_out
from gateway.demo_day.visits import OUTCOMES, WAITS, Payers, Visit

PAYERS_AT_ONCE = 4
REFUNDED_ONE_IN = 12
OUTAGE_S = 20


def play_day(office: Office, invoices: int, seed: int, console: Console) -> None:
    """Play the day and print what came of it. Raises DemoFailed if the books and the world disagree."""
    chance = random.Random(seed)  # noqa: S311 - a day that can be played again, not a secret
    payers, providers = Payers(office), list(office.simulators)
    visits = payers.plan(invoices, chance)
    gone = chance.choice(providers)
    with _progress(console) as progress:
        third = len(visits) // 3
        _each(progress, "Payers pay", visits[:third], payers.visit)
        console.print(f"{gone} goes down for {OUTAGE_S} s. The others go on.")
        office.control(gone, "outage", {"seconds": OUTAGE_S})
        _each(progress, "Payers pay on", visits[third:], payers.visit)
        paid = [visit for visit in visits if visit.payment_id and WAITS not in visit.expected]
        _each(progress, "Answers arrive", paid, payers.wait_for)
        _each(progress, "Officers refund", _refundable(office, visits)[::REFUNDED_ONE_IN], _refunder(office))
        planted = _each(progress, "Providers settle", providers, lambda name: settle(office, name, visits))
        runs = _each(progress, "The night reconciles", providers, lambda name: reconcile(office, name))
    _show_visits(console, visits)
    missed = [fault for faults, run in zip(planted, runs, strict=True) for fault in show_run(console, faults, run)]
    at_bank, not_at_bank = pay_out(office, runs, console)
    _check_truth(office, runs, console)
    _check_trial_balances(office, console)
    if missed or not_at_bank:
        raise DemoFailed(f"planted and not found: {', '.join([*missed, *not_at_bank])}")
    console.print(f"{sum(map(len, planted)) + at_bank} faults were planted, and all were found.")


def _refundable(office: Office, visits: Sequence[Visit]) -> list[Visit]:
    can = {provider for provider in office.simulators if office.control(provider, "health")["refunds"]}
    return [visit for visit in visits if visit.outcome == "succeed" and visit.payment_id and visit.provider in can]


def _refunder(office: Office) -> Callable[[Visit], None]:
    return lambda visit: _refund(office, visit)


def _refund(office: Office, visit: Visit) -> None:
    payment = office.call("finance", "GET", f"/v1/payments/{visit.payment_id}")
    body = {"payment": payment["id"], "amount_minor": payment["amount_minor"], "reason": "the application was refused"}
    refund = office.call("finance", "POST", "/v1/refunds", body)
    office.call("approver", "POST", f"/v1/refunds/{refund['id']}/approve", {})
    deadline = time.monotonic() + SETTLED_WITHIN.total_seconds()
    while office.call("finance", "GET", f"/v1/refunds/{refund['id']}")["status"] != "succeeded":
        if time.monotonic() > deadline:
            raise DemoFailed(f"refund {refund['id']} was not paid back")
        time.sleep(POLL.total_seconds())


def _show_visits(console: Console, visits: Sequence[Visit]) -> None:
    counts = Counter((visit.provider, visit.outcome) for visit in visits)
    table = Table(title="What payers did", title_justify="left")
    table.add_column("provider")
    for outcome in OUTCOMES:
        table.add_column(outcome, justify="right")
    for provider in sorted({visit.provider for visit in visits}):
        table.add_row(provider, *(str(counts[provider, outcome] or "") for outcome in OUTCOMES))
    console.print(table)
    turned = Counter(visit.turned_from for visit in visits if visit.turned_from)
    for provider, count in turned.items():
        console.print(f"{count} wanted to pay by {provider}, which did not take it, and chose another method.")


def _check_truth(office: Office, runs: Sequence[Document], console: Console) -> None:
    """Every movement of money that the providers and banks have in their books is a payment here, or known to be
    nobody's."""
    compared = 0
    for provider, run in zip(office.simulators, runs, strict=True):
        ours = office.pages("finance", f"/v1/payments?provider={provider}")
        known = {payment["provider_transaction_id"] for payment in ours}
        known |= {found["evidence"].get("provider_transaction_id") for found in run["found"]}
        for payment in office.control(provider, "truth")["payments"]:
            for movement in payment["transactions"]:
                compared += 1
                if movement["id"] not in known:
                    raise DemoFailed(f"{provider} was paid by {movement['id']}, and here nobody knows of it")
    console.print(f"\n{compared} movements compared with the books of providers and banks: no money is missing here.")


def _check_trial_balances(office: Office, console: Console) -> None:
    for currency in sorted({agency["currency"] for agency in office.agencies()}):
        balance = office.call("finance", "GET", f"/v1/ledger/trial-balance?currency={currency}")
        debit, credit = (shown(balance[f"total_{side}_minor"], currency) for side in ("debit", "credit"))
        if debit != credit:
            raise DemoFailed(f"the trial balance is off: {debit} debited, {credit} credited")
        console.print(f"Trial balance: {debit} debited, {credit} credited.")


def _each(progress: Progress, what: str, items: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
    """`work` on each item, several at once, with a bar; the results in order."""
    task = progress.add_task(what, total=len(items))

    def one(item: Any) -> Any:
        result = work(item)
        progress.advance(task)
        return result

    with ThreadPoolExecutor(PAYERS_AT_ONCE) as threads:
        return list(threads.map(one, items))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)
