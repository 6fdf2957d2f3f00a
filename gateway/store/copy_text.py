"""Rows in the text format of COPY (PostgreSQL manual, COPY, "Text Format")."""

from collections.abc import Iterable

_ESCAPED = str.maketrans(
    {
        "\\": r"\\",
        "\t": r"\t",
        "\n": r"\n",
        "\r": r"\r",
        "\0": "\N{REPLACEMENT CHARACTER}",  # which PostgreSQL does not take
    }
)


def copy_row(values: Iterable[object]) -> bytes:
    """One line. A list is an array of texts, None is NULL, a bool is t or f."""
    return ("\t".join(map(_cell, values)) + "\n").encode(errors="replace")


def _cell(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    text = "{" + ",".join(map(_quoted, value)) + "}" if isinstance(value, list) else str(value)
    return text if text.isalnum() else text.translate(_ESCAPED)


def _quoted(member: object) -> str:
    return '"' + str(member).replace("\\", "\\\\").replace('"', '\\"') + '"'
