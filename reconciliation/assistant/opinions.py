"""Gathers what is known around a run's discrepancies, has them judged, and writes the opinions down.

They are kept as the run saw them, because records of calls are forgotten after some days and a report must not change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.circuit import FAILURES
from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import GatewayError
from gateway.ports.capabilities import Capabilities
from gateway.services.accept_proposal import find_pair
from gateway.store import assistant, resolutions
from gateway.store.assistant import NewOpinion
from gateway.store.database import Transaction
from reconciliation.assistant.cases import Case, Outage, Surroundings, case_of
from reconciliation.assistant.cause_words import ASK_FIRST, CAUSE_WORDS
from reconciliation.assistant.causes import Action, Cause
from reconciliation.assistant.fact_words import fact_text
from reconciliation.assistant.facts import Fact
from reconciliation.assistant.judging import Opinion, opinions
from reconciliation.assistant.proposing import proposed_action
from reconciliation.explain import LANGUAGES, has_own_words

DAYS_BEFORE = timedelta(days=14)
"""So far back it is looked at what a usual day has, and for batches that stand in what is still open."""

A_DAY = timedelta(days=1)

LOOKED_AT = 5_000
"""So many open discrepancies of a day that no run has judged are looked at for one answer: somebody waits for it."""

NOTHING: Mapping[str, Any] = {
    "cause": None,
    "group": None,
    "proposed_action": None,
    "ask_first": None,
    "causes": [],
}
"""Of what was closed before any run saw it."""


def write_opinions(
    tx: Transaction,
    run_id: UUID,
    provider: str,
    day: date,
    capabilities: Capabilities,
    totals: Mapping[str, Any],
    *,
    sends_back: bool = True,
) -> None:
    """Judge all that the run found and keep it with the run, in the place of what was kept before.

    `totals` are the run's. `sends_back`: refunds can go out through the provider.
    """
    matched = {each["currency"]: each["matched"] for each in totals["by_currency"]}
    keep_opinions(tx, run_id, _surroundings(tx, provider, day, capabilities, matched, sends_back=sends_back))


def keep_opinions(tx: Transaction, run_id: UUID, around: Surroundings) -> None:
    assistant.replace_opinions(tx, run_id, _judged(assistant.cases_of_run(tx, run_id), around))


def opinion_now(
    tx: Transaction, discrepancy: Row[Any], capabilities: Capabilities | None, *, sends_back: bool = True
) -> Mapping[str, Any]:
    """As the latest run saw it; what no run has seen yet is judged among what stands open of its day, or a part of it.

    What is proposed is what can be decided now: nothing, where somebody has decided or proposes something already.
    `capabilities` None: the provider is not configured here any more.
    """
    provider, day = discrepancy.provider, discrepancy.business_date
    known: Row[Any] | NewOpinion | None = assistant.latest_opinion(tx, discrepancy.id)
    around = _surroundings(tx, provider, day, capabilities, None, sends_back=sends_back)
    if known is None:
        rows = list(islice(assistant.cases_of_day(tx, provider, day), LOOKED_AT))
        if discrepancy.status == DiscrepancyStatus.OPEN and all(row.id != discrepancy.id for row in rows):
            rows += assistant.case_of(tx, discrepancy.id)
        known = next((each for each in _judged(rows, around) if each.discrepancy_id == discrepancy.id), None)
    if known is None:
        return NOTHING
    return {**opinion_json(known), "proposed_action": proposed_now(tx, discrepancy, Cause(known.cause), around)}


def proposed_now(tx: Transaction, found: Row[Any], cause: Cause, around: Surroundings) -> Action | None:
    """What can be decided now, or done, about what has this cause; None if nothing is left to."""
    if found.status != DiscrepancyStatus.OPEN or resolutions.live_one(tx, found.id) is not None:
        return None
    case = _case(*assistant.case_of(tx, found.id))
    return proposed_action(cause, replace(case, fits_one=case.fits_one and _has_pair(tx, found)), around)


def _has_pair(tx: Transaction, found: Row[Any]) -> bool:
    """Whether what the matching proposed is still there to be accepted, perhaps with the entry named."""
    try:
        find_pair(tx, found, {})
    except GatewayError as refused:
        return "entry" in refused.fields
    return True


def opinion_json(opinion: Row[Any] | NewOpinion) -> dict[str, Any]:
    """As the API shows it: the causes from the likeliest down, each with its words and facts in each language."""
    causes = [_cause_json(ranked, opinion.figures) for ranked in opinion.ranking]
    return {
        "cause": opinion.cause,
        "group": opinion.group_key,
        "proposed_action": opinion.action,
        "ask_first": dict(ASK_FIRST) if opinion.asks_first else None,
        "causes": causes,
    }


def with_likeliest(
    explanation: dict[str, dict[str, str]], cause: str | None, kind: DiscrepancyKind, evidence: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """The explanation of a kind with the words of the likeliest cause, unless nothing better is known.

    What has words of its own for its very case (see explain.CASES) keeps them.
    """
    if cause is None or cause == Cause.UNKNOWN or has_own_words(kind, evidence):
        return explanation
    words = CAUSE_WORDS[Cause(cause)]
    return {
        language: told | {"cause": words[language].cause, "next_step": words[language].next_step}
        for language, told in explanation.items()
    }


def _cause_json(ranked: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    cause = Cause(ranked["cause"])
    told = {
        language: {
            "cause": CAUSE_WORDS[cause][language].cause,
            "next_step": CAUSE_WORDS[cause][language].next_step,
            "for": [fact_text(Fact(fact), figures, language) for fact in ranked["for"]],
            "against": [fact_text(Fact(fact), figures, language) for fact in ranked["against"]],
        }
        for language in LANGUAGES
    }
    return {**ranked, "explanation": told}


def _judged(rows: Iterable[Row[Any]], around: Surroundings) -> Iterator[NewOpinion]:
    ids: dict[str, UUID] = {}
    cases: list[Case] = []
    for row in rows:
        ids[row.key] = row.id
        cases.append(_case(row))
    return (_row_of(ids[opinion.key], opinion) for opinion in opinions(cases, around))


def _case(row: Row[Any]) -> Case:
    return case_of(
        row,
        zone=row.zone,
        booked_at=row.booked_at,
        paid_at=row.paid_at,
        payment_status=row.payment_status,
        shown=row.shown,
        refund_ours=row.refund_ours,
        told=row.told,
        kept_minor=row.kept_minor,
    )


def _surroundings(
    tx: Transaction,
    provider: str,
    day: date,
    capabilities: Capabilities | None,
    matched: Mapping[str, int] | None,
    *,
    sends_back: bool,
) -> Surroundings:
    first, last = day - DAYS_BEFORE, day + A_DAY
    around = Surroundings(
        provider=provider,
        day=day,
        loaded=assistant.loaded_batches(tx, provider, first, last),
        batch_lines=assistant.batch_lines(tx, provider, first, last),
        matched=matched,
        outages=_outages(tx, provider, day),
        sends_back=sends_back,
    )
    if capabilities is None:
        return around
    return replace(
        around,
        zone=capabilities.time_zone,
        lag_days=capabilities.settlement_lag_days,
        lands_in_bank=capabilities.lands_in_bank,
        fee=capabilities.fee,
    )


def _outages(tx: Transaction, provider: str, day: date) -> Sequence[Outage]:
    """Those of the day and its neighbours, since a day of the provider is not one of UTC."""
    noon = datetime.combine(day, time(12), UTC)
    rows = assistant.unanswered(tx, provider, noon - 2 * A_DAY, noon + 2 * A_DAY, FAILURES)
    return [Outage(row.begun_at, row.answered_at or row.last_at, row.calls) for row in rows]


def _row_of(discrepancy_id: UUID, opinion: Opinion) -> NewOpinion:
    shown = {fact for ranked in opinion.ranking for fact in (*ranked.speaks_for, *ranked.speaks_against)}
    figures = {name: figure for fact in opinion.facts if fact in shown for name, figure in opinion.facts[fact].items()}
    return NewOpinion(
        discrepancy_id=discrepancy_id,
        cause=opinion.ranking[0].cause,
        group_key=opinion.group,
        action=opinion.action,
        asks_first=opinion.asks_first,
        moved_at=opinion.moved_at,
        ranking=[
            {
                "cause": ranked.cause,
                "score": ranked.score,
                "for": list(ranked.speaks_for),
                "against": list(ranked.speaks_against),
            }
            for ranked in opinion.ranking
        ],
        figures=figures,
    )
