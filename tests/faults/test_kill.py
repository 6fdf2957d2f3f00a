"""kill -9 of any process at random moments of a day. `python -m tests.faults.kill --rounds 20` does it for longer."""

import os
import random
from pathlib import Path

import pytest
from click import echo

from tests.faults.kill import KILLS, Killing, a_stack


@pytest.mark.timeout(600)
def test_whatever_is_killed_every_payment_reaches_its_providers_truth_and_is_counted_once(server_folder: Path) -> None:
    seed = int(os.environ.get("FAULTS_SEED", random.randrange(10**6)))
    echo(f"FAULTS_SEED={seed}")
    with a_stack(server_folder) as local:
        assert Killing(local, seed, echo).round(KILLS) == []
