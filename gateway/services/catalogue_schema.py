"""The shape of a catalogue file: which keys there are, which are required, and what each may hold.

`AgencyFile` and `ProcedureFile` only judge the shape; whether a procedure makes sense (its conditions name its facts,
its bands meet, every case has a price) is judged by check_procedure.py, and an agency by check_agency.py. Unknown keys
are faults, so that a misspelt reduction is not silently a reduction that never applies.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.domain.fees import LANGUAGES, FactKind
from gateway.domain.fees.definition import rate_from_text
from gateway.domain.money import EXPONENT, MAX_MINOR
from gateway.domain.national_references import ReferenceStyle

_MISSING: dict[str, Any] = {"required": "is missing: add it", "null": "must not be empty"}
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ACCOUNT = re.compile(r"[0-9A-Z-]{1,34}")
_BANK_CODE = re.compile(r"[0-9A-Z]{0,11}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,'()/&+-]{0,69}")
_DIGITS = re.compile(r"[0-9]*")
_TAX_CODE = re.compile(r"[0-9-]{5,20}")
# What people may read in their own language beside those of the pages, where the catalogue has it.
FURTHER_LANGUAGES = ("da", "et", "ko", "ms", "ta", "zh")
_RATE = re.compile(r"\d{1,3}(\.\d{1,4})?%|\d{1,6}/[1-9]\d{0,5}")


class _Shape(Schema):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages = {
            "unknown": f"is not a key that belongs here; allowed: {', '.join(self.fields)}",
            "type": "must be a block of keys",
        }


class _Whole(fields.Field[int]):
    """A whole number within bounds; neither `true` nor 1.0 is one."""

    def __init__(self, minimum: int = 0, maximum: int = MAX_MINOR, *, required: bool = False) -> None:
        super().__init__(required=required, error_messages=_MISSING)
        self._minimum, self._maximum = minimum, maximum

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if type(value) is not int or not self._minimum <= value <= self._maximum:
            raise ValidationError(f"must be a whole number from {self._minimum} to {self._maximum}")
        return value


class _Rule(fields.Field[Mapping[str, Any]]):
    """A rule, judged by the shape of its kind."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Mapping[str, Any]:
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(kind, str) or kind not in _RULES:
            raise ValidationError({"kind": [f"must be one of {', '.join(_RULES)}"]})
        faults = _RULES[kind]().validate(value)
        if faults:
            raise ValidationError(dict(faults))
        return value


def _text(*checks: Callable[[str], Any], required: bool = True) -> fields.String:
    messages = {**_MISSING, "invalid": "must be text (put it in quotes)"}
    return fields.String(required=required, validate=checks or [validate.Length(min=1)], error_messages=messages)


def _matching(pattern: re.Pattern[str], example: str) -> validate.Validator:
    return validate.Regexp(rf"^({pattern.pattern})\Z", error=f"must look like {example}")


def _written(pattern: re.Pattern[str], how: str) -> validate.Validator:
    return validate.Regexp(rf"^({pattern.pattern})\Z", error=f"must be written {how}")


def _code() -> fields.String:
    return _text(_matching(_CODE, "vn-passport-new"))


def _one_of(values: Iterable[str], *, required: bool = True) -> fields.String:
    allowed = list(values)
    return _text(validate.OneOf(allowed, error=f"must be one of {', '.join(allowed)}"), required=required)


def _currency() -> fields.String:
    return _text(validate.OneOf(list(EXPONENT), error="must be an ISO 4217 currency code"))


def _fact_name(*, required: bool = True) -> fields.String:
    return _text(_matching(_CODE, "value_minor"), required=required)


def _rate(*, required: bool = False) -> fields.String:
    return _text(_is_rate, required=required)


def _is_rate(text: str) -> None:
    if not _RATE.fullmatch(text):
        raise ValidationError("must look like 0.06% or 1/3")
    if rate_from_text(text) > 1:
        raise ValidationError("must be at most 100%")


def _day(*, required: bool = False) -> fields.String:
    return _text(_is_day, required=required)


def _is_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValidationError("must be a day such as 2024-01-31") from None


def _is_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("must be an IANA time zone such as Asia/Ho_Chi_Minh") from None


