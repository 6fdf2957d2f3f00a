"""The catalogue as officers read it: every dated version of a fee, what payers are told of it, and what waits.

Nothing here changes anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.errors import GatewayError
from gateway.domain.fee_draft import DraftStatus, FeeDraft
from gateway.domain.fees import Channel, FeeItem, FeeVersion, Procedure, Quote, QuoteLine, quote
from gateway.domain.fees.facts import Value
from gateway.services.catalogue_text import as_text
from gateway.services.draft_fee import current_definition
from gateway.services.fee_changes import (
    Case,
    cases_of,
    difference,
    item_of,
    parsed,
    typical_facts,
    version_before,
    with_change,
)
from gateway.services.quote_fee import parse
from gateway.services.runtime import Caller
from gateway.store import actors, catalogue, fee_drafts
from gateway.store.database import Transaction

DRAFTS_SHOWN = 50
EXAMPLES_SHOWN = 2
CASES_TRIED = 20


class Standing(StrEnum):
    """Whether a version holds on a day."""

    PAST = "past"
    TODAY = "today"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """`text` is how the catalogue writes it; `examples` what some payers are told, each with their answers."""

    version: FeeVersion
    standing: Standing
    text: str
    examples: Sequence[tuple[Mapping[str, Value], QuoteLine]]


@dataclass(frozen=True, slots=True)
class ShownItem:
    item: FeeItem
    versions: Sequence[ShownVersion]


@dataclass(frozen=True, slots=True)
class ShownProcedure:
    """`number` is that of its published version; `today` the day where its agency is."""

    procedure: Procedure
    definition: Mapping[str, Any]
    number: int
    agency: Agency
    today: date
    drafts: Sequence[FeeDraft]

    @property
    def next_change(self) -> date | None:
        """The next day on which a version begins."""
        return next_change(self.procedure, self.today)


@dataclass(frozen=True, slots=True)
class ShownDraft:
    """What a draft would do to the procedure as it is now, as long as it is open: the text of the version that it
    replaces on its first day, line by line against its own, and what typical payers would pay. `names` are those of the
    officers."""

    draft: FeeDraft
    procedure: Procedure
    number: int
    agency: Agency
    today: date
    lines: Sequence[tuple[str, str]]
    cases: Sequence[Case]
    names: Mapping[UUID, str]


def procedures_by_words(tx: Transaction, caller: Caller, words: str) -> list[tuple[Procedure, date | None]]:
    """Those that have all of `words` in their titles, code or agency, by code, each with its next change."""
    wanted = words.casefold().split()
    agencies = {agency.code: agency for agency in catalogue.all_agencies(tx)}
    found = []
    for row in catalogue.current_procedures(tx, caller.agency_id):
        procedure = parse(row.sha256, row.definition)
        told = " ".join([procedure.code, procedure.agency, *procedure.titles.values()]).casefold()
        if all(word in told for word in wanted):
            found.append((procedure, next_change(procedure, agencies[procedure.agency].business_date(tx.now))))
    return found


def drafts_waiting(tx: Transaction, caller: Caller) -> list[FeeDraft]:
    """Those on which a second editor has to decide, the oldest first."""
    return fee_drafts.waiting(tx, caller.agency_id, DRAFTS_SHOWN)


def show_procedure(tx: Transaction, caller: Caller, code: str) -> ShownProcedure:
    """Raises ProcedureNotFound, also for another agency's."""
    row = current_definition(tx, caller, code)
    procedure, agency = parse(row.sha256, row.definition), catalogue.agency_from(row)
    today = agency.business_date(tx.now)
    drafts = fee_drafts.of_procedure(tx, code, DRAFTS_SHOWN)
    return ShownProcedure(procedure, row.definition, row.version, agency, today, drafts)


def versions_with_examples(shown: ShownProcedure) -> list[ShownItem]:
    """Every fee of the procedure with all its versions, priced for typical payers."""
    items = shown.procedure.items
    return [_item(shown.procedure, item, item_of(shown.definition, item.code), shown.today) for item in items]


def show_draft(tx: Transaction, caller: Caller, draft: FeeDraft) -> ShownDraft:
    """Raises ProcedureNotFound."""
    row = current_definition(tx, caller, draft.procedure)
    agency = catalogue.agency_from(row)
    without = parse(row.sha256, row.definition)
    lines: Sequence[tuple[str, str]] = ()
    cases: Sequence[Case] = ()
    if draft.status is DraftStatus.DRAFT:
        with_it = parsed(with_change(row.definition, draft.fee_item, draft.change))
        before = version_before(item_of(row.definition, draft.fee_item)["versions"], draft.first_day)
        lines, cases = difference(before, draft.change), cases_of(without, with_it, draft.first_day)
    people = [one for one in (draft.drafted_by, draft.decided_by, draft.withdrawn_by) if one]
    names = actors.officer_names(tx, people)
    return ShownDraft(draft, without, row.version, agency, agency.business_date(tx.now), lines, cases, names)


def priced(procedure: Procedure, facts: Mapping[str, object], channel: Channel, on: date) -> Quote | GatewayError:
    """What it costs, or why that cannot be said."""
    try:
        return quote(procedure, facts, channel, on)
    except GatewayError as error:
        return error


def next_change(procedure: Procedure, today: date) -> date | None:
    ahead = [version.valid_from for item in procedure.items for version in item.versions if version.valid_from > today]
    return min(ahead, default=None)


def _item(procedure: Procedure, item: FeeItem, plain: Mapping[str, Any], today: date) -> ShownItem:
    texts = [as_text(version) for version in plain["versions"]]
    return ShownItem(
        item,
        [
            ShownVersion(version, _standing(version, today), text, list(_examples(procedure, item, version, today)))
            for version, text in zip(item.versions, texts, strict=True)
        ],
    )


def _standing(version: FeeVersion, today: date) -> Standing:
    if version.valid_from > today:
        return Standing.AHEAD
    return Standing.PAST if version.valid_until and version.valid_until < today else Standing.TODAY


def _examples(
    procedure: Procedure, item: FeeItem, version: FeeVersion, today: date
) -> Iterator[tuple[Mapping[str, Value], QuoteLine]]:
    on = today if _standing(version, today) is Standing.TODAY else version.valid_from
    tried = (
        (facts, priced(procedure, facts, Channel.COUNTER, on))
        for facts in islice(typical_facts(procedure), CASES_TRIED)
    )
    fitting = (
        (facts, line)
        for facts, told in tried
        if isinstance(told, Quote)
        for line in told.lines
        if line.fee_item == item.code
    )
    yield from islice(fitting, EXAMPLES_SHOWN)
