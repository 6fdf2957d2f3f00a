"""The world in which things go wrong: a gateway without its web server, and a provider over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.store.embedded import DatabaseUrls
from tests.faults.books import contradictions
from tests.integration.world import World, a_world
from tests.providers.rig import PATIENT


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_patient_world(database_urls, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_world(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests of a module: each looks only at what it made itself."""
    with a_patient_world(module_database_urls, tmp_path_factory.mktemp("world")) as made:
        yield made


@contextmanager
def a_patient_world(urls: DatabaseUrls, folder: Path, provider: str = "sandbox") -> Iterator[World]:
    """Answers are lost here because a test says so, never because the machine is busy. At the end the books agree."""
    with a_world(urls, folder, provider, PATIENT) as made:
        yield made
        with made.runtime.db.read() as tx:
            assert contradictions(tx) == {}
