"""python -m providers.simulation --provider sandbox --port 9001 --data-dir var/simulators

Settings, secrets among them, come from the environment under the names that the adapter reads; none has a default.
"""

import argparse
import os
import sys
from pathlib import Path

from providers.registry import SIMULATORS, serve
from providers.settings import MissingSettings, UnusableSetting


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m providers.simulation", description="Play a payment provider.")
    parser.add_argument("--provider", required=True, choices=sorted(SIMULATORS))
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--webhook-url", default="", help="for providers that keep it in their own configuration")
    given = parser.parse_args()
    try:
        serve(given.provider, given.port, given.data_dir, os.environ, given.webhook_url)
    except (MissingSettings, UnusableSetting) as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
