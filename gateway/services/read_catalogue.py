"""Read a catalogue folder: agencies.yaml and price lists, into agencies and procedures that are known to make sense.

Reading is all or nothing. A fault is told with its file, its path in the file and what to do about it, and all faults
of all files are told at once, so that an editor fixes them in one go. A procedure comes with its plain definition,
which is what the database keeps; `procedure_from_dict` makes the same procedure of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from marshmallow import Schema

from gateway.domain.errors import Invalid
from gateway.domain.fees import Procedure, procedure_from_dict
from gateway.domain.national_references import ReferenceStyle
from gateway.services.catalogue_schema import AgencyFile, ProcedureFile
from gateway.services.catalogue_text import CatalogueLoader, flattened
from gateway.services.check_agency import faults_of_agencies
from gateway.services.check_procedure import faults_of

AGENCIES = "agencies.yaml"

Faults = dict[str, str]


class CatalogueFault(Invalid):
    """`fields` maps "file: path" to what to do there; `detail` lists them, one a line."""

    code = "catalogue_fault"

    def __init__(self, faults: Faults) -> None:
        super().__init__("\n".join(f"{place} {fix}" for place, fix in faults.items()), fields=faults)


@dataclass(frozen=True, slots=True)
class AgencyEntry:
    """An agency as the catalogue knows it: the database gives it its id."""

    code: str
    names: dict[str, str]
    country: str
    time_zone: str
    currency: str
    bank_account: str
    account_holder: str
    receipt_series: str
    providers: tuple[str, ...]
    method_limits: dict[str, dict[str, int]]
    bank_code: str = ""
    reference_style: str = ReferenceStyle.RF
    reference_prefix: str = ""
    receipt_form: str = ""
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class ProcedureEntry:
    """A procedure and the plain, JSON-able form that it was read from."""

    procedure: Procedure
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    agencies: tuple[AgencyEntry, ...]
    procedures: tuple[ProcedureEntry, ...]


def read_catalogue(folder: Traversable | None = None) -> Catalogue:
    """The catalogue in `folder`: its agencies.yaml and every other .yaml in it. None reads the demo's.

    Raises CatalogueFault, which names every fault with its file, its path and the fix.
    """
    folder = folder or files("gateway.catalogue")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if AGENCIES not in names:
        raise CatalogueFault({f"{AGENCIES}:": "is missing: add the file with the agencies"})
    faults: Faults = {}
    contents = {name: _content(folder / name, _schema_of(name), faults) for name in names}
    if faults:
        raise CatalogueFault(faults)
    agencies = {agency["code"]: agency for agency in contents[AGENCIES]["agencies"]}
    if len(agencies) < len(contents[AGENCIES]["agencies"]):
        faults[f"{AGENCIES}: agencies"] = "must have different codes"
    faults |= {f"{AGENCIES}: {path}": fix for path, fix in faults_of_agencies(contents[AGENCIES]["agencies"])}
    faults |= _procedure_faults(contents, agencies)
    if faults:
        raise CatalogueFault(faults)
    return Catalogue(
        agencies=tuple(AgencyEntry(**{**agency, **_methods(agency["providers"])}) for agency in agencies.values()),
        procedures=tuple(
            ProcedureEntry(procedure_from_dict(definition), definition) for _, definition in _definitions(contents)
        ),
    )


def _methods(members: Sequence[str | Mapping[str, Any]]) -> dict[str, Any]:
    """The agency's providers in order, and the limits of those that have any. A member is a name, or a block."""
    blocks: list[Mapping[str, Any]] = [{"provider": each} if isinstance(each, str) else each for each in members]
    limits = {each["provider"]: {name: each[name] for name in each if name != "provider"} for each in blocks}
    return {
        "providers": tuple(limits),
        "method_limits": {provider: limit for provider, limit in limits.items() if limit},
    }


def _schema_of(name: str) -> type[Schema]:
    return AgencyFile if name == AGENCIES else ProcedureFile


def _content(file: Traversable, schema: Callable[[], Schema], faults: Faults) -> dict[str, Any]:
    """What `file` holds; its faults are added to `faults`."""
    try:
        content = CatalogueLoader(file.read_text(encoding="utf-8")).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults[f"{file.name}: line {line}"] = f"is not YAML: {error.problem}"
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        faults[f"{file.name}:"] = f"is not YAML: {error}"
        return {}
    if not isinstance(content, dict):
        faults[f"{file.name}:"] = "must be a block of keys"
        return {}
    faults.update({f"{file.name}: {path}": fix for path, fix in flattened(schema().validate(content))})
    return content


def _definitions(contents: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each procedure's definition with its place, "vn-mps.yaml: procedures[0]"."""
    for name, content in contents.items():
        for at, definition in enumerate(content.get("procedures", ())):
            yield f"{name}: procedures[{at}]", definition


def _procedure_faults(contents: Mapping[str, dict[str, Any]], agencies: Mapping[str, Mapping[str, Any]]) -> Faults:
    faults: Faults = {}
    places: dict[str, str] = {}
    for place, definition in _definitions(contents):
        code, agency = definition["code"], agencies.get(definition["agency"])
        if code in places:
            faults[f"{place}.code"] = f"is taken by {places[code]}: choose another code"
        places[code] = place
        if agency is None:
            faults[f"{place}.agency"] = f"must be one of {', '.join(agencies)}, or be added to {AGENCIES}"
        elif definition["currency"] != agency["currency"]:
            faults[f"{place}.currency"] = f"must be {agency['currency']}, the currency of {agency['code']}"
        faults |= {f"{place}.{path}": fix for path, fix in faults_of(definition)}
    return faults
