"""The methods of an agency in the catalogue: names, or blocks with limits; and what is wrong with others."""

from pathlib import Path
from typing import Any

import pytest

from gateway.services.read_catalogue import read_catalogue
from tests.unit.catalogue_folder import AGENCY, faults, write
from tests.unit.test_catalogue import PROCEDURE


def test_a_method_is_a_name_or_a_block_with_limits(tmp_path: Path) -> None:
    limited = {"provider": "stripe", "minimum_minor": 20_000, "maximum_minor": 5_000_000}
    only_least = {"provider": "barter", "minimum_minor": 1}
    agency = {**AGENCY, "providers": ["sandbox", limited, only_least]}
    (read,) = read_catalogue(write(tmp_path, PROCEDURE, [agency])).agencies
    assert read.providers == ("sandbox", "stripe", "barter")
    assert read.method_limits == {
        "stripe": {"minimum_minor": 20_000, "maximum_minor": 5_000_000},
        "barter": {"minimum_minor": 1},
    }


@pytest.mark.parametrize(
    ("methods", "path", "fix"),
    [
        ([7], "providers[0]", "must be a provider such as stripe, or a block"),
        ([{"minimum_minor": 1}], "providers[0].provider", "is missing"),
        ([{"provider": "sandbox", "minimum": 1}], "providers[0].minimum", "is not a key that belongs here"),
        ([{"provider": "sandbox", "minimum_minor": 0}], "providers[0].minimum_minor", "must be a whole number from 1"),
        ([{"provider": "sandbox", "maximum_minor": 1.5}], "providers[0].maximum_minor", "must be a whole number"),
        (
            [{"provider": "sandbox", "minimum_minor": 2, "maximum_minor": 1}],
            "providers[0].minimum_minor",
            "must not be above maximum_minor",
        ),
        (["sandbox", {"provider": "sandbox"}], "providers", "must name each provider once: sandbox is there twice"),
    ],
)
def test_a_mistake_in_a_method_is_told_with_its_place_and_its_fix(
    tmp_path: Path, methods: list[Any], path: str, fix: str
) -> None:
    assert (
        fix
        in faults(write(tmp_path, PROCEDURE, [{**AGENCY, "providers": methods}]))[f"agencies.yaml: agencies[0].{path}"]
    )
