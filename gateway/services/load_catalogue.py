"""Publish a catalogue: agencies are brought up to date, and each procedure that changed gets a new version."""

import json
from dataclasses import asdict
from hashlib import sha256

from gateway.services.read_catalogue import Catalogue
from gateway.store import catalogue
from gateway.store.database import Transaction


def load_catalogue(tx: Transaction, content: Catalogue, published_by: str) -> int:
    """Returns how many procedures got a new version; loading the same catalogue again changes nothing."""
    agency_ids = {
        agency.code: catalogue.put_agency(tx, {**asdict(agency), "providers": list(agency.providers)})
        for agency in content.agencies
    }
    published = 0
    for entry in content.procedures:
        canonical = json.dumps(entry.definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        is_new = catalogue.publish_procedure(
            tx,
            entry.procedure.code,
            agency_ids[entry.procedure.agency],
            entry.definition,
            sha256(canonical.encode()).digest(),
            published_by,
        )
        if is_new:
            tx.audit(published_by, "procedure.published", "procedure", entry.procedure.code)
            published += 1
    return published
