"""Fees published in the console and the folder of YAML: neither undoes the other unseen."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import IllegalTransition
from gateway.domain.fee_draft import (
    DraftStatus,
    FeeChangeFault,
    FeeDraft,
    FeesMovedOn,
    OwnDraft,
    PublishedChangesLost,
    TooLateForDraft,
)
from gateway.domain.fees import Channel
from gateway.domain.officer import Role
from gateway.services.draft_fee import (
    WantedChange,
    draft_fee_change,
    publish_fee_draft,
    withdraw_fee_draft,
)
from gateway.services.find import find_invoice
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.load_catalogue import load_catalogue
from gateway.services.quote_fee import quote_fee
from gateway.services.read_catalogue import read_catalogue
from gateway.services.runtime import Caller
from gateway.services.write_catalogue import write_catalogue
from gateway.store import catalogue
from gateway.store.database import Transaction
from gateway.store.embedded import DatabaseUrls
from tests.integration.officers import an_officer
from tests.integration.world import PAYER, World, a_world

CODE = "vn-passport-new"
REQUEST = InvoiceRequest(CODE, {}, Channel.COUNTER, "H26.17-1", PAYER)


@pytest.fixture(scope="module")
def shared(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as made:
        yield made


@pytest.fixture
def tx(shared: World) -> Iterator[Transaction]:
    """A unit of work of which nothing stays."""
    with suppress(Undone), shared.runtime.db.transaction() as tx:
        yield tx
        raise Undone


class Undone(Exception):
    pass


@pytest.fixture
def editors(shared: World) -> tuple[Caller, Caller]:
    one, two = (an_officer(shared.runtime, [Role.CATALOGUE_EDITOR]) for _ in range(2))
    return Caller(one, "Lan", frozenset(), None, kind="officer"), Caller(two, "Minh", frozenset(), None, kind="officer")


def current(tx: Transaction) -> Any:
    row = catalogue.current_procedure(tx, CODE)
    assert row
    return row


def wanted(tx: Transaction, amount_minor: int, in_days: int = 30, **changed: Any) -> WantedChange:
    row = current(tx)
    item = row.definition["items"][0]
    first = catalogue.agency_from(row).business_date(tx.now) + timedelta(days=in_days)
    rule = {"kind": "fixed", "amount_minor": amount_minor}
    change = {**item["versions"][0], "valid_from": first.isoformat(), "rule": rule}
    change.pop("valid_until", None)
    return replace(WantedChange(CODE, item["code"], change, "A new law"), **changed)


def published(tx: Transaction, editors: tuple[Caller, Caller], request: WantedChange) -> FeeDraft:
    draft = draft_fee_change(tx, editors[0], request)
    return publish_fee_draft(tx, editors[1], draft.id, current(tx).version)


def price(tx: Transaction, in_days: int) -> int:
    on = catalogue.agency_from(current(tx)).business_date(tx.now) + timedelta(days=in_days)
    return quote_fee(tx, CODE, {}, Channel.COUNTER, on).total.amount_minor


def test_an_exported_catalogue_reads_back_as_it_was(tx: Transaction, tmp_path: Path) -> None:
    for name, text in write_catalogue(tx).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    read, demo = read_catalogue(tmp_path), read_catalogue()
    assert {entry.code: entry for entry in read.agencies} == {entry.code: entry for entry in demo.agencies}
    definitions = [{entry.procedure.code: entry.definition for entry in one.procedures} for one in (read, demo)]
    assert definitions[0] == definitions[1]
    assert load_catalogue(tx, read, "test") == 0


def test_a_folder_that_lacks_a_published_change_is_refused(
    tx: Transaction, editors: tuple[Caller, Caller], tmp_path: Path
) -> None:
    published(tx, editors, wanted(tx, 250_000))
    with pytest.raises(PublishedChangesLost, match="gateway catalogue export"):
        load_catalogue(tx, read_catalogue(), "test")
    assert price(tx, 31) == 250_000
    assert load_catalogue(tx, read_catalogue(), "demo", keeps_changes=True) == 0
    assert price(tx, 31) == 250_000
    for name, text in write_catalogue(tx).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert load_catalogue(tx, read_catalogue(tmp_path), "test") == 0


def test_a_change_holds_from_its_day_and_a_withdrawn_one_does_not(
    tx: Transaction, editors: tuple[Caller, Caller]
) -> None:
    before = price(tx, 29)
    draft = published(tx, editors, wanted(tx, 250_000))
    assert (price(tx, 0), price(tx, 29), price(tx, 30)) == (before, before, 250_000)
    withdraw_fee_draft(tx, editors[0], draft.id, "Put off")
    assert price(tx, 30) == before
    assert load_catalogue(tx, read_catalogue(), "test") == 0


def test_a_change_for_a_time_gives_way_to_what_held_before(tx: Transaction, editors: tuple[Caller, Caller]) -> None:
    before = price(tx, 0)
    request = wanted(tx, 100_000)
    change = {**request.change, "valid_until": wanted(tx, 1, 40).change["valid_from"]}
    published(tx, editors, replace(request, change=change))
    assert [price(tx, day) for day in (29, 30, 40, 41)] == [before, 100_000, 100_000, before]


def test_the_later_change_is_withdrawn_first(tx: Transaction, editors: tuple[Caller, Caller]) -> None:
    first = published(tx, editors, wanted(tx, 250_000))
    second = published(tx, editors, wanted(tx, 300_000, 60))
    with pytest.raises(FeesMovedOn):
        withdraw_fee_draft(tx, editors[0], first.id, "Put off")
    withdraw_fee_draft(tx, editors[0], second.id, "Put off")
    assert withdraw_fee_draft(tx, editors[0], first.id, "Put off").status is DraftStatus.WITHDRAWN


def test_nobody_decides_on_an_own_draft_or_twice(tx: Transaction, editors: tuple[Caller, Caller]) -> None:
    draft = draft_fee_change(tx, editors[0], wanted(tx, 250_000))
    with pytest.raises(OwnDraft):
        publish_fee_draft(tx, editors[0], draft.id, current(tx).version)
    with pytest.raises(FeesMovedOn):
        publish_fee_draft(tx, editors[1], draft.id, current(tx).version - 1)
    publish_fee_draft(tx, editors[1], draft.id, current(tx).version)
    with pytest.raises(IllegalTransition):
        publish_fee_draft(tx, editors[1], draft.id, current(tx).version)


def test_nothing_is_dated_back_unseen_and_no_invoice_changes(
    shared: World, tx: Transaction, editors: tuple[Caller, Caller]
) -> None:
    issued = issue_invoice(tx, shared.runtime.vault, shared.portal, REQUEST)
    with pytest.raises(FeeChangeFault):
        draft_fee_change(tx, editors[0], wanted(tx, 250_000, 0))
    corrected = published(tx, editors, wanted(tx, 250_000, -10, is_correction=True))
    assert price(tx, 0) == 250_000
    assert find_invoice(tx, shared.portal, str(issued.id)).total_minor == issued.total_minor == 200_000
    with pytest.raises(TooLateForDraft):
        withdraw_fee_draft(tx, editors[0], corrected.id, "A slip")


def test_a_change_that_says_what_holds_already_is_none(tx: Transaction, editors: tuple[Caller, Caller]) -> None:
    version = current(tx).definition["items"][0]["versions"][0]
    request = wanted(tx, 1, is_correction=True)
    with pytest.raises(FeeChangeFault, match="Nothing would change"):
        draft_fee_change(tx, editors[0], replace(request, change=version))
