"""The benchmarks run; what they measure is read in docs/performance.md."""

import subprocess
import sys

import pytest


@pytest.mark.timeout(400)
def test_all_benchmarks_run_and_tell_a_figure_of_each_kind() -> None:
    ended = subprocess.run([sys.executable, "-m", "benchmarks", "--quick"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    rounds = ("ledger, round 1", "lifecycle, round 1", "reconciliation of", "camt of")
    for told in (*rounds, "5 statements and 1 commits each"):
        assert told in ended.stdout
