"""The facts around a discrepancy that speak for one cause or against another. Each either holds or does not.

A fact that cannot be judged, because what it needs is not known, does not hold, and neither does its opposite.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Invalid
from gateway.domain.reference import read
from reconciliation.assistant.bank_facts import bank_facts
from reconciliation.assistant.cases import Case, Surroundings, provider_day
from reconciliation.assistant.patterns import ABSENT, REPEATED_PERCENT, UNFINISHED, Patterns
from reconciliation.assistant.slips import is_amount_slip

K = DiscrepancyKind

MOST_PERCENT, FEW_PERCENT = 30, 10
"""What is absent of a day, of that and what the run matched. A run matches about one day: half is a whole day gone."""

MOST_MIN = 3
TOGETHER_PERCENT = 60
FEE_ROUNDING_MINOR = 1
NEAR_MIN = 3
"""So many absent movements around one midnight are a pattern; fewer are chance."""

REVERSED_WORDS = ("revers", "refund", "cancel", "void", "return", "fail", "chargeback", "declin", "rolled")
"""How providers say that a movement was undone: beginnings and middles of their words."""


class Fact(StrEnum):
    NO_BATCH_OF_DAY = "no_batch_of_day"
    BATCH_OF_DAY = "batch_of_day"
    MOST_MISSING = "most_missing"
    FEW_MISSING = "few_missing"
    WITHIN_DAYS = "within_days"
    JUST_DUE = "just_due"
    OVERDUE = "overdue"
    AT_MIDNIGHT = "at_midnight"
    FEW_AT_MIDNIGHT = "few_at_midnight"
    ALONE_AT_MIDNIGHT = "alone_at_midnight"
    FAR_FROM_MIDNIGHT = "far_from_midnight"
    ZONES_DIFFER = "zones_differ"
    SAME_RATE = "same_rate"
    NO_RATE = "no_rate"
    FEE_OFF_BY_ONE = "fee_off_by_one"
    IN_OUTAGE = "in_outage"
    NO_OUTAGE = "no_outage"
    UNFINISHED_HERE = "unfinished_here"
    UNFINISHED_TOGETHER = "unfinished_together"
    UNFINISHED_ALONE = "unfinished_alone"
    LEARNT_FROM_SETTLEMENT = "learnt_from_settlement"
    NEVER_TOLD = "never_told"
    WINDOW_CLOSED = "window_closed"
    BATCH_REPEATED = "batch_repeated"
    BATCH_NOT_REPEATED = "batch_not_repeated"
    PAYER_TYPES_AMOUNT = "payer_types_amount"
    AMOUNT_SLIP = "amount_slip"
    PART_PAID_BEFORE = "part_paid_before"
    UNDONE_WORD = "undone_word"
    NOT_SETTLED = "not_settled"
    OPPOSITE_OPEN = "opposite_open"
    MONEY_BACK = "money_back"
    KNOWN_PAYMENT = "known_payment"
    NO_PAYMENT = "no_payment"
    FOREIGN_REFERENCE = "foreign_reference"
    OUR_REFERENCE = "our_reference"
    SLIP_AWAY = "slip_away"
    PROPOSED_MATCH = "proposed_match"
    SAME_AMOUNT_OPEN = "same_amount_open"
    REFERENCE_UNREADABLE = "reference_unreadable"
    SEVERAL_INVOICES = "several_invoices"
    OTHER_ACCOUNT = "other_account"
    REFUND_OURS = "refund_ours"
    REFUND_NOT_OURS = "refund_not_ours"
    AT_BANK = "at_bank"
    NO_STATEMENT = "no_statement"
    STATEMENT_TELLS = "statement_tells"
    SAME_CAME_UNNAMED = "same_came_unnamed"
    SAME_SHORTFALL = "same_shortfall"
    SMALL_SHORTFALL = "small_shortfall"
    EQUALS_MONEY_BACK = "equals_money_back"
    REST_MAY_COME = "rest_may_come"
    REST_OVERDUE = "rest_overdue"
    EQUALS_PAYOUT = "equals_payout"
    TWICE_THE_AMOUNT = "twice_the_amount"
    CHARGE_CODE = "charge_code"
    NAMES_PAYOUTS = "names_payouts"
    MONEY_OUT = "money_out"
    EQUALS_CREDIT = "equals_credit"
    SUM_OF_PAYOUTS = "sum_of_payouts"
    STATEMENT_GAP = "statement_gap"
    WAS_TAKEN_BACK = "was_taken_back"
    SAME_CAME_MISNAMED = "same_came_misnamed"
    CAME_WITH_OTHER = "came_with_other"
    CAME_IN_SUM = "came_in_sum"
    NAMED_WITH_OTHERS = "named_with_others"
    LARGE_SHORTFALL = "large_shortfall"
    ROUND_SHORTFALL = "round_shortfall"
    WHOLE_PERCENT = "whole_percent"
    SUM_OF_MONEY_BACK = "sum_of_money_back"
    EQUALS_PAYMENT = "equals_payment"
    REST_CAME_UNNAMED = "rest_came_unnamed"
    OTHER_CAME_UNDER_ITS_NAME = "other_came_under_its_name"
    EQUALS_CAME = "equals_came"
    MARKED_REVERSAL = "marked_reversal"
    SMALL_DEBIT = "small_debit"
    EQUALS_SHORTFALL = "equals_shortfall"
    EQUALS_DEBIT = "equals_debit"
    CAME_BEFORE = "came_before"
    NAMES_PROVIDER = "names_provider"
    LONG_UNKNOWN = "long_unknown"


Figure = str | int
Facts = Mapping[Fact, Mapping[str, Figure]]
"""The facts that hold, each with the figures that its words name."""

Held = Iterator[tuple[Fact, Mapping[str, Figure]]]

PLAIN: Mapping[str, Figure] = {}


def facts_of(case: Case, around: Surroundings, patterns: Patterns) -> dict[Fact, Mapping[str, Figure]]:
    held: dict[Fact, Mapping[str, Figure]] = {}
    if around.is_bank:
        return {Fact(name): figures for name, figures in bank_facts(case, around, patterns.bank)}
    for rule in (_absence, _midnight, _fee, _unfinished, _repetition, _amount, _undone, _identity, _refund):
        held |= rule(case, around, patterns)
    return held


def _absence(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.kind not in ABSENT:
        return
    day = provider_day(case, around)
    lacking = _day_without_batch(case.currency, day, around)
    yield (Fact.NO_BATCH_OF_DAY if lacking else Fact.BATCH_OF_DAY), {"day": (lacking or day).isoformat()}
    if around.matched is not None:
        missing, matched = patterns.absent[day, case.currency], around.matched.get(case.currency, 0)
        percent = missing * 100 // (missing + matched)
        share: dict[str, Figure] = {"missing": missing, "matched": matched, "missing_day": day.isoformat()}
        if percent >= MOST_PERCENT and missing >= MOST_MIN:
            yield Fact.MOST_MISSING, share
        elif percent < FEW_PERCENT:
            yield Fact.FEW_MISSING, share
    if case.kind is K.TIMING:
        yield Fact.WITHIN_DAYS, {"lag_days": around.lag_days}
    elif case.due_on is not None:
        due = {"due_on": case.due_on.isoformat()}
        yield (Fact.JUST_DUE if case.due_on >= around.day else Fact.OVERDUE), due


def _day_without_batch(currency: str, day: date, around: Surroundings) -> date | None:
    """The first day on which it could have been settled until now and of which no batch of its currency is loaded."""
    days = (day + timedelta(days=n) for n in range(around.lag_days + 1))
    return next((each for each in days if each <= around.day and not around.loaded.get((each, currency))), None)


def _midnight(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.kind not in ABSENT or case.occurred_at is None:
        return
    if case.zone is not None and _hour(case.occurred_at, case.zone) != _hour(case.occurred_at, around.zone):
        yield Fact.ZONES_DIFFER, {"zone": case.zone, "provider_zone": around.zone}
    midnight = patterns.midnight.get(case.key)
    if midnight is None:
        yield Fact.FAR_FROM_MIDNIGHT, PLAIN
        return
    figures: dict[str, Figure] = {"near": midnight.near, "absent": midnight.among, "midnight_zone": midnight.zone}
    figures |= {"midnight_at": midnight.at.isoformat(timespec="minutes")}
    if midnight.near * 100 < midnight.among * TOGETHER_PERCENT:
        yield Fact.ALONE_AT_MIDNIGHT, figures
    else:
        yield (Fact.AT_MIDNIGHT if midnight.near >= NEAR_MIN else Fact.FEW_AT_MIDNIGHT), figures


def _hour(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).isoformat()


def _fee(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.kind is not K.FEE_MISMATCH:
        return
    if _off(case) <= FEE_ROUNDING_MINOR:
        yield Fact.FEE_OFF_BY_ONE, PLAIN
    found = patterns.rates.get(case.key)
    if found is None:
        yield Fact.NO_RATE, PLAIN
        return
    since = found.since.astimezone(ZoneInfo(around.zone)).isoformat(timespec="minutes") if found.since else "-"
    rate: dict[str, Figure] = {
        "rate_basis_points": found.rate.basis_points,
        "rate_fixed_minor": found.rate.fixed_minor,
        "since": since,
    }
    yield Fact.SAME_RATE, rate | {"fitting": len(found.of), "fees": found.among}


def _off(case: Case) -> int:
    """By how much the fee is not the agreed one."""
    return abs((case.expected_minor or 0) - (case.reported_minor or 0))


def _unfinished(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.payment_status in UNFINISHED:
        yield Fact.UNFINISHED_HERE, {"payment_status": case.payment_status or ""}
    if case.repaired:
        yield Fact.LEARNT_FROM_SETTLEMENT, PLAIN
    if case.told is False and case.payment is not None:
        yield Fact.NEVER_TOLD, PLAIN
    if case.window_closed:
        yield Fact.WINDOW_CLOSED, PLAIN
    stretch = patterns.unfinished.get(case.key)
    if stretch is not None:
        begun, ended = (_shown(moment, around.zone) for moment in (stretch.begun_at, stretch.ended_at))
        figures: dict[str, Figure] = {"unfinished": stretch.number, "unfinished_from": begun, "unfinished_until": ended}
        yield Fact.UNFINISHED_TOGETHER, figures
    elif case.payment_status in UNFINISHED or case.repaired or case.why == "no_end":
        yield Fact.UNFINISHED_ALONE, PLAIN
    if case.occurred_at is None:
        return
    for outage in around.outages:
        if outage.begun_at <= case.occurred_at <= outage.ended_at:
            begun, ended = (_shown(moment, around.zone) for moment in (outage.begun_at, outage.ended_at))
            known: dict[str, Figure] = {"outage_from": begun, "outage_until": ended, "failed_calls": outage.calls}
            yield Fact.IN_OUTAGE, known
            return
    yield Fact.NO_OUTAGE, PLAIN


def _shown(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="minutes")


def _repetition(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if not case.has_line or case.batch is None:
        return
    percent = patterns.repeated.get(case.batch, 0)
    if percent >= REPEATED_PERCENT and around.batch_lines.get(case.batch, 0) > 1:
        yield Fact.BATCH_REPEATED, {"batch": case.batch, "repeated_percent": percent}
    elif case.kind is K.DUPLICATE_AT_PROVIDER:
        yield Fact.BATCH_NOT_REPEATED, {"batch": case.batch, "repeated_percent": percent}


def _amount(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.kind is not K.AMOUNT_MISMATCH:
        return
    if around.lands_in_bank or case.why == "refund_excess":
        yield Fact.PAYER_TYPES_AMOUNT, PLAIN
    if case.expected_minor is None or case.reported_minor is None:
        return
    if is_amount_slip(case.expected_minor, case.reported_minor):
        yield Fact.AMOUNT_SLIP, PLAIN
    if case.why == "refund_excess" and case.expected_minor == 0:
        yield Fact.PART_PAID_BEFORE, PLAIN


def _undone(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if any(word in case.status.casefold() for word in REVERSED_WORDS):
        yield Fact.UNDONE_WORD, {"status": case.status}
    if case.has_line and not case.settled:
        yield Fact.NOT_SETTLED, {"status": case.status}
    if case.key in patterns.opposite:
        yield Fact.OPPOSITE_OPEN, PLAIN
    if case.has_line and case.gross_minor is not None and case.gross_minor < 0:
        yield Fact.MONEY_BACK, PLAIN


def _identity(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.key in patterns.pair:
        yield Fact.SLIP_AWAY, {"other": patterns.pair[case.key]}
    if case.proposed_match:
        yield Fact.PROPOSED_MATCH, PLAIN
    if patterns.same_amount.get(case.key):
        yield Fact.SAME_AMOUNT_OPEN, {"same_amount": patterns.same_amount[case.key]}
    if case.kind is K.UNIDENTIFIED_RECEIPT:
        words = {"ambiguous": Fact.SEVERAL_INVOICES, "of_another_account": Fact.OTHER_ACCOUNT}
        yield words.get(case.why or "", Fact.REFERENCE_UNREADABLE), PLAIN
    if case.why == "unknown_account":
        yield Fact.OTHER_ACCOUNT, PLAIN
    if case.kind is not K.MISSING_IN_GATEWAY:
        return
    yield (Fact.KNOWN_PAYMENT if case.payment else Fact.NO_PAYMENT), PLAIN
    if case.has_line and case.payment is None:
        yield (
            (Fact.OUR_REFERENCE if _is_ours(case.merchant) else Fact.FOREIGN_REFERENCE),
            {"merchant": case.merchant or "-"},
        )


def _is_ours(merchant: str | None) -> bool:
    """Whether it has the form of what the gateway sends: a payment's id, or an invoice's reference."""
    if merchant is None:
        return False
    try:
        UUID(merchant)
    except ValueError:
        pass
    else:
        return True
    try:
        read(merchant)
    except Invalid:
        return False
    return True


def _refund(case: Case, around: Surroundings, patterns: Patterns) -> Held:
    if case.kind is K.REFUND_UNKNOWN:
        yield (Fact.REFUND_OURS if case.refund_ours else Fact.REFUND_NOT_OURS), PLAIN
