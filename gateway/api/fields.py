"""The kinds of values that requests and answers are made of, as strict as the contract says.

A number is a JSON number: "5", 5.0 and true are not 5. Text has a greatest length. An instant is written in UTC, with a
Z at its end.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import Schema, fields, validate

from gateway.api.reading import BIGINT_MAX

LIMIT_DEFAULT, LIMIT_MAX = 50, 500
CURSOR_LENGTH_MAX = 500
SCALAR_LENGTH_MAX = 500

_REQUIRED = {"required": "is required", "null": "must not be null", "validator_failed": "is not valid"}


def text(most: int, *, least: int = 1, **options: Any) -> fields.String:
    """Text of `least` to `most` characters."""
    message = f"must have {least} to {most} characters" if least else f"must have at most {most} characters"
    return fields.String(
        validate=validate.Length(least, most, error=message),
        error_messages={"invalid": "must be text", **_REQUIRED},
        **options,
    )


def whole(least: int, most: int = BIGINT_MAX, **options: Any) -> fields.Integer:
    """A JSON number from `least` to `most`."""
    return fields.Integer(
        strict=True,
        validate=validate.Range(least, most, error=f"must be from {least} to {most}"),
        error_messages={"invalid": "must be a whole number", "too_large": "is too large", **_REQUIRED},
        **options,
    )


def choice(options: Iterable[StrEnum | str], **more: Any) -> fields.String:
    """One of `options`."""
    allowed = [str(option) for option in options]
    return fields.String(
        validate=validate.OneOf(allowed, error=f"must be one of {', '.join(allowed)}"),
        error_messages={"invalid": "must be text", **_REQUIRED},
        **more,
    )


def day(**options: Any) -> fields.Date:
    return fields.Date(error_messages={"invalid": "must be a date like 2026-03-31", **_REQUIRED}, **options)


def moment(**options: Any) -> fields.AwareDateTime:
    """An instant in a request: RFC 3339 with its offset."""
    return fields.AwareDateTime(
        format="iso",
        error_messages={
            "invalid": "must be an instant like 2026-03-31T08:00:00Z",
            "invalid_awareness": "must tell its offset from UTC, as in 2026-03-31T08:00:00Z",
            **_REQUIRED,
        },
        **options,
    )


def identifier(**options: Any) -> fields.UUID:
    return fields.UUID(error_messages={"invalid_uuid": "must be a UUID", **_REQUIRED}, **options)


class Instant(fields.AwareDateTime):
    """An instant in an answer: RFC 3339 in UTC, 2026-03-31T01:00:00.000Z."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Scalar(fields.Raw):
    """A JSON value that is text, a whole number, true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str | int):
            raise self.make_error("scalar")
        if isinstance(value, str) and len(value) > SCALAR_LENGTH_MAX:
            raise self.make_error("long")
        return value

    default_error_messages = {  # noqa: RUF012 - marshmallow's own class attribute
        "scalar": "must be text, a whole number, true or false",
        "long": "is too long",
        "null": "must be text, a whole number, true or false",
    }


def scalars(most: int, **options: Any) -> fields.Dict:
    """An object of at most `most` names with a scalar each."""
    return fields.Dict(
        keys=text(64),
        values=Scalar(metadata={"type": ["string", "integer", "boolean"]}),
        validate=validate.Length(max=most, error=f"must have at most {most} names"),
        error_messages={"invalid": "must be an object", **_REQUIRED},
        **options,
    )


def texts(**options: Any) -> fields.Dict:
    """A text in each language: {"vi": ..., "en": ...}."""
    return fields.Dict(keys=fields.String(), values=fields.String(), **options)


def listed(inner: fields.Field[Any], least: int, most: int, **options: Any) -> fields.List[Any]:
    return fields.List(
        inner,
        validate=validate.Length(least, most, error=f"must have {least} to {most} members"),
        error_messages={"invalid": "must be a list", **_REQUIRED},
        **options,
    )


class RequestSchema(Schema):
    """What a caller sends: a field that is not known is refused by name."""

    error_messages = {  # noqa: RUF012 - marshmallow's own class attribute
        "unknown": "is not a field of this request",
        "type": "must be an object",
    }


class NothingSchema(RequestSchema):
    """A request that says all by its address: no body, or an empty object."""


class QueryNumber(fields.Integer):
    """A number in a query string: digits only."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(BIGINT_MAX))):
            raise self.make_error("invalid", input=value)
        return int(value)

    default_error_messages = {"invalid": "must be a whole number"}  # noqa: RUF012 - marshmallow's own class attribute


class PageQuery(RequestSchema):
    """Which part of a list."""

    limit = QueryNumber(
        load_default=LIMIT_DEFAULT,
        validate=validate.Range(1, LIMIT_MAX, error=f"must be from 1 to {LIMIT_MAX}"),
        metadata={"description": "How many at most."},
    )
    after = text(CURSOR_LENGTH_MAX, load_default=None, metadata={"description": "`next` of the page before; opaque."})


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """The schema of a page of `item`: {"data": [...], "next": cursor or null}."""
    members: dict[str, fields.Field[Any]] = {
        "data": fields.List(fields.Nested(item), required=True),
        "next": fields.String(
            required=True, allow_none=True, metadata={"description": "The cursor of the next page; null on the last."}
        ),
    }
    return Schema.from_dict(members, name=name)
