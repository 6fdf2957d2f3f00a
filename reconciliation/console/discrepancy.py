"""One discrepancy whole: what it means, both sides, its causes, what can be decided; and work that does not end it."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

from flask import Response, redirect, url_for
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.payment import OPEN, Payment
from gateway.domain.resolution import Action, ResolutionStatus
from gateway.forms.faults import faults_of
from gateway.forms.reading import TEXT_MAX, chosen_of, day_given, given, typed
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.idempotency import Answer, Request, answer_once
from gateway.services.name_actors import colleagues, names_of
from gateway.services.officer_sessions import Officer
from gateway.services.resolve_discrepancy import DiscrepancyNotFound, options
from gateway.services.surface import ConsoleSurface
from gateway.services.work_on_discrepancy import (
    CARRIED,
    answer_trace,
    ask_again,
    assign,
    carry,
    comment,
    open_trace,
)
from gateway.store import discrepancy_queue, payments, resolutions
from gateway.store.database import Transaction
from reconciliation.assistant.opinions import with_likeliest
from reconciliation.console import words
from reconciliation.console.evidence import others, sides, tables
from reconciliation.console.forms import once_key
from reconciliation.console.here import zone_of
from reconciliation.console.roles import DECIDERS, READERS, WORKERS
from reconciliation.explain import explain
from reconciliation.likely_causes import causes_of
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.trace import letter_of, trace_document

TRACES = ("trace", "dispute")
TYPED = ("text", "to", "until", "why", "kind", "addressee", "answer", "action", "reason", "invoice", "entry")
NAME_MAX = 200
NOBODY = "nobody"
WORK = b"work on a discrepancy"
"""The fingerprint of such requests: their key says already what was asked."""

Work = Callable[[Transaction, UUID], object]


def add(console: ConsoleSurface) -> None:
    @console.route("/discrepancies/<uuid:discrepancy_id>", endpoint="discrepancy")
    @for_officers(*READERS)
    def show(discrepancy_id: UUID) -> Any:
        return discrepancy_page(console, discrepancy_id)

    _add_work(console)
    _add_traces(console)

    @console.route("/discrepancies/<uuid:discrepancy_id>/ask-again", endpoint="ask_again", methods=["POST"])
    @for_officers(*DECIDERS)
    def ask(discrepancy_id: UUID) -> Any:
        try:
            ask_again(console.runtime, console.officer().caller, discrepancy_id)
        except GatewayError as error:
            return discrepancy_page(console, discrepancy_id, error)
        return redirect(url_for("console.discrepancy", discrepancy_id=discrepancy_id), 303)


def _add_work(console: ConsoleSurface) -> None:
    @console.route("/discrepancies/<uuid:discrepancy_id>/comment", endpoint="comment", methods=["POST"])
    @for_officers(*WORKERS)
    def add_comment(discrepancy_id: UUID) -> Any:
        caller = console.officer().caller
        return _worked(console, discrepancy_id, lambda tx, each: comment(tx, caller, each, given("text", TEXT_MAX)))

    @console.route("/discrepancies/<uuid:discrepancy_id>/assign", endpoint="assign", methods=["POST"])
    @for_officers(*WORKERS)
    def assign_to(discrepancy_id: UUID) -> Any:
        me = console.officer()

        def assigned(tx: Transaction, each: UUID) -> None:
            able = [actor for actor, _ in colleagues(tx, WORKERS, me.agency_id)]
            to = chosen_of("to", (NOBODY, *able))
            assign(tx, me.caller, each, None if to == NOBODY else to)

        return _worked(console, discrepancy_id, assigned)

    @console.route("/discrepancies/<uuid:discrepancy_id>/carry", endpoint="carry", methods=["POST"])
    @for_officers(*DECIDERS)
    def carry_on(discrepancy_id: UUID) -> Any:
        caller = console.officer().caller
        return _worked(
            console,
            discrepancy_id,
            lambda tx, each: carry(tx, caller, each, day_given("until"), given("why", TEXT_MAX)),
        )


def _add_traces(console: ConsoleSurface) -> None:
    @console.route("/discrepancies/<uuid:discrepancy_id>/traces", endpoint="open_trace", methods=["POST"])
    @for_officers(*DECIDERS)
    def trace(discrepancy_id: UUID) -> Any:
        caller = console.officer().caller
        return _worked(
            console,
            discrepancy_id,
            lambda tx, each: open_trace(tx, caller, each, chosen_of("kind", TRACES), given("addressee", NAME_MAX)),
        )

    @console.route(
        "/discrepancies/<uuid:discrepancy_id>/traces/<uuid:trace_id>", endpoint="answer_trace", methods=["POST"]
    )
    @for_officers(*DECIDERS)
    def answer(discrepancy_id: UUID, trace_id: UUID) -> Any:
        caller = console.officer().caller

        def answered(tx: Transaction, _: UUID) -> None:
            answer_trace(tx, caller, trace_id, given("answer", TEXT_MAX))

        return _worked(console, discrepancy_id, answered)

    @console.route("/traces/<uuid:trace_id>/letter", endpoint="trace_letter")
    @for_officers(*READERS)
    def letter(trace_id: UUID) -> Any:
        me = console.officer()
        with console.runtime.db.transaction() as tx:
            document = trace_document(letter_of(tx, trace_id, me.agency_id), console.language())
            tx.audit(me.caller.actor, "report.downloaded", "trace", trace_id)
        return Response(
            b"".join(as_pdf(document)),
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="trace-{trace_id}.pdf"'},
        )


def _worked(console: ConsoleSurface, discrepancy_id: UUID, work: Work) -> Any:
    try:
        asked = Request(console.officer().caller, once_key(), WORK)
        answer_once(console.runtime, asked, lambda tx: _done(work(tx, discrepancy_id)))
    except GatewayError as error:
        return discrepancy_page(console, discrepancy_id, error)
    return redirect(url_for("console.discrepancy", discrepancy_id=discrepancy_id), 303)


def _done(made: object) -> Answer:
    """What was made is nothing to keep: whoever sends the form again gets the page as it is then."""
    return Answer(303, {})


def discrepancy_page(console: ConsoleSurface, discrepancy_id: UUID, error: GatewayError | None = None) -> Any:
    """Raises DiscrepancyNotFound, also for another agency's. With `error` it tells what could not be done, and why."""
    me, runtime = console.officer(), console.runtime
    with runtime.db.transaction() as tx:
        found = resolutions.find_discrepancy(tx, discrepancy_id, me.agency_id)
        if found is None:
            raise DiscrepancyNotFound("There is no such discrepancy.")
        is_open = found.status == DiscrepancyStatus.OPEN
        known = resolutions.of_discrepancies(tx, [discrepancy_id])
        waiting = next((each for each in known if each.status is ResolutionStatus.PROPOSED), None)
        able = _options(tx, console, found) if is_open and waiting is None else []
        opinion = _opinion(tx, console, discrepancy_id)
        notes, traces = resolutions.notes_of(tx, discrepancy_id), resolutions.traces_of(tx, discrepancy_id)
        paid = payments.find(tx, found.payment_id) if found.payment_id else None
        agencies, age = agencies_of(tx, me.caller), resolutions.ages(tx, [discrepancy_id])[discrepancy_id]
        names = names_of(tx, _actors(found, notes))
        team = colleagues(tx, WORKERS, me.agency_id) if is_open else []
    language = console.language()
    return console.page(
        "discrepancy.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        found=found,
        agency=next((each for each in agencies if each.id == found.agency_id), None),
        zone=zone_of(agencies, found.agency_id),
        age=age,
        explanation=_explanation(found, opinion["cause"])[language],
        sides=sides(found.evidence),
        others=others(found.evidence, found.currency),
        tables=tables(found.evidence),
        opinion=opinion,
        causes=[cause["explanation"][language] for cause in opinion["causes"]],
        ask_first=opinion["ask_first"] and opinion["ask_first"][language],
        options=able,
        entries=(found.evidence.get("proposal") or {}).get("entries", []),
        waiting=waiting,
        ended=[each for each in known if each is not waiting],
        is_open=is_open,
        notes=[(note, names.get(_assigned_to(note) or "")) for note in notes],
        traces=traces,
        trace_kinds=TRACES,
        names=names,
        team=team,
        nobody=NOBODY,
        once=uuid4(),
        **_rights(me, found, paid),
        typed=typed(*TYPED),
        faults=faults_of(error) if error else {},
    )


