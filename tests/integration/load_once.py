"""A process of its own that loads one statement: to be killed.

    python -m tests.integration.load_once <database url> <vault key, hex> <file>

It writes each phase on a line as it begins.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database, Transaction
from reconciliation.statements.load import Upload, load_statement


def main() -> None:
    url, key, file = sys.argv[1:]
    vault_key = bytes.fromhex(key)
    runtime = Runtime(
        db=Database(url, lambda: datetime.now(UTC)),
        providers={},
        vault=Vault({"v1": vault_key}, vault_key),
        tokens=Tokens(vault_key),
        public_url="https://pay.example",
    )
    tell("reading")
    with Path(file).open("rb") as content:
        load_statement(runtime, Upload(content, "statement.sta"), "test", written)
    tell("done")


def written(tx: Transaction, file_id: UUID) -> None:
    """All is written, and not yet committed: it waits to be killed, or told to go on."""
    tell("written")
    sys.stdin.readline()


def tell(phase: str) -> None:
    sys.stdout.write(f"{phase}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
