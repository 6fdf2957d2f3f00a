"""The world in which things go wrong: a gateway without its web server, and the sandbox over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.embedded import DatabaseUrls
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_world(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests of a module: each looks only at what it made itself."""
    with a_world(module_database_urls, tmp_path_factory.mktemp("world")) as made:
        yield made
