"""The embedded PostgreSQL starts from whatever the last run left behind."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.store.embedded import APP, DATABASE, EmbeddedDatabaseError, EmbeddedPostgres


@contextlib.contextmanager
def started(server: EmbeddedPostgres) -> Iterator[None]:
    process = server.start()
    try:
        yield
    finally:
        server.stop()
        process.wait()


def ask(server: EmbeddedPostgres, question: str, role: str = APP) -> object:
    url = server.url(role, DATABASE).replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None


@pytest.fixture
def server(server_folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(server_folder / "postgres", server_folder / "log")


def test_it_starts_durable_and_gives_the_application_no_ownership(server: EmbeddedPostgres) -> None:
    with started(server):
        assert ask(server, "SHOW fsync") == "on"
        assert ask(server, "SHOW full_page_writes") == "on"
        assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert ask(server, "SELECT has_schema_privilege('public', 'CREATE')") is False
        assert (
            ask(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'congphi'") == "congphi_owner"
        )


def test_what_was_committed_is_there_after_a_kill(server: EmbeddedPostgres) -> None:
    process = server.start()
    with psycopg.connect(server.urls().owner_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        process.kill()
        process.wait()
    with started(server):
        assert ask(server, "SELECT answer FROM kept", "congphi_owner") == 42


def test_a_pid_file_that_names_another_program_does_not_stop_it(server: EmbeddedPostgres) -> None:
    with started(server):
        pass
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        lines = [str(innocent.pid), str(server.data), "1", "5432", str(server.data), "", "0 0", "ready"]
        (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with started(server):
            assert ask(server, "SELECT 1") == 1
        assert innocent.poll() is None
        innocent.communicate(b"\n")


def test_a_first_start_that_was_cut_short_is_begun_anew(server: EmbeddedPostgres) -> None:
    half_made = server.data.with_name("postgres.new")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with started(server):
        assert ask(server, "SELECT 1") == 1
    assert not half_made.exists()


def test_a_server_that_still_runs_is_replaced(server: EmbeddedPostgres) -> None:
    left = server.start()
    with started(server):
        assert left.wait() == 0
        assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("folder", ['a "b" & +1%', "a, b", "x" * 120])
def test_no_folder_is_too_odd_or_too_deep(server_folder: Path, folder: str) -> None:
    server = EmbeddedPostgres(server_folder / folder / "postgres", server_folder / "log")
    server.data.parent.mkdir()
    with started(server):
        assert ask(server, "SHOW data_directory", "postgres") == str(server.data)
        sockets = Path(str(ask(server, "SHOW unix_socket_directories", "postgres")).strip('"').replace('""', '"'))
    if sockets != server.data:
        assert sockets.stat().st_mode & 0o077 == 0
        sockets.rmdir()


def test_a_damaged_data_folder_is_reported_with_the_end_of_the_log(server: EmbeddedPostgres) -> None:
    with started(server):
        pass
    (server.data / "PG_VERSION").write_text("3\n")
    with pytest.raises(EmbeddedDatabaseError, match="initialized by PostgreSQL version 3"):
        server.start()
