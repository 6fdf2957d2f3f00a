"""Delivering notifications as providers do: until one is acknowledged, also across a restart of the provider.

A notification is a document of the books, committed together with the change it tells of. It is signed afresh for every
try. Several threads send, so that one slow receiver does not hold up the rest, and so that order is no promise.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import httpx

from providers.simulation.books import Books, Change, Document
from providers.simulation.faults import WEBHOOK_FAULTS, Switchboard

_THREADS = 4
_BACKOFF_MS = (200, 400, 800, 1_600, 3_000, 5_000)
_REORDER_MS = 1_500
_TIMEOUT_S = 15
_STOP_S = 2


@dataclass(frozen=True, slots=True)
class Notification:
    """One try to deliver: a request of this method to `url`."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


Sign = Callable[[str, str, bool], Notification]
"""What is sent for a url and a body; the flag asks for a signature made with the wrong secret."""

Acknowledged = Callable[[int, bytes], bool]
"""Whether an answer with this status and body ends the tries."""


def is_success(status: int, _: bytes) -> bool:
    return httpx.codes.is_success(status)


def enqueue(change: Change, board: Switchboard, event_id: str, url: str, body: str, delay_ms: int = 0) -> None:
    """Write a notification down, with what the switchboard has in store for it."""
    fault = board.take("webhook", WEBHOOK_FAULTS)
    name = "" if fault is None else fault.name
    if fault is not None and name == "delay":
        delay_ms += fault.seconds * 1_000
    if name == "reorder":  # those sent meanwhile overtake it
        delay_ms += _REORDER_MS
    copies = {"drop": (), "duplicate": (False, False), "forge": (True, False)}.get(name, (False,))
    for number, forged in enumerate(copies):
        document = {"id": f"{event_id}/{number}", "url": url, "body": body, "forged": forged}
        change.put("webhook", {**document, "due_ms": _now_ms() + delay_ms, "delivered": False})


def waits(webhook: Document) -> bool:
    """Whether it is still to be delivered."""
    return not (webhook["delivered"] or webhook.get("given_up"))


class Sender:
    def __init__(self, books: Books, sign: Sign, acknowledged: Acknowledged, tries_max: int | None = None) -> None:
        self._books = books
        self._sign = sign
        self._acknowledged = acknowledged
        self._tries_max = tries_max
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False)
        self._due: list[tuple[int, int, int, str]] = []  # when, a tie-breaker, tries so far, id
        self._order = itertools.count()
        self._condition = threading.Condition()
        self._stopping = False
        self._paused = False
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_THREADS)]

    def start(self) -> None:
        """Take up what the books hold undelivered from an earlier life, and send from now on."""
        self.add([document for document in self._books.all("webhook") if waits(document)])
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_STOP_S)
        self._client.close()

    def pause(self) -> None:
        """Send nothing until `resume`; what is on its way arrives."""
        with self._condition:
            self._paused = True

    def resume(self) -> None:
        with self._condition:
            self._paused = False
            self._condition.notify_all()

    def add(self, webhooks: Iterable[Document]) -> None:
        """Send these, which are committed."""
        with self._condition:
            for document in webhooks:
                heapq.heappush(self._due, (document["due_ms"], next(self._order), 0, document["id"]))
            self._condition.notify_all()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            tries, webhook_id = job
            document = self._books.get("webhook", webhook_id)
            if document is None:
                continue
            delivered = self._delivered(document)
            if delivered or tries + 1 == self._tries_max:
                with self._books.change() as change:
                    change.put("webhook", {**document, "delivered": delivered, "given_up": not delivered})
            else:
                backoff = _BACKOFF_MS[min(tries, len(_BACKOFF_MS) - 1)]
                with self._condition:
                    heapq.heappush(self._due, (_now_ms() + backoff, next(self._order), tries + 1, webhook_id))
                    self._condition.notify()

    def _next(self) -> tuple[int, str] | None:
        """The next notification that is due; None once the sender is stopping."""
        with self._condition:
            while not self._stopping:
                wait_ms = self._due[0][0] - _now_ms() if self._due and not self._paused else None
                if wait_ms is not None and wait_ms <= 0:
                    _, _, tries, webhook_id = heapq.heappop(self._due)
                    return tries, webhook_id
                self._condition.wait(None if wait_ms is None else wait_ms / 1_000)
            return None

    def _delivered(self, document: Document) -> bool:
        signed = self._sign(document["url"], document["body"], document["forged"])
        headers = {"content-type": "application/json"} | dict(signed.headers)
        try:
            answer = self._client.request(signed.method, signed.url, content=signed.body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError):  # a client closed under a try that was under way
            return False
        return self._acknowledged(answer.status_code, answer.content) or document["forged"]  # a forger does not insist


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
