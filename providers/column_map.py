"""How a provider's settlement file is laid out: which column is which fact, as a map in YAML that an operator can edit.

Providers that settle by file agree the layout in each contract and publish none, so it is configuration: the demo's map
lies beside the adapter, and a contract's map is named by a setting. A map is read all or nothing; every fault is told
with its file, its path in the file and what to do there.

    version: 1                                  of this layout; count it up when the contract changes it
    file:
      name: "provider-{date}-{number}.csv"      {number} if there can be several a day
      date: "%Y%m%d"                            the business date in the name
      daily: true                               from the first file on every day has one, be it empty
      encoding: utf-8                           utf-8, utf-8-sig (with a mark), ascii, cp1258
      line_end: lf                              or crlf
      delimiter: ","
    columns: [id, type, order, amount, time]    the header, exactly; what `fields` does not name is not read
    fields:                                     which of the facts of a line stands in which column
      line_id: id
      kind: type
      merchant_reference: order
      gross: amount
      occurred_at: time
    kinds: {PAY: payment, BACK: refund}         the words of the column `kind`
    outgoing: [BACK]                            with signs: by_kind, the words whose amounts leave us
    currency: VND                               of every line, unless `fields` has a column for it
    amounts:
      unit: major                               minor, or hundredths of a major unit whatever the currency
      decimal_mark: "."
      thousands_mark: ""
      signs: by_kind                            or written: a minus before what leaves us
    times: {format: "%Y-%m-%d %H:%M:%S", zone: "+07:00"}
    settled: [OK]                               the words of the column `status` whose money is paid out
    trailer:                                    the last row, if there is one
      cells: [marker, count, net]               of any width; `blank` is an empty cell
      marker: TOTAL
      currency: VND
      total: reported                           or checked: a file whose lines do not add up to it is refused
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.domain.money import EXPONENT
from gateway.ports.cells import Unit
from gateway.ports.provider import LineKind

REQUIRED_FIELDS = ("line_id", "kind", "gross", "occurred_at")
OPTIONAL_FIELDS = (
    "provider_transaction_id",
    "provider_refund_id",
    "merchant_reference",
    "currency",
    "fee",
    "net",
    "status",
)
ENCODINGS = ("utf-8", "utf-8-sig", "ascii", "cp1258")
LINE_ENDS: Mapping[str, bytes] = {"lf": b"\n", "crlf": b"\r\n"}
MARKER, COUNT, NET, BLANK = TRAILER_CELLS = ("marker", "count", "net", "blank")

_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_NAME = re.compile(r"[A-Za-z0-9_.{}-]{1,120}")
_SAMPLE = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC)
_OTHER_DIRECTIVE = re.compile(r"%(?![YmdHMS])")  # depends on a language, or tells no part of a time


class UnusableMap(Exception):
    """`faults`: what is wrong, one a line, each with its place and the fix."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Trailer:
    cells: tuple[str, ...]
    marker: str
    currency: str
    checked: bool


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`fields` says in which column each fact of a line is. `outgoing` is None where amounts bear their sign."""

    version: int
    file_name: str
    date_format: str
    daily: bool
    encoding: str
    line_end: bytes
    delimiter: str
    columns: tuple[str, ...]
    fields: Mapping[str, int]
    kinds: Mapping[str, LineKind]
    outgoing: frozenset[str] | None
    currency: str | None
    unit: Unit
    decimal_mark: str
    thousands_mark: str
    time_format: str
    zone: timezone
    settled: tuple[str, ...]
    trailer: Trailer | None

    def name_of(self, day: date, number: int = 1) -> str:
        """The name of the `number`th file of `day`."""
        return self.file_name.replace("{date}", day.strftime(self.date_format)).replace("{number}", str(number))

    def day_of(self, name: str) -> tuple[date, int] | None:
        """The day and number that a file's name says; None if it is no name of this layout."""
        pattern = (
            re.escape(self.file_name)
            .replace(r"\{date\}", "(?P<date>.+)")
            .replace(r"\{number\}", r"(?P<number>\d{1,6})")
        )
        match = re.fullmatch(pattern, name)
        try:
            day = datetime.strptime(match["date"], self.date_format).date() if match else None  # noqa: DTZ007 - a date
        except ValueError:
            return None
        number = int(match["number"]) if match and "number" in match.groupdict() else 1
        return (day, number) if day is not None and self.name_of(day, number) == name else None


