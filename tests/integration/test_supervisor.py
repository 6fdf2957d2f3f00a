"""The supervisor keeps its children running, ends them all, and touches nothing that is not its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest

from gateway.supervisor import ChildDied, Program, Supervisor, end_with_parent, spawn

FOREVER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FOREVER!r}])"


class Stop(Exception):
    """Ends the supervisor's loop, as a signal would."""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "children.json", said.append)
    yield made
    made.kill_all()
    made.stop_all()


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Program]:
    def make(name: str, code: str) -> Program:
        log = tmp_path / f"{name}.log"
        return Program(name, partial(spawn, [sys.executable, "-c", code], dict(os.environ), log), log)

    return make


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def records(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((folder / "children.json").read_text())
    return found


def test_a_child_that_ends_is_started_again(
    supervisor: Supervisor, program: Callable[[str, str], Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.start(program("web", "print('failed in its own words')"))

    def tell(line: str) -> None:
        told.append(line)
        if line == "web is started again.":
            raise Stop

    told: list[str] = []
    monkeypatch.setattr(supervisor, "_tell", tell)
    with pytest.raises(Stop):
        supervisor.keep_running()
    assert told[0] == "web ended with exit code 0; starting it again in 0 s."
    assert "failed in its own words" in told[1]


def test_a_child_that_keeps_failing_is_started_ever_later(
    supervisor: Supervisor, program: Callable[[str, str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.supervisor.POLL", timedelta(milliseconds=5))
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if "in 1 s" in line:
            raise Stop

    monkeypatch.setattr(supervisor, "_tell", tell)
    supervisor.start(program("web", "raise SystemExit(7)"))
    with pytest.raises(Stop):
        supervisor.keep_running()
    assert [line for line in told if "exit code 7" in line and "in 0 s" in line]


def test_while_starting_a_childs_end_is_reported_with_its_log(
    supervisor: Supervisor, program: Callable[[str, str], Program], tmp_path: Path
) -> None:
    supervisor.start(program("web", "raise SystemExit('no such setting')"))

    def died() -> bool:
        try:
            supervisor.raise_if_any_died()
        except ChildDied as error:
            return "web ended with exit code 1" in str(error) and "no such setting" in str(error)
        return False

    wait_for(died)


def test_stopping_ends_the_stubborn_and_their_children(
    supervisor: Supervisor,
    said: list[str],
    program: Callable[[str, str], Program],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.supervisor.STOP_WITHIN", timedelta(milliseconds=300))
    supervisor.start(program("stubborn", STUBBORN))
    supervisor.start(program("parent", WITH_A_CHILD))
    wait_for(lambda: all("up" in (tmp_path / f"{name}.log").read_text() for name in ("stubborn", "parent")))
    leaders = [int(str(record["pid"])) for record in records(tmp_path)]
    everyone = leaders + [child.pid for leader in leaders for child in psutil.Process(leader).children()]
    assert len(everyone) == 3
    supervisor.stop_all()
    assert "stubborn did not end in time and was killed." in said
    wait_for(lambda: not any(is_alive(pid) for pid in everyone))
    assert not (tmp_path / "children.json").exists()


def test_each_stage_ends_before_the_one_it_needs(supervisor: Supervisor, tmp_path: Path) -> None:
    tells = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.5); open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)\n"
    )
    for name, stage in (("database", 0), ("simulator", 1), ("web", 2)):
        log = tmp_path / f"{name}.log"
        command = [sys.executable, "-c", tells, str(tmp_path / "ended"), f"{name} "]
        supervisor.start(Program(name, partial(spawn, command, dict(os.environ), log), log, stage))
        wait_for(lambda log=log: "up" in log.read_text())  # type: ignore[misc]
    supervisor.stop_all()
    assert (tmp_path / "ended").read_text() == "web simulator database "


def test_what_a_killed_supervisor_left_is_stopped_but_not_its_namesake(tmp_path: Path) -> None:
    left, namesake = (subprocess.Popen([sys.executable, "-c", FOREVER], start_new_session=True) for _ in range(2))
    try:
        known = psutil.Process(left.pid)
        of_left = {"name": "web", "pid": left.pid, "started_at": known.create_time(), "command": known.cmdline()}
        of_another = of_left | {"name": "worker", "pid": namesake.pid, "started_at": known.create_time() - 3600}
        content = [record | {"stop_signal": int(signal.SIGTERM)} for record in (of_left, of_another)]
        (tmp_path / "children.json").write_text(json.dumps(content))
        assert Supervisor(tmp_path / "children.json", print).stop_leftovers() == ["web"]
        assert not is_alive(left.pid)
        assert is_alive(namesake.pid)
    finally:
        for process in (left, namesake):
            process.kill()
            process.wait()


def test_damaged_records_are_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "children.json").write_text('[{"pid": ')
    assert Supervisor(tmp_path / "children.json", print).stop_leftovers() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_ends_with_its_parent() -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "from gateway.supervisor import end_with_parent\n"
        f"child = subprocess.Popen([sys.executable, '-c', {FOREVER!r}], stdout=subprocess.DEVNULL,"
        " start_new_session=True, preexec_fn=end_with_parent(signal.SIGTERM))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    assert end_with_parent(signal.SIGTERM) is not None
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    wait_for(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
