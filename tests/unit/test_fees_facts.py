"""Facts that callers get wrong, by mistake or on purpose: each is an error that names it and what is allowed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.fees import LANGUAGES, Channel, FactKind, FactsInvalid, FactSpec, Procedure, quote
from gateway.domain.money import MAX_MINOR
from gateway.services.read_catalogue import read_catalogue

ON = date(2025, 6, 1)
PROCEDURES = {entry.procedure.code: entry.procedure for entry in read_catalogue().procedures}
EVERY_FACT = [
    pytest.param(procedure, spec, id=f"{code} {spec.name}")
    for code, procedure in PROCEDURES.items()
    for spec in procedure.facts
]


def right_value(spec: FactSpec) -> st.SearchStrategy[Any]:
    if spec.kind is FactKind.BOOLEAN:
        return st.booleans()
    if spec.kind is FactKind.CHOICE:
        return st.sampled_from([option.value for option in spec.options])
    return st.integers(spec.minimum, spec.maximum)


def right_facts(procedure: Procedure) -> st.SearchStrategy[dict[str, Any]]:
    """Every fact that must be given, any of those that may."""
    always = {spec.name: right_value(spec) for spec in procedure.facts if spec.default is None}
    maybe = {spec.name: right_value(spec) for spec in procedure.facts if spec.default is not None}
    return st.fixed_dictionaries(always, optional=maybe)


def simplest_facts(procedure: Procedure) -> dict[str, Any]:
    values = {FactKind.BOOLEAN: True, FactKind.INTEGER: 1, FactKind.MONEY: 1_000}
    return {spec.name: values[spec.kind] if not spec.options else spec.options[0].value for spec in procedure.facts}


def faults(procedure: Procedure, facts: Mapping[str, object]) -> dict[str, str]:
    with pytest.raises(FactsInvalid) as refused:
        quote(procedure, facts, Channel.COUNTER, ON)
    return refused.value.fields


@given(st.data(), st.sampled_from(list(PROCEDURES.values())), st.sampled_from(Channel), st.dates(date(2023, 1, 1)))
def test_any_right_facts_have_a_price_whose_steps_add_up(
    data: st.DataObject, procedure: Procedure, channel: Channel, on: date
) -> None:
    priced = quote(procedure, data.draw(right_facts(procedure)), channel, on)
    assert priced.total.amount_minor == sum(line.amount.amount_minor for line in priced.lines)
    assert 0 <= priced.total.amount_minor <= MAX_MINOR
    for line in priced.lines:
        assert line.quantity > 0
        assert line.amount.amount_minor == sum(step.amount.amount_minor for step in line.steps)
        assert line.amount.amount_minor >= 0
        assert line.reduction.amount_minor >= 0
        assert all(step.texts[language].strip() for step in line.steps for language in LANGUAGES)


@pytest.mark.parametrize(("procedure", "spec"), EVERY_FACT)
@pytest.mark.parametrize(
    "wrong",
    [None, 1.0, float("nan"), "", "1 ", -1, -(10**30), 10**30, 2**63, [], {}, [1], {"a": 1}, b"1", "x" * 10_000],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(procedure: Procedure, spec: FactSpec, wrong: object) -> None:
    assert faults(procedure, {**simplest_facts(procedure), spec.name: wrong}) == {
        f"facts.{spec.name}": f"must be {spec.allowed}"
    }


@pytest.mark.parametrize(("procedure", "spec"), EVERY_FACT)
def test_true_is_not_a_number_and_a_number_is_not_true(procedure: Procedure, spec: FactSpec) -> None:
    wrong = 1 if spec.kind is FactKind.BOOLEAN else True
    assert f"facts.{spec.name}" in faults(procedure, {**simplest_facts(procedure), spec.name: wrong})


@pytest.mark.parametrize(("procedure", "spec"), EVERY_FACT)
def test_a_fact_without_a_default_is_missed(procedure: Procedure, spec: FactSpec) -> None:
    facts = {name: value for name, value in simplest_facts(procedure).items() if name != spec.name}
    if spec.default is not None:
        assert quote(procedure, facts, Channel.COUNTER, ON) == quote(
            procedure, {**facts, spec.name: spec.default}, Channel.COUNTER, ON
        )
    else:
        assert faults(procedure, facts) == {f"facts.{spec.name}": f"is required: {spec.allowed}"}


def test_the_value_of_a_motorbike_is_asked_for_only_where_it_matters() -> None:
    procedure = PROCEDURES["vn-motorbike-registration"]
    assert "facts.value_minor" in faults(procedure, {"zone": 2})
    assert quote(procedure, {"zone": 3}, Channel.COUNTER, ON).total.amount_minor == 150_000


@pytest.mark.parametrize("code", sorted(PROCEDURES))
def test_a_fact_that_is_not_asked_for_is_refused_with_those_that_are(code: str) -> None:
    procedure = PROCEDURES[code]
    names = ", ".join(spec.name for spec in procedure.facts)
    expected = f"allowed: {names}" if names else "this procedure asks for no facts"
    assert faults(procedure, {**simplest_facts(procedure), "colour": "red"}) == {
        "facts.colour": f"is not asked for; {expected}"
    }


def test_the_channel_cannot_be_smuggled_in_among_the_facts() -> None:
    assert "facts.channel" in faults(PROCEDURES["vn-passport-new"], {"channel": "online"})


def test_all_wrong_facts_are_named_at_once() -> None:
    wrong = faults(PROCEDURES["vn-certified-copy"], {"copies": 0, "page": 3})
    assert wrong == {
        "facts.pages": "is required: a whole number from 1 to 10000",
        "facts.copies": "must be a whole number from 1 to 1000",
        "facts.page": "is not asked for; allowed: pages, copies",
    }


@given(
    st.sampled_from(list(PROCEDURES.values())),
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    ),
)
def test_any_json_is_priced_or_refused(procedure: Procedure, facts: dict[str, Any]) -> None:
    named: set[str] = set()
    try:
        quote(procedure, facts, Channel.ONLINE, ON)
    except FactsInvalid as refused:
        named = set(refused.fields)
    assert named or set(facts) <= {spec.name for spec in procedure.facts}
    assert all(name.startswith("facts.") for name in named)