def read_map(path: Path) -> ColumnMap:
    """Raises UnusableMap naming every fault."""
    try:
        content = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableMap([f"{path}: cannot be read ({type(error).__name__}): name a file in YAML and UTF-8"]) from None
    except yaml.YAMLError as error:
        raise UnusableMap([f"{path}: is not YAML: {_problem(error)}"]) from None
    if not isinstance(content, dict):
        raise UnusableMap([f"{path}: must be a block of keys; see the head of column_map.py"])
    faults = [f"{path}: {place} {fix}" for place, fix in _flattened(_Map().validate(content))]
    if faults:
        raise UnusableMap(faults)
    return _map(content)


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the line itself: the file named by mistake may hold secrets."""
    mark = getattr(error, "problem_mark", None)
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{getattr(error, 'problem', None) or 'it holds a character that is not allowed'}{where}"


class _Loader(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would silently drop one; dates stay text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        pairs = [(self.construct_object(key, deep=True), value) for key, value in node.value]
        names = [str(name) for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} twice", node.start_mark)
        return super().construct_mapping(node, deep)


_MISSING: dict[str, Any] = {"required": "is missing: add it", "null": "must not be empty"}
_TEXT: dict[str, Any] = {**_MISSING, "invalid": "must be text (put it in quotes)"}


class _Shape(Schema):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        allowed = [field.data_key or name for name, field in self.fields.items()]
        self.error_messages = {
            "unknown": f"is not a key that belongs here; allowed: {', '.join(allowed)}",
            "type": "must be a block of keys",
        }


def _text(*checks: Any, required: bool = True) -> fields.String:
    return fields.String(required=required, validate=checks or [validate.Length(1, 60)], error_messages=_TEXT)


def _one_of(values: Any, *, required: bool = True) -> fields.String:
    allowed = [str(value) for value in values]
    return _text(validate.OneOf(allowed, error=f"must be one of {', '.join(allowed)}"), required=required)


def _currency(*, required: bool) -> fields.String:
    return _text(validate.OneOf(EXPONENT, error="must be an ISO 4217 code"), required=required)


def _words(*, required: bool = True) -> fields.List[Any]:
    messages = {**_MISSING, "invalid": "must be a list"}
    return fields.List(_text(), required=required, validate=_different, error_messages=messages)


def _different(words: list[str]) -> None:
    if not words or len(set(words)) < len(words):
        raise ValidationError("must have at least one member, and all different")


def _time_format(needed: str) -> Any:
    def check(value: str) -> None:
        if any(value.count(f"%{letter}") != 1 for letter in needed) or _OTHER_DIRECTIVE.search(value):
            raise ValidationError(f"must be made of {', '.join('%' + letter for letter in needed)}")
        if datetime.strptime(_SAMPLE.strftime(value), value).strftime(value) != _SAMPLE.strftime(value):  # noqa: DTZ007
            raise ValidationError("cannot be read back")

    return check


def _file_name(value: str) -> None:
    rest = value.replace("{date}", "", 1).replace("{number}", "", 1)
    if "{date}" not in value or not _NAME.fullmatch(value) or "{" in rest or "}" in rest or value.startswith("."):
        raise ValidationError('must be letters, digits and "._-" with {date} once, and {number} at most once')


class _File(_Shape):
    name = _text(_file_name)
    date = _text(_time_format("Ymd"))
    daily = fields.Boolean(
        required=True, truthy={True}, falsy={False}, error_messages=_MISSING | {"invalid": "must be true or false"}
    )
    encoding = _one_of(ENCODINGS)
    line_end = _one_of(LINE_ENDS)
    delimiter = _one_of([",", ";", "|", "\t"])


class _Amounts(_Shape):
    unit = _one_of(Unit)
    decimal_mark = _one_of([".", ","])
    thousands_mark = _one_of(["", ".", ",", " ", "'"])
    signs = _one_of(["by_kind", "written"])

    @validates_schema
    def _marks_differ(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("decimal_mark") == data.get("thousands_mark"):
            raise ValidationError("must differ from decimal_mark", "thousands_mark")


class _Times(_Shape):
    format = _text(_time_format("YmdHMS"))
    zone = _text(validate.Regexp(rf"{_OFFSET.pattern}\Z", error='must be an offset like "+07:00"'))


class _Trailer(_Shape):
    cells = fields.List(_one_of(TRAILER_CELLS), required=True, error_messages=_MISSING | {"invalid": "must be a list"})
    marker = _text()
    currency = _currency(required=True)
    total = _one_of(["reported", "checked"])

    @validates_schema
    def _says_each_once(self, data: Mapping[str, Any], **_: Any) -> None:
        cells = data.get("cells", [])
        if any(cells.count(name) != 1 for name in (MARKER, COUNT, NET)):
            raise ValidationError(f"must hold {MARKER}, {COUNT} and {NET}, each once", "cells")


class _Map(_Shape):
    version = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1, error="must be at least 1"),
        error_messages=_MISSING | {"invalid": "must be a whole number"},
    )
    file = fields.Nested(_File, required=True, error_messages=_MISSING)
    columns = _words()
    fields_ = fields.Dict(
        keys=_one_of((*REQUIRED_FIELDS, *OPTIONAL_FIELDS)),
        values=_text(),
        required=True,
        data_key="fields",
        error_messages=_MISSING | {"invalid": "must be a block of keys"},
    )
    kinds = fields.Dict(
        keys=_text(),
        values=_one_of(LineKind),
        required=True,
        error_messages=_MISSING | {"invalid": "must be a block of keys"},
    )
    outgoing = _words(required=False)
    currency = _currency(required=False)
    amounts = fields.Nested(_Amounts, required=True, error_messages=_MISSING)
    times = fields.Nested(_Times, required=True, error_messages=_MISSING)
    settled = _words(required=False)
    trailer = fields.Nested(_Trailer, error_messages=_MISSING)

    @validates_schema
    def _fits_together(self, data: Mapping[str, Any], **_: Any) -> None:
        named, columns = data.get("fields_", {}), data.get("columns", [])
        faults = {
            f"fields.{name}": "must be one of `columns`" for name, column in named.items() if column not in columns
        }
        faults |= {f"fields.{name}": "is missing: add it" for name in REQUIRED_FIELDS if name not in named}
        if len(set(named.values())) < len(named):
            faults["fields"] = "must name a different column each"
        if ("currency" in named) is ("currency" in data):
            faults["currency"] = "must stand either here, for all lines, or in `fields` as a column"
        if ("status" in named) is not ("settled" in data):
            faults["settled"] = "belongs to a column `status` in `fields`: have both or neither"
        faults |= self._signs(data)
        if faults:
            raise ValidationError(faults)

    def _signs(self, data: Mapping[str, Any]) -> dict[str, str]:
        by_kind = data.get("amounts", {}).get("signs") == "by_kind"
        if by_kind is not ("outgoing" in data):
            return {"outgoing": "belongs to signs: by_kind; have both or neither"}
        if not set(data.get("outgoing", ())) <= set(data.get("kinds", {})):
            return {"outgoing": "must be words of `kinds`"}
        return {}


def _flattened(messages: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as (path, message): file.delimiter, columns[2]."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}"
            within = path if key in ("_schema", "key", "value") else path + step
            yield from _flattened(inner, within.lstrip("."))
    elif isinstance(messages, list):
        for message in messages:
            yield from _flattened(message, path)
    else:
        yield f"{path}:", str(messages)


def _map(content: Mapping[str, Any]) -> ColumnMap:
    """Of what is known to be in order."""
    file, amounts, times, columns = content["file"], content["amounts"], content["times"], content["columns"]
    outgoing, trailer = content.get("outgoing"), content.get("trailer")
    return ColumnMap(
        version=content["version"],
        file_name=file["name"],
        date_format=file["date"],
        daily=file["daily"],
        encoding=file["encoding"],
        line_end=LINE_ENDS[file["line_end"]],
        delimiter=file["delimiter"],
        columns=tuple(columns),
        fields={name: columns.index(column) for name, column in content["fields"].items()},
        kinds={word: LineKind(kind) for word, kind in content["kinds"].items()},
        outgoing=None if outgoing is None else frozenset(outgoing),
        currency=content.get("currency"),
        unit=Unit(amounts["unit"]),
        decimal_mark=amounts["decimal_mark"],
        thousands_mark=amounts["thousands_mark"],
        time_format=times["format"],
        zone=_zone(times["zone"]),
        settled=tuple(content.get("settled", ())),
        trailer=trailer and _trailer(trailer),
    )


def _trailer(trailer: Mapping[str, Any]) -> Trailer:
    checked = trailer["total"] == "checked"
    return Trailer(tuple(trailer["cells"]), trailer["marker"], trailer["currency"], checked)


def _zone(offset: str) -> timezone:
    hours, minutes = int(offset[1:3]), int(offset[4:])
    difference = timedelta(hours=hours, minutes=minutes)
    return timezone(-difference if offset.startswith("-") else difference)
