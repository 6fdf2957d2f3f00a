"""What those who run the gateway watch: whether the schema is the one this release needs, and how the work stands."""

from datetime import timedelta
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.reconciliation import RunStatus
from gateway.store.database import Transaction, first_id
from gateway.store.migrate import MIGRATIONS
from gateway.store.tables.payments import payments
from gateway.store.tables.reconciliation import discrepancies, reconciliation_runs

_HAS_SCHEMA = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_SCHEMA_VERSION = text("SELECT version_num FROM alembic_version")


def needed_schema_version() -> str:
    """The version that this release's code was written for."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def schema_version(tx: Transaction) -> str:
    """The version that the database has; "nothing" before the first migration."""
    if not tx.execute(_HAS_SCHEMA).scalar_one():
        return "nothing"
    found: str = tx.execute(_SCHEMA_VERSION).scalar_one()
    return found


def payments_by_state(tx: Transaction, within: timedelta) -> list[Row[Any]]:
    """How many payments there are by provider and status, of those that were begun `within` the time before now.

    Ids are in the order of creation, so that the primary key finds the young ones, however many old ones there are.
    """
    young = payments.c.id >= first_id(tx.now - within)
    query = select(payments.c.provider, payments.c.status, func.count().label("payments")).where(young)
    return tx.all(query.group_by(payments.c.provider, payments.c.status))


def unexplained(tx: Transaction) -> list[Row[Any]]:
    """By currency: `minor`, the money in question in open discrepancies that are no matter of timing, whichever way it
    would go; and `oldest`, since when the oldest of them is open."""
    open_now = discrepancies.c.status == DiscrepancyStatus.OPEN, discrepancies.c.kind != DiscrepancyKind.TIMING
    query = select(
        discrepancies.c.currency,
        func.sum(func.abs(discrepancies.c.amount_minor)).label("minor"),
        func.min(discrepancies.c.opened_at).label("oldest"),
    )
    return tx.all(query.where(*open_now).group_by(discrepancies.c.currency).order_by(discrepancies.c.currency))


def runs_by_status(tx: Transaction) -> list[Row[Any]]:
    """How many reconciliation runs there are by provider and status."""
    columns = reconciliation_runs.c.provider, reconciliation_runs.c.status
    return tx.all(select(*columns, func.count().label("runs")).group_by(*columns).order_by(*columns))


def late_files(tx: Transaction) -> list[Row[Any]]:
    """How many open days of each provider wait for a settlement file that is late."""
    late = reconciliation_runs.c.totals["file_late"].as_boolean(), reconciliation_runs.c.status != RunStatus.SIGNED_OFF
    query = select(reconciliation_runs.c.provider, func.count().label("days")).where(*late)
    return tx.all(query.group_by(reconciliation_runs.c.provider).order_by(reconciliation_runs.c.provider))