def _is_country(text: str) -> None:
    if not re.fullmatch(r"[A-Z]{2}", text) or text not in Locale("en").territories:
        raise ValidationError("must be an ISO 3166 country code such as VN")


def _is_scalar(value: object) -> None:
    if type(value) not in (bool, int, str):
        raise ValidationError("must be text, a whole number, true or false")


def _list_of(shape: type[Schema], *, required: bool = True, at_least: int = 1) -> fields.List[Any]:
    return fields.List(
        fields.Nested(shape, error_messages=_MISSING),
        required=required,
        validate=validate.Length(min=at_least, error=f"must list at least {at_least}"),
        error_messages={**_MISSING, "invalid": "must be a list"},
    )


_ByLanguage = _Shape.from_dict(
    {language: _text(required=language in LANGUAGES) for language in (*LANGUAGES, *FURTHER_LANGUAGES)},
    name="_ByLanguage",
)


def _by_language(*, required: bool = True) -> fields.Nested:
    return fields.Nested(_ByLanguage, required=required, error_messages=_MISSING)


def _conditions(*, required: bool = False) -> fields.Dict:
    """Fact name to the list of values for which the condition holds; check_procedure.py knows the facts."""
    return fields.Dict(
        keys=_fact_name(),
        values=fields.List(
            fields.Raw(validate=_is_scalar),
            validate=validate.Length(min=1, error="must list at least one value"),
            error_messages={"invalid": "must be a list of values, such as [online]"},
        ),
        required=required,
        error_messages={**_MISSING, "invalid": "must be a block of fact: [values]"},
    )


class _Option(_Shape):
    value = fields.Raw(required=True, validate=_is_scalar, error_messages=_MISSING)
    titles = _by_language()


class _Fact(_Shape):
    name = _fact_name()
    kind = _one_of(FactKind)
    titles = _by_language()
    minimum = _Whole()
    maximum = _Whole()
    options = _list_of(_Option, required=False)
    default = fields.Raw()
    needed_when = _conditions()
    unit = _by_language(required=False)
    units = _by_language(required=False)

    @validates_schema
    def _check_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        is_number = data["kind"] in (FactKind.INTEGER, FactKind.MONEY)
        if is_number and not data.get("minimum", 0) <= data.get("maximum", -1):
            raise ValidationError("a number needs a maximum, and it must not be below the minimum", "maximum")
        if data["kind"] == FactKind.CHOICE and "options" not in data:
            raise ValidationError("a choice needs its options", "options")
        if "default" in data and "needed_when" in data:
            raise ValidationError("a fact with a default is never needed: leave one of the two out", "needed_when")


class _Fixed(_Shape):
    kind = _text()
    amount_minor = _Whole(required=True)


class _Tier(_Shape):
    up_to = _Whole(1)
    amount_minor = _Whole(required=True)


class _PerUnit(_Shape):
    kind = _text()
    unit = _fact_name()
    each = _fact_name(required=False)
    tiers = _list_of(_Tier)
    cap_minor = _Whole()


class _Ranged(_Shape):
    """At most one lower bound (`from` includes it, `above` does not), one upper (`up_to` includes it, `below` not)."""

    from_minor = _Whole()
    above_minor = _Whole()
    up_to_minor = _Whole()
    below_minor = _Whole()

    @validates_schema
    def _check_bounds(self, data: Mapping[str, Any], **_: Any) -> None:
        if "from_minor" in data and "above_minor" in data:
            raise ValidationError("use from_minor or above_minor, not both", "from_minor")
        if "up_to_minor" in data and "below_minor" in data:
            raise ValidationError("use up_to_minor or below_minor, not both", "up_to_minor")


class _Row(_Ranged):
    when = _conditions()
    amount_minor = _Whole(required=True)


class _Slab(_Shape):
    kind = _text()
    value = _fact_name(required=False)
    rows = _list_of(_Row)

    @validates_schema
    def _check_value(self, data: Mapping[str, Any], **_: Any) -> None:
        if "value" not in data and any(
            key.endswith("_minor") for row in data["rows"] for key in row.keys() - {"amount_minor"}
        ):
            raise ValidationError("rows have bounds: name the fact that they bound", "value")


