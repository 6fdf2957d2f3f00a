"""The form that asks for the facts of a procedure, made from what the procedure says of them, and what was typed in.

A field is named "fact.{name}"; what is left blank is not given. Amounts are typed as people write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.errors import Invalid
from gateway.domain.fees import FactKind, FactSpec, Procedure
from gateway.domain.money import Money
from gateway.domain.typed_amount import typed_amount

PREFIX = "fact."
YES, NO = "yes", "no"
LONGEST = 40


@dataclass(frozen=True, slots=True)
class FactField:
    """A field of the form. `needed` says in which cases it has to be filled in, as pairs of fact and answer; empty for
    always. `lowest` and `highest` bound what may be typed."""

    spec: FactSpec
    typed: str
    needed: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...]
    lowest: Money | int
    highest: Money | int

    @property
    def name(self) -> str:
        return PREFIX + self.spec.name

    @property
    def may_be_blank(self) -> bool:
        return bool(self.needed)


def fact_fields(procedure: Procedure, form: Mapping[str, str]) -> list[FactField]:
    """The fields with what was typed, or else with the usual answer."""
    specs = {spec.name: spec for spec in procedure.facts}
    return [
        FactField(
            spec,
            form.get(PREFIX + spec.name, _usual(spec)),
            tuple(
                (specs[name].titles, specs[name].shown(value))
                for name, values in spec.needed_when.items()
                if name in specs
                for value in values
            ),
            _bound(spec, spec.minimum, procedure.currency),
            _bound(spec, spec.maximum, procedure.currency),
        )
        for spec in procedure.facts
    ]


def facts_of(procedure: Procedure, form: Mapping[str, str], language: str) -> tuple[dict[str, object], list[str]]:
    """The facts as the fee engine takes them, and the names of the fields in which something else is written."""
    facts: dict[str, object] = {}
    faults = []
    for spec in procedure.facts:
        typed = form.get(PREFIX + spec.name, "").strip()[:LONGEST]
        if not typed:
            continue
        try:
            facts[spec.name] = _read(spec, typed, procedure.currency, language)
        except (Invalid, ValueError):
            faults.append(PREFIX + spec.name)
    return facts, faults


def _read(spec: FactSpec, typed: str, currency: str, language: str) -> object:
    """Raises Invalid or ValueError for what is no such answer; whether it is allowed is for the fee engine to say."""
    if spec.kind is FactKind.MONEY:
        return typed_amount(typed, currency, language).amount_minor
    if spec.kind is FactKind.BOOLEAN:
        return {YES: True, NO: False}.get(typed, typed)
    if spec.kind is FactKind.CHOICE:
        return next((option.value for option in spec.options if str(option.value) == typed), typed)
    return int(typed)


def _usual(spec: FactSpec) -> str:
    if spec.default is None:
        return ""
    return (YES if spec.default else NO) if spec.kind is FactKind.BOOLEAN else str(spec.default)


def _bound(spec: FactSpec, bound: int, currency: str) -> Money | int:
    return Money(bound, currency) if spec.kind is FactKind.MONEY else bound
