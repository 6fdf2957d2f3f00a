"""The ledger: the trial balance, an account with its running balance, one entry; each but the last also as CSV."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from flask import url_for

from gateway.console import words
from gateway.console.csv_download import csv_download
from gateway.console.roles import READERS
from gateway.domain.agency import Agency
from gateway.domain.errors import NotFound
from gateway.domain.money import Money
from gateway.forms.lists import asked_part
from gateway.forms.reading import asked, day_asked
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.find import find_refund
from gateway.services.read_ledger import AccountNotFound, Statement, entry, last_seal, statement, trial_balance
from gateway.services.runtime import Caller
from gateway.services.surface import N_, ConsoleSurface, Section

ACCOUNTS_SHOWN = 80
LINES_SHOWN = 50
LINES_IN_FILE = 10_000

ABOUT_PAYMENTS = ("payment_", "receipt_assigned", "dispute_")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: `agency` is the chosen one, None for all that the officer sees."""

    agencies: list[Agency]
    agency: Agency | None
    currency: str
    on: date
    caller: Caller


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Ledger"), "console.ledger", READERS))
    _add_trial_balance(console)
    _add_account(console)
    _add_entry(console)


def _add_trial_balance(console: ConsoleSurface) -> None:
    @console.route("/ledger", endpoint="ledger")
    @for_officers(*READERS)
    def show() -> Any:
        with console.runtime.db.read() as tx:
            wanted = _asked(tx, console.officer().caller)
            balance = trial_balance(tx, wanted.caller, wanted.currency, wanted.on)
            seal = last_seal(tx)
        return console.page(
            "trial_balance.html",
            wanted=wanted,
            balance=balance,
            part=asked_part(balance["accounts"], ACCOUNTS_SHOWN),
            currencies=sorted({agency.currency for agency in wanted.agencies}),
            seal=seal,
            words=words,
            money=Money,
        )

    @console.route("/ledger.csv", endpoint="ledger_csv")
    @for_officers(*READERS)
    def download() -> Any:
        with console.runtime.db.read() as tx:
            wanted = _asked(tx, console.officer().caller)
            balance = trial_balance(tx, wanted.caller, wanted.currency, wanted.on)
        names = ("debit_minor", "credit_minor", "balance_minor")
        rows = [
            (each["code"], each["kind"], wanted.currency, *(_figures(each[name], wanted.currency) for name in names))
            for each in balance["accounts"]
        ]
        header = ("account", "kind", "currency", "debit", "credit", "balance")
        return csv_download(f"trial-balance-{wanted.currency}-{wanted.on}", header, rows)


def _asked(tx: Any, caller: Caller) -> Asked:
    agencies = agencies_of(tx, caller)
    chosen = next((agency for agency in agencies if agency.code == asked("agency")), None)
    seen = [chosen] if chosen else agencies
    currencies = sorted({agency.currency for agency in seen})
    currency = asked("currency")
    today = max((agency.business_date(tx.now) for agency in seen), default=tx.now.date())
    return Asked(
        agencies=agencies,
        agency=chosen,
        currency=currency if currency in currencies else next(iter(currencies), "VND"),
        on=day_asked("on") or today,
        caller=replace(caller, agency_id=chosen.id) if chosen else caller,
    )


def _add_account(console: ConsoleSurface) -> None:
    @console.route("/ledger/account", endpoint="ledger_account")
    @for_officers(*READERS)
    def account() -> Any:
        code, currency, first, last = asked("code") or "", asked("currency") or "", day_asked("from"), day_asked("to")
        page = _statement(console, code, currency, first, last, LINES_SHOWN, asked("after"))
        return console.page(
            "ledger_account.html",
            code=code,
            currency=currency,
            first=first,
            last=last,
            page=page,
            is_first=asked("after") is None,
            words=words,
            money=Money,
        )

    @console.route("/ledger/account.csv", endpoint="ledger_account_csv")
    @for_officers(*READERS)
    def download() -> Any:
        code, currency, first, last = asked("code") or "", asked("currency") or "", day_asked("from"), day_asked("to")
        page = _statement(console, code, currency, first, last, LINES_IN_FILE)
        rows = [
            (
                line.entry["business_date"].isoformat(),
                line.entry["id"],
                line.entry["cause"],
                str(line.entry["subject_id"]),
                currency,
                _figures(line.change_minor, currency),
                _figures(line.balance_minor, currency),
            )
            for line in page.lines
        ]
        header = ("business_date", "entry", "cause", "subject", "currency", "change", "balance")
        return csv_download("ledger-account", header, rows)


def _statement(
    console: ConsoleSurface,
    code: str,
    currency: str,
    first: date | None,
    last: date | None,
    limit: int,
    after: str | None = None,
) -> Statement:
    """Raises AccountNotFound, also without a name or a currency."""
    if "/" not in code or not currency:
        raise AccountNotFound("There is no such account. Choose one from the trial balance.")
    with console.runtime.db.read() as tx:
        return statement(tx, console.officer().caller, code, currency, first=first, last=last, after=after, limit=limit)


def _add_entry(console: ConsoleSurface) -> None:
    @console.route("/ledger/entries/<int:entry_id>", endpoint="ledger_entry")
    @for_officers(*READERS)
    def show(entry_id: int) -> Any:
        caller = console.officer().caller
        with console.runtime.db.read() as tx:
            found = entry(tx, caller, entry_id)
            story = _story_of(tx, caller, found)
            zone = next(each.time_zone for each in agencies_of(tx, caller) if each.code == found["agency"])
        return console.page("ledger_entry.html", found=found, story=story, zone=zone, words=words, money=Money)


def _story_of(tx: Any, caller: Caller, found: Mapping[str, Any]) -> str | None:
    """The address of the story that the entry is a part of; None for what belongs to no payment."""
    cause, subject = found["cause"], found["subject_id"]
    if cause.startswith("invoice_"):
        return url_for("console.invoice", invoice_id=subject)
    if cause.startswith(ABOUT_PAYMENTS):
        return url_for("console.payment", payment_id=subject)
    if cause.startswith("refund_"):
        return _story_of_refund(tx, caller, subject)
    return None


def _story_of_refund(tx: Any, caller: Caller, refund_id: UUID) -> str | None:
    try:
        return url_for("console.payment", payment_id=find_refund(tx, caller, refund_id).payment_id)
    except NotFound:
        return None


def _figures(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).major():f}"
