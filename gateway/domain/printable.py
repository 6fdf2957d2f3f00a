"""Text as a document can be set: in letters that its fonts have, so that no name can stop a receipt or a report."""

import unicodedata
from typing import Any

REPLACED = "?"

# Latin with its extensions (so Vietnamese whole), Greek, Cyrillic, and the signs and currencies that are written here.
_RANGES = (
    *((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x218, 0x21B), (0x391, 0x3A1)),
    *((0x3A3, 0x3A9), (0x3B1, 0x3C9), (0x401, 0x40C), (0x40E, 0x44F), (0x451, 0x45C), (0x45E, 0x45F), (0x1EA0, 0x1EF9)),
    *((0x2010, 0x2015), (0x2018, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026), (0x2030, 0x2030), (0x2039, 0x203A)),
    *((0x20A9, 0x20A9), (0x20AB, 0x20AC), (0x2116, 0x2116), (0x2212, 0x2212)),
)
ALLOWED = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))


def printable(content: Any) -> Any:
    """`content` (text, or JSON-like data) with each character that cannot be set as a question mark."""
    if isinstance(content, str):
        composed = unicodedata.normalize("NFC", content)
        return "".join(letter if letter in ALLOWED or letter == "\n" else REPLACED for letter in composed)
    if isinstance(content, dict):
        return {name: printable(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [printable(value) for value in content]
    return content
