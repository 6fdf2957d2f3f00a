"""The durable books of a simulator: documents by kind and id, in an append-only file of JSON lines.

One line is one change: everything in it happened, or nothing did. It is on disk before anybody is told, and a line
that a kill tore in half is cut off at the next start, as nobody was told of it.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


class Change:
    """What one change writes. Nothing of it is visible in the books before it is committed, but `get` sees it."""

    def __init__(self, books: "Books") -> None:
        self._books = books
        self.puts: dict[tuple[str, str], Document] = {}

    def get(self, kind: str, document_id: str) -> Document | None:
        return self.puts.get((kind, document_id)) or self._books.get(kind, document_id)

    def put(self, kind: str, document: Document) -> Document:
        self.puts[kind, document["id"]] = document
        return document


class Books:
    def __init__(self, path: Path) -> None:
        self._documents: dict[str, dict[str, Document]] = {}
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._replay()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def get(self, kind: str, document_id: str) -> Document | None:
        with self._lock:
            return self._documents.get(kind, {}).get(document_id)

    def all(self, kind: str) -> list[Document]:
        """In the order in which they were first written."""
        with self._lock:
            return list(self._documents.get(kind, {}).values())

    def find(self, kind: str, **fields: object) -> Document | None:
        """The first document with these values."""
        return next((d for d in self.all(kind) if all(d.get(name) == value for name, value in fields.items())), None)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One change at a time; it is written when the block ends without an error."""
        with self._lock:
            change = Change(self)
            yield change
            if change.puts:
                self._append([[kind, document] for (kind, _), document in change.puts.items()])

    def _append(self, puts: list[Any]) -> None:
        self._file.write(json.dumps(puts, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._apply(puts)

    def _apply(self, puts: list[Any]) -> None:
        for kind, document in puts:
            self._documents.setdefault(kind, {})[document["id"]] = document

    def _replay(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._apply(json.loads(line))
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)
