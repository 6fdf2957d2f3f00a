"""One day of a fee office, played through the public API: for `make demo`, and for whoever wants to see it all move.

Payers pay, decline, walk away, pay twice and pay late with every provider; officers refund; the providers settle, with
faults planted in their reports; the nightly run compares, and each planted fault must be found. Nothing here knows
more than a portal, an officer and the simulators' controls do.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.domain.money import Money

Document = dict[str, Any]

PAYERS_AT_ONCE = 4
TIMEOUT = httpx.Timeout(60)
SETTLED_WITHIN = timedelta(minutes=3)
POLL = timedelta(milliseconds=500)
REFUNDED_ONE_IN = 12

# What payers do, in a hundred, where their provider knows such a thing. It says itself where a payment then ends.
OUTCOMES: Mapping[str, int] = {
    "succeed": 74,
    "decline": 8,
    "abandon": 6,
    "cancel": 4,
    "twice": 3,
    "late": 3,
    "silent": 2,
}
WAITS = "pending"  # such a payment is not resolved before its time is over, which is after the demo
# What is planted in each provider's report, and what it must be found as. A missing line is a matter of timing for a
# provider that pays out days later.
PLANTED: Mapping[str, frozenset[str]] = {
    "drop_line": frozenset({"missing_at_provider", "timing"}),
    "change_amount": frozenset({"amount_mismatch"}),
    "change_currency": frozenset({"currency_mismatch"}),
    "duplicate_line": frozenset({"duplicate_at_provider"}),
    "wrong_fee": frozenset({"fee_mismatch"}),
    "extra_line": frozenset({"missing_in_gateway"}),
    "wrong_status": frozenset({"status_mismatch"}),
    "unknown_refund": frozenset({"refund_unknown"}),
    "wrong_total": frozenset({"payout_short", "payout_over"}),
}


class DemoFailed(Exception):
    """Something that should have happened did not; the message says what."""


@dataclass(frozen=True, slots=True)
class Office:
    """A running gateway as var/demo.json describes it."""

    url: str
    keys: Mapping[str, str] = field(repr=False)
    simulators: Mapping[str, str]

    def call(self, scope: str, method: str, path: str, body: Document | None = None) -> Document:
        """Raises DemoFailed with the problem's own words."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}", "Idempotency-Key": str(uuid4())}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=TIMEOUT)
        if answer.is_error:
            raise DemoFailed(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        content: Document = answer.json()
        return content

    def pages(self, scope: str, path: str) -> list[Document]:
        """All of a list, page by page."""
        found: list[Document] = []
        after = ""
        while True:
            page = self.call(scope, "GET", f"{path}?limit=500{after}")
            found += page["data"]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    def agencies(self) -> list[Document]:
        found: list[Document] = self.call("finance", "GET", "/v1/agencies")["data"]
        return found

    def control(self, provider: str, path: str, body: Document | None = None) -> Any:
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, f"{self.simulators[provider]}/_sim/{path}", json=body, timeout=TIMEOUT)
        if answer.is_error:
            raise DemoFailed(f"{provider} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


@dataclass(slots=True)
class Visit:
    """One payer's sitting."""

    procedure: str
    facts: Document
    provider: str
    outcome: str
    ends: str
    told: str
    payment_id: str = ""


def play_day(office: Office, invoices: int, seed: int, console: Console) -> None:
    """Play the day and print what came of it. Raises DemoFailed if the books and the world disagree."""
    chance = random.Random(seed)  # noqa: S311 - a day that can be played again, not a secret
    visits = _plan(office, invoices, chance)
    with _progress(console) as progress:
        _each(progress, "Payers pay", visits, lambda visit: _visit(office, visit))
        paid = [visit for visit in visits if visit.payment_id and visit.ends != WAITS]
        _each(progress, "Answers arrive", paid, lambda visit: _wait_for(office, visit))
        refunded = _refundable(office, visits)[::REFUNDED_ONE_IN]
        _each(progress, "Officers refund", refunded, lambda visit: _refund(office, visit))
        planted = _each(
            progress, "Providers settle", list(office.simulators), lambda name: _settle(office, name, visits)
        )
        runs = _each(progress, "The night reconciles", list(office.simulators), lambda name: _reconcile(office, name))
    _print_visits(console, visits)
    missed = [fault for faults, run in zip(planted, runs, strict=True) for fault in _print_run(console, faults, run)]
    _check_truth(office, console)
    _check_trial_balance(office, console)
    if missed:
        raise DemoFailed(f"planted and not found: {', '.join(missed)}")


def _plan(office: Office, invoices: int, chance: random.Random) -> list[Visit]:
    """Each procedure in turn with facts that its fee asks for, by each method of its agency in turn; outcomes by
    chance."""
    methods = {agency["code"]: agency["methods"] for agency in office.agencies()}
    procedures = [each for each in office.pages("portal", "/v1/procedures") if methods[each["agency"]]]
    known = {provider: office.control(provider, "outcomes") for provider in office.simulators}
    visits = []
    for number in range(invoices):
        procedure = procedures[number % len(procedures)]
        offered = [name for name in known if name in methods[procedure["agency"]]]
        provider = offered[(number // len(procedures) + number) % len(offered)]
        possible = [outcome for outcome in OUTCOMES if outcome in known[provider]]
        outcome = chance.choices(possible, [OUTCOMES[name] for name in possible])[0]
        ends, told = (known[provider][outcome][name] for name in ("ends", "told"))
        visits.append(Visit(procedure["code"], _facts(procedure, chance), provider, outcome, ends, told))
    return visits


def _facts(procedure: Document, chance: random.Random) -> Document:
    """A plausible value for each fact that must be given."""
    facts: Document = {}
    for spec in procedure["facts"]:
        needed_when = spec["needed_when"]
        asked_for = any(facts.get(name) in values for name, values in needed_when.items())
        if not (spec["required"] or asked_for):
            continue
        if spec["kind"] == "boolean":
            facts[spec["name"]] = chance.randrange(10) < 3
        elif spec.get("options"):
            facts[spec["name"]] = chance.choice(spec["options"])["value"]
        else:
            few = spec["name"] in ("copies", "pages", "documents")
            facts[spec["name"]] = chance.randint(1, 6) if few else chance.randrange(10_000_000, 400_000_000, 1_000_000)
    return facts


def _visit(office: Office, visit: Visit) -> None:
    invoice = office.call(
        "portal",
        "POST",
        "/v1/invoices",
        {
            "procedure": visit.procedure,
            "facts": visit.facts,
            "channel": "online",
            "dossier": f"DEMO-{uuid4().hex[:10].upper()}",
            "payer": {"name": "Nguyễn Văn Mẫu"},
        },
    )
    if invoice["status"] == "paid":
        return  # nothing was due
    session = office.call(
        "portal",
        "POST",
        "/v1/checkout-sessions",
        {"invoices": [invoice["reference"]], "return_url": f"{office.url}/", "locale": "vi"},
    )
    payment = office.call(
        "portal", "POST", f"/v1/checkout-sessions/{session['id']}/payments", {"provider": visit.provider}
    )
    visit.payment_id = payment["id"]
    if visit.outcome == "abandon":
        return
    page = _pay_page(office, visit.provider, payment["next_action"])
    answer = httpx.post(page, data={"outcome": visit.outcome}, timeout=TIMEOUT)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise DemoFailed(f"{visit.provider} did not play {visit.outcome}: {answer.status_code} {answer.text[:200]}")
    httpx.get(answer.headers["location"], timeout=TIMEOUT)  # the browser comes back, which is only a hint


def _pay_page(office: Office, provider: str, action: Document) -> str:
    """Where the payer goes; for a transfer, the app of a bank that has read the code or the slip."""
    if action["type"] == "redirect":
        return str(action["url"])
    return str(office.control(provider, "pay-page", {"next_action": action})["url"])


def _wait_for(office: Office, visit: Visit) -> None:
    expected = (visit.ends, visit.told)  # a notification can say more than a query; whichever we heard first
    deadline = time.monotonic() + SETTLED_WITHIN.total_seconds()
    while (status := office.call("portal", "GET", f"/v1/payments/{visit.payment_id}")["status"]) not in expected:
        if time.monotonic() > deadline:
            raise DemoFailed(f"payment {visit.payment_id} ({visit.outcome}) is {status}, not {visit.ends}")
        time.sleep(POLL.total_seconds())


def _refundable(office: Office, visits: Sequence[Visit]) -> list[Visit]:
    can = {provider for provider in office.simulators if office.control(provider, "health")["refunds"]}
    return [visit for visit in visits if visit.outcome == "succeed" and visit.payment_id and visit.provider in can]


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


def _settle(office: Office, provider: str, visits: Sequence[Visit]) -> list[Document]:
    """Plant one fault of each kind, each in another payment's line, and let the provider report its day."""
    mine = [visit.payment_id for visit in visits if visit.provider == provider and visit.outcome == "succeed"]
    clean = [payment_id for payment_id in mine if payment_id][1 :: REFUNDED_ONE_IN // 2]
    today = office.control(provider, "health")["business_date"]
    if len(clean) < len(PLANTED):
        raise DemoFailed(f"too few payments through {provider} to plant every fault: play more invoices")
    planted = [
        office.control(provider, "settlement-faults", {"date": today, "fault": fault, "payment": payment_id})
        for fault, payment_id in zip(PLANTED, clean, strict=False)
    ]
    office.control(provider, "settle", {"date": today})
    return [fault | {"payment_id": payment_id} for fault, payment_id in zip(planted, clean, strict=False)]


def _reconcile(office: Office, provider: str) -> Document:
    body = {"provider": provider, "business_date": office.control(provider, "health")["business_date"]}
    run = office.call("finance", "POST", "/v1/reconciliation/runs", body)
    path = f"/v1/reconciliation/runs/{run['id']}"
    deadline = time.monotonic() + SETTLED_WITHIN.total_seconds()
    while (run := office.call("finance", "GET", path))["status"] == "running":
        if time.monotonic() > deadline:
            raise DemoFailed(f"the run of {provider} does not end")
        time.sleep(POLL.total_seconds())
    return run | {"found": office.pages("finance", f"{path}/discrepancies")}


def _print_visits(console: Console, visits: Sequence[Visit]) -> None:
    counts = Counter((visit.provider, visit.outcome) for visit in visits)
    table = Table(title="What payers did", title_justify="left")
    table.add_column("provider")
    for outcome in OUTCOMES:
        table.add_column(outcome, justify="right")
    for provider in sorted({visit.provider for visit in visits}):
        table.add_row(provider, *(str(counts[provider, outcome]) for outcome in OUTCOMES))
    console.print(table)


def _print_run(console: Console, planted: Sequence[Document], run: Document) -> list[str]:
    """The report of one run beside what was planted; returns the faults that it did not find."""
    totals = run["totals"]
    console.print(
        f"\n[bold]{run['provider']}[/bold] on {run['business_date']}: {run['status']}, {totals['matched']} matched"
    )
    for each in totals.get("by_currency", ()):
        ledger, settled = (_shown(each[side], each["currency"]) for side in ("ledger_minor", "statement_minor"))
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


def _found(fault: Document, discrepancies: Sequence[Document]) -> Document | None:
    """A fault in a payment's line is found as a discrepancy of that payment; others have no payment of ours."""
    of_ours = fault["fault"] not in ("extra_line", "unknown_refund", "wrong_total")
    for discrepancy in discrepancies:
        of_kind = discrepancy["kind"] in PLANTED[fault["fault"]]
        if of_kind and (not of_ours or discrepancy["payment"] == fault["payment_id"]):
            return discrepancy
    return None


def _explanation(found: Document | None) -> str:
    return str(found["explanation"]["en"]["text"]) if found else ""


def _check_truth(office: Office, console: Console) -> None:
    """Every payment has reached the provider's truth."""
    compared = 0
    for provider in office.simulators:
        for payment in office.control(provider, "truth")["payments"]:
            ours = office.call("portal", "GET", f"/v1/payments/{payment['payment_id']}")["status"]
            if payment["status"] == "succeeded" and ours != "succeeded":
                raise DemoFailed(f"{provider} was paid for {payment['payment_id']}, but here it is {ours}")
            compared += 1
    console.print(f"\n{compared} payments compared with their providers' own books: no money is missing here.")


def _check_trial_balance(office: Office, console: Console) -> None:
    for currency in sorted({agency["currency"] for agency in office.agencies()}):
        balance = office.call("finance", "GET", f"/v1/ledger/trial-balance?currency={currency}")
        debit, credit = (_shown(balance[f"total_{side}_minor"], currency) for side in ("debit", "credit"))
        if debit != credit:
            raise DemoFailed(f"the trial balance is off: {debit} debited, {credit} credited")
        console.print(f"Trial balance: {debit} debited, {credit} credited.")


def _shown(amount_minor: int, currency: str) -> str:
    return f"{Money(amount_minor, currency).major():,f} {currency}"


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
