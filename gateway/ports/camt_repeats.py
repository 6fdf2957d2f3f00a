"""Entries that a bank writes alike, told from the text of a message without its parser.

An entry that has the tags of one before it in its account, letter for letter, and differs in nothing but the texts
between them, means the same: it is read by a regular expression made of the one before. That is sure only of a plain
message, which has nothing but tags and texts in it (no comment, section or instruction), every > of which ends a tag;
and only of texts without references and without characters that XML forbids or changes. Whatever is in doubt is the
parser's.
"""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from gateway.ports.camt_shape import ENTRY, Facts, Plan
from gateway.ports.statement import UnreadableStatement

REPEATS_MAX = 8  # that are tried, the last that fitted first
LEARNED_MAX = 200  # of a message: to make an expression takes as long as to read a hundred entries

_INSTRUCTION = re.compile(rb"<\?(?!xml\s)")  # one of the name xml can only be the declaration
_BEGINS = re.compile(rf"\s*<(?:[^\s<>/:]+:)?{ENTRY}[\s>]")
_ENDS = re.compile(rf"</(?:[^\s<>/:]+:)?{ENTRY}\s*>")
_TAG = re.compile(r"(<[^<>]*>)")
_TEXT = r"[^<>&\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*+"


class Repeats:
    """Those of a message's account. `is_plain` until something comes that is not, and then no more."""

    def __init__(self) -> None:
        self._known: list[_Repeat] = []
        self._learned = self._found = 0
        self.is_plain = True

    def plain(self, piece: bytes, encoding: str) -> str:
        """The text of a piece that ends with a tag; "" if the message is not plain."""
        hides = b"<!" in piece or (b"<?" in piece and _INSTRUCTION.search(piece) is not None)
        self.is_plain &= piece.endswith(b">") and piece.count(b"<") == piece.count(b">") and not hides
        try:
            return piece.decode(encoding) if self.is_plain else ""
        except UnicodeDecodeError:
            self.is_plain = False
            return ""

    def learn(self, written: str, plan: Plan, elements: Sequence[Element]) -> None:
        """Of an entry that repeated none: its text, and what the parser made of it."""
        self._learned += 1
        if self._learned > max(LEARNED_MAX, self._found):
            self.is_plain = False  # more of them differ than repeat: the parser alone is faster
        elif self._learned <= LEARNED_MAX and _BEGINS.match(written):
            tags = _TAG.findall(written)
            self._known = [known for known in self._known if known.tags != tags]
            self._known = [_Repeat(tags, plan, elements), *self._known[: REPEATS_MAX - 1]]

    def read(self, text: str, at: int) -> tuple[list[Facts], int] | None:
        """The entry that stands there and where it ends, if it repeats one; what else may be there, or is wrong, is the
        parser's."""
        for place, known in enumerate(self._known):
            match = known.pattern.match(text, at)
            if match is not None:
                if place:
                    self._known.insert(0, self._known.pop(place))
                self._found += 1
                try:
                    return known.plan.facts(match.groups(), known.currencies), match.end()
                except UnreadableStatement:
                    return None
        return None

    def forget(self) -> None:
        """As in another account, prefixes can mean other namespaces."""
        self._known = []


class _Repeat:
    def __init__(self, tags: list[str], plan: Plan, elements: Sequence[Element]) -> None:
        self.tags = tags
        self.plan = plan
        self.currencies = plan.currencies(elements)
        self.pattern = _pattern(tags, {one.place for one in plan.kept})


def _pattern(tags: list[str], kept: set[int]) -> re.Pattern[str]:
    """With a group for the text of every element that is kept; elements are counted as their tags begin."""
    pattern, place = r"[ \t\n]*+", -1
    for tag in tags:
        text = _TEXT
        if not tag.startswith("</"):
            place += 1
            if place in kept:
                text = f"(){_TEXT}" if tag.endswith("/>") else f"({_TEXT})"
        pattern += re.escape(tag) + text
    return re.compile(pattern.removesuffix(_TEXT))


def end_of_entry(text: str, at: int) -> int:
    """Where the next tag stands that ends an entry; 0 if there is none."""
    match = _ENDS.search(text, at)
    return 0 if match is None else match.end()
