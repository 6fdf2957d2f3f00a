"""`gateway run` as a person meets it: one URL, Ctrl-C, again, and after the worst."""

import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from sqlalchemy import create_engine, text

from gateway.local import answers
from gateway.store.embedded import EmbeddedPostgres
from providers.registry import SIMULATORS
from tests.database import SessionDatabase
from tests.e2e.stack import Stack, stack
from tests.ports import free_ports

SCOPES = ["admin", "approver", "finance", "portal"]


@pytest.fixture
def local(server_folder: Path) -> Iterator[Stack]:
    """A stack in a folder with a space in its name."""
    with stack(server_folder) as made:
        yield made


@pytest.fixture
def everything(server_folder: Path) -> Iterator[Stack]:
    """As `make run` starts it, with all providers."""
    with stack(server_folder, GATEWAY_PROVIDERS="") as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    """A stack that runs already, for tests that leave it running."""
    with TemporaryDirectory(prefix="congphi-", ignore_cleanup_errors=True) as folder, stack(Path(folder)) as made:
        made.start()
        yield made


def test_it_serves_stops_cleanly_and_resumes_the_same_data(everything: Stack) -> None:
    local = everything
    demo = local.start()
    assert demo["url"] == f"http://127.0.0.1:{local.port}"
    assert sorted(demo["keys"]) == SCOPES
    assert set(demo["simulators"]) == set(demo["providers"]) == set(SIMULATORS)
    assert answers(f"{demo['url']}/readyz")
    assert all(answers(f"{url}/_sim/health") for url in demo["simulators"].values())
    assert all(url != demo["url"] for url in demo["simulators"].values())
    assert demo["url"] in local.output()

    assert local.stop(signal.SIGINT) == 0
    assert "was killed" not in local.output()
    assert local.processes() == []
    assert not answers(f"{demo['url']}/readyz")

    assert local.start() == demo
    assert local.stop(signal.SIGTERM) == 0
    assert local.processes() == []


def test_secrets_are_for_this_user_only(running: Stack) -> None:
    for name in ("secrets.json", "demo.json"):
        assert stat.S_IMODE((running.data / name).stat().st_mode) == 0o600
    assert not stat.S_IMODE((running.data / "log").stat().st_mode) & 0o077


def test_the_worker_works(running: Stack) -> None:
    engine = create_engine(EmbeddedPostgres(running.data / "postgres", running.data / "log").urls().app_url)
    with engine.connect() as connection:
        heard_from = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'"
        assert connection.execute(text(heard_from)).scalar() == 1
    engine.dispose()


def test_it_starts_again_after_its_supervisor_was_killed_and_after_everything_was(local: Stack) -> None:
    demo = local.start()
    local.stop(signal.SIGKILL)
    assert local.start() == demo
    assert answers(f"{demo['url']}/readyz")

    processes = local.processes()
    assert any(process.name() == "postgres" for process in processes)
    for process in processes:
        process.kill()
    local.stop(signal.SIGKILL)
    assert (local.data / "postgres" / "postmaster.pid").exists()
    assert local.start() == demo
    assert answers(f"{demo['url']}/readyz")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("database", "postgres"),
        ("web", "gunicorn"),
        ("worker", "wsgi worker"),
        ("simulator-sandbox", "providers.simulation --provider sandbox"),
    ],
)
def test_a_child_that_dies_is_started_again_aloud(running: Stack, name: str, word: str) -> None:
    victim = next(process for process in children(running) if word in " ".join(process.cmdline()))
    said_before = len(running.output())
    victim.kill()
    wait_for(lambda: f"{name} ended with signal SIGKILL" in running.output()[said_before:])
    wait_for(lambda: f"{name} is started again." in running.output()[said_before:])
    assert victim.pid not in {process.pid for process in children(running)}
    wait_for(lambda: answers(f"http://127.0.0.1:{running.port}/readyz"))


def test_two_at_once_on_one_folder_are_refused(running: Stack) -> None:
    code, said = Stack(running.data, free_ports()).run_to_the_end()
    assert code == 1
    assert "already runs" in said
    assert running.process is not None
    assert str(running.process.pid) in said
    assert answers(f"http://127.0.0.1:{running.port}/readyz")
    assert (running.data / "demo.json").exists()


def test_a_port_that_is_taken_is_named_with_the_way_out(local: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", local.port + 1))
        other.listen()
        code, said = local.run_to_the_end()
    assert code == 1
    assert f"port {local.port + 1} (for the sandbox simulator)" in said
    assert "PORT=9000 make run" in said
    assert "Traceback" not in said


def test_settings_that_make_no_sense_are_listed_without_a_traceback(server_folder: Path) -> None:
    with stack(server_folder, GATEWAY_LOG_LEVEL="LOUD", GATEWAY_RATE_LIMIT="many") as local:
        code, said = local.run_to_the_end()
    assert code == 2
    assert "GATEWAY_LOG_LEVEL" in said
    assert "GATEWAY_RATE_LIMIT" in said
    assert "Traceback" not in said
    assert local.processes() == []


def test_a_database_of_ones_own_is_used_instead(server_folder: Path, session_database: SessionDatabase) -> None:
    """With a superuser's URL alone: the application gets a role of its own, which owns nothing."""
    with session_database.empty() as name:
        url = session_database.superuser_url(name).replace("+psycopg", "")
        with stack(server_folder, GATEWAY_DATABASE_URL=url) as local:
            demo = local.start()
            assert answers(f"{demo['url']}/readyz")
            assert not (local.data / "postgres").exists()
            roles = {child.environ()["GATEWAY_DATABASE_URL"].partition(":")[2][:20] for child in children(local)}
            assert roles == {f"//{name}_app:"[:20]}
            assert local.stop() == 0
            assert local.start()["keys"] == demo["keys"]
            assert local.stop() == 0


def children(local: Stack) -> list[psutil.Process]:
    return psutil.Process(local.process.pid).children() if local.process else []


def wait_for(happened: object, within_s: int = 30) -> None:
    deadline = time.monotonic() + within_s
    while not (callable(happened) and happened()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
