"""Concurrent clients: processes that act again and again for a while, and how long their acts took.

Python runs one thread at a time in a process, so the clients are spread over a process for each of two cores, and those
of one process share what they are given, as the threads of a gunicorn worker do.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import quantiles
from threading import Barrier

Act = Callable[[], None]
# Opens in each process what its clients share, and yields what each of them does again and again.
Prepare = Callable[[], AbstractContextManager[Act]]

PROCESSES = 2
WARM_UP_ACTS = 10
READY_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Load:
    """How long each act took, in seconds, between the clients' common start and the end of the last."""

    latencies: list[float]
    begun: float
    ended: float

    @property
    def rate(self) -> float:
        """Acts a second of all clients together."""
        return len(self.latencies) / (self.ended - self.begun)

    def percentile_ms(self, percent: int) -> float:
        return 1000 * quantiles(self.latencies, n=100)[percent - 1]

    @classmethod
    def sum_of(cls, loads: list["Load"]) -> "Load":
        latencies = [latency for load in loads for latency in load.latencies]
        return cls(latencies, min(load.begun for load in loads), max(load.ended for load in loads))


def drive(prepare: Prepare, clients: int, seconds: float) -> Load:
    """Let `clients` (a multiple of PROCESSES) act for so many seconds. An error in one of them is raised here."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.__main__"])  # imported once, and not by each process anew
    with context.Manager() as manager, ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        together = manager.Barrier(clients, timeout=READY_WITHIN_S)
        threads = clients // PROCESSES
        running = [pool.submit(_run_process, prepare, threads, seconds, together) for _ in range(PROCESSES)]
        return Load.sum_of([load for process in running for load in process.result()])


def _run_process(prepare: Prepare, threads: int, seconds: float, together: Barrier) -> list[Load]:
    with prepare() as act, ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_run_client, act, seconds, together) for _ in range(threads)]
        return [client.result() for client in running]


def _run_client(act: Act, seconds: float, together: Barrier) -> Load:
    for _ in range(WARM_UP_ACTS):
        act()
    together.wait()
    latencies = []
    begun = now = time.monotonic()
    while now < begun + seconds:
        before = now
        act()
        now = time.monotonic()
        latencies.append(now - before)
    return Load(latencies, begun, now)
