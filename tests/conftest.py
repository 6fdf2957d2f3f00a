"""Fixtures for everybody: a real PostgreSQL, and no way out to the network."""

import gc
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import settings

from gateway.store.embedded import DatabaseUrls
from tests.database import SessionDatabase, remove_abandoned, session_folder

# No test modules by name, but their assertions explain themselves too.
pytest.register_assert_rewrite("tests.providers.rig", "tests.providers.suite")

settings.register_profile("patient", deadline=None)  # a busy machine is no fault
settings.load_profile("patient")

FOLDER = pytest.StashKey[Path]()


class NetworkRefused(RuntimeError):
    """A test reached for another machine."""


def pytest_configure(config: pytest.Config) -> None:
    """The process that begins the session names the database's folder; xdist's workers are told."""
    of_worker = getattr(config, "workerinput", None)
    config.stash[FOLDER] = Path(of_worker["database_folder"]) if of_worker else session_folder()
    if of_worker is None:
        remove_abandoned()
    refuse_the_network()
    share_the_authorities()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["database_folder"] = str(node.config.stash[FOLDER])


def pytest_collection_finish() -> None:
    """What is loaded stays until the end: the tests' garbage is not looked for in it."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        SessionDatabase(config.stash[FOLDER]).remove()


@pytest.fixture(scope="session")
def session_database(pytestconfig: pytest.Config) -> SessionDatabase:
    """The session's PostgreSQL server, from which any number of migrated databases can be had."""
    database = SessionDatabase(pytestconfig.stash[FOLDER])
    database.start()
    return database


@pytest.fixture
def database_urls(session_database: SessionDatabase) -> Iterator[DatabaseUrls]:
    """A migrated, empty database for one test: `owner_url` and `app_url`."""
    with session_database.fresh() as urls:
        yield urls


@pytest.fixture(scope="module")
def module_database_urls(session_database: SessionDatabase) -> Iterator[DatabaseUrls]:
    """A migrated, empty database that the tests of one module share."""
    with session_database.fresh() as urls:
        yield urls


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A temporary folder for a PostgreSQL server of the test's own.

    Not pytest's: as root the server runs as another user, and each pytest that starts closes the folder above its
    temporary folders to others.
    """
    with TemporaryDirectory(prefix="congphi-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def refuse_the_network() -> None:
    """Python's sockets reach this machine only, so that no test depends on, or disturbs, another."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    resolve = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_unless_local(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_unless_local(self.family, address)
        return connect_ex(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host):
            raise NetworkRefused(f"A test asked for the address of {host!r}; tests stay on this machine.")
        return resolve(host, *args, **kwargs)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_resolve)


def share_the_authorities() -> None:
    """httpx reads all certificate authorities for each client, which takes longer than most requests."""
    shared = cache(lambda trust_env: httpx.create_ssl_context(trust_env=trust_env))

    def context(verify: ssl.SSLContext | str | bool = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is True and cert is None:
            return shared(trust_env)
        return httpx.create_ssl_context(verify, cert, trust_env)

    pytest.MonkeyPatch().setattr("httpx._transports.default.create_ssl_context", context)


def refuse_unless_local(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
        raise NetworkRefused(f"A test connected to {address!r}; tests stay on this machine.")


def is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost")