def _actors(found: Row[Any], notes: Sequence[Row[Any]]) -> list[str | None]:
    """Whom the page names."""
    return [found.assigned_to, *(note.author for note in notes), *(_assigned_to(note) for note in notes)]


def _opinion(tx: Transaction, console: ConsoleSurface, discrepancy_id: UUID) -> dict[str, Any]:
    """What the assistant thinks of it; `is_shared` if several that are open have this cause."""
    agency_id = console.officer().agency_id
    opinion = causes_of(tx, console.runtime, discrepancy_id, agency_id)
    alike = discrepancy_queue.of_group(tx, opinion["group"], agency_id, 2) if opinion["group"] else []
    return {**opinion, "is_shared": len(alike) > 1}


def _options(tx: Transaction, console: ConsoleSurface, found: Row[Any]) -> list[dict[str, Any]]:
    """What can be decided now, or why not; without accepting a proposal where there is none."""
    able = options(tx, console.runtime, console.officer().caller, found.id)
    has_proposal = bool(found.evidence.get("proposal"))
    return [each for each in able if has_proposal or each["action"] is not Action.ACCEPT_PROPOSAL]


def _rights(me: Officer, found: Row[Any], paid: Payment | None) -> dict[str, bool]:
    """What this officer may do about it, as it stands."""
    is_open, decides = found.status == DiscrepancyStatus.OPEN, me.is_any_of(*DECIDERS)
    return {
        "may_work": me.is_any_of(*WORKERS),
        "may_decide": is_open and decides,
        "may_wait": is_open and DiscrepancyKind(found.kind) in CARRIED,
        "may_ask": decides and paid is not None and paid.status in OPEN,
    }


def _explanation(found: Row[Any], cause: str | None) -> dict[str, dict[str, str]]:
    """By language. What the matching proposes is told before what the assistant thinks, as in the reports."""
    kind, evidence = DiscrepancyKind(found.kind), found.evidence
    told = explain(kind, Money(found.amount_minor, found.currency), found.provider, evidence)
    return told if evidence.get("proposal") else with_likeliest(told, cause, kind, evidence)


def _assigned_to(note: Row[Any]) -> str | None:
    return str(note.text) if note.kind == "assigned" else None
