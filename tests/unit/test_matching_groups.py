"""Sums of several, garbled names and proposals: what matches, what it is shown by, and what must never match."""

from pathlib import Path
from uuid import UUID

import pytest

from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import FeeSum, Totals
from reconciliation.matching.names import Named
from reconciliation.matching.sides import Entry, Line, Movement
from tests.unit.match_files import Member
from tests.unit.plain_matcher import EngineResult, entry, line, match_by_engine
from tests.unit.test_matching import DAY, FEE, NEXT_DAY

P1, P2 = UUID("01890000-0000-7000-8000-000000000071"), UUID("01890000-0000-7000-8000-000000000072")
CHECKOUT = UUID(int=9)
NAME = "transaction-0001"


def matched(
    folder: Path, lines: list[Line], entries: list[Entry], named: list[Named] | None = None, fee: FeeContract = FEE
) -> EngineResult:
    return match_by_engine(folder, DAY, lines, entries, fee, named or [])


def part(number: int, gross: int, **values: object) -> Line:
    return line(number, reference="x", gross=gross, fee=FEE.fee_minor(gross), **values)


def leads(payment: UUID = P1, amount: int = 100_000, how: str = "slip", currency: str = "VND") -> Named:
    """That the words of line 1 may be the name of a payment."""
    return Named(1, payment, how, "rf...", "RF...", amount, currency)


def test_a_payment_that_is_settled_in_parts_is_one_match(tmp_path: Path) -> None:
    result = matched(tmp_path, [part(1, 60_000), part(2, 40_000)], [entry(5, reference="x")])
    assert result.matches == {(1, 5): "settled_in_parts", (2, None): "settled_in_parts"}
    assert result.groups == {frozenset({(1, 5), (2, None)})}
    assert result.findings == []
    assert result.totals == [Totals("VND", 100_000, 1, 100_000, 2, 100_000, 1, 0)]
    assert result.fees == [FeeSum(0, 0, "VND", 1_100)]


def test_payments_of_one_checkout_that_are_settled_together_are_one_match(tmp_path: Path) -> None:
    entries = [
        entry(5, payment=P1, checkout=CHECKOUT, reference="a", agency=1),
        entry(6, payment=P2, checkout=CHECKOUT, reference="b", agency=1),
    ]
    result = matched(
        tmp_path, [line(1, reference="ab", payment=P1, checkout=CHECKOUT, gross=200_000, fee=2_200)], entries
    )
    assert result.matches == {(1, 5): "settled_together", (None, 6): "settled_together"}
    assert result.findings == []
    assert result.totals == [Totals("VND", 200_000, 2, 200_000, 1, 200_000, 1, 0)]
    assert result.fees == [FeeSum(0, 1, "VND", 2_200)]


def test_a_wrong_fee_of_a_group_is_named_and_one_that_is_right_in_sum_is_not(tmp_path: Path) -> None:
    fee = FeeContract(basis_points=110, fixed_minor=500)
    entries = [entry(5, reference="x")]
    right = [part(1, 60_000), replace_fee(part(2, 40_000), 940)]
    (tmp_path / "right").mkdir()
    assert matched(tmp_path / "right", right, entries, fee=fee).findings == []
    wrong = [part(1, 60_000), replace_fee(part(2, 40_000), 941)]
    (tmp_path / "wrong").mkdir()
    assert {kind for kind, *_ in matched(tmp_path / "wrong", wrong, entries, fee=fee).findings} == {K.FEE_MISMATCH}


def test_a_wrong_fee_of_several_payments_is_held_against_what_each_of_them_costs(
    tmp_path: Path,
) -> None:
    entries = [
        entry(5, payment=P1, checkout=CHECKOUT, reference="a", agency=1),
        entry(6, payment=P2, checkout=CHECKOUT, reference="b", agency=1),
    ]
    together = line(1, reference="ab", payment=P1, checkout=CHECKOUT, gross=200_000, fee=3_300)
    result = matched(tmp_path, [together], entries, fee=FeeContract(basis_points=110, fixed_minor=500))
    assert [(found.kind, found.expected_fee) for found in result.found] == [(K.FEE_MISMATCH, 2 * (1_100 + 500))]


def replace_fee(of: Line, fee: int) -> Line:
    return part(of.line, of.gross) if fee == of.fee else line(of.line, reference="x", gross=of.gross, fee=fee)


