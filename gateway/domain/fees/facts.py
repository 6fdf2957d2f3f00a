"""The facts that a fee depends on: what may be asked, what may be answered, and what is said about a wrong answer.

A fact is named in the catalogue with its kind and its range or options, so that a portal can build its form from the
same data that checks the answer. Types are exact: `true` is not 1, and 1.0 is not a whole number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.errors import Invalid
from gateway.domain.money import Money

Value = int | str  # a bool is an int to Python; FactSpec.accepts tells them apart
Facts = Mapping[str, Value]
Conditions = Mapping[str, tuple[Value, ...]]

CHANNEL = "channel"
"""The name under which the channel stands among the facts, so that a condition can ask for it."""


class Channel(StrEnum):
    ONLINE = "online"
    COUNTER = "counter"


class FactKind(StrEnum):
    INTEGER = "integer"
    MONEY = "money"  # minor units of the procedure's currency
    CHOICE = "choice"
    BOOLEAN = "boolean"


class FactsInvalid(Invalid):
    code = "invalid_facts"


@dataclass(frozen=True, slots=True)
class Option:
    value: Value
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: `minimum` and `maximum` (both included) bound a number, `options` list a choice.

    Without a `default` it must be given, but only where `needed_when` holds for the facts named before it.
    `unit` and `units` are what is counted, for one and for many: {"en": "page"} and {"en": "pages"}.
    """

    name: str
    kind: FactKind
    titles: Mapping[str, str]
    minimum: int = 0
    maximum: int = 0
    options: tuple[Option, ...] = ()
    default: Value | None = None
    needed_when: Conditions = field(default_factory=dict)
    unit: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def required(self) -> bool:
        """Whether it must always be given."""
        return self.default is None and not self.needed_when

    @property
    def allowed(self) -> str:
        """What is allowed, to follow "must be" in a sentence for the caller."""
        if self.kind is FactKind.BOOLEAN:
            return "true or false"
        if self.kind is FactKind.CHOICE:
            return "one of " + ", ".join(str(option.value) for option in self.options)
        unit = "a whole number of minor units" if self.kind is FactKind.MONEY else "a whole number"
        return f"{unit} from {self.minimum} to {self.maximum}"

    def accepts(self, value: object) -> bool:
        if self.kind is FactKind.BOOLEAN:
            return isinstance(value, bool)
        if self.kind is FactKind.CHOICE:
            return any(type(value) is type(option.value) and value == option.value for option in self.options)
        return type(value) is int and self.minimum <= value <= self.maximum

    def shown(self, value: Value) -> Mapping[str, str]:
        """How people call `value`, which is one of a choice or a yes or no."""
        if self.kind is FactKind.BOOLEAN:
            answers = {"vi": "có", "en": "yes"} if value else {"vi": "không", "en": "no"}
            return {language: f"{self.titles[language]} ({answer})" for language, answer in answers.items()}
        return next(option.titles for option in self.options if option.value == value)


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule is asked about: checked facts (the channel among them), how each is called, and the currency."""

    facts: Facts
    specs: Mapping[str, FactSpec]
    currency: str

    def number(self, name: str) -> int:
        """The number of a fact that the rule cannot do without."""
        value = self.facts.get(name)
        if not isinstance(value, int):
            raise FactsInvalid(f"The fee cannot be worked out without {name}.", fields={f"facts.{name}": "is required"})
        return value

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)

    def with_fact(self, name: str, value: Value) -> "Case":
        return Case({**self.facts, name: value}, self.specs, self.currency)


def holds(conditions: Conditions, facts: Facts) -> bool:
    """Whether every fact that `conditions` names has one of the values listed for it."""
    return all(facts.get(name) in values for name, values in conditions.items())


def checked(specs: Iterable[FactSpec], given: Mapping[str, object], channel: Channel) -> dict[str, Value]:
    """The facts with their defaults filled in and the channel added.

    Raises FactsInvalid, which names every fact that is missing, wrong or not asked for, with what is allowed.
    """
    facts: dict[str, Value] = {CHANNEL: channel}
    faults: dict[str, str] = {}
    names = []
    for spec in specs:
        names.append(spec.name)
        value = given.get(spec.name)
        if isinstance(value, int | str) and spec.accepts(value):
            facts[spec.name] = value
        elif spec.name in given:
            faults[f"facts.{spec.name}"] = f"must be {spec.allowed}"
        elif spec.default is not None:
            facts[spec.name] = spec.default
        elif holds(spec.needed_when, facts):
            faults[f"facts.{spec.name}"] = f"is required: {spec.allowed}"
    asked = f"allowed: {', '.join(names)}" if names else "this procedure asks for no facts"
    faults |= {f"facts.{name}": f"is not asked for; {asked}" for name in given if name not in names}
    if faults:
        raise FactsInvalid("; ".join(f"{name} {fault}" for name, fault in faults.items()) + ".", fields=faults)
    return facts
