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
