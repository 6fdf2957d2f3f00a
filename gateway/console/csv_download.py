"""What a page shows, as a file for a spreadsheet.

UTF-8 with a byte order mark, by which spreadsheets know it, and CR LF. Text that they would take for a formula has an
apostrophe before it (OWASP, CSV injection).
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from flask import Response

FORMULAS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | None


def csv_download(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """`name` is that of the file, without an end. An amount is given as text of figures, and stays a number."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    response = Response("\ufeff" + written.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _harmless(cell: Cell) -> Cell:
    if not isinstance(cell, str) or not cell.startswith(FORMULAS) or _is_number(cell):
        return cell
    return f"'{cell}"


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()
