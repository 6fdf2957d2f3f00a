"""A local stack as a person has it: `gateway run` in a process of its own, on free ports and a folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.ports import free_ports

READY_WITHIN_S = 90
STOPPED_WITHIN_S = 90
FEW = "sandbox,stripe"
"""What most tests need of the providers: each is a process that has to start."""


class Stack:
    """`data` is kept between starts; `environment` is added to an environment without settings of ours. Blank
    GATEWAY_PROVIDERS starts all providers."""

    def __init__(self, data: Path, port: int, **environment: str) -> None:
        self.data = data
        self.port = port
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PORT"))}
        ours = {"GATEWAY_DATA_DIR": str(data), "PORT": str(port), "GATEWAY_PROVIDERS": FEW}
        self._environment = clean | ours | environment
        self._output = data.with_suffix(".output")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Start and wait until demo.json is there; its content."""
        (self.data / "demo.json").unlink(missing_ok=True)
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wsgi", "run"], env=self._environment, stdout=output, stderr=output
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not (self.data / "demo.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the stack did not start:\n{self.output()}")
            time.sleep(0.1)
        demo: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return demo

    def run_to_the_end(self) -> tuple[int, str]:
        """For a start that is expected to fail: the exit code and what was printed."""
        ended = subprocess.run(
            [sys.executable, "-m", "wsgi", "run"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=READY_WITHIN_S,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """The exit code."""
        if self.process is None:
            raise RuntimeError("not started")
        self.process.send_signal(how)
        return self.process.wait(STOPPED_WITHIN_S)

    def processes(self) -> list[psutil.Process]:
        """All processes of this stack that are alive: its folder is in their environment, or they work in it."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                named = process.environ().get("GATEWAY_DATA_DIR") == str(self.data)
                if named or process.cwd().startswith(str(self.data)):
                    found.append(process)
        return found

    def output(self) -> str:
        return self._output.read_text()

    def log(self, name: str) -> str:
        return (self.data / "log" / f"{name}.log").read_text()

    def clean_up(self) -> None:
        """Whatever the test left."""
        with contextlib.suppress(Exception):
            self.stop(signal.SIGTERM)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self.process:
            self.process.wait()


@contextmanager
def stack(folder: Path, **environment: str) -> Iterator[Stack]:
    made = Stack(folder / "the data", free_ports(), **environment)
    try:
        yield made
    finally:
        made.clean_up()
