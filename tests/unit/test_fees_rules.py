"""What must hold for any rule that a catalogue may state, checked against sums done another way."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.domain.fees import Channel, NoRateOnDate, Procedure, QuoteLine, procedure_from_dict, quote
from gateway.domain.fees.definition import rate_from_text
from gateway.domain.fees.explain import shown
from gateway.domain.money import Money

ON = date(2025, 6, 1)
MAX_VALUE = 10**15
VALUES = st.integers(0, 10**9) | st.integers(0, MAX_VALUE)
BASIS_POINTS = st.integers(0, 10_000)
BOTH = {"vi": "x", "en": "x"}
FACTS = [
    *(
        {"name": name, "kind": "money", "maximum": MAX_VALUE, "default": 0, "titles": BOTH}
        for name in ("value_minor", "value_already_assessed_minor")
    ),
    *(
        {"name": name, "kind": "integer", "maximum": 10**6, "default": 1, "titles": BOTH, "unit": BOTH, "units": BOTH}
        for name in ("pages", "copies")
    ),
    {
        "name": "zone",
        "kind": "choice",
        "titles": BOTH,
        "default": 1,
        "options": [{"value": zone, "titles": BOTH} for zone in (1, 2, 3)],
    },
    {"name": "reissue", "kind": "boolean", "titles": BOTH, "default": False},
]


def version(rule: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "valid_from": "2020-01-01",
        "legal_basis": "1/2020",
        "source": "memory",
        "share_kept_basis_points": 0,
        "rule": rule,
        **more,
    }


def procedure(*versions: Mapping[str, Any]) -> Procedure:
    return procedure_from_dict(
        {
            "code": "p",
            "agency": "a",
            "official_code": "",
            "currency": "VND",
            **dict.fromkeys(("titles", "notice", "refund_policy"), BOTH),
            "facts": FACTS,
            "items": [{"code": "i", "titles": BOTH, "revenue_code": "1", "versions": versions}],
        }
    )


def line(priced: Procedure, **facts: object) -> QuoteLine:
    (found,) = quote(priced, facts, Channel.COUNTER, ON).lines
    assert found.amount.amount_minor == sum(step.amount.amount_minor for step in found.steps)
    return found


def due(priced: Procedure, **facts: object) -> int:
    return line(priced, **facts).amount.amount_minor


def half_up(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d}%"


@st.composite
def continuous_bands(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Bands as laws write them: each begins with what the one before it has come to."""
    bounds = draw(st.lists(st.integers(1, 10**12), min_size=1, max_size=5, unique=True).map(sorted))
    rates = draw(st.lists(BASIS_POINTS, min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    first = draw(st.integers(0, 10**6))
    edges = [0, *bounds]
    bases = accumulate(
        ((high - low) * rate for (low, high), rate in zip(pairwise(edges), rates, strict=False)),
        lambda base, part: base + half_up(Decimal(part) / 10_000),
        initial=first,
    )
    bands = [{"base_minor": base, "rate_above": percent(rate)} for base, rate in zip(bases, rates, strict=True)]
    for band, low in zip(bands[1:], bounds, strict=True):
        band["above_minor"] = low
    for band, high in zip(bands, bounds, strict=False):
        band["up_to_minor"] = high
    return bands


@st.composite
def progressive(draw: st.DrawFn) -> dict[str, Any]:
    rule: dict[str, Any] = {"kind": "progressive", "value": "value_minor", "bands": draw(continuous_bands())}
    floor = draw(st.none() | st.integers(0, 10**7))
    cap = draw(st.none() | st.integers(floor or 0, 10**12))
    return rule | ({} if floor is None else {"floor_minor": floor}) | ({} if cap is None else {"cap_minor": cap})


@given(progressive(), VALUES, VALUES)
def test_a_higher_value_never_costs_less(rule: dict[str, Any], one: int, other: int) -> None:
    priced = procedure(version(rule))
    assert due(priced, value_minor=min(one, other)) <= due(priced, value_minor=max(one, other))


@given(continuous_bands())
def test_bands_that_the_law_joins_have_no_step_at_their_bounds(bands: list[dict[str, Any]]) -> None:
    priced = procedure(version({"kind": "progressive", "value": "value_minor", "bands": bands}))
    for bound in (band["up_to_minor"] for band in bands[:-1]):
        assert 0 <= due(priced, value_minor=bound + 1) - due(priced, value_minor=bound) <= 1


@given(progressive(), VALUES)
def test_the_floor_and_the_cap_hold(rule: dict[str, Any], value: int) -> None:
    amount = due(procedure(version(rule)), value_minor=value)
    assert rule.get("floor_minor", 0) <= amount <= rule.get("cap_minor", amount)


@given(st.data(), progressive(), st.lists(st.integers(0, 10**12), min_size=1, max_size=6))
def test_instalments_add_up_to_the_fee_raised_at_once(
    data: st.DataObject, rule: dict[str, Any], parts: list[int]
) -> None:
    assume(parts[0])
    keep = f"{data.draw(st.integers(0, 7))}/7"
    priced = procedure(
        version(
            rule,
            instalments={"value": "value_minor", "already_assessed": "value_already_assessed_minor"},
            reductions=[{"titles": BOTH, "legal_basis": "x", "source": "memory", "when": {}, "keep": keep}],
        )
    )
    before = accumulate(parts[:-1], initial=0)
    raised = [
        line(priced, value_minor=part, value_already_assessed_minor=already)
        for part, already in zip(parts, before, strict=True)
    ]
    at_once = line(priced, value_minor=sum(parts))
    assert sum(one.amount.amount_minor for one in raised) == at_once.amount.amount_minor
    assert sum(one.reduction.amount_minor for one in raised) == at_once.reduction.amount_minor
    assert all(one.amount.amount_minor >= 0 and one.reduction.amount_minor >= 0 for one in raised)


@given(BASIS_POINTS, VALUES)
def test_a_percentage_is_rounded_half_up_to_a_minor_unit(rate: int, value: int) -> None:
    priced = procedure(version({"kind": "percentage", "value": "value_minor", "rate": percent(rate)}))
    assert due(priced, value_minor=value) == half_up(Decimal(value) * rate / 10_000)


@given(BASIS_POINTS, st.integers(0, 10**6), st.integers(0, 10**12), VALUES)
def test_a_percentage_keeps_its_floor_and_cap(rate: int, floor: int, above: int, value: int) -> None:
    rule = {"kind": "percentage", "value": "value_minor", "rate": percent(rate)}
    priced = procedure(version(rule | {"floor_minor": floor, "cap_minor": floor + above}))
    assert due(priced, value_minor=value) == min(max(half_up(Decimal(value) * rate / 10_000), floor), floor + above)


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=4),
    st.lists(st.integers(1, 60), min_size=3, max_size=3, unique=True).map(sorted),
    st.none() | st.integers(0, 100_000),
    st.integers(1, 120),
    st.integers(1, 50),
)
def test_units_are_charged_one_by_one_and_capped_for_each_group(
    prices: list[int], ends: list[int], cap: int | None, pages: int, copies: int
) -> None:
    assume(any(prices))
    tiers = [{"up_to": end, "amount_minor": price} for end, price in zip(ends, prices[:-1], strict=False)]
    tiers.append({"amount_minor": prices[-1]})
    rule = {"kind": "per_unit", "unit": "pages", "each": "copies", "tiers": tiers}
    priced = procedure(version(rule | ({} if cap is None else {"cap_minor": cap})))
    by_hand = 0
    for page in range(1, pages + 1):
        by_hand += next(tier["amount_minor"] for tier in tiers if page <= tier.get("up_to", page))
    by_hand = by_hand if cap is None else min(by_hand, cap)
    total = quote(priced, {"pages": pages, "copies": copies}, Channel.COUNTER, ON).total
    assert total.amount_minor == by_hand * copies


