"""Whether a procedure whose shape is right also makes sense, so that no wrong price is found out by a payer.

Conditions and rules name facts that the procedure asks for, with values that these can have; versions do not overlap;
bands and tiers meet; a higher value never costs less; and every case that the facts allow has exactly one price.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise, product
from math import prod
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.fees import Channel, FactKind, FactSpec, FeeVersion, Procedure, procedure_from_dict, quote
from gateway.domain.fees.facts import CHANNEL, Case, Conditions, Facts, Value, holds
from gateway.domain.fees.rules import PerUnit, Progressive, Range, Slab

Fault = tuple[str, str]
"""Where, as a path such as "items[0].versions[1].rule", and what to do about it."""

MAX_CASES = 20_000


def faults_of(definition: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a procedure that has passed catalogue_schema.ProcedureFile; empty if nothing is."""
    procedure = procedure_from_dict(definition)
    faults = [*_fact_faults(procedure), *_item_faults(procedure)]
    return faults or list(_price_faults(procedure))


def _fact_faults(procedure: Procedure) -> Iterator[Fault]:
    known: dict[str, FactSpec] = {}
    for at, spec in enumerate(procedure.facts):
        path = f"facts[{at}]"
        if spec.name in known or spec.name == CHANNEL:
            yield f"{path}.name", "is taken: choose another name"
        if spec.default is not None and not spec.accepts(spec.default):
            yield f"{path}.default", f"must be {spec.allowed}"
        yield from _condition_faults(f"{path}.needed_when", spec.needed_when, known)
        known[spec.name] = spec


def _item_faults(procedure: Procedure) -> Iterator[Fault]:
    specs = {spec.name: spec for spec in procedure.facts}
    codes: set[str] = set()
    for at, item in enumerate(procedure.items):
        path = f"items[{at}]"
        if item.code in codes:
            yield f"{path}.code", "is taken: choose another code"
        codes.add(item.code)
        yield from _condition_faults(f"{path}.when", item.when, specs)
        for number, version in enumerate(item.versions):
            yield from _version_faults(f"{path}.versions[{number}]", version, specs)
        for number, (earlier, later) in enumerate(pairwise(item.versions), start=1):
            if earlier.valid_until is None or earlier.valid_until >= later.valid_from:
                yield f"{path}.versions[{number}].valid_from", "must be after the last day of the version before it"


