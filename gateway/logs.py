"""What is written about the running system: JSON lines on standard error, one id through a request and its calls.

A line holds only the fields of ALLOWED. Bodies, headers, query strings, tokens and people's data are not among them, so
that a careless call cannot write them: what it says too much is named under `dropped`, without its value. Of an
exception its type and its places are written, never its message, because a message may quote what it choked on.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        # every line
        *("event", "level", "timestamp", "logger", "request_id"),
        # a request: the route's template, not the path; ids of a key or an officer, not the key
        *("method", "route", "status", "duration_ms", "key", "officer", "code", "reason"),
        # what it is about: ids of ours, names of providers and states
        *("provider", "payment", "refund", "dispute", "invoice", "checkout_session", "event_id"),
        *("discrepancy", "run", "batch", "lines", "was", "now", "source", "kind", "day", "business_date"),
        # work in the background
        *("sweep", "task", "job", "done", "attempts", "http_status", "count"),
        # what went wrong
        *("error", "causes", "trace", "dropped"),
    }
)

# Libraries whose chatter says too much (httpx logs whole URLs) or too often.
QUIET = ("httpx", "httpcore", "urllib3", "stripe", "procrastinate", "werkzeug")

Event = MutableMapping[str, Any]


def configure_logging(level: str) -> None:
    """To be called once in each process, before anything is logged. `level` is a name, such as INFO."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _explain_exception,
        keep_allowed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        # A line with its end in one write, so that processes that share a log do not run into each other's lines.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def keep_allowed(_logger: Any, _method: str, event: Event) -> Event:
    """Only what may be written; the names of what may not are kept as a hint to whoever wrote the call."""
    meta = {name: value for name, value in event.items() if name in ALLOWED or name.startswith("_")}
    dropped = sorted(set(event) - set(meta))
    return meta | {"dropped": dropped} if dropped else meta


def _explain_exception(_logger: Any, _method: str, event: Event) -> Event:
    """Replace `exc_info` by the exception's type, the types that caused it, and the places it came through."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["causes"] = _causes(error)
        event["trace"] = _places(error.__traceback__)
    return event


def _causes(error: BaseException) -> list[str]:
    names = []
    cause = error.__cause__ or error.__context__
    while cause is not None:
        names.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return names


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
