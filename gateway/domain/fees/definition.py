"""A procedure from its plain form: the dictionaries, lists and strings of a catalogue file and of a JSONB column.

The form is trusted: gateway/services/read_catalogue.py has checked it before it was first stored. A rate is written as
people write it, "0.06%" or "1/3", and read exactly; a date is "2024-01-01"; a key left out has its default.
"""

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from gateway.domain.fees.facts import Conditions, FactKind, FactSpec, Option
from gateway.domain.fees.procedure import FeeItem, FeeVersion, Instalments, Procedure, Reduction
from gateway.domain.fees.rules import Band, Fixed, PerUnit, Progressive, Range, Row, Rule, Slab, Tier

Plain = Mapping[str, Any]


def procedure_from_dict(definition: Plain) -> Procedure:
    return Procedure(
        code=definition["code"],
        agency=definition["agency"],
        titles=definition["titles"],
        currency=definition["currency"],
        facts=tuple(_fact(fact) for fact in definition["facts"]),
        items=tuple(_item(item) for item in definition["items"]),
        official_code=definition["official_code"],
        refund_policy=definition["refund_policy"],
        notice=definition["notice"],
    )


def rate_from_text(text: str) -> Fraction:
    """rate_from_text("0.06%") == Fraction(6, 10_000); rate_from_text("1/3") == Fraction(1, 3)."""
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def _fact(plain: Plain) -> FactSpec:
    return FactSpec(
        name=plain["name"],
        kind=FactKind(plain["kind"]),
        titles=plain["titles"],
        minimum=plain.get("minimum", 0),
        maximum=plain.get("maximum", 0),
        options=tuple(Option(option["value"], option["titles"]) for option in plain.get("options", ())),
        default=plain.get("default"),
        needed_when=_conditions(plain.get("needed_when", {})),
        unit=plain.get("unit", {}),
        units=plain.get("units", {}),
    )


def _item(plain: Plain) -> FeeItem:
    return FeeItem(
        code=plain["code"],
        titles=plain["titles"],
        revenue_code=plain["revenue_code"],
        versions=tuple(_version(version) for version in plain["versions"]),
        when=_conditions(plain.get("when", {})),
    )


def _version(plain: Plain) -> FeeVersion:
    rule = plain["rule"]
    return FeeVersion(
        valid_from=date.fromisoformat(plain["valid_from"]),
        valid_until=_day(plain.get("valid_until")),
        rule=_RULES[rule["kind"]](rule),
        legal_basis=plain["legal_basis"],
        source=plain["source"],
        share_kept_basis_points=plain["share_kept_basis_points"],
        reductions=tuple(_reduction(reduction) for reduction in plain.get("reductions", ())),
        instalments=Instalments(**plain["instalments"]) if "instalments" in plain else None,
    )


def _reduction(plain: Plain) -> Reduction:
    return Reduction(
        titles=plain["titles"],
        when=_conditions(plain["when"]),
        legal_basis=plain["legal_basis"],
        source=plain["source"],
        keep=rate_from_text(plain["keep"]) if "keep" in plain else None,
        reduced_to_minor=plain.get("reduced_to_minor"),
        valid_from=_day(plain.get("valid_from")),
        valid_until=_day(plain.get("valid_until")),
    )


def _fixed(plain: Plain) -> Rule:
    return Fixed(plain["amount_minor"])


def _per_unit(plain: Plain) -> Rule:
    tiers = tuple(Tier(tier.get("up_to"), tier["amount_minor"]) for tier in plain["tiers"])
    return PerUnit(plain["unit"], tiers, plain.get("each"), plain.get("cap_minor"))


def _slab(plain: Plain) -> Rule:
    rows = (Row(_conditions(row.get("when", {})), _range(row), row["amount_minor"]) for row in plain["rows"])
    return Slab(tuple(rows), plain.get("value"))


def _progressive(plain: Plain) -> Rule:
    bands = tuple(
        Band(
            _range(band),
            band.get("base_minor", 0),
            rate_from_text(band.get("rate", "0%")),
            rate_from_text(band.get("rate_above", "0%")),
        )
        for band in plain["bands"]
    )
    return Progressive(plain["value"], bands, plain.get("floor_minor"), plain.get("cap_minor"))


def _percentage(plain: Plain) -> Rule:
    band = Band(Range(), rate=rate_from_text(plain["rate"]))
    return Progressive(plain["value"], (band,), plain.get("floor_minor"), plain.get("cap_minor"))


_RULES: dict[str, Callable[[Plain], Rule]] = {
    "fixed": _fixed,
    "per_unit": _per_unit,
    "slab": _slab,
    "progressive": _progressive,
    "percentage": _percentage,
}


def _range(plain: Plain) -> Range:
    return Range(
        low_minor=plain.get("from_minor", plain.get("above_minor")),
        high_minor=plain.get("below_minor", plain.get("up_to_minor")),
        low_included="from_minor" in plain,
        high_included="below_minor" not in plain,
    )


def _conditions(plain: Plain) -> Conditions:
    return {name: tuple(values) for name, values in plain.items()}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
