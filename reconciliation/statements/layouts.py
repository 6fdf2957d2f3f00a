"""How banks lay out the delimited statements that they hand out: column maps in YAML, in a folder of the operator's.

Banks agree a layout with each customer and publish none, so a map is configuration. An officer chooses it by its name
when handing in a file. A map is read all or nothing; every fault is told with its file, its path in the file and what
to do there. A version that files were read by stays in the folder: they are read again when they are learnt.

    name: example-bank                          how officers choose it
    version: 1                                  of this layout; a new file with the next one when the bank changes it
    account: "0123456789"                       whose statement it is
    currency: VND
    encoding: utf-8                             utf-8, ascii, cp1258, cp1252 or iso-8859-1
    delimiter: ";"
    preamble: 1                                 so many rows stand above the header
    newest_first: false                         whether the newest movement is the first
    columns: [date, number, debit, credit, balance, text]     the header, exactly
    fields:                                     which fact stands in which column
      booked_on: date
      bank_reference: number
      debit: debit                              or `amount` alone, which bears its sign
      credit: credit
      balance: balance
      text: text
    date_format: "%d/%m/%Y"
    decimal_mark: ","
    thousands_mark: "."
    trailer:                                    the last row, if there is one
      cells: [marker, count, net]               `blank` is an empty cell
      marker: TOTAL
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, fields, validate

from gateway.domain.money import EXPONENT
from gateway.ports.delimited import ENCODINGS, FIELDS, TRAILER_CELLS, StatementMap
from gateway.services.catalogue_text import CatalogueLoader, flattened

SEPARATOR = "/"
SUFFIX = ".yaml"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


def newest(layouts: Mapping[str, StatementMap], asked: str) -> str | None:
    """The name and version of the layout that is asked for by its name, or by both; None if there is none."""
    if asked in layouts:
        return asked
    versions = [int(version) for name, _, version in (key.partition(SEPARATOR) for key in layouts) if name == asked]
    return f"{asked}{SEPARATOR}{max(versions)}" if versions else None


def read_layouts(folder: str) -> tuple[Mapping[str, StatementMap], list[str]]:
    """The layouts in `folder` by name and version, as "example-bank/1", and what is wrong; a blank folder has none."""
    found: dict[str, StatementMap] = {}
    faults: list[str] = []
    if not folder:
        return found, faults
    if not Path(folder).is_dir():
        return found, [f"GATEWAY_STATEMENT_LAYOUTS: {folder} is no folder: name the one that holds the column maps."]
    for path in sorted(Path(folder).iterdir()):
        if path.suffix != SUFFIX:
            continue
        name, layout, wrong = _read(path)
        faults += [f"{path}: {fault}" for fault in wrong]
        if name in found:
            faults.append(f"{path}: {name} stands in another file too: count its version up")
        elif layout is not None:
            found[name] = layout
    return found, faults


def _read(path: Path) -> tuple[str, StatementMap | None, list[str]]:
    try:
        content = CatalogueLoader(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        return "", None, [f"cannot be read ({type(error).__name__}): it must be YAML in UTF-8"]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return "", None, [f"is not YAML{f' (line {mark.line + 1})' if mark else ''}"]
    if not isinstance(content, dict):
        return "", None, ["must be a block of keys; see docs/reconciliation.md"]
    faults = [f"{place}: {fix}" for place, fix in flattened(_Layout().validate(content))]
    if faults:
        return "", None, faults
    try:
        return f"{content['name']}{SEPARATOR}{content['version']}", _map(content), []
    except ValueError as error:
        return "", None, str(error).split("; ")


def _map(content: Mapping[str, Any]) -> StatementMap:
    """Raises ValueError."""
    trailer = content.get("trailer") or {"cells": (), "marker": ""}
    plain = {name: value for name, value in content.items() if name not in ("name", "version", "columns", "trailer")}
    return StatementMap(
        **plain,
        columns=tuple(content["columns"]),
        trailer=tuple(trailer["cells"]),
        trailer_marker=trailer["marker"],
    )


_MISSING: dict[str, Any] = {"required": "is missing: add it", "null": "must not be empty"}
_TEXT: dict[str, Any] = {**_MISSING, "invalid": "must be text (put it in quotes)"}


def _text(*checks: Any, required: bool = True) -> fields.String:
    return fields.String(required=required, validate=checks or [validate.Length(1, 60)], error_messages=_TEXT)


def _one_of(values: Any, *, required: bool = True) -> fields.String:
    allowed = [str(value) for value in values]
    return _text(validate.OneOf(allowed, error=f"must be one of {', '.join(allowed)}"), required=required)


def _whole(least: int, *, required: bool = True) -> fields.Integer:
    messages = {**_MISSING, "invalid": "must be a whole number"}
    in_range = validate.Range(min=least, error=f"must be at least {least}")
    return fields.Integer(required=required, strict=True, validate=in_range, error_messages=messages)


class _Trailer(Schema):
    cells = fields.List(_one_of(TRAILER_CELLS), required=True)
    marker = _text()


class _Layout(Schema):
    name = _text(validate.Regexp(_NAME, error="must be small letters, digits and hyphens"))
    version = _whole(1)
    account = _text()
    currency = _text(validate.OneOf(EXPONENT, error="must be an ISO 4217 code"))
    encoding = _one_of(ENCODINGS, required=False)
    delimiter = _one_of([",", ";", "|", "\t"], required=False)
    preamble = _whole(0, required=False)
    newest_first = fields.Boolean(truthy={True}, falsy={False})
    columns = fields.List(_text(), required=True, validate=validate.Length(min=1))
    fields_ = fields.Dict(keys=_one_of(sorted(FIELDS)), values=_text(), required=True, data_key="fields")
    date_format = _text()
    decimal_mark = _one_of([".", ","], required=False)
    thousands_mark = _one_of(["", ".", ",", " ", "'"], required=False)
    trailer = fields.Nested(_Trailer)
