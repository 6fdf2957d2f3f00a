"""`gateway providers list` and `check`, on a real database and against real simulators."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from gateway.cli import cli
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.catalogue import agencies
from providers.demo import demo_settings
from providers.registry import ADAPTERS, SIMULATORS
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from tests.integration.world import World, a_world
from wsgi import composer

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        with made.runtime.db.transaction() as tx:
            tx.execute(update(agencies).values(providers=["sandbox"]))
        yield made


@pytest.fixture
def settings(world: World, database_urls: DatabaseUrls) -> dict[str, str]:
    """Everything in order."""
    return {
        **world.settings,
        "GATEWAY_SANDBOX_BASE_URL": world.simulator.url,
        "GATEWAY_PROVIDERS": "sandbox",
        "GATEWAY_DATABASE_URL": database_urls.app_url,
    }


def gateway(settings: dict[str, str], *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """The settings stand in the environment, and no others of ours."""
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        return CliRunner().invoke(cli, ["providers", *arguments], obj=composer())


def faults(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    outcome = gateway(settings, "check", "--json", *arguments, monkeypatch=monkeypatch)
    told: dict[str, Any] = json.loads(outcome.stdout)
    assert outcome.exit_code == bool(told["faults"])
    return list(told["faults"])


def test_every_provider_that_is_known_is_listed_with_what_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = json.loads(gateway({"GATEWAY_PROVIDERS": "stripe"}, "list", "--json", monkeypatch=monkeypatch).stdout)
    listed = {row["name"]: row for row in rows}
    assert set(listed) == set(ADAPTERS)
    assert [name for name, row in listed.items() if row["enabled"]] == ["stripe"]
    sandbox = listed["sandbox"]
    assert (sandbox["flow"], sandbox["settlement"], sandbox["time_zone"]) == ("redirect", "api", "Asia/Ho_Chi_Minh")
    assert {"cancel", "refund", "notify", "settlement"} <= set(sandbox["can"])
    assert {"currency": "VND", "minimum_minor": 1_000, "maximum_minor": 10**12} in sandbox["currencies"]


def test_the_list_is_a_table_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = gateway({"GATEWAY_PROVIDERS": "sandbox"}, "list", monkeypatch=monkeypatch).stdout
    assert all(word in shown for word in ("provider", "sandbox", "stripe", "redirect", "Asia/Ho_Chi_Minh"))
    assert "VND 1,000 to 1,000,000,000,000" in shown
    assert "KWD 0.001 to 1,000,000,000.000" in shown


def test_with_everything_in_order_nothing_is_wrong(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = gateway(settings, "check", monkeypatch=monkeypatch)
    assert outcome.exit_code == 0, outcome.output
    assert f"sandbox: settings complete, answers ({settings['GATEWAY_SANDBOX_BASE_URL']})" in outcome.stdout
    assert "Nothing is wrong." in outcome.stdout


@pytest.mark.parametrize("name", sorted(SIMULATORS))
def test_each_provider_answers_the_question_that_the_check_asks(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And changes nothing by it."""
    shared = demo_settings(name, NOWHERE, "0123456789abcdef" * 4, tmp_path)
    simulator = RunningSimulator(SIMULATORS[name](Options(tmp_path, shared, f"{NOWHERE}/webhook")))
    try:
        settings = demo_settings(name, simulator.url, "0123456789abcdef" * 4, tmp_path)
        told = json.loads(
            gateway({**settings, "GATEWAY_PROVIDERS": name}, "check", "--json", monkeypatch=monkeypatch).stdout
        )
        assert told["providers"] == [{"name": name, "addresses": [simulator.url], "faults": []}]
        assert simulator.bank.books.all("payment") == []
    finally:
        simulator.stop()


def test_a_missing_and_a_blank_setting_are_named(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    del settings["GATEWAY_SANDBOX_MERCHANT"]
    settings["GATEWAY_SANDBOX_SECRETS"] = " "
    (fault,) = faults(settings, monkeypatch)
    assert "GATEWAY_SANDBOX_MERCHANT, GATEWAY_SANDBOX_SECRETS (missing or blank)" in fault


def test_a_secret_file_that_cannot_be_read_is_named(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del settings["GATEWAY_SANDBOX_SECRETS"]
    settings["GATEWAY_SANDBOX_SECRETS_FILE"] = str(tmp_path / "gone")
    assert any("gone cannot be read" in fault for fault in faults(settings, monkeypatch))


def test_a_name_that_nobody_knows_is_reported(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings["GATEWAY_PROVIDERS"] = "sandbox,sandbax"
    (fault,) = faults(settings, monkeypatch)
    assert "names sandbax, which nobody knows" in fault
    assert "sandbox" in fault


def test_no_provider_at_all_is_a_fault(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings["GATEWAY_PROVIDERS"] = ""
    assert faults(settings, monkeypatch)[0].startswith("GATEWAY_PROVIDERS is missing or blank")


def test_a_provider_that_cannot_be_reached_is_reported_with_what_was_tried(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings["GATEWAY_SANDBOX_BASE_URL"] = NOWHERE
    (fault,) = faults(settings, monkeypatch)
    assert "sandbox cannot be reached (ConnectError)" in fault
    assert "a payment that does not exist, at http://127.0.0.1:9" in fault
    assert faults(settings, monkeypatch, "--offline") == []


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_of_an_address_nothing_is_shown_that_may_be_secret(
    as_json: list[str], settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings["GATEWAY_SANDBOX_BASE_URL"] = "http://canary:canary@127.0.0.1:9/base?canary=canary#canary"
    told = gateway(settings, "check", *as_json, monkeypatch=monkeypatch).output
    assert "http://127.0.0.1:9/base" in told
    assert "canary" not in told
    settings["GATEWAY_SANDBOX_BASE_URL"] = "http://canary@[127.0.0.1"
    assert "canary" not in gateway(settings, "check", *as_json, monkeypatch=monkeypatch).output


def test_a_wrong_secret_is_found_out(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings["GATEWAY_SANDBOX_SECRETS"] = "another"
    (fault,) = faults(settings, monkeypatch)
    assert "sandbox does not answer as it should" in fault
    assert "another" not in fault


def test_an_agency_without_a_method_is_reported(
    world: World, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.runtime.db.transaction() as tx:
        tx.execute(update(agencies).where(agencies.c.code == "vn-moj").values(providers=["stripe"]))
    told = faults(settings, monkeypatch)
    assert [fault.split(":")[0] for fault in told] == [
        "vn-moj names stripe, which is not enabled here",
        "vn-moj has no method left",
    ]


def test_a_database_that_does_not_answer_is_reported(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings["GATEWAY_DATABASE_URL"] = "postgresql://app@127.0.0.1:9/gateway"
    (fault,) = faults(settings, monkeypatch)
    assert fault.startswith("The agencies were not looked at: The database cannot be reached")
    del settings["GATEWAY_DATABASE_URL"]
    (fault,) = faults(settings, monkeypatch)
    assert "GATEWAY_DATABASE_URL is missing or blank" in fault


def test_the_check_leaves_no_trace(world: World, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    gateway(settings, "check", monkeypatch=monkeypatch)
    assert world.simulator.bank.books.all("payment") == []
    assert world.count("provider_calls") == world.count("payments") == 0
