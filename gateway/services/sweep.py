"""Work through what is due: a fault with one item is logged and left for its next turn, and the others go on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

log = structlog.get_logger()

Item = TypeVar("Item")


def each(items: Sequence[Item], work: Callable[[Item], object], what: str) -> int:
    """Call `work` on each item. Returns how many there were. A claimed item comes up again when its lease is over."""
    for item in items:
        try:
            work(item)
        except Exception:
            log.exception("sweep item failed", sweep=what)
    return len(items)