class _Band(_Ranged):
    base_minor = _Whole()
    rate = _rate()
    rate_above = _rate()


class _Progressive(_Shape):
    kind = _text()
    value = _fact_name()
    bands = _list_of(_Band)
    floor_minor = _Whole()
    cap_minor = _Whole()


class _Percentage(_Shape):
    kind = _text()
    value = _fact_name()
    rate = _rate(required=True)
    floor_minor = _Whole()
    cap_minor = _Whole()


_RULES: dict[str, type[Schema]] = {
    "fixed": _Fixed,
    "per_unit": _PerUnit,
    "slab": _Slab,
    "progressive": _Progressive,
    "percentage": _Percentage,
}


class _Sourced(_Shape):
    source = _one_of(("verified", "memory"))
    legal_basis = _text()


class _Reduction(_Sourced):
    titles = _by_language()
    when = _conditions(required=True)
    valid_from = _day()
    valid_until = _day()
    keep = _rate()
    reduced_to_minor = _Whole()

    @validates_schema
    def _check_effect(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("keep" in data) == ("reduced_to_minor" in data):
            raise ValidationError("say what is left to pay: either keep or reduced_to_minor", "keep")


class _Instalments(_Shape):
    value = _fact_name()
    already_assessed = _fact_name()


class FeeVersionFile(_Sourced):
    valid_from = _day(required=True)
    valid_until = _day()
    share_kept_basis_points = _Whole(0, 10_000, required=True)
    rule = _Rule(required=True, error_messages=_MISSING)
    reductions = _list_of(_Reduction, required=False)
    instalments = fields.Nested(_Instalments, error_messages=_MISSING)


class _Item(_Shape):
    code = _code()
    titles = _by_language()
    revenue_code = _text(_matching(re.compile(r"[0-9A-Za-z-]{1,20}"), "2716"))
    when = _conditions()
    versions = _list_of(FeeVersionFile)


class _Procedure(_Shape):
    code = _code()
    official_code = _text(validate.Length(max=40))
    agency = _code()
    currency = _currency()
    titles = _by_language()
    notice = _by_language()
    refund_policy = _by_language()
    facts = _list_of(_Fact, at_least=0)
    items = _list_of(_Item)


class ProcedureFile(_Shape):
    procedures = _list_of(_Procedure)


class _LimitedMethod(_Shape):
    provider = _code()
    minimum_minor = _Whole(1)
    maximum_minor = _Whole(1)

    @validates_schema
    def _check_limits(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("minimum_minor", 1) > data.get("maximum_minor", MAX_MINOR):
            raise ValidationError("must not be above maximum_minor", "minimum_minor")


class _Method(fields.Field[Mapping[str, Any]]):
    """A provider's name, or a block of its name and the agency's limits for it."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Mapping[str, Any]:
        block = value if isinstance(value, dict) else {"provider": value}
        faults = _LimitedMethod().validate(block)
        if faults and not isinstance(value, dict):
            raise ValidationError("must be a provider such as stripe, or a block with provider and limits")
        if faults:
            raise ValidationError(dict(faults))
        return block


def _all_different(methods: list[Mapping[str, Any]]) -> None:
    names = [method["provider"] for method in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValidationError(f"must name each provider once: {', '.join(twice)} is there twice")


class _Agency(_Shape):
    code = _code()
    names = _by_language()
    country = _text(_is_country)
    time_zone = _text(_is_zone)
    currency = _currency()
    bank_account = _text(_written(_ACCOUNT, "in digits and capital letters, without spaces"))
    bank_code = _text(_written(_BANK_CODE, "in digits and capital letters, without spaces"), required=False)
    account_holder = _text(_written(_PLAIN_NAME, "as the bank prints it: at most 70 letters without accents"))
    reference_style = _one_of(ReferenceStyle, required=False)
    reference_prefix = _text(_written(_DIGITS, "in digits, without spaces"), required=False)
    receipt_series = _text()
    receipt_form = _text(required=False)
    tax_code = _text(_written(_TAX_CODE, "in digits and hyphens, without spaces"), required=False)
    providers = fields.List(_Method(), required=True, error_messages=_MISSING, validate=_all_different)


class AgencyFile(_Shape):
    agencies = _list_of(_Agency)
