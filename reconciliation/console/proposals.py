"""Proposing a decision: about one discrepancy, or about all that share a cause. Its effect is shown before anything is
kept, and what is kept is about what was shown."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.resolution import ALLOWED, Action, Resolution, ResolutionStatus
from gateway.forms.faults import faults_of
from gateway.forms.reading import TEXT_MAX, chosen_of, given, typed
from gateway.services.access import for_officers
from gateway.services.name_actors import colleagues
from gateway.services.resolve_discrepancy import AT_ONCE, propose
from gateway.services.surface import ConsoleSurface
from gateway.store import discrepancy_queue
from gateway.store.database import Transaction
from reconciliation.assistant.cause_words import CAUSE_WORDS
from reconciliation.assistant.causes import Cause
from reconciliation.assistant.listing import GroupNotFound
from reconciliation.console import words
from reconciliation.console.discrepancy import discrepancy_page
from reconciliation.console.forms import check_shown, digest_of
from reconciliation.console.roles import APPROVERS, DECIDERS, READERS

SHOWN = 50
PARAMETERS = ("invoice", "entry")
TYPED = ("action", "reason", *PARAMETERS)


class _Rehearsed(Exception):
    def __init__(self, made: Sequence[Resolution]) -> None:
        super().__init__()
        self.made = made


def add(console: ConsoleSurface) -> None:
    @console.route("/discrepancies/<uuid:discrepancy_id>/propose", endpoint="propose", methods=["POST"])
    @for_officers(*DECIDERS)
    def propose_one(discrepancy_id: UUID) -> Any:
        address = url_for("console.propose", discrepancy_id=discrepancy_id)
        try:
            return _proposed(console, lambda tx: [discrepancy_id], address)
        except GatewayError as error:
            return discrepancy_page(console, discrepancy_id, error)

    @console.route("/discrepancies/groups/<key>", endpoint="discrepancy_group")
    @for_officers(*READERS)
    def show_group(key: str) -> Any:
        return _group_page(console, key)

    @console.route("/discrepancies/groups/<key>/propose", endpoint="propose_group", methods=["POST"])
    @for_officers(*DECIDERS)
    def propose_for_all(key: str) -> Any:
        def members(tx: Transaction) -> list[UUID]:
            return [row.id for row in _members(console, tx, key)]

        try:
            return _proposed(console, members, url_for("console.propose_group", key=key))
        except GatewayError as error:
            return _group_page(console, key, error)


def _proposed(console: ConsoleSurface, members: Callable[[Transaction], list[UUID]], address: str) -> Any:
    """The effect, to look at; or, once the officer has confirmed it, the decision that is proposed or taken."""
    me, runtime = console.officer(), console.runtime
    action = Action(chosen_of("action", tuple(Action)))
    reason = given("reason", TEXT_MAX)
    parameters = {name: given for name, given in typed(*PARAMETERS).items() if given}

    def made(tx: Transaction, ids: list[UUID]) -> list[Resolution]:
        return propose(tx, runtime, me.caller, ids, action, reason, parameters)

    if request.form.get("confirmed"):
        with runtime.db.transaction() as tx:
            ids = members(tx)
            check_shown(ids)
            first = min(each.id for each in made(tx, ids))
        return redirect(url_for("console.decision", resolution_id=first), 303)
    try:
        with runtime.db.transaction() as tx:
            ids = members(tx)
            if "shown" in request.form:
                check_shown(ids)
            raise _Rehearsed(made(tx, ids))
    except _Rehearsed as rehearsed:
        shown = rehearsed.made
    with runtime.db.read() as tx:
        approvers = _others(tx, console)
    return console.page(
        "proposal_confirm.html",
        words=words,
        money=Money,
        address=address,
        action=action,
        typed=typed(*TYPED),
        number=len(shown),
        effect=summed(shown),
        waits=shown[0].status is ResolutionStatus.PROPOSED,
        approvers=approvers,
        shown=digest_of(ids),
    )


def summed(made: Iterable[Resolution]) -> list[dict[str, Any]]:
    """What the decisions book together: a row for each pair of accounts and currency, and each agency that is named."""
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for transfer in (each for resolution in made for each in resolution.effect):
        about = transfer.get("agency", ""), transfer["debit"], transfer["credit"], transfer["currency"]
        sums[about] += transfer["amount_minor"]
    return [
        {"agency": agency, "debit": debit, "credit": credit, "currency": currency, "amount_minor": minor}
        for (agency, debit, credit, currency), minor in sorted(sums.items())
    ]


def _group_page(console: ConsoleSurface, key: str, error: GatewayError | None = None) -> Any:
    me, language = console.officer(), console.language()
    with console.runtime.db.read() as tx:
        rows = _members(console, tx, key)
    told = CAUSE_WORDS[Cause(rows[0].cause)][language]
    kinds = sorted({DiscrepancyKind(row.kind) for row in rows})
    actions = [action for action in Action if all(action in ALLOWED[kind] for kind in kinds)]
    return console.page(
        "discrepancy_group.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        key=key,
        told=told,
        rows=rows[:SHOWN],
        number=len(rows),
        is_full=len(rows) == AT_ONCE,
        kinds=kinds,
        sums=sums_of(rows),
        proposed=rows[0].proposed,
        actions=actions,
        may_decide=me.is_any_of(*DECIDERS),
        shown=digest_of(row.id for row in rows),
        typed=typed(*TYPED),
        faults=faults_of(error) if error else {},
    )


def _members(console: ConsoleSurface, tx: Transaction, key: str) -> list[Row[Any]]:
    """Raises GroupNotFound if none of it is open, for this officer."""
    rows = discrepancy_queue.of_group(tx, key, console.officer().agency_id, AT_ONCE)
    if not rows:
        raise GroupNotFound("Nothing of this cause is open any more.")
    return rows


def sums_of(rows: Iterable[Any]) -> list[Money]:
    """The money in question by currency, whatever the signs."""
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.currency] += abs(int(row.amount_minor))
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def _others(tx: Transaction, console: ConsoleSurface) -> list[str]:
    """The names of those who may approve what this officer proposes."""
    me = console.officer()
    return [name for actor, name in colleagues(tx, APPROVERS, me.agency_id) if actor != me.caller.actor]
