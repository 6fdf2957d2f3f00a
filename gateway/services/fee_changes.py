"""What a change of a fee would do: the procedure with it, whether that makes sense, and what typical payers would pay.

The database keeps a procedure in its plain form, and so is a change; see gateway/domain/fees/definition.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import ndiff
from itertools import islice
from typing import Any

from gateway.domain.errors import GatewayError, Invalid, NotFound
from gateway.domain.fee_draft import FeeChangeFault
from gateway.domain.fees import Channel, FactKind, FactSpec, Procedure, procedure_from_dict, quote
from gateway.domain.fees.amend import amended, first_day, last_day
from gateway.domain.fees.facts import Value, holds
from gateway.domain.money import Money
from gateway.services.catalogue_schema import FeeVersionFile
from gateway.services.catalogue_text import as_text, flattened
from gateway.services.check_procedure import faults_of

Plain = Mapping[str, Any]

CASES_SHOWN = 5
CASES_TRIED = 60

# What payers typically answer; each is held to the range that the fact allows.
TYPICAL_NUMBERS = (3, 1, 12)
TYPICAL_AMOUNTS = (500_000_000, 20_000_000, 5_000_000_000)


class FeeItemNotFound(NotFound):
    code = "fee_item_not_found"


@dataclass(frozen=True, slots=True)
class Case:
    """A payer's facts, and what they would pay without a change and with it; None where there is no price. `channel` is
    None if it makes no difference."""

    facts: Mapping[str, Value]
    channel: Channel | None
    before: Money | None
    after: Money | None

    @property
    def differs(self) -> bool:
        return self.before != self.after


def item_of(definition: Plain, fee_item: str) -> Plain:
    """Raises FeeItemNotFound."""
    found = next((item for item in definition["items"] if item["code"] == fee_item), None)
    if found is None:
        raise FeeItemNotFound(f"There is no fee item {fee_item!r} in {definition['code']}.")
    return found  # type: ignore[no-any-return]


def with_change(definition: Plain, fee_item: str, change: Plain) -> dict[str, Any]:
    """The procedure once the change is published. Raises FeeItemNotFound."""
    versions = amended(item_of(definition, fee_item)["versions"], change)
    return with_versions(definition, fee_item, versions)


def with_versions(definition: Plain, fee_item: str, versions: Sequence[Plain]) -> dict[str, Any]:
    items = [{**item, "versions": list(versions)} if item["code"] == fee_item else item for item in definition["items"]]
    return {**definition, "items": items}


def version_before(versions: Sequence[Plain], on: date) -> Plain:
    """The version that holds on that day, or else the last one before it; or the first of all."""
    begun = [version for version in versions if first_day(version) <= on]
    return begun[-1] if begun else versions[0]


def difference(before: Plain, after: Plain) -> list[tuple[str, str]]:
    """The lines of both texts, each with "-" if only `before` has it, "+" if only `after`, or a blank."""
    told = ndiff(as_text(before).splitlines(), as_text(after).splitlines())
    return [(line[0], line[2:]) for line in told if line[0] != "?"]


def check_change(definition: Plain, fee_item: str, change: Plain) -> None:
    """Raises FeeChangeFault, which names every place of the new version that is wrong; or FeeItemNotFound."""
    item = item_of(definition, fee_item)
    faults = dict(flattened(FeeVersionFile().validate(change)))
    if faults:
        raise FeeChangeFault("The new version is not complete, or not as the catalogue needs it.", fields=faults)
    end = last_day(item["versions"], change)
    if end and end < first_day(change):
        raise FeeChangeFault("It ends first.", fields={"valid_until": "must not be before valid_from"})
    changed = with_change(definition, fee_item, change)
    if changed == definition:
        raise FeeChangeFault("Nothing would change.", fields={"": "must differ from what holds today"})
    versions = item_of(changed, fee_item)["versions"]
    at = next(at for at, version in enumerate(versions) if first_day(version) == first_day(change))
    own = f"items[{definition['items'].index(item)}].versions[{at}]"
    told = {place.removeprefix(own).removeprefix("."): fix for place, fix in faults_of(changed)}
    if told:
        raise FeeChangeFault("With the new version the procedure would not make sense.", fields=told)


def cases_of(before: Procedure, after: Procedure, on: date) -> list[Case]:
    """What typical payers would pay on that day; those for whom it differs come first."""
    cases: list[Case] = []
    for facts in islice(typical_facts(after), CASES_TRIED):
        of_both = [
            Case(facts, channel, _priced(before, facts, channel, on), _priced(after, facts, channel, on))
            for channel in Channel
        ]
        is_one = len({(case.before, case.after) for case in of_both}) == 1
        cases += [replace(of_both[0], channel=None)] if is_one else of_both
    return sorted(cases, key=lambda case: not case.differs)[:CASES_SHOWN]


def parsed(definition: Plain) -> Procedure:
    """A procedure that is not published, so that nothing keeps it."""
    return procedure_from_dict(definition)


def typical_facts(procedure: Procedure) -> Iterator[dict[str, Value]]:
    """Answers that payers give: first the usual ones, then each fact varied by itself."""
    usual = {spec.name: _answers(spec)[0] for spec in procedure.facts}
    yield _as_needed(procedure, usual)
    for spec in procedure.facts:
        for answer in _answers(spec)[1:]:
            yield _as_needed(procedure, {**usual, spec.name: answer})


def _answers(spec: FactSpec) -> list[Value]:
    if spec.kind is FactKind.BOOLEAN:
        return [False, True]
    if spec.kind is FactKind.CHOICE:
        return [option.value for option in spec.options]
    numbers = TYPICAL_AMOUNTS if spec.kind is FactKind.MONEY else TYPICAL_NUMBERS
    return list(dict.fromkeys(max(spec.minimum, min(number, spec.maximum)) for number in numbers))


def _as_needed(procedure: Procedure, facts: Mapping[str, Value]) -> dict[str, Value]:
    return {
        spec.name: facts[spec.name]
        for spec in procedure.facts
        if spec.default is not None or holds(spec.needed_when, facts)
    }


def _priced(procedure: Procedure, facts: Mapping[str, Value], channel: Channel, on: date) -> Money | None:
    try:
        return quote(procedure, facts, channel, on).total
    except GatewayError:
        return None


def check_reason(reason: str, what: str) -> str:
    """Raises Invalid if it is blank."""
    if not reason.strip():
        raise Invalid(f"Say {what}.", fields={"reason": "must not be blank"})
    return reason.strip()
