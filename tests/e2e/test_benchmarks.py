"""The benchmarks run; what they measure is read in docs/performance.md."""

import subprocess
import sys

import pytest


@pytest.mark.timeout(400)
def test_all_benchmarks_run_and_tell_a_figure_of_each_kind() -> None:
    ended = subprocess.run([sys.executable, "-m", "benchmarks", "--quick"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for told in (
        "ledger, round 1",
        "5 statements and 1 commits each",
        "lifecycle, round 1",
        "reports of",
        "reconciliation of",
        "camt of",
        "page",
    ):
        assert told in ended.stdout
