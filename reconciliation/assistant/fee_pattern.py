"""Whether fees that differ from the contract follow another rate: solved from pairs of gross amount and fee.

A rate is basis points and a fixed part, as in FeeContract, and counts only if it gives the fees to the last unit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.ports.capabilities import FeeContract
from reconciliation.assistant.cases import Case

AT_LEAST = 3
"""Two fees fit a line by chance; three to the last unit do not."""

SAMPLES = 8
RATES_MAX = 5
BASIS_POINTS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What the provider kept of one payment."""

    key: str
    gross_minor: int
    fee_minor: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class FeeRate:
    """`of` are the keys of the discrepancies whose fees it gives, `since` the moment of the first."""

    rate: FeeContract
    of: frozenset[str]
    since: datetime | None
    among: int


def kept(case: Case) -> Kept | None:
    if case.gross_minor is None or case.reported_minor is None:
        return None
    return Kept(case.key, case.gross_minor, case.reported_minor, case.occurred_at)


def find_rates(fees: Sequence[Kept], agreed: FeeContract | None) -> list[FeeRate]:
    """The rates that give AT_LEAST of `fees`, the most frequent first. What one gives, no later one does."""
    rates: list[FeeRate] = []
    left = list(fees)
    while len(rates) < RATES_MAX and (rate := _best(left, agreed)) is not None:
        given = [fee for fee in left if rate.fee_minor(fee.gross_minor) == fee.fee_minor]
        moments = [fee.at for fee in given if fee.at is not None]
        rates.append(FeeRate(rate, frozenset(fee.key for fee in given), min(moments, default=None), len(fees)))
        left = [fee for fee in left if rate.fee_minor(fee.gross_minor) != fee.fee_minor]
    return rates


def _best(fees: Sequence[Kept], agreed: FeeContract | None) -> FeeContract | None:
    """Of two that give as many, the one that keeps a part of the contract, then the lower. Fees that are off by one
    unit are a matter of rounding and count for no rate."""
    telling = [fee for fee in fees if agreed is None or abs(agreed.fee_minor(fee.gross_minor) - fee.fee_minor) > 1]
    if len(telling) < AT_LEAST:
        return None
    ranked = []
    for rate in sorted(set(_candidates(telling, agreed)), key=_order):
        fitting = [fee.gross_minor for fee in telling if rate.fee_minor(fee.gross_minor) == fee.fee_minor]
        kept_parts = _kept_parts(rate, agreed)
        if len(fitting) >= AT_LEAST and (kept_parts or len(set(fitting)) > 1):
            ranked.append(((len(fitting), kept_parts, -rate.basis_points, -rate.fixed_minor), rate))
    return max(ranked, key=lambda one: one[0])[1] if ranked else None


def _candidates(fees: Sequence[Kept], agreed: FeeContract | None) -> Iterator[FeeContract]:
    by_gross = sorted(fees, key=lambda fee: (fee.gross_minor, fee.fee_minor, fee.key))
    step = max(1, len(by_gross) // SAMPLES)
    samples = [*by_gross[::step], by_gross[-1]]
    fixed = {0, agreed.fixed_minor if agreed else 0}
    points = {agreed.basis_points} if agreed else set()
    for low, high in zip(samples, reversed(samples), strict=True):
        if high.gross_minor > low.gross_minor:
            points.add((high.fee_minor - low.fee_minor) * 10_000 // (high.gross_minor - low.gross_minor))
    for part in fixed:
        points |= {(fee.fee_minor - part) * 10_000 // fee.gross_minor for fee in samples[-3:] if fee.gross_minor}
    for point in {one + off for one in points for off in (-1, 0, 1, 2)}:
        if 0 <= point <= BASIS_POINTS_MAX:
            rest = Counter(fee.fee_minor - FeeContract(point).fee_minor(fee.gross_minor) for fee in samples)
            yield from (FeeContract(point, part) for part, _ in sorted(rest.items(), key=lambda one: (-one[1], one[0])))
            yield from (FeeContract(point, part) for part in fixed)


def _kept_parts(rate: FeeContract, agreed: FeeContract | None) -> int:
    if agreed is None:
        return 0
    return (rate.basis_points == agreed.basis_points) + (rate.fixed_minor == agreed.fixed_minor)


def _order(rate: FeeContract) -> tuple[int, int]:
    return rate.basis_points, rate.fixed_minor