@given(st.integers(0, 10), st.integers(1, 20))
def test_free_units_cost_nothing_and_are_not_counted(free: int, pages: int) -> None:
    tiers = [{"up_to": free, "amount_minor": 0}] if free else []
    priced = procedure(version({"kind": "per_unit", "unit": "pages", "tiers": [*tiers, {"amount_minor": 7}]}))
    lines = quote(priced, {"pages": pages}, Channel.COUNTER, ON).lines
    assert [(one.quantity, one.amount.amount_minor) for one in lines] == (
        [(pages - free, 7 * (pages - free))] if pages > free else []
    )


@given(
    st.lists(st.integers(1, 10**12), min_size=1, max_size=4, unique=True).map(sorted),
    st.sampled_from([1, 2, 3]),
    VALUES,
)
def test_a_slab_charges_the_row_of_the_facts(bounds: list[int], zone: int, value: int) -> None:
    rows: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        for at, high in enumerate([*bounds, None]):
            low = bounds[at - 1] if at else None
            span = ({} if low is None else {"above_minor": low}) | ({} if high is None else {"up_to_minor": high})
            rows.append({"when": {"zone": [number]}, "amount_minor": 100 * number + at, **span})
    priced = procedure(version({"kind": "slab", "value": "value_minor", "rows": rows}))
    assert due(priced, zone=zone, value_minor=value) == 100 * zone + sum(value > bound for bound in bounds)


