"""The catalogue of the database as a folder of YAML, which read_catalogue reads back: `gateway catalogue export`.

Comments and the order in which an editor wrote things are not kept; what is charged is.
"""

from typing import Any

from gateway.domain.agency import Agency, Limits
from gateway.domain.national_references import ReferenceStyle
from gateway.services.catalogue_text import as_text
from gateway.services.read_catalogue import AGENCIES
from gateway.store import catalogue
from gateway.store.database import Transaction

OPTIONAL = ("bank_code", "reference_prefix", "receipt_form", "tax_code")


def write_catalogue(tx: Transaction) -> dict[str, str]:
    """The text of each file by its name: the agencies, and a price list for each that has one."""
    agencies = catalogue.all_agencies(tx)
    lists: dict[str, list[Any]] = {agency.code: [] for agency in agencies}
    for row in catalogue.current_procedures(tx, None):
        lists[row.definition["agency"]].append(row.definition)
    texts = {f"{code}.yaml": as_text({"procedures": definitions}) for code, definitions in lists.items() if definitions}
    return {AGENCIES: as_text({"agencies": [_agency(agency) for agency in agencies]})} | texts


def _agency(agency: Agency) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "code": agency.code,
        "names": agency.names,
        "country": agency.country,
        "time_zone": agency.time_zone,
        "currency": agency.currency,
        "bank_account": agency.bank_account,
        "account_holder": agency.account_holder,
        "receipt_series": agency.receipt_series,
        "providers": [_method(name, agency.method_limits.get(name)) for name in agency.providers],
    }
    if agency.reference_style is not ReferenceStyle.RF:
        plain["reference_style"] = str(agency.reference_style)
    return plain | {name: getattr(agency, name) for name in OPTIONAL if getattr(agency, name)}


def _method(name: str, limits: Limits | None) -> str | dict[str, Any]:
    bounds = {"minimum_minor": limits.minimum_minor, "maximum_minor": limits.maximum_minor} if limits else {}
    given = {bound: value for bound, value in bounds.items() if value is not None}
    return {"provider": name} | given if given else name
