"""What a request may say at all, before any schema looks at it.

JSON is read strictly: UTF-8, one object, no name twice, no NaN; numbers are whole and fit a BIGINT; text has no NUL and
no half characters, which PostgreSQL does not take; nothing is nested deeper than DEPTH_MAX. A fault is told with its
field.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Request, g, request
from webargs.flaskparser import FlaskParser

from gateway.api.problems import BodyTooLarge, InvalidRequest, MalformedJson, UnsupportedMediaType, flattened

BIGINT_MAX = 2**63 - 1
BIGINT_DIGITS_MAX = 19
DEPTH_MAX = 16
FAULTS_TOLD = 20

BEYOND_BIGINT = BIGINT_MAX + 1
"""Stands for every number that is too long to be worth computing."""


def json_body() -> dict[str, Any]:
    """The request's JSON object; an empty one if it has no body.

    Raises UnsupportedMediaType, MalformedJson, or InvalidRequest for what no field takes.
    """
    if "json_body" not in g:
        g.json_body = _read_body()
    body: dict[str, Any] = g.json_body
    return body


def raw_body() -> bytes:
    """The body as it came. Raises BodyTooLarge.

    A body that does not tell its length beforehand is cut at the limit without a word, so what fills it is refused.
    """
    body = request.get_data()
    limit = request.max_content_length
    if limit is not None and len(body) >= limit:
        raise BodyTooLarge(f"The body must be smaller than {limit} bytes.")
    return body


def check_address() -> None:
    """Path and query hold no NUL, wherever they lead. Raises InvalidRequest."""
    if "\0" in request.path:
        raise InvalidRequest("The address holds a NUL character.", fields={"path": "must not hold a NUL character"})
    faulty = {name for name, value in request.args.items(multi=True) if "\0" in name + value}
    if faulty:
        fields = {name.replace("\0", ""): "must not hold a NUL character" for name in faulty}
        raise InvalidRequest("The query holds a NUL character.", fields=fields)


class StrictParser(FlaskParser):
    """Hands the strictly read request to the schemas, and their complaints to the caller."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": ma.RAISE}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        return json_body()

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        repeated = {name: "is given more than once" for name, values in req.args.lists() if len(values) > 1}
        if repeated:
            raise InvalidRequest("A query parameter is given more than once.", fields=repeated)
        return req.args.to_dict()

    def handle_error(self, error: ma.ValidationError, *_args: Any, **_options: Any) -> Any:
        located = error.messages_dict
        messages = next(iter(located.values())) if len(located) == 1 else located
        faults = dict(flattened(messages))
        raise InvalidRequest(_sentence(faults), fields=faults) from error


def _read_body() -> dict[str, Any]:
    raw = raw_body()
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    body = _parse(raw)
    if not isinstance(body, dict):
        raise MalformedJson("The body must be a JSON object.")
    faults = dict(_faults(body, "", 1))
    if faults:
        shown = dict(list(faults.items())[:FAULTS_TOLD])
        raise InvalidRequest(_sentence(shown), fields=shown)
    return body


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=Decimal,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedJson(f"The body is not JSON: {error.msg} at {where}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise MalformedJson(f"An object names a field twice: {', '.join(map(ascii, repeated))}.")
    return found


def _whole_number(digits: str) -> int:
    return int(digits) if len(digits) <= BIGINT_DIGITS_MAX + 1 else BEYOND_BIGINT


def _no_number(name: str) -> Any:
    raise MalformedJson(f"{name} is not JSON.")


def _faults(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """What cannot be stored or computed with, whatever the schema."""
    if depth > DEPTH_MAX:
        yield path, f"is nested deeper than {DEPTH_MAX} levels"
    elif isinstance(value, dict):
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            if _text_fault(name):
                yield where.encode(errors="replace").decode().replace("\0", "?"), f"the name {_text_fault(name)}"
            else:
                yield from _faults(inner, where, depth + 1)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _faults(inner, f"{path}[{at}]", depth + 1)
    elif fault := _scalar_fault(value):
        yield path, fault


def _scalar_fault(value: Any) -> str:
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, Decimal):
        return "must be a whole number: amounts are in minor units, and no field takes decimals"
    if type(value) is int and not -BIGINT_MAX <= value <= BIGINT_MAX:
        return f"must be between -{BIGINT_MAX} and {BIGINT_MAX}"
    return ""


def _text_fault(text: str) -> str:
    if "\0" in text:
        return "must not hold a NUL character"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must be valid Unicode: it holds half of a surrogate pair"
    return ""


def _sentence(faults: dict[str, str]) -> str:
    return "; ".join(f"{name} {fault}" for name, fault in faults.items())
