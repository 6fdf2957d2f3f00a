"""Ports that no other test process uses, however many run at once."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

from gateway.local import is_free

PORTS = 32  # the web server's and some for simulators
# Below those that the system hands out for outgoing connections, one of which could come to hold a port of ours.
BLOCKS = range(10_000, 32_000, PORTS)
_claims: list[int] = []  # files kept open, and so locked, until this process ends


def free_ports() -> int:
    """The first of PORTS neighbouring ports that nobody uses, and no other test process will while this one lives."""
    folder = Path(gettempdir()) / f"congphi-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for first in BLOCKS:
        claim = os.open(folder / str(first), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            continue
        _claims.append(claim)
        if all(is_free(port) for port in range(first, first + PORTS)):
            return first
    raise RuntimeError("no free ports")


def free_port() -> int:
    """One by itself, which is given to nobody else."""
    return next(_single)


def _singles() -> Iterator[int]:
    while True:
        first = free_ports()
        yield from (port for port in range(first, first + PORTS) if is_free(port))


_single = _singles()