def _version_faults(path: str, version: FeeVersion, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    if version.valid_until and version.valid_until < version.valid_from:
        yield f"{path}.valid_until", "must not be before valid_from"
    for at, reduction in enumerate(version.reductions):
        if reduction.valid_from and reduction.valid_until and reduction.valid_until < reduction.valid_from:
            yield f"{path}.reductions[{at}].valid_until", "must not be before valid_from"
        yield from _condition_faults(f"{path}.reductions[{at}].when", reduction.when, specs)
    match version.rule:
        case PerUnit():
            yield from _per_unit_faults(f"{path}.rule", version.rule, specs)
        case Slab():
            yield from _slab_faults(f"{path}.rule", version.rule, specs)
        case Progressive():
            yield from _progressive_faults(f"{path}.rule", version.rule, specs)
    if version.instalments:
        names = {"value": version.instalments.value, "already_assessed": version.instalments.already_assessed}
        for key, name in names.items():
            yield from _name_faults(f"{path}.instalments.{key}", name, FactKind.MONEY, specs)
        if not isinstance(version.rule, Progressive) or version.rule.value != version.instalments.value:
            yield f"{path}.instalments.value", "must be the value of a progressive or percentage rule"


def _condition_faults(path: str, conditions: Conditions, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    for name, values in conditions.items():
        if name == CHANNEL:
            if not set(values) <= set(Channel):
                yield f"{path}.{name}", f"must list one of {', '.join(Channel)}"
        elif name not in specs:
            yield f"{path}.{name}", f"is not a fact asked for; use one of {', '.join([*specs, CHANNEL])}"
        elif not all(specs[name].accepts(value) for value in values):
            yield f"{path}.{name}", f"must list {specs[name].allowed}"


def _name_faults(path: str, name: str, kind: FactKind, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    if name not in specs or specs[name].kind is not kind:
        fitting = [spec.name for spec in specs.values() if spec.kind is kind]
        yield path, f"must name a fact of kind {kind}; there is {', '.join(fitting) or 'none: add it under facts'}"


def _per_unit_faults(path: str, rule: PerUnit, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    for key, name in (("unit", rule.unit), ("each", rule.each)):
        if name is None:
            continue
        misnamed = list(_name_faults(f"{path}.{key}", name, FactKind.INTEGER, specs))
        yield from misnamed
        if not misnamed and not (specs[name].unit and specs[name].units):
            yield f"{path}.{key}", f"counts {name}: give that fact a unit and units"
    ends = [tier.up_to for tier in rule.tiers]
    if ends[-1] is not None or None in ends[:-1] or any(one >= two for one, two in pairwise(ends[:-1]) if one and two):
        yield f"{path}.tiers", "must rise in up_to, and only the last has none"


def _slab_faults(path: str, rule: Slab, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    if rule.value is not None:
        yield from _name_faults(f"{path}.value", rule.value, FactKind.MONEY, specs)
    for at, row in enumerate(rule.rows):
        yield from _condition_faults(f"{path}.rows[{at}].when", row.when, specs)


def _progressive_faults(path: str, rule: Progressive, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    yield from _name_faults(f"{path}.value", rule.value, FactKind.MONEY, specs)
    if None not in (rule.floor_minor, rule.cap_minor) and (rule.floor_minor or 0) > (rule.cap_minor or 0):
        yield f"{path}.floor_minor", "must not be above cap_minor"
    first, last = rule.bands[0].range, rule.bands[-1].range
    if first.low_minor is not None or last.high_minor is not None:
        yield f"{path}.bands", "must begin with a band without a lower bound and end with one without an upper"
        return
    for at, (lower, upper) in enumerate(pairwise(band.range for band in rule.bands), start=1):
        if lower.high_minor is None or lower.high_minor != upper.low_minor or lower.high_included == upper.low_included:
            yield f"{path}.bands[{at}]", "must begin where the band before it ends (up_to then above, below then from)"
        elif _fee(rule, lower.high_minor) < _fee(rule, lower.high_minor - 1) or (
            _fee(rule, lower.high_minor + 1) < _fee(rule, lower.high_minor)
        ):
            yield f"{path}.bands[{at}]", "must not cost less than the band before it: check base_minor and the rates"


def _fee(rule: Progressive, value: int) -> int:
    return rule.assess(Case({rule.value: value}, {}, "VND")).amount_minor


def _price_faults(procedure: Procedure) -> Iterator[Fault]:
    """Price every case at the edges of its facts, on the first day of every version."""
    days = sorted({version.valid_from for item in procedure.items for version in item.versions})
    bounds = {bound for version in _versions(procedure) for bound in _bounds(version)}
    edges = {spec.name: _edges(spec, bounds) for spec in procedure.facts}
    number = prod(len(values) for values in edges.values())
    if number > MAX_CASES:
        yield "facts", f"make {number} cases to price, more than {MAX_CASES}: use fewer options"
        return
    cases = [_as_needed(procedure, dict(zip(edges, values, strict=True))) for values in product(*edges.values())]
    for facts, channel, on in product(cases, Channel, days):
        try:
            priced = quote(procedure, facts, channel, on)
            yield from _ambiguities(procedure, {**facts, CHANNEL: channel}, on)
        except GatewayError as fault:
            yield "items", f"must price {facts} by {channel} on {on}: {fault.detail}"
            return
        if not priced.lines:
            yield "items", f"must charge something, or a fixed 0, for {facts} by {channel} on {on}"
            return


def _as_needed(procedure: Procedure, facts: Facts) -> Facts:
    """`facts` without those that need not be given in this case: they must not be missed."""
    return {spec.name: facts[spec.name] for spec in procedure.facts if holds(spec.needed_when, facts)}


def _ambiguities(procedure: Procedure, facts: Facts, on: date) -> Iterator[Fault]:
    case = Case(facts, {spec.name: spec for spec in procedure.facts}, procedure.currency)
    for at, item in enumerate(procedure.items):
        for number, version in enumerate(item.versions):
            if version.valid_from == on and isinstance(version.rule, Slab):
                fitting = [row for row in version.rule.rows if version.rule.fits(row, case)]
                if len(fitting) > 1:
                    yield f"items[{at}].versions[{number}].rule.rows", f"must not overlap: {len(fitting)} fit {facts}"


def _edges(spec: FactSpec, bounds: set[int]) -> list[Value]:
    if spec.kind is FactKind.BOOLEAN:
        return [False, True]
    if spec.kind is FactKind.CHOICE:
        return [option.value for option in spec.options]
    edges = {spec.minimum, spec.maximum}
    if spec.kind is FactKind.MONEY:
        edges |= {bound + by for bound in bounds for by in (-1, 0, 1)}
    return sorted(edge for edge in edges if spec.accepts(edge))


def _versions(procedure: Procedure) -> Iterator[FeeVersion]:
    for item in procedure.items:
        yield from item.versions


def _bounds(version: FeeVersion) -> Iterator[int]:
    ranges: list[Range] = []
    if isinstance(version.rule, Slab):
        ranges = [row.range for row in version.rule.rows]
    elif isinstance(version.rule, Progressive):
        ranges = [band.range for band in version.rule.bands]
    for span in ranges:
        yield from (bound for bound in (span.low_minor, span.high_minor) if bound is not None)
