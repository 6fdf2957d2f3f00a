"""The switchboard: what a simulator has been told to do wrong, and how often.

A fault is armed for one operation ("create", "query", "cancel", "refund", "query_refund", "list_settlements",
"read_settlement", "list_credits", "webhook", "settlement_file") and consumed by the next calls of it. Armed faults are
kept in memory only: a restarted provider behaves.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask import Response, request

HTTP_OPERATIONS = frozenset(
    {"create", "query", "cancel", "refund", "query_refund", "list_settlements", "read_settlement", "list_credits"}
)


class Moment(StrEnum):
    INSTEAD = "instead"  # the request is not acted upon
    AFTER = "after"  # it is acted upon, and then the answer goes wrong
    INSIDE = "inside"  # the provider itself decides otherwise; the simulator's code asks for these


HTTP_FAULTS: Mapping[str, Moment] = {
    "error_500_before": Moment.INSTEAD,
    "rate_limited": Moment.INSTEAD,
    "close_connection_before": Moment.INSTEAD,
    "not_found": Moment.INSTEAD,
    "rejected": Moment.INSTEAD,
    "unauthorized": Moment.INSTEAD,
    "conflict": Moment.INSTEAD,
    "timeout_after_accept": Moment.AFTER,
    "error_500_after_accept": Moment.AFTER,
    "close_connection": Moment.AFTER,
    "garbled_answer": Moment.AFTER,
    "wrong_shape": Moment.AFTER,
    "empty_answer": Moment.AFTER,
    "unknown_code": Moment.AFTER,
    "refund_pending": Moment.INSIDE,
    "refund_fails": Moment.INSIDE,
    "refund_succeeds_then_fails": Moment.INSIDE,
}
WEBHOOK_FAULTS = frozenset({"duplicate", "reorder", "delay", "forge", "drop"})
FILE_FAULTS: Mapping[str, Callable[[bytes], bytes]] = {
    "file_is_empty": lambda _: b"",
    "file_is_cut": lambda file: file[: len(file) * 2 // 3],
    "file_without_last_row": lambda file: file[: file.rindex(b"\n", 0, -1) + 1],
    "file_goes_on": lambda file: file + file.splitlines(keepends=True)[-1],
    "file_is_not_text": lambda file: file.replace(b"\n", b"\n\xff\xfe", 1),
    "file_has_other_columns": lambda file: b"x" + file,
    "file_has_other_delimiters": lambda file: file.translate(bytes.maketrans(b",;", b";,")),
    "file_has_a_mark": lambda file: b"\xef\xbb\xbf" + file,
    "file_has_other_line_ends": lambda file: file.replace(b"\n", b"\r\n"),
    "file_repeats_a_line": lambda file: b"".join(file.splitlines(keepends=True)[i] for i in (0, 1, 1, -1)),
}
"""What becomes of a settlement file under each fault."""

FAULTS: Mapping[str, Collection[str]] = {
    **dict.fromkeys(HTTP_OPERATIONS, HTTP_FAULTS),
    "webhook": WEBHOOK_FAULTS,
    "settlement_file": FILE_FAULTS,
}
"""What can go wrong, by operation."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`seconds` is how long a time-out hangs or a webhook is delayed."""

    operation: str
    name: str
    seconds: int = 60


class Switchboard:
    def __init__(self) -> None:
        self._armed: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def arm(self, fault: Fault, times: int = 1) -> None:
        with self._lock:
            self._armed.extend([fault] * times)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Fault]:
        with self._lock:
            return list(self._armed)

    def take(self, operation: str, names: Collection[str]) -> Fault | None:
        """The first armed fault of `operation` among `names`, used up."""
        with self._lock:
            fault = next((f for f in self._armed if f.operation == operation and f.name in names), None)
            if fault is not None:
                self._armed.remove(fault)
            return fault

    def hang(self, seconds: int) -> None:
        """Wait, but not beyond the end of the server."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        self._stopped.set()


def answer(
    board: Switchboard,
    operation: str,
    work: Callable[[], Response],
    refusals: Mapping[str, Callable[[], Response]],
    unknown_code: Callable[[Response], Response],
) -> Response:
    """The answer to a request, gone wrong if a fault is armed for it. `refusals` holds the provider's own way to say
    "not_found", "rejected", "unauthorized" and "conflict" (another request with this key is under way); `unknown_code`
    rewrites an answer to hold a code nobody has heard of."""
    fault = board.take(operation, [name for name, moment in HTTP_FAULTS.items() if moment is not Moment.INSIDE])
    if fault is None:
        return work()
    if HTTP_FAULTS[fault.name] is Moment.INSTEAD:
        return refusals[fault.name]() if fault.name in refusals else _FAULTY[fault.name](Response())
    honest = work()
    if fault.name == "timeout_after_accept":
        board.hang(fault.seconds)
        return _closed(honest)
    if fault.name == "unknown_code":
        return unknown_code(honest)
    return _FAULTY[fault.name](honest)


def _closed(_: Response) -> Response:
    """Cut the connection without a word: what is written afterwards reaches nobody."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


_FAULTY: Mapping[str, Callable[[Response], Response]] = {
    "error_500_before": lambda _: Response("internal error", 500, content_type="text/plain"),
    "error_500_after_accept": lambda _: Response("internal error", 500, content_type="text/plain"),
    "rate_limited": lambda _: Response('{"error":{"code":"rate_limited"}}', 429, content_type="application/json"),
    "close_connection_before": _closed,
    "close_connection": _closed,
    "garbled_answer": lambda _: Response("<html><body>Bad gateway", 200, content_type="text/html"),
    "wrong_shape": lambda _: Response('[{"id": 1}]', 200, content_type="application/json"),
    "empty_answer": lambda _: Response("{}", 200, content_type="application/json"),
}
