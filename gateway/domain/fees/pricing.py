"""From facts to an explained amount: the sum of the fee items, each with the steps that led to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.domain.fees.explain import Step, say
from gateway.domain.fees.facts import Case, Channel, checked, holds
from gateway.domain.fees.procedure import FeeItem, FeeVersion, Instalments, Procedure
from gateway.domain.money import Money, total


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One fee: `amount` is what is due after `reduction`, which is not negative. The steps add up to `amount`."""

    fee_item: str
    titles: Mapping[str, str]
    revenue_code: str
    quantity: int
    amount: Money
    reduction: Money
    legal_basis: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """`procedure` is its code; `total` the sum of the lines."""

    procedure: str
    currency: str
    total: Money
    lines: tuple[QuoteLine, ...]


@dataclass(frozen=True, slots=True)
class _Priced:
    """The steps of a rule and its reductions: `gross_minor` before the reductions, `net_minor` after them."""

    quantity: int
    gross_minor: int
    net_minor: int
    steps: tuple[Step, ...]
    legal_bases: tuple[str, ...]


def quote(procedure: Procedure, facts: Mapping[str, object], channel: Channel, on: date) -> Quote:
    """What `procedure` costs on the day `on`, and why. An item of which nothing is charged has no line.

    Raises FactsInvalid for facts that are missing, wrong or not asked for, NoRateOnDate for a day without a price.
    """
    specs = {spec.name: spec for spec in procedure.facts}
    case = Case(checked(procedure.facts, facts, channel), specs, procedure.currency)
    applying = [item for item in procedure.items if holds(item.when, case.facts)]
    lines = tuple(line for line in (_line(item, case, on) for item in applying) if line.quantity)
    return Quote(procedure.code, procedure.currency, total((line.amount for line in lines), procedure.currency), lines)


def _line(item: FeeItem, case: Case, on: date) -> QuoteLine:
    version = item.version_on(on)
    priced = _instalment(version, version.instalments, case, on) if version.instalments else _priced(version, case, on)
    return QuoteLine(
        fee_item=item.code,
        titles=item.titles,
        revenue_code=item.revenue_code,
        quantity=priced.quantity,
        amount=case.money(priced.net_minor),
        reduction=case.money(priced.gross_minor - priced.net_minor),
        legal_basis="; ".join(dict.fromkeys(priced.legal_bases)),
        steps=priced.steps,
    )


def _priced(version: FeeVersion, case: Case, on: date) -> _Priced:
    assessed = version.rule.assess(case)
    gross = net = assessed.amount_minor
    steps = list(assessed.steps)
    bases = [version.legal_basis]
    for reduction in version.reductions:
        if reduction.applies(case, on) and reduction.after(net) != net:
            steps.append(reduction.step(case, net))
            bases.append(reduction.legal_basis)
            net = reduction.after(net)
    return _Priced(assessed.quantity, gross, net, tuple(steps), tuple(bases))


def _instalment(version: FeeVersion, names: Instalments, case: Case, on: date) -> _Priced:
    value, already = case.number(names.value), case.number(names.already_assessed)
    whole = _priced(version, case.with_fact(names.value, value + already), on)
    if not already:
        return whole
    before = _priced(version, case.with_fact(names.value, already), on)
    figures = {"value": case.money(value), "already": case.money(already), "whole": case.money(value + already)}
    raised = case.money(before.net_minor)
    return _Priced(
        whole.quantity,
        whole.gross_minor - before.gross_minor,
        whole.net_minor - before.net_minor,
        (
            Step(say("value_in_all", **figures), case.money(0)),
            *whole.steps,
            Step(say("already_raised", already=case.money(already), raised=raised), -raised),
        ),
        whole.legal_bases,
    )
