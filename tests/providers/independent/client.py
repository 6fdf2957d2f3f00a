"""Calling a client from npm: a question as JSON to its script, an answer as JSON."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")
ANSWERED_WITHIN_S = 60


def needs(package: str) -> pytest.MarkDecorator:
    """Skips, aloud, where the client cannot be had."""
    there = NODE is not None and (HERE / "node_modules" / package).is_dir()
    return pytest.mark.skipif(
        not there, reason=f"NO {package} FROM NPM: nobody else has checked this. Install node and npm, then make test"
    )


def ask(script: str, question: Any) -> Any:
    """What `script` answers; fails with what it says on its standard error."""
    asked = subprocess.run(
        [str(NODE), str(HERE / script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=ANSWERED_WITHIN_S,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)
