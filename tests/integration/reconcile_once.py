"""A process of its own that reconciles one day: to be killed.

    python -m tests.integration.reconcile_once <database url> <simulator url> <merchant> <secrets> <day> <report>

It writes each phase on a line as it begins; the last is the writing of the report into a file.
"""

import secrets
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database
from providers.registry import build
from reconciliation.reports.run import as_json
from reconciliation.runs import run_reconciliation


def main() -> None:
    url, simulator, merchant, signing, day, report = sys.argv[1:]
    settings = {
        "GATEWAY_SANDBOX_BASE_URL": simulator,
        "GATEWAY_SANDBOX_MERCHANT": merchant,
        "GATEWAY_SANDBOX_SECRETS": signing,
    }
    runtime = Runtime(
        db=Database(url, lambda: datetime.now(UTC)),
        providers={"sandbox": build("sandbox", settings)},
        vault=Vault({"v1": secrets.token_bytes(32)}, secrets.token_bytes(32)),
        tokens=Tokens(secrets.token_bytes(32)),
        public_url="https://pay.example",
    )
    tell("starting")
    run = run_reconciliation(runtime, "sandbox", date.fromisoformat(day), "test", tell)
    tell("reporting")
    with runtime.db.read() as tx, Path(report).open("wb") as file:
        file.writelines(as_json(tx, run.id))


def tell(phase: str) -> None:
    sys.stdout.write(f"{phase}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
