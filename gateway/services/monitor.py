"""Whether the gateway can do its work, and how the work stands, for those who run it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from gateway.domain.errors import Unavailable
from gateway.services.provider_health import LATELY, Health, health_of_all
from gateway.services.runtime import Runtime
from gateway.store import inbox, monitoring
from gateway.store.database import DatabaseUnavailable

COUNTED_WITHIN = timedelta(days=1)

_needed_schema_version = cache(monitoring.needed_schema_version)


class NotReady(Unavailable):
    """This process must not be sent requests yet; `errors` says what is missing."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class WorkState:
    """`payments`: how many of the last day, by provider and status. `oldest_event`: how long a notification waits.
    `providers`: how each does, by its calls of the last minutes. `unexplained_minor`: the money in open discrepancies
    by currency, without matters of timing, and `oldest_discrepancy` how long the oldest is open. `runs`: how many
    reconciliation runs, by provider and status. `late_files`: how many days wait for a settlement that is late."""

    payments: dict[tuple[str, str], int]
    oldest_event: timedelta
    providers: Sequence[Health]
    unexplained_minor: dict[str, int]
    oldest_discrepancy: timedelta
    runs: dict[tuple[str, str], int]
    late_files: dict[str, int]


def check_ready(runtime: Runtime) -> None:
    """The database answers and has this release's schema. Raises NotReady, which says what is not so."""
    try:
        with runtime.db.read() as tx:
            found = monitoring.schema_version(tx)
    except DatabaseUnavailable as error:
        raise NotReady("The database does not answer.", fields={"database": "cannot be reached"}) from error
    if found != _needed_schema_version():
        fix = f"is at {found}, this release needs {_needed_schema_version()}: run `gateway migrate`"
        raise NotReady("The database has another schema than this release needs.", fields={"schema": fix})


def state_of_work(runtime: Runtime) -> WorkState:
    """Raises DatabaseUnavailable."""
    with runtime.db.read() as tx:
        counted = monitoring.payments_by_state(tx, COUNTED_WITHIN)
        oldest = inbox.oldest_unapplied(tx)
        waits = tx.now - oldest if oldest else timedelta()
        providers = health_of_all(tx, runtime, [LATELY])
        unexplained, runs = monitoring.unexplained(tx), monitoring.runs_by_status(tx)
        late = monitoring.late_files(tx)
        open_for = max((tx.now - row.oldest for row in unexplained), default=timedelta())
    by_state = {(row.provider, row.status): row.payments for row in counted}
    return WorkState(
        payments=by_state,
        oldest_event=max(waits, timedelta()),
        providers=providers,
        unexplained_minor={row.currency: int(row.minor) for row in unexplained},
        oldest_discrepancy=max(open_for, timedelta()),
        runs={(row.provider, row.status): row.runs for row in runs},
        late_files={row.provider: row.days for row in late},
    )
