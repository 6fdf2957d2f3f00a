"""What the demo begins with: the demo catalogue and an API key for each scope. Production never calls this."""

from collections.abc import Mapping

from gateway.services.keys import KeyRing, Scope
from gateway.services.load_catalogue import load_catalogue
from gateway.services.read_catalogue import read_catalogue
from gateway.store.database import Database


def load_demo(db: Database, keys: KeyRing, plaintexts: Mapping[Scope, str]) -> int:
    """Load the demo catalogue and let the given keys in, for every agency. May be repeated.

    `plaintexts` holds one key for each scope (`keys.new_plaintext`), kept by the caller so that a second start finds
    the same keys valid. Returns how many procedures are new.
    """
    content = read_catalogue()
    with db.transaction() as tx:
        published = load_catalogue(tx, content, "demo", keeps_changes=True)
        for scope, plaintext in plaintexts.items():
            keys.issue(tx, f"demo {scope}", [scope], None, plaintext=plaintext, issued_by="demo")
    return published