NOT_A_GROUP: dict[str, tuple[list[Line], list[Entry]]] = {
    "the sum is one short": ([part(1, 60_000), part(2, 39_999)], [entry(5, reference="x")]),
    "the sum is right in two currencies only": (
        [part(1, 60_000), part(2, 40_000, currency="USD")],
        [entry(5, reference="x")],
    ),
    "a negative line makes the sum right": ([part(1, 160_000), part(2, -60_000)], [entry(5, reference="x")]),
    "a part is nothing": ([part(1, 60_000), part(2, 40_000), part(3, 0)], [entry(5, reference="x")]),
    "a part is not settled": ([part(1, 60_000), part(2, 40_000, settled=False)], [entry(5, reference="x")]),
    "one line is told twice": (
        [part(1, 50_000, line_id="same"), part(2, 50_000, line_id="same")],
        [entry(5, reference="x")],
    ),
    "a third line of the name does not fit": (
        [part(1, 60_000), part(2, 40_000), part(3, 70_000)],
        [entry(5, reference="x")],
    ),
    "the parts could be either of two entries": (
        [part(1, 60_000), part(2, 40_000)],
        [entry(5, reference="x"), entry(6, reference="x")],
    ),
    "lines that only add up share no name": ([line(1, gross=60_000), line(2, gross=40_000)], [entry(5, reference="x")]),
    "the checkout's payments are not named by the line": (
        [line(1, reference="ab", checkout=CHECKOUT, gross=200_000)],
        [entry(n, checkout=CHECKOUT, payment=UUID(int=n)) for n in (5, 6)],
    ),
    "the entries are two agencies'": (
        [part(1, 200_000)],
        [entry(5, reference="x", agency=0), entry(6, reference="x", agency=1)],
    ),
    "a payment and a refund are not of one sum": (
        [part(1, 50_000)],
        [entry(5, reference="x"), entry(6, reference="x", movement=Movement.REFUND, amount=-50_000)],
    ),
    "a later run has matched a part": (
        [part(1, 60_000), part(2, 40_000, later=True)],
        [entry(5, reference="x")],
    ),
}


@pytest.mark.parametrize("name", NOT_A_GROUP)
def test_what_is_no_group_does_not_match(tmp_path: Path, name: str) -> None:
    assert matched(tmp_path, *NOT_A_GROUP[name]).matches == {}


def test_a_full_line_takes_the_entry_and_the_halves_beside_it_are_duplicates(tmp_path: Path) -> None:
    result = matched(tmp_path, [part(1, 50_000), part(2, 50_000), part(3, 100_000)], [entry(5, reference="x")])
    assert result.matches == {(3, 5): "provider_reference"}
    assert [kind for kind, *_ in result.findings] == [K.DUPLICATE_AT_PROVIDER] * 2


NAMELESS = {"reference": None, "transaction_id": None}

