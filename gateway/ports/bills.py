"""What is owed, for what and to which account, as the platforms that show it to the payer need it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.money import Money


@dataclass(frozen=True, slots=True)
class Payee:
    """The account on which an agency collects. `number` is the account number, IBAN, or what stands for it (a Singapore
    UEN, a Danish creditor number), `bank` the code by which its bank is routed to (a Vietnamese BIN, a BIC), if any."""

    name: str
    bank: str
    number: str


@dataclass(frozen=True, slots=True)
class BillLine:
    code: str
    title: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Bill:
    """What is owed and for what, for the rails whose platform shows it to the payer. No personal data: the dossier is
    the portal's number, and titles are those of the catalogue."""

    dossier: str
    procedure_code: str
    procedure_title: str
    agency_code: str
    agency_name: str
    reference: str
    amount: Money
    lines: Sequence[BillLine]
    payee: Payee


@dataclass(frozen=True, slots=True)
class BillRequest:
    """A platform asks what is due for `dossier`; of one agency only if `agency_code` names it."""

    dossier: str
    agency_code: str | None = None