def test_a_bound_belongs_to_the_side_that_the_law_says() -> None:
    rows = [{"below_minor": 50, "amount_minor": 1}, {"from_minor": 50, "amount_minor": 2}]
    priced = procedure(version({"kind": "slab", "value": "value_minor", "rows": rows}))
    assert [due(priced, value_minor=value) for value in (49, 50, 51)] == [1, 2, 2]


@given(
    st.integers(0, 10**12),
    st.lists(st.tuples(BASIS_POINTS, st.booleans()), max_size=4),
    st.none() | st.integers(0, 10**12),
)
def test_reductions_stack_in_their_order_each_on_what_is_left(
    amount: int, kept: list[tuple[int, bool]], reduced_to: int | None
) -> None:
    common = {"titles": BOTH, "legal_basis": "x", "source": "memory"}
    reductions: list[dict[str, Any]]
    reductions = [{**common, "when": {"reissue": [when]}, "keep": percent(keep)} for keep, when in kept]
    if reduced_to is not None:
        reductions.append({**common, "when": {"channel": ["counter"]}, "reduced_to_minor": reduced_to})
    found = line(procedure(version({"kind": "fixed", "amount_minor": amount}, reductions=reductions)), reissue=True)
    left = amount
    for keep, when in kept:
        left = half_up(Decimal(left) * keep / 10_000) if when else left
    left = left if reduced_to is None else min(left, reduced_to)
    assert (found.amount.amount_minor, found.reduction.amount_minor) == (left, amount - left)


@given(st.dates(date(2019, 12, 1), date(2022, 2, 1)))
def test_the_version_of_the_day_is_charged(on: date) -> None:
    priced = procedure(
        version({"kind": "fixed", "amount_minor": 1}, valid_until="2020-12-31"),
        version({"kind": "fixed", "amount_minor": 2}, valid_from="2021-01-01", valid_until="2021-12-31"),
    )
    expected = {2020: 1, 2021: 2}.get(on.year)
    if expected is None:
        with pytest.raises(NoRateOnDate) as refused:
            quote(priced, {}, Channel.COUNTER, on)
        assert set(refused.value.fields) == {"on"}
    else:
        assert quote(priced, {}, Channel.COUNTER, on).total == Money(expected, "VND")


def test_an_amount_beyond_what_the_database_holds_is_refused() -> None:
    priced = procedure(version({"kind": "per_unit", "unit": "pages", "tiers": [{"amount_minor": 2**62}]}))
    with pytest.raises(Invalid):
        quote(priced, {"pages": 3}, Channel.COUNTER, ON)


@pytest.mark.parametrize(
    ("text", "rate", "vietnamese"),
    [
        ("0.06%", Fraction(6, 10_000), "0,06%"),
        ("90%", Fraction(9, 10), "90%"),
        ("1/3", Fraction(1, 3), "1/3"),
        ("0.5%", Fraction(1, 200), "0,5%"),
        ("100%", Fraction(1), "100%"),
    ],
)
def test_a_rate_is_read_exactly_and_shown_as_people_write_it(text: str, rate: Fraction, vietnamese: str) -> None:
    assert rate_from_text(text) == rate
    assert (shown(rate, "en"), shown(rate, "vi")) == (text, vietnamese)


@pytest.mark.parametrize(
    ("money", "vietnamese", "english"),
    [
        (Money(1_000_000, "VND"), "1.000.000 đồng", "1,000,000 VND"),
        (Money(-5, "VND"), "-5 đồng", "-5 VND"),
        (Money(123_456, "USD"), "1.234,56 USD", "1,234.56 USD"),
    ],
)
def test_money_is_grouped_in_the_habit_of_the_language(money: Money, vietnamese: str, english: str) -> None:
    assert (shown(money, "vi"), shown(money, "en")) == (vietnamese, english)