REPAIRED: dict[str, tuple[Line, Entry, list[Named], str]] = {
    "in capitals": (line(1, reference=NAME.upper()), entry(5, reference=NAME), [], "repaired_reference"),
    "padded": (line(1, reference="000" + NAME.replace("-", " ")), entry(5, reference=NAME), [], "repaired_reference"),
    "our id without its hyphens": (
        line(1, **NAMELESS, merchant=str(P1).replace("-", "").upper()),
        entry(5, merchant=str(P1)),
        [],
        "repaired_reference",
    ),
    "by its check digits": (line(1, **NAMELESS), entry(5, payment=P1), [leads()], "repaired_reference"),
    "our reference and nothing wrong": (
        line(1, **NAMELESS),
        entry(5, payment=P1),
        [leads(how="whole")],
        "merchant_reference",
    ),
    "the provider's own name is our reference": (
        line(1, reference="rf...", transaction_id="rf..."),
        entry(5, payment=P1),
        [leads()],
        "repaired_reference",
    ),
    "another payment with that name is over another amount": (
        line(1, **NAMELESS),
        entry(5, payment=P1),
        [leads(), leads(P2, amount=99)],
        "repaired_reference",
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_a_garbled_name_is_read(tmp_path: Path, name: str) -> None:
    told, known, named, rule = REPAIRED[name]
    result = matched(tmp_path, [told], [known], named)
    assert result.matches == {(1, 5): rule}
    assert result.findings == []


NOT_REPAIRED: dict[str, tuple[list[Line], list[Entry], list[Named]]] = {
    "two payments may be meant": ([line(1, **NAMELESS)], [entry(5, payment=P1)], [leads(), leads(P2)]),
    "the other one that may be meant has matched its own line": (
        [line(1, **NAMELESS), line(2)],
        [entry(5, payment=P1), entry(2, payment=P2)],
        [leads(), leads(P2)],
    ),
    "two lines may be meant": (
        [line(1, reference=NAME.upper()), line(3, reference=NAME.replace("-", ""))],
        [entry(5, reference=NAME)],
        [],
    ),
    "two transactions differ by their capitals, and one has matched": (
        [line(1, reference=NAME.upper()), line(2, reference=NAME.title())],
        [entry(5, reference=NAME), entry(6, reference=NAME.title())],
        [],
    ),
    "it is over another amount": ([line(1, **NAMELESS, gross=99_999)], [entry(5, payment=P1)], [leads()]),
    "it is in another currency": ([line(1, **NAMELESS, currency="USD")], [entry(5, payment=P1)], [leads()]),
    "it is another movement": (
        [line(1, **NAMELESS)],
        [entry(5, payment=P1, movement=Movement.CHARGEBACK_RETURN)],
        [leads()],
    ),
    "it is not settled": ([line(1, **NAMELESS, settled=False)], [entry(5, payment=P1)], [leads()]),
    "the provider names two transactions": ([line(1, reference="a")], [entry(5, reference="b", payment=P1)], [leads()]),
    "the line names another payment clearly": ([line(1, **NAMELESS, payment=P2)], [entry(5, payment=P1)], [leads()]),
    "its movement has matched another line before": (
        [line(1, **NAMELESS, counterpart=9, counterpart_matched=True)],
        [entry(5, payment=P1)],
        [leads()],
    ),
    "a sequential number is one digit away": (
        [line(1, reference="transaction-0002")],
        [entry(5, reference=NAME)],
        [],
    ),
    "a short name is not enough": ([line(1, reference="TX1")], [entry(5, reference="tx1")], []),
}


@pytest.mark.parametrize("name", NOT_REPAIRED)
def test_what_could_be_another_is_not_repaired(tmp_path: Path, name: str) -> None:
    lines, entries, named = NOT_REPAIRED[name]
    result = matched(tmp_path, lines, entries, named)
    assert not any(number == 1 for number, _ in result.matches)
    assert "repaired_reference" not in result.matches.values()


def test_two_payments_of_one_amount_with_swapped_ids_match_by_the_providers_reference(tmp_path: Path) -> None:
    lines = [line(1, merchant=str(P2), payment=P1), line(2, merchant=str(P1), payment=P2)]
    result = matched(tmp_path, lines, [entry(n, merchant=str(p), payment=p) for n, p in ((1, P1), (2, P2))])
    assert result.matches == {(1, 1): "provider_reference", (2, 2): "provider_reference"}


def test_the_same_reference_in_two_currencies_is_two_movements(tmp_path: Path) -> None:
    lines = [line(1, reference="x", currency="USD"), line(2, reference="x")]
    entries = [entry(5, reference="x"), entry(6, reference="x", currency="USD")]
    assert set(matched(tmp_path, lines, entries).matches) == {(1, 6), (2, 5)}


PROPOSED: dict[str, tuple[list[Line], list[Entry], list[Named], dict[Member, tuple[str, str, set[int]]]]] = {
    "several payments fit": (
        [line(1, **NAMELESS)],
        [entry(5, payment=P1), entry(6, payment=P2)],
        [leads(), leads(P2)],
        {
            (1, None): ("repaired_reference", "several_fit", {5, 6}),
            (None, 5): ("repaired_reference", "several_fit", {1}),
            (None, 6): ("repaired_reference", "several_fit", {1}),
        },
    ),
    "a sequential number is one digit away": (
        [line(1, reference="transaction-0002")],
        [entry(5, reference=NAME), entry(6, reference="else")],
        [],
        {
            (1, None): ("repaired_reference", "one_slip_away", {5}),
            (None, 5): ("repaired_reference", "one_slip_away", {1}),
        },
    ),
    "the only one of its amount": (
        [line(1, reference="a")],
        [entry(5, reference="b", due_on=NEXT_DAY)],
        [],
        {
            (1, None): ("amount_window", "only_one_of_its_amount", {5}),
            (None, 5): ("amount_window", "only_one_of_its_amount", {1}),
        },
    ),
    "a tie is none": ([line(1, reference="a")], [entry(5, reference="b"), entry(6, reference="c")], [], {}),
    "days apart is none": (
        [line(1, reference="a", occurred_at="2026-02-20 04:00:00+00")],
        [entry(5, reference="b")],
        [],
        {},
    ),
    "nothing moved is none": ([line(1, reference="a", gross=0)], [entry(5, reference="b", amount=0)], [], {}),
    "a line that names another payment is none": (
        [line(1, reference="a", payment=P1, payment_currency="VND", payment_amount=100_000)],
        [entry(5, reference="b", payment=P2)],
        [],
        {},
    ),
}


@pytest.mark.parametrize("name", PROPOSED)
def test_what_is_not_proven_is_proposed_and_does_not_match(tmp_path: Path, name: str) -> None:
    lines, entries, named, expected = PROPOSED[name]
    result = matched(tmp_path, lines, entries, named)
    assert result.matches == {}
    assert {side: (rule, why, set(what)) for side, (rule, why, what) in result.proposed.items()} == expected
