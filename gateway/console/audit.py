"""The audit trail: who did what to which thing, when; and who read payers' data, for what. Both also as CSV."""

import json
from typing import Any

from gateway.console import words
from gateway.console.csv_download import csv_download
from gateway.console.roles import OF_TRAIL
from gateway.domain.officer import Role
from gateway.forms.reading import asked, day_asked
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of, usual_zone
from gateway.services.name_actors import colleagues, names_of
from gateway.services.read_audit import AuditPage, AuditQuery, audit_trail, reads_of_payers
from gateway.services.runtime import Caller
from gateway.services.surface import N_, ConsoleSurface, Section

SHOWN = 30
IN_FILE = 10_000
TERM_MAX = 200


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Audit trail"), "console.audit", OF_TRAIL))
    _add_trail(console)
    _add_reads(console)


def _add_trail(console: ConsoleSurface) -> None:
    @console.route("/audit", endpoint="audit")
    @for_officers(*OF_TRAIL)
    def show() -> Any:
        caller = console.officer().caller
        with console.runtime.db.read() as tx:
            query = _query(tx, caller)
            page = audit_trail(tx, caller, query, asked("after"), SHOWN)
            context = _context(tx, caller, query, page)
        return console.page("audit.html", **context)

    @console.route("/audit.csv", endpoint="audit_csv")
    @for_officers(*OF_TRAIL)
    def download() -> Any:
        caller = console.officer().caller
        with console.runtime.db.read() as tx:
            page = audit_trail(tx, caller, _query(tx, caller), None, IN_FILE)
            names = names_of(tx, (row.actor for row in page.rows))
        rows = [
            (
                row.at.isoformat(),
                row.actor,
                names.get(row.actor, ""),
                row.action,
                row.subject_type,
                row.subject_id,
                _as_json(row.before),
                _as_json(row.after),
            )
            for row in page.rows
        ]
        header = ("at", "actor", "name", "action", "subject_type", "subject", "before", "after")
        return csv_download("audit-trail", header, rows)


def _add_reads(console: ConsoleSurface) -> None:
    @console.route("/audit/reads", endpoint="audit_reads")
    @for_officers(*OF_TRAIL)
    def show() -> Any:
        caller = console.officer().caller
        with console.runtime.db.read() as tx:
            query = _query(tx, caller)
            page = reads_of_payers(tx, caller, query, asked("after"), SHOWN)
            context = _context(tx, caller, query, page)
        return console.page("audit_reads.html", **context)

    @console.route("/audit/reads.csv", endpoint="audit_reads_csv")
    @for_officers(*OF_TRAIL)
    def download() -> Any:
        caller = console.officer().caller
        with console.runtime.db.read() as tx:
            page = reads_of_payers(tx, caller, _query(tx, caller), None, IN_FILE)
            names = names_of(tx, (row.actor for row in page.rows))
        rows = [
            (row.at.isoformat(), row.actor, names.get(row.actor, ""), row.purpose, str(row.payer_id))
            for row in page.rows
        ]
        return csv_download("readings", ("at", "actor", "name", "purpose", "payer"), rows)


def _query(tx: Any, caller: Caller) -> AuditQuery:
    zone = usual_zone(agencies_of(tx, caller))
    actor, kind, subject = (text[:TERM_MAX] if (text := asked(name)) else None for name in ("actor", "type", "subject"))
    return AuditQuery(zone, actor, kind, subject, day_asked("from"), day_asked("to"))


def _context(tx: Any, caller: Caller, query: AuditQuery, page: AuditPage) -> dict[str, Any]:
    chosen = {
        "actor": query.actor,
        "type": query.subject_type,
        "subject": query.subject_id,
        "from": query.first,
        "to": query.last,
    }
    return {
        "query": query,
        "chosen": {name: value for name, value in chosen.items() if value},
        "page": page,
        "names": names_of(tx, [query.actor, *(row.actor for row in page.rows)]),
        "team": colleagues(tx, Role, caller.agency_id),
        "zone": query.time_zone,
        "words": words,
        "is_first": asked("after") is None,
    }


def _as_json(facts: Any) -> str:
    return "" if facts is None else json.dumps(facts, ensure_ascii=False, sort_keys=True)
