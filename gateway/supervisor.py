"""Keeps the processes of the local stack running, and leaves none behind.

A child that dies is started again, later and later, and aloud. Each child leads a session of its own, so that a
terminal's Ctrl-C reaches only the supervisor, which stops them in order.

Should the supervisor itself be killed, Linux sends each child its stop signal. Elsewhere, and for what outlives that,
the children are on record in a file, and the next start stops them first; a process counts as one of ours only if its
pid, start time and command line are those on record.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import psutil

POLL = timedelta(milliseconds=100)
RESTART_AFTER = tuple(timedelta(seconds=seconds) for seconds in (0, 1, 2, 5, 10, 30))
STEADY_AFTER = timedelta(minutes=1)  # one that ran this long before it died is started again at once
STOP_WITHIN = timedelta(seconds=25)  # longer than a worker takes that ends itself at the last (jobs.ENDED_WITHIN)
# The system derives a process's start from its boot time, which a corrected clock shifts a little.
START_TIME_TOLERANCE = timedelta(seconds=5)
LOG_TAIL_LINES = 15

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
LIBC = ctypes.CDLL(None, use_errno=True)

Launch = Callable[[], subprocess.Popen[bytes]]
Tell = Callable[[str], None]


class ChildDied(Exception):
    """A child ended while the stack was still starting; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run under a name: `launch` starts it, `stop_signal` asks it to end, `log` is where it writes.

    Those of one stage are stopped together, the highest stage first: each stage needs those below it.
    """

    name: str
    launch: Launch
    log: Path
    stage: int = 0
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class Child:
    program: Program
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    restart_at: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Enough of a process to know it again for certain."""

    name: str
    pid: int
    started_at: float
    command: list[str]
    stop_signal: int


class Supervisor:
    """`records` is the file of the children's records; who uses it holds a lock on its folder."""

    def __init__(self, records: Path, tell: Tell) -> None:
        self._records = records
        self._tell = tell
        self._children: list[Child] = []

    def start(self, program: Program) -> None:
        self._children.append(Child(program, program.launch(), time.monotonic()))
        self._write_records()

    def raise_if_any_died(self) -> None:
        """While the stack starts, a child's end is not mended but reported. Raises ChildDied."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ChildDied(f"{child.program.name} ended with {_ending(code)}. {log_tail(child.program.log)}")

    def keep_running(self) -> None:
        """Restart what dies, until an exception (a signal's) ends this."""
        while True:
            for child in self._children:
                self._look_after(child)
            time.sleep(POLL.total_seconds())

    def stop_all(self) -> None:
        """Stop all children, stage by stage; one that does not end in time is killed with all it started, aloud."""
        for stage in sorted({child.program.stage for child in self._children}, reverse=True):
            together = [child for child in self._children if child.program.stage == stage]
            for child in together:
                if child.process.poll() is None:
                    child.process.send_signal(child.program.stop_signal)
            for child in together:
                if not _await_end(child.process):
                    self._tell(f"{child.program.name} did not end in time and was killed.")
        self._children.clear()
        self._records.unlink(missing_ok=True)

    def kill_all(self) -> None:
        for child in self._children:
            _kill_session(child.process.pid)

    def stop_leftovers(self) -> list[str]:
        """Stop what a killed supervisor left running; the names of what was found."""
        found = [(record, _find(record)) for record in self._read_records()]
        alive = [(record, process) for record, process in found if process]
        for record, process in reversed(alive):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(record.stop_signal)
            psutil.wait_procs([process], STOP_WITHIN.total_seconds())
            _kill_session(record.pid)
        self._records.unlink(missing_ok=True)
        return [record.name for record, _ in alive]

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.restart_at is not None:
            if now >= child.restart_at:
                self._restart(child)
            return
        code = child.process.poll()
        if code is None:
            return
        _kill_session(child.process.pid)  # what it started must not hold its port against its successor
        if now - child.started_at > STEADY_AFTER.total_seconds():
            child.failures = 0
        delay = RESTART_AFTER[min(child.failures, len(RESTART_AFTER) - 1)]
        child.failures += 1
        child.restart_at = now + delay.total_seconds()
        self._tell(f"{child.program.name} ended with {_ending(code)}; starting it again in {delay.seconds} s.")
        self._tell(log_tail(child.program.log))

    def _restart(self, child: Child) -> None:
        child.process = child.program.launch()
        child.started_at, child.restart_at = time.monotonic(), None
        self._tell(f"{child.program.name} is started again.")
        self._write_records()

    def _write_records(self) -> None:
        records = [_record(child) for child in self._children]
        aside = self._records.with_suffix(".new")
        aside.write_text(json.dumps([asdict(record) for record in records if record]))
        aside.replace(self._records)

    def _read_records(self) -> list[Record]:
        try:
            return [Record(**record) for record in json.loads(self._records.read_text())]
        except (FileNotFoundError, ValueError, TypeError):
            return []


def spawn(command: Sequence[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own; it writes to the end of `log` and does not outlive us."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """For a new process to run before its program: Linux will send it `stop_signal` when we die."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def in_child() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # we died before it could be told
            os._exit(1)

    return in_child


def log_tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:] if log.exists() else []
    return f"The end of {log}:\n" + "\n".join(f"  {line}" for line in lines)


def _await_end(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended by itself; nothing of it is left in any case."""
    try:
        process.wait(STOP_WITHIN.total_seconds())
        ended = True
    except subprocess.TimeoutExpired:
        ended = False
    _kill_session(process.pid)
    process.wait()
    return ended


def _kill_session(leader: int) -> None:
    """Kill what is left of the process group that `leader` led; nothing, mostly."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _record(child: Child) -> Record | None:
    """None for a process that has ended already."""
    try:
        process = psutil.Process(child.process.pid)
        started_at, command = process.create_time(), process.cmdline()
    except psutil.Error:
        return None
    return Record(child.program.name, process.pid, started_at, command, int(child.program.stop_signal))


def _find(record: Record) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        same_start = abs(process.create_time() - record.started_at) < START_TIME_TOLERANCE.total_seconds()
        return process if same_start and process.cmdline() == record.command else None
    except psutil.Error:
        return None


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
