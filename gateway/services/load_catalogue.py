"""Publish a catalogue: agencies are brought up to date, and each procedure that changed gets a new version.

What officers published in the console is not undone by a folder that does not know of it; see docs/adr/0018.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import UUID

from gateway.domain.fee_draft import FeeDraft, PublishedChangesLost
from gateway.domain.fees.amend import is_part_of
from gateway.services.read_catalogue import Catalogue
from gateway.store import catalogue, fee_drafts
from gateway.store.database import Transaction

Plain = Mapping[str, Any]


def load_catalogue(tx: Transaction, content: Catalogue, published_by: str, *, keeps_changes: bool = False) -> int:
    """Returns how many procedures got a new version; loading the same catalogue again changes nothing.

    Raises PublishedChangesLost for a folder that lacks what was published in the console; with `keeps_changes` the
    procedures that it concerns are left as they are instead.
    """
    lost = _lost(tx, content)
    if lost and not keeps_changes:
        told = ", ".join(f"{draft.procedure}: {draft.fee_item} from {draft.first_day}" for draft in lost)
        raise PublishedChangesLost(
            f"This folder lacks what was published in the console ({told}). Write the catalogue of today into a folder "
            "with `gateway catalogue export`, change that, and publish it.",
            fields={draft.procedure: f"lacks {draft.fee_item} from {draft.first_day}" for draft in lost},
        )
    agency_ids = {
        agency.code: catalogue.put_agency(tx, {**asdict(agency), "providers": list(agency.providers)})
        for agency in content.agencies
    }
    kept = {draft.procedure for draft in lost}
    entries = [entry for entry in content.procedures if entry.procedure.code not in kept]
    return sum(
        publish_definition(tx, agency_ids[entry.procedure.agency], entry.definition, published_by) for entry in entries
    )


def publish_definition(tx: Transaction, agency_id: UUID, definition: Plain, published_by: str) -> bool:
    """A new version of the procedure; False, and none, if the newest says the same."""
    code = definition["code"]
    canonical = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = sha256(canonical.encode()).digest()
    is_new = catalogue.publish_procedure(tx, code, agency_id, definition, digest, published_by)
    if is_new:
        tx.audit(published_by, "procedure.published", "procedure", code)
    return is_new


def _lost(tx: Transaction, content: Catalogue) -> list[FeeDraft]:
    """The changes published in the console that hold now, and that `content` does not have."""
    loaded = {entry.procedure.code: entry.definition for entry in content.procedures}
    return [
        draft
        for draft in fee_drafts.published(tx)
        if draft.procedure in loaded
        and _has(_current(tx, draft.procedure), draft)
        and not _has(loaded[draft.procedure], draft)
    ]


def _current(tx: Transaction, code: str) -> Plain:
    row = catalogue.current_procedure(tx, code)
    return row.definition if row else {"items": []}


def _has(definition: Plain, draft: FeeDraft) -> bool:
    items = (item for item in definition["items"] if item["code"] == draft.fee_item)
    return any(is_part_of(item["versions"], draft.change) for item in items)
