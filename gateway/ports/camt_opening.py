"""What stands before the content of a camt message: read ahead of its parser, which obeys what could hide there.

A document type can stand nowhere else, and without one there are no entities to expand and nothing to fetch.
"""

import re
from xml.parsers.expat import ExpatError, ParserCreate

from gateway.ports.statement import UnreadableStatement

_NAMESPACE = re.compile(r"(urn:iso:std:iso:20022:tech:xsd:camt\.(053|054)\.001\.(0[2-9]|1[0-3]))\}Document")
_ENCODINGS = {"utf-8", "us-ascii", "iso-8859-1"}


class Opening:
    def __init__(self) -> None:
        self.encoding = "utf-8"
        self._namespace: tuple[str, str] | None = None
        self._parser = parser = ParserCreate(None, "}")
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.StartElementHandler = self._started

    def come_to(self, chunk: bytes, *, is_last: bool) -> tuple[str, str] | None:
        """The namespace of the document and its number, once it has begun. Raises UnreadableStatement or ExpatError for
        what is wrong before that."""
        try:
            self._parser.Parse(chunk, is_last)
        except (ExpatError, LookupError, UnicodeError):
            if self._namespace is None:
                raise
        except UnreadableStatement as fault:
            raise UnreadableStatement(fault.reason, line=self._parser.CurrentLineNumber, field=fault.field) from None
        return self._namespace

    def _started(self, name: str, _attributes: object) -> None:
        match = _NAMESPACE.fullmatch(name)
        if match is None:
            raise UnreadableStatement("it is not camt.053 or camt.054 of a version from 001.02 to 001.13")
        self._namespace = match[1], match[2]
        self._parser.StartElementHandler = None

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise UnreadableStatement("its encoding is none of UTF-8, US-ASCII and ISO-8859-1", field="encoding")
        self.encoding = encoding or self.encoding


def _refuse_document_type(*_: object) -> None:
    raise UnreadableStatement("it has a document type, which could hide entities")
