"""The assistant over a real run: what was planted is explained and grouped, over HTTP and on the command line."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.app import create_app
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.services.open_discrepancy import open_discrepancy
from gateway.store import assistant as store
from gateway.store.embedded import DatabaseUrls
from reconciliation import api as reconciliation_api
from reconciliation import assistant_cli
from tests.integration.api import Api, an_api, problem
from tests.integration.night import Night

V1 = "/v1/reconciliation"
FAULTS = ("drop_line", "drop_line", "duplicate_line", "extra_line", "unknown_refund", "wrong_status")


class Office:
    """The API, and a night after a day with a fault of each sort."""

    def __init__(self, api: Api) -> None:
        self.api = api
        api.app = create_app(api.settings, api.world.runtime, api.ring, [reconciliation_api.register])
        payments = [api.world.paid()[1] for _ in FAULTS]
        day = payments[0].business_date
        assert day is not None
        self.agency = payments[0].agency_id
        self.night = Night(api.world, day)
        for fault, payment in zip(FAULTS, payments, strict=True):
            self.night.plant(fault, payment)
        self.night.settle()
        self.run = self.night.run()

    def found(self, kind: str) -> dict[str, Any]:
        return next(one for one in self.night.found(self.run) if one["kind"] == kind)

    def groups(self, scope: str = "finance") -> list[dict[str, Any]]:
        answer = self.api.get(f"{V1}/groups?business_date={self.night.day}&provider=sandbox", scope)
        assert answer.status_code == 200, answer.text
        groups: list[dict[str, Any]] = answer.json["data"]
        return groups


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        yield Office(api)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("duplicate_at_provider", "duplicate_line"),
        ("missing_in_gateway", "other_system"),
        ("refund_unknown", "refunded_at_provider"),
    ],
)
def test_what_a_run_found_is_told_with_its_cause(office: Office, kind: str, cause: str) -> None:
    found = office.found(kind)
    assert found["cause"] == cause
    told = office.api.get(f"{V1}/discrepancies/{found['id']}/causes", "finance").json
    assert (told["cause"], told["group"]) == (cause, found["group"])
    first = told["causes"][0]
    assert first["cause"] == cause
    assert first["explanation"]["en"]["for"]
    assert first["explanation"]["vi"]["cause"] == found["explanation"]["vi"]["cause"]


def test_groups_hold_every_open_discrepancy_once_with_its_sum(office: Office) -> None:
    groups = office.groups()
    open_ones = [found for found in office.night.found(office.run) if found["status"] == "open"]
    assert sum(group["count"] for group in groups) == len(open_ones)
    lines = next(group for group in groups if "missing_at_provider" in group["kinds"] or "timing" in group["kinds"])
    assert (lines["count"], lines["sums"]) == (2, [{"currency": "VND", "count": 2, "amount_minor": 400_000}])
    assert lines["first_at"] <= lines["last_at"]
    seen: list[str] = []
    for group in groups:
        page = office.api.get(f"{V1}/groups/{group['key']}/discrepancies?limit=1", "finance").json
        members = page["data"]
        while page["next"]:
            following = f"{V1}/groups/{group['key']}/discrepancies?limit=1&after={page['next']}"
            page = office.api.get(following, "finance").json
            members += page["data"]
        assert len(members) == group["count"]
        seen += members
    assert sorted(seen) == sorted(found["id"] for found in open_ones)


def test_the_provider_is_asked_first_about_a_status_that_contradicts(office: Office) -> None:
    found = office.found("status_mismatch")
    told = office.api.get(f"{V1}/discrepancies/{found['id']}/causes", "finance").json
    assert set(told["ask_first"]) == {"vi", "en"}


def test_a_key_of_one_agency_sees_its_own_alone(office: Office) -> None:
    of_one = office.api.key_for(office.agency, "finance")
    found = office.found("missing_in_gateway")  # nobody's
    problem(office.api.get(f"{V1}/discrepancies/{found['id']}/causes", of_one), 404, "discrepancy_not_found")
    assert "missing_in_gateway" not in {kind for group in office.groups(of_one) for kind in group["kinds"]}
    key = found["group"]
    assert office.api.get(f"{V1}/groups/{key}/discrepancies", of_one).json == {"data": [], "next": None}


def test_what_is_not_there_and_what_makes_no_sense_is_refused(office: Office) -> None:
    problem(office.api.get(f"{V1}/discrepancies/{uuid4()}/causes", "finance"), 404, "discrepancy_not_found")
    problem(office.api.get(f"{V1}/groups/nonsense/discrepancies", "finance"), 404, "group_not_found")
    problem(office.api.get(f"{V1}/groups/nonsense/discrepancies?after=x", "finance"), 422, "invalid")
    told = problem(office.api.get(f"{V1}/groups?business_date=today", "finance"), 422, "invalid_request")
    assert told["errors"] == {"business_date": "must be a day like 2026-11-22"}
    problem(office.api.get(f"{V1}/groups?business_date=2026-11-22", "portal"), 403, "scope_missing")


def test_running_again_gives_the_same_opinions_and_the_same_report(office: Office) -> None:
    before, groups = office.night.reports(office.run), office.groups()
    assert office.night.reports(office.night.run()) == before
    assert office.groups() == groups
    rows = json.loads(before[0])["discrepancies"]
    assert all(row["cause"] and row["group"] for row in rows)


def test_the_assistant_changes_nothing_but_its_own_opinions(office: Office) -> None:
    with office.api.world.runtime.db.read() as tx:
        counted = "SELECT (SELECT count(*) FROM ledger_entries), (SELECT count(*) FROM discrepancies)"
        before = tx.execute(text(counted)).one()
    office.groups()
    office.api.get(f"{V1}/discrepancies/{office.found('refund_unknown')['id']}/causes", "finance")
    with office.api.world.runtime.db.read() as tx:
        assert tx.execute(text(counted)).one() == before


def test_what_no_run_has_seen_yet_is_judged_as_it_stands(office: Office) -> None:
    with office.api.world.runtime.db.transaction() as tx:
        opened = open_discrepancy(
            tx,
            kind=DiscrepancyKind.DUPLICATE_PAYMENT,
            key="duplicate_payment:payment:of a day to come",
            provider="sandbox",
            agency_id=office.agency,
            business_date=office.night.day + timedelta(days=1),
            amount=Money(200_000, "VND"),
            evidence={"proposed": "refund_duplicate"},
        )
    told = office.api.get(f"{V1}/discrepancies/{opened}/causes", "finance").json
    assert (told["cause"], told["proposed_action"]) == ("paid_twice", "open_trace")  # no money is known to be kept


def test_the_command_line_tells_the_same(office: Office) -> None:
    explain, groups = assistant_cli.commands(lambda: office.api.world.runtime)
    found = office.found("duplicate_at_provider")
    shown = CliRunner().invoke(explain, [found["id"], "--language", "vi"])
    assert shown.exit_code == 0, shown.output
    assert "duplicate_line (+" in shown.output
    assert found["explanation"]["vi"]["next_step"] in shown.output
    listed = CliRunner().invoke(groups, ["--date", str(office.night.day), "--provider", "sandbox"])
    assert all(group["key"] in listed.output for group in office.groups())
    missing = CliRunner().invoke(explain, [str(uuid4())])
    assert (missing.exit_code, "There is no discrepancy" in missing.output) == (1, True)


def test_stretches_of_unanswered_calls_are_outages_and_single_ones_are_not(office: Office) -> None:
    noon = datetime.combine(office.night.day - timedelta(days=30), time(12), UTC)
    calls = [(minute, minute not in (3, *range(10, 16))) for minute in range(20)]
    with office.api.world.runtime.db.transaction() as tx:
        for minute, answered in calls:
            tx.execute(
                text(
                    "INSERT INTO provider_calls (provider, operation, outcome, code, latency_ms, at, answered)"
                    " VALUES ('sandbox', 'query', :outcome, '', 1, :at, :answered)"
                ),
                {
                    "outcome": "ok" if answered else "unknown",
                    "at": noon + timedelta(minutes=minute),
                    "answered": answered,
                },
            )
    with office.api.world.runtime.db.read() as tx:
        (outage,) = store.unanswered(tx, "sandbox", noon, noon + timedelta(hours=1), 5)
    assert (outage.begun_at, outage.last_at, outage.answered_at, outage.calls) == (
        noon + timedelta(minutes=10),
        noon + timedelta(minutes=15),
        noon + timedelta(minutes=16),
        6,
    )
