"""Production starts complete or not at all, and says all that is missing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from gateway.config import fresh_keys
from gateway.local import answers
from gateway.store.embedded import DatabaseUrls
from tests.ports import free_ports

SANDBOX = {
    "GATEWAY_SANDBOX_BASE_URL": "http://127.0.0.1:9",
    "GATEWAY_SANDBOX_MERCHANT": "m",
    "GATEWAY_SANDBOX_SECRETS": "s",
}
GUNICORN = ("gunicorn", "wsgi:app", "--workers=1", "--no-control-socket")


def bare(**settings: str) -> dict[str, str]:
    """This process's environment without any setting of ours, and `settings`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PORT"))} | settings


def complete(urls: DatabaseUrls) -> dict[str, str]:
    return bare(
        GATEWAY_DATABASE_URL=urls.app_url,
        GATEWAY_PUBLIC_URL="https://pay.example.gov",
        GATEWAY_PROVIDERS="sandbox",
        **SANDBOX,
        **fresh_keys("k1"),
    )


def run(module: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_help_needs_no_configuration() -> None:
    outcome = run("wsgi", "--help", environment=bare())
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert all(
        command in outcome.stdout for command in ("run", "worker", "migrate", "keys", "demo", "simulator", "providers")
    )


@pytest.mark.parametrize(("module", "arguments"), [("wsgi", ("worker",)), (GUNICORN[0], GUNICORN[1:])])
def test_an_empty_configuration_is_refused_with_the_list_of_what_is_missing(
    module: str, arguments: tuple[str, ...]
) -> None:
    bind = ("--bind=127.0.0.1:0",) if module == "gunicorn" else ()
    outcome = run(module, *arguments, *bind, environment=bare(GATEWAY_PROVIDERS="sandbox,nobody"))
    assert outcome.returncode in (2, 4)
    for missing in ("GATEWAY_DATABASE_URL", "GATEWAY_SEAL_KEY", "GATEWAY_SANDBOX_SECRETS", "nobody"):
        assert missing in outcome.stderr
    assert "gateway keys generate" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_what_providers_can_do_is_listed_without_any_configuration() -> None:
    outcome = run("wsgi", "providers", "list", environment=bare())
    assert outcome.returncode == 0, outcome.stderr
    assert "sandbox" in outcome.stdout
    assert "stripe" in outcome.stdout
    for command in ("list", "check"):
        help_text = run("wsgi", "providers", command, "--help", environment=bare()).stdout
        assert "--json" in help_text


def test_the_check_of_the_providers_names_every_fault_and_fails(module_database_urls: DatabaseUrls) -> None:
    environment = complete(module_database_urls) | {"GATEWAY_PROVIDERS": "sandbox,stripe,nobody"}
    outcome = run("wsgi", "providers", "check", environment=environment)
    assert outcome.returncode == 1
    for fault in ("GATEWAY_STRIPE_API_KEY", "names nobody, which nobody knows", "sandbox cannot be reached"):
        assert fault in outcome.stdout
    assert f"at {SANDBOX['GATEWAY_SANDBOX_BASE_URL']}" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr


def test_demo_keys_are_refused(module_database_urls: DatabaseUrls) -> None:
    environment = complete(module_database_urls) | fresh_keys("k1", demo=True)
    outcome = run("wsgi", "worker", environment=environment)
    assert outcome.returncode == 2
    assert outcome.stderr.count("was made for a demo") == 5


def test_generated_keys_are_all_the_secrets_there_are_to_make(module_database_urls: DatabaseUrls) -> None:
    printed = run("wsgi", "keys", "generate", environment=bare()).stdout
    keys = dict(line.split("=", 1) for line in printed.splitlines())
    environment = complete(module_database_urls)
    assert set(keys) == set(fresh_keys("k1"))
    outcome = run("wsgi", "worker", environment=environment | keys | {"GATEWAY_LOG_LEVEL": "LOUD"})
    assert [line for line in outcome.stderr.splitlines() if line.startswith("  - ")] == [
        "  - GATEWAY_LOG_LEVEL is 'LOUD': say one of DEBUG, INFO, WARNING, ERROR."
    ]


def test_migrate_needs_the_owner(module_database_urls: DatabaseUrls) -> None:
    settings = {"GATEWAY_DATABASE_URL": module_database_urls.app_url}
    outcome = run("wsgi", "migrate", environment=bare(**settings))
    assert outcome.returncode == 2
    assert "GATEWAY_OWNER_DATABASE_URL is missing" in outcome.stderr
    settings["GATEWAY_OWNER_DATABASE_URL"] = module_database_urls.owner_url
    assert run("wsgi", "migrate", environment=bare(**settings)).returncode == 0


@pytest.fixture
def production(module_database_urls: DatabaseUrls) -> Iterator[str]:
    """The URL of a gunicorn with a complete configuration."""
    port = free_ports()
    command = [sys.executable, "-m", *GUNICORN, f"--bind=127.0.0.1:{port}"]
    with subprocess.Popen(command, env=complete(module_database_urls), stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_a_complete_configuration_serves(production: str) -> None:
    deadline = time.monotonic() + 60
    while not answers(f"{production}/readyz"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
