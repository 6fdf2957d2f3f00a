"""The console's words about banks' statements: how far a file is, and what readers say is wrong with one."""

from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.bank_file import FileStatus
from gateway.services.surface import N_

REASONS = (
    N_("it is none of the formats that can be read: camt.053, camt.054, MT940; a delimited file needs a column map"),
    N_("its opening balance and its entries do not make its closing balance"),
    N_("its closing balance is missing"),
    N_("its summary counts or adds up other entries than there are"),
    N_("its details do not add up to it"),
    N_("its balances are in two currencies"),
    N_("it is in another currency than its account"),
    N_("a statement stands twice in it"),
    N_("an account has no id or no number"),
    N_("it names no account"),
    N_("it holds no statement"),
    N_("it has no entries"),
    N_("the page does not begin with the balance with which the one before ended"),
    N_("the last page, with its closing balance :62F:, is missing"),
    N_("it is not an entry: date, direction, amount with a comma, type and reference"),
    N_("it is not a balance: C or D, date, currency and amount with a comma"),
    N_("it is not an amount of a known currency"),
    N_("it is not the header of the map"),
    N_("the last row is missing: the file was cut"),
    N_("the last row counts other entries than there are"),
    N_("the last row states another total than the entries add up to"),
    N_("there are more faults than these: mend them, and hand the file in again to be told the others"),
)
"""The commonest; a reason that has figures of its own in it stays in English."""

RENEWED = "learning"
"""In this stage the page renews itself, so that nothing can be typed on it."""


def stage_of(file: Row[Any]) -> str:
    """How far a file is, by its name in the table of words."""
    if file.status == FileStatus.QUARANTINED:
        return "quarantined"
    return RENEWED if file.learnt_at is None else "learnt"
