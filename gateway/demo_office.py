"""Finds the demo that runs on this data folder, or runs one for as long as it is needed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from gateway.config import LocalSettings
from gateway.demo_day.office import DemoFailed, Office
from gateway.supervisor import end_with_parent

# A first start makes a database; a start after a crash may have to recover one.
STARTED_WITHIN = timedelta(minutes=6)
POLL = timedelta(milliseconds=200)


@contextmanager
def open_office(environment: Mapping[str, str], console: Console) -> Iterator[Office]:
    """The running demo, left running; or one of our own, stopped at the end. Raises DemoFailed if there is none."""
    data = LocalSettings.from_environment(environment).data_dir
    if _runs_on(data):
        yield _office(data, None)
        return
    console.print("No demo is running here: starting one for this day.")
    (data / "demo.json").unlink(missing_ok=True)
    stack = subprocess.Popen(
        [sys.executable, "-m", "wsgi", "run"],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # it is stopped by us, in order, not by the terminal's Ctrl-C beside us
        preexec_fn=end_with_parent(signal.SIGTERM),
    )
    try:
        yield _office(data, stack)
    finally:
        stack.terminate()
        stack.wait()


def _runs_on(data: Path) -> bool:
    """Whether a stack holds the data folder's lock."""
    lock = data / "lock"
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _office(data: Path, stack: subprocess.Popen[bytes] | None) -> Office:
    """As demo.json says, which is written when all answer."""
    deadline = time.monotonic() + STARTED_WITHIN.total_seconds()
    while not (data / "demo.json").exists():
        if stack and stack.poll() is not None:
            raise DemoFailed("the demo did not start; see above")
        if time.monotonic() > deadline:
            raise DemoFailed(f"the demo on {data} did not get ready; see {data / 'log'}{os.sep}")
        time.sleep(POLL.total_seconds())
    demo = json.loads((data / "demo.json").read_text())
    return Office(demo["url"], demo["keys"], demo["simulators"])
