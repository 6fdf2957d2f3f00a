"""One embedded PostgreSQL for a whole test session, and a fresh, migrated database for whoever asks.

The first test that needs a database starts the server and migrates one template, behind a file lock, since xdist runs
several test processes; every database after that is a copy of the template, made in some tens of milliseconds. The
process that began the session stops the server. A session that was killed leaves its server running: the next session
stops it, and takes its folder away.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql

from gateway.store.embedded import APP, OWNER, SUPERUSER, DatabaseUrls, EmbeddedPostgres
from gateway.store.migrate import migrate

FOLDER_PREFIX = "congphi-tests-"
TEMPLATE = "template_migrated"

# The started server's handle, kept for ever: its destructor would warn of a process that still runs.
HANDLES: list[object] = []


def session_folder() -> Path:
    """Where the session of this process keeps its server; in a short path, because the server's socket is in it."""
    return Path(tempfile.gettempdir()) / f"{FOLDER_PREFIX}{os.getpid()}"


def remove_abandoned() -> None:
    """Stop the servers of sessions whose process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        pid = int(folder.name.removeprefix(FOLDER_PREFIX))
        with suppress(FileNotFoundError):  # another session that begins just now was quicker
            if folder.stat().st_uid == os.geteuid() and not psutil.pid_exists(pid):
                SessionDatabase(folder).remove()


class SessionDatabase:
    """The session's server, seen from any of its test processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder / "postgres", folder / "log", durable=False)

    def start(self) -> None:
        """Start the server and migrate the template, unless another process of the session did."""
        self._folder.mkdir(exist_ok=True)
        with self._locked():
            ready = self._folder / "ready"
            if ready.exists():
                return
            HANDLES.append(self._server.start())
            self._execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(TEMPLATE), sql.Identifier(OWNER))
            )
            migrate(self._server.url(OWNER, TEMPLATE), APP)
            ready.touch()

    def remove(self) -> None:
        """Stop the server, if there is one, and take everything of it away."""
        if self._folder.exists():
            self._server.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def fresh(self) -> Iterator[DatabaseUrls]:
        """A migrated, empty database for as long as the context lasts."""
        name = f"test_{uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        self._execute(statement.format(*map(sql.Identifier, (name, TEMPLATE, OWNER))))
        try:
            yield self._server.urls(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The name of a database in which nothing is; for what brings its own schema."""
        name = f"test_{uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def superuser_url(self, database: str = "postgres") -> str:
        return self._server.url(SUPERUSER, database)

    def _execute(self, statement: sql.Composed) -> None:
        conninfo = self.superuser_url().replace("+psycopg", "", 1)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
