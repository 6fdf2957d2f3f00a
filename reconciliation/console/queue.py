"""The queue of discrepancies: the causes that many share first, then each, the oldest or the largest first."""

from datetime import date, timedelta
from typing import Any

from gateway.domain.agency import Agency
from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.money import Money
from gateway.forms.lists import following, place
from gateway.forms.reading import asked, choice
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.cursors import invalid_cursor
from gateway.services.name_actors import names_of
from gateway.services.surface import ConsoleSurface
from gateway.store import discrepancy_queue, resolutions
from gateway.store.discrepancy_queue import Order, Place, Wanted
from reconciliation.ask_for_run import sources_of
from reconciliation.assistant.cause_words import CAUSE_WORDS
from reconciliation.assistant.causes import Cause
from reconciliation.console import words
from reconciliation.console.here import today_of
from reconciliation.console.roles import READERS
from reconciliation.reports.run import BUCKETS

PAGE, CAUSES_SHOWN = 50, 5
CURSORS = {Order.AGE: "discrepancies by age", Order.AMOUNT: "discrepancies by amount"}
ALL = "all"
AGES = {name: upto for upto, name in BUCKETS}
FILTERS = ("status", "kind", "provider", "agency", "age", "cause", "order", "mine")


def add(console: ConsoleSurface) -> None:
    runtime = console.runtime

    @console.route("/discrepancies", endpoint="discrepancies")
    @for_officers(*READERS)
    def discrepancies() -> Any:
        me = console.officer()
        order = Order(choice("order", tuple(Order)) or Order.AGE)
        after = _place(order)
        with runtime.db.read() as tx:
            mine = agencies_of(tx, me.caller)
            agencies = mine if me.agency_id is None else []
            wanted = _wanted(console, agencies, today_of(mine, tx.now))
            rows = discrepancy_queue.page(tx, wanted, order, after, PAGE + 1)
            is_first = after is None and wanted.status == DiscrepancyStatus.OPEN
            causes = discrepancy_queue.causes(tx, wanted, CAUSES_SHOWN) if is_first else []
            sources = discrepancy_queue.sources(tx)
            names = names_of(tx, (row.assigned_to for row in rows))
            ages = resolutions.ages(tx, [row.id for row in rows])
        shown = rows[:PAGE]
        return console.page(
            "discrepancies.html",
            words=words,
            money=Money,
            rows=shown,
            causes=causes,
            cause_words=_cause_words(console.language()),
            names=names,
            ages_of=ages,
            chosen={name: (asked(name) or "") for name in FILTERS},
            statuses=[*DiscrepancyStatus, ALL],
            kinds=sorted(DiscrepancyKind),
            ages=list(AGES),
            sources=sorted({*sources, *sources_of(runtime)}),
            agencies=agencies,
            following=_following(order, shown) if len(rows) > PAGE else None,
        )


def _wanted(console: ConsoleSurface, agencies: list[Agency], today: date) -> Wanted:
    me = console.officer()
    codes = {agency.code: agency.id for agency in agencies}
    agency = choice("agency", codes)
    status = choice("status", (*DiscrepancyStatus, ALL)) or DiscrepancyStatus.OPEN
    first, last = _days(choice("age", AGES), today)
    return Wanted(
        agency_id=codes[agency] if agency else me.agency_id,
        status=None if status == ALL else status,
        kind=choice("kind", tuple(DiscrepancyKind)),
        provider=asked("provider"),
        assigned_to=me.caller.actor if asked("mine") else None,
        cause=choice("cause", tuple(Cause)),
        first=first,
        last=last,
        due_on=today if asked("due") else None,
    )


def _days(age: str | None, today: date) -> tuple[date | None, date | None]:
    """The business dates of what is so old."""
    if age is None:
        return None, None
    names = list(AGES)
    younger = AGES[names[names.index(age) - 1]] if names.index(age) else None
    oldest = AGES[age]
    return (
        None if oldest is None else today - timedelta(days=oldest),
        None if younger is None else today - timedelta(days=younger + 1),
    )


def _place(order: Order) -> Place | None:
    found = place(CURSORS[order], str, int, str)
    if found is None:
        return None
    try:
        return discrepancy_queue.checked(order, (found[0], found[1], found[2]))
    except ValueError:
        raise invalid_cursor() from None


def _following(order: Order, shown: list[Any]) -> str:
    last = shown[-1]
    first = last.business_date.isoformat() if order is Order.AGE else last.currency
    return following(CURSORS[order], first, abs(int(last.amount_minor)), str(last.id))


def _cause_words(language: str) -> dict[str, str]:
    return {str(cause): told[language].cause for cause, told in CAUSE_WORDS.items()}
