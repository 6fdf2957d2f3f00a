"""Each cause is named by the facts that show it: small days with one thing wrong, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.capabilities import FeeContract
from reconciliation.assistant.cases import Case, Outage, Surroundings, case_of
from reconciliation.assistant.causes import CAUSES, Action, Cause, rank
from reconciliation.assistant.facts import Fact
from reconciliation.assistant.judging import Opinion, opinions

K, C = DiscrepancyKind, Cause
DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # noon in Vietnam
MIDNIGHT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
VIETNAM = "Asia/Ho_Chi_Minh"
PAYMENT = UUID(int=7)
AROUND = Surroundings(
    provider="wallet",
    day=DAY,
    zone=VIETNAM,
    fee=FeeContract(110),
    loaded={(DAY, "VND"): 1},
    batch_lines={"b1": 100, "b2": 5},
    matched={"VND": 95},
)


@dataclass
class Found:
    """A discrepancy with the evidence of its sides, as findings.py writes it."""

    kind: DiscrepancyKind
    number: int = 1
    at: datetime = NOON
    amount_minor: int = 50_000
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    line: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    more: Mapping[str, Any] | None = None
    payment_status: str | None = None
    shown: str | None = None

    def case(self) -> Case:
        evidence: dict[str, Any] = dict(self.more or {})
        if self.line is not None:
            plain = {"batch": "b1", "line": self.number, "status": "ok", "settled": True, "gross_minor": 50_000}
            evidence["settlement"] = plain | {"occurred_at": self.at.isoformat()} | dict(self.line)
        if self.ledger is not None:
            evidence["ledger"] = {"due_on": DAY.isoformat(), "reference": f"tx_{self.number:08}"} | dict(self.ledger)
        found = SimpleNamespace(
            key=f"{self.kind}:{self.number:04}",
            kind=self.kind,
            business_date=DAY,
            payment_id=self.payment_id,
            refund_id=self.refund_id,
            amount_minor=self.amount_minor,
            currency="VND",
            evidence=evidence,
        )
        return case_of(found, zone=VIETNAM, booked_at=self.at, payment_status=self.payment_status, shown=self.shown)


def judged(found: Sequence[Found], around: Surroundings = AROUND) -> list[Opinion]:
    return list(opinions([each.case() for each in found], around))


def causes(found: Sequence[Found], around: Surroundings = AROUND) -> list[Cause]:
    return [opinion.ranking[0].cause for opinion in judged(found, around)]


def absent(number: int, at: datetime = NOON, kind: DiscrepancyKind = K.MISSING_AT_PROVIDER, **more: Any) -> Found:
    return Found(kind, number, at, ledger=more)


def test_a_lone_line_that_is_missing_is_late_at_first_and_left_out_a_day_later() -> None:
    assert causes([absent(1)]) == [C.LATE_FILE]
    later = replace(AROUND, day=DAY + timedelta(days=1))
    assert causes([absent(1)], later) == [C.LINE_LEFT_OUT]


def test_a_day_without_its_file_is_late_at_first_and_a_missing_file_a_day_later() -> None:
    day = [absent(n, NOON + timedelta(minutes=5 * n)) for n in range(40)]
    without = replace(AROUND, loaded={}, matched={})
    assert set(causes(day, without)) == {C.LATE_FILE}
    later = replace(without, day=DAY + timedelta(days=1), matched={"VND": 40})
    told = judged(day, later)
    assert {opinion.ranking[0].cause for opinion in told} == {C.MISSING_FILE}
    assert len({opinion.group for opinion in told}) == 1


def test_a_file_of_one_currency_is_missed_though_the_others_came() -> None:
    day = [absent(n, NOON + timedelta(minutes=5 * n)) for n in range(10)]
    around = replace(AROUND, day=DAY + timedelta(days=1), loaded={(DAY, "EUR"): 1}, matched={"EUR": 40})
    assert set(causes(day, around)) == {C.MISSING_FILE}


def test_within_the_days_of_a_provider_a_line_is_late() -> None:
    around = replace(AROUND, lag_days=2)
    assert causes([absent(1, kind=K.TIMING)], around) == [C.LATE_FILE]


def test_what_is_missing_around_midnight_alone_is_a_cut_in_another_zone() -> None:
    last_hour = [absent(n, MIDNIGHT - timedelta(minutes=5 * n)) for n in range(1, 11)]
    told = judged(last_hour)
    assert {opinion.ranking[0].cause for opinion in told} == {C.TIME_ZONE_CUT}
    assert len({opinion.group for opinion in told}) == 1
    spread = [absent(n, MIDNIGHT - timedelta(minutes=55 * n)) for n in range(1, 11)]
    assert C.TIME_ZONE_CUT not in causes(spread)


def fee(number: int, gross: int, kept: int) -> Found:
    expected = FeeContract(110).fee_minor(gross)
    more = {"expected_minor": expected, "reported_minor": kept}
    return Found(K.FEE_MISMATCH, number, NOON + timedelta(minutes=number), line={"gross_minor": gross}, more=more)


def test_fees_of_one_new_rate_are_a_fee_change_and_one_group() -> None:
    new = FeeContract(130, 500)
    fees = [fee(n, 20_000 + 7_919 * n, new.fee_minor(20_000 + 7_919 * n)) for n in range(1, 9)]
    told = judged([*fees, fee(9, 60_000, 4_242)])
    assert [opinion.ranking[0].cause for opinion in told] == [*[C.FEE_CHANGE] * 8, C.FEE_ONCE_WRONG]
    assert len({opinion.group for opinion in told[:8]}) == 1
    since = told[0].facts[Fact.SAME_RATE]
    assert (since["rate_basis_points"], since["rate_fixed_minor"], since["fitting"]) == (130, 500, 8)
    assert since["since"] == "2026-03-02T12:01+07:00"


def test_fees_off_by_one_unit_are_rounding_however_many_they_are() -> None:
    fees = [fee(n, 20_050 + 100 * n, FeeContract(110).fee_minor(20_050 + 100 * n) + 1) for n in range(1, 6)]
    assert set(causes(fees)) == {C.ROUNDING_OF_FEE}


def test_what_happened_in_an_outage_is_laid_at_its_door() -> None:
    outage = Outage(NOON - timedelta(minutes=10), NOON + timedelta(minutes=10), 12)
    found = Found(
        K.STATUS_MISMATCH,
        payment_id=PAYMENT,
        payment_status="unknown",
        more={"why": "no_end", "query_window": "closed"},
    )
    assert causes([found], replace(AROUND, outages=[outage])) == [C.PROVIDER_OUTAGE]
    assert causes([found]) != [C.PROVIDER_OUTAGE]


def unfinished(number: int, at: datetime) -> Found:
    return Found(K.MISSING_IN_GATEWAY, number, at, payment_id=UUID(int=number), payment_status="pending", line={})


def test_many_without_an_end_at_one_time_are_an_outage_though_no_call_is_on_record() -> None:
    outage = [unfinished(n, NOON + timedelta(minutes=3 * n)) for n in range(1, 11)]
    lone = unfinished(11, NOON + timedelta(hours=8))
    told = judged([*outage, lone])
    assert [opinion.ranking[0].cause for opinion in told] == [*[C.PROVIDER_OUTAGE] * 10, C.LOST_NOTIFICATION]
    assert len({opinion.group for opinion in told[:10]}) == 1


def test_notifications_lost_all_day_long_are_no_outage() -> None:
    lost = [unfinished(n, NOON - timedelta(hours=11) + timedelta(minutes=4 * n)) for n in range(1, 340)]
    assert set(causes(lost)) == {C.LOST_NOTIFICATION}


def test_what_a_settlement_taught_us_was_a_lost_notification() -> None:
    found = Found(K.STATUS_MISMATCH, payment_id=PAYMENT, payment_status="succeeded", line={}, more={"repaired": True})
    assert causes([found]) == [C.LOST_NOTIFICATION]


def repeated(number: int, batch: str) -> Found:
    return Found(K.DUPLICATE_AT_PROVIDER, number, line={"batch": batch}, payment_id=UUID(int=number))


def test_a_file_that_came_twice_is_told_from_a_line_that_did() -> None:
    told = judged([*(repeated(n, "b2") for n in range(1, 6)), repeated(6, "b1")])
    assert [opinion.ranking[0].cause for opinion in told] == [*[C.REPEATED_FILE] * 5, C.DUPLICATE_LINE]
    assert len({opinion.group for opinion in told[:5]}) == 1


def test_a_reference_one_slip_away_names_both_sides_the_same_cause() -> None:
    entry = absent(1, reference="tx_48151623")
    line = Found(K.MISSING_IN_GATEWAY, 2, line={"transaction": "TX-48151632", "merchant_reference": None})
    assert causes([entry, line]) == [C.GARBLED_REFERENCE, C.GARBLED_REFERENCE]
    assert causes([replace(entry, amount_minor=60_000), line])[1] == C.OTHER_SYSTEM


def test_a_pair_that_the_matching_proposes_is_taken_up() -> None:
    proposal = {"proposal": {"entry": 5, "rule": "amount_window"}}
    found = Found(K.MISSING_IN_GATEWAY, line={"merchant_reference": "unreadable"}, more=proposal)
    (opinion,) = judged([found])
    assert (opinion.ranking[0].cause, opinion.action) == (C.GARBLED_REFERENCE, Action.ACCEPT_PROPOSAL)


def amounts(expected: int, reported: int, **more: Any) -> Found:
    figures = {"expected_minor": expected, "reported_minor": reported, **more}
    return Found(K.AMOUNT_MISMATCH, amount_minor=reported - expected, line={}, ledger={}, more=figures)


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (Found(K.DUPLICATE_PAYMENT, payment_id=PAYMENT, more={"proposed": "refund_duplicate"}), C.PAID_TWICE),
        (amounts(50_000, 500_000), C.WRONG_AMOUNT_TYPED),
        (amounts(50_000, 61_234, proposed="refund_excess"), C.WRONG_AMOUNT_TYPED),
        (amounts(0, 50_000, proposed="refund_excess"), C.PAID_TWICE),
        (amounts(50_000, 61_234), C.WRONG_IN_REPORT),
        (Found(K.CURRENCY_MISMATCH, line={}, ledger={}), C.WRONG_IN_REPORT),
        (Found(K.MISSING_IN_GATEWAY, line={"merchant_reference": "order_99"}), C.OTHER_SYSTEM),
        (Found(K.MISSING_IN_GATEWAY, line={}, more={"why": "unknown_account"}), C.WRONG_ACCOUNT),
        (Found(K.STATUS_MISMATCH, line={"status": "reversed", "settled": False}, ledger={}), C.PROVIDER_REVERSED),
        (Found(K.REFUND_UNKNOWN, line={"gross_minor": -5}, payment_id=PAYMENT), C.REFUNDED_AT_PROVIDER),
        (Found(K.UNIDENTIFIED_RECEIPT, more={"credit": "x"}), C.GARBLED_REFERENCE),
        (Found(K.UNIDENTIFIED_RECEIPT, more={"why": "ambiguous"}), C.SEVERAL_BILLS),
        (Found(K.UNIDENTIFIED_RECEIPT, more={"why": "of_another_account"}), C.WRONG_ACCOUNT),
        (Found(K.PAYOUT_SHORT), C.PAYOUT_DIFFERS),
        (Found(K.PAYOUT_MISSING), C.PAYOUT_LATE),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else value.kind,
)
def test_a_lone_discrepancy_has_the_cause_that_its_evidence_shows(found: Found, cause: Cause) -> None:
    assert causes([found]) == [cause]


@pytest.mark.parametrize(
    ("found", "asks"),
    [
        (Found(K.MISSING_IN_GATEWAY, payment_id=PAYMENT, payment_status="unknown", line={}), True),
        (Found(K.STATUS_MISMATCH, payment_id=PAYMENT, payment_status="succeeded", line={}), True),
        (Found(K.REFUND_UNKNOWN, payment_id=PAYMENT, refund_id=UUID(int=8)), True),
        (Found(K.REFUND_UNKNOWN, payment_id=PAYMENT), False),
        (Found(K.STATUS_MISMATCH, payment_id=PAYMENT, more={"query_window": "closed"}), False),
        (Found(K.STATUS_MISMATCH, payment_id=PAYMENT, line={}, more={"repaired": True}), False),
        (Found(K.AMOUNT_MISMATCH, payment_id=PAYMENT, payment_status="succeeded", line={}), False),
    ],
)
def test_the_provider_is_asked_first_where_its_answer_decides(found: Found, asks: bool) -> None:
    assert [opinion.asks_first for opinion in judged([found])] == [asks]
    of_a_bank = replace(AROUND, lands_in_bank=True)
    assert [opinion.asks_first for opinion in judged([found], of_a_bank)] == [False]


def test_what_no_fact_speaks_for_is_unknown() -> None:
    (ranked,) = rank(K.REFUND_UNKNOWN, {Fact.WINDOW_CLOSED: {}, Fact.BATCH_REPEATED: {}, Fact.REFUND_OURS: {}})[-1:]
    assert ranked.cause is C.UNKNOWN
    assert [one.cause for one in rank(K.STATUS_MISMATCH, {})][-1] is C.UNKNOWN


def test_a_ranking_says_what_speaks_for_and_against_and_its_score_is_their_sum() -> None:
    for opinion in judged([absent(1), amounts(5, 50), repeated(3, "b1")]):
        kind = K(opinion.key.partition(":")[0])
        for ranked in opinion.ranking:
            weights = CAUSES[ranked.cause].weights
            spoken = [weights[fact] for fact in (*ranked.speaks_for, *ranked.speaks_against)]
            assert ranked.score == CAUSES[ranked.cause].kinds[kind] + sum(spoken)
            assert all(weights[fact] > 0 for fact in ranked.speaks_for)
            assert all(weights[fact] < 0 for fact in ranked.speaks_against)


DAYS = st.lists(
    st.one_of(
        st.builds(
            absent,
            st.integers(1, 9_999),
            st.integers(0, 1_439).map(lambda n: NOON + timedelta(minutes=n)),
            st.sampled_from([K.MISSING_AT_PROVIDER, K.TIMING]),
        ),
        st.builds(lambda n, m: unfinished(n, NOON + timedelta(minutes=m)), st.integers(1, 9_999), st.integers(0, 90)),
        st.builds(repeated, st.integers(1, 9_999), st.sampled_from(["b1", "b2"])),
        st.builds(fee, st.integers(1, 9_999), st.integers(1_000, 900_000), st.integers(0, 9_000)),
    ),
    unique_by=lambda found: (found.kind, found.number),
    max_size=30,
)


@given(DAYS, st.randoms(use_true_random=False))
def test_opinions_do_not_depend_on_the_order_in_which_things_are_found(found: list[Found], chance: Any) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)
    by_key = {opinion.key: opinion for opinion in judged(found)}
    assert {opinion.key: opinion for opinion in judged(shuffled)} == by_key
    assert len(by_key) == len(found)


@given(DAYS)
def test_a_group_has_one_cause(found: list[Found]) -> None:
    causes_of: dict[str, set[Cause]] = {}
    for opinion in judged(found):
        causes_of.setdefault(opinion.group, set()).add(opinion.ranking[0].cause)
        assert opinion.group.startswith(opinion.ranking[0].cause)
    assert all(len(each) == 1 for each in causes_of.values())
