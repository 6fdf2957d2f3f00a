"""The operator's commands, against a real database."""

from base64 import b64encode
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import Composer, Composition, cli
from gateway.config import fresh_keys
from gateway.services.load_catalogue import load_catalogue
from gateway.services.read_catalogue import read_catalogue
from gateway.services.sealer import Sealer
from gateway.store.embedded import DatabaseUrls
from providers.demo import TEMPLATES
from providers.registry import SIMULATORS
from wsgi import compose


@pytest.fixture
def composition(database_urls: DatabaseUrls) -> Iterator[Composition]:
    made = compose(
        {
            "GATEWAY_DATABASE_URL": database_urls.app_url,
            "GATEWAY_PUBLIC_URL": "https://pay.example.gov",
            "GATEWAY_PROVIDERS": "sandbox",
            "GATEWAY_SANDBOX_BASE_URL": "http://127.0.0.1:9",
            "GATEWAY_SANDBOX_MERCHANT": "m",
            "GATEWAY_SANDBOX_SECRETS": "s",
            **fresh_keys("k1"),
        }
    )
    yield made
    made.runtime.db.close()


def gateway(composition: Composition, *arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, obj=Composer(lambda: composition, lambda _: None, {}))


def test_the_first_key_is_issued_at_the_command_line(composition: Composition) -> None:
    outcome = gateway(composition, "api-keys", "issue", "--label", "first", "--scope", "admin")
    caller = composition.keys.authenticate(composition.runtime.db, outcome.stdout.strip())
    assert caller.scopes == {"admin"}
    assert caller.agency_id is None


def test_a_catalogue_is_published_and_then_unchanged(composition: Composition, tmp_path: Path) -> None:
    for entry in files("gateway.catalogue").iterdir():
        if entry.name.endswith(".yaml"):
            (tmp_path / entry.name).write_bytes(entry.read_bytes())
    assert "19 procedures published, 0 unchanged" in gateway(composition, "catalogue", "publish", str(tmp_path)).stdout
    assert "0 procedures published, 19 unchanged" in gateway(composition, "catalogue", "publish", str(tmp_path)).stdout


def test_an_exported_catalogue_is_published_unchanged(composition: Composition, tmp_path: Path) -> None:
    with composition.runtime.db.transaction() as tx:
        load_catalogue(tx, read_catalogue(), "test")
    assert "11 files written" in gateway(composition, "catalogue", "export", str(tmp_path / "new")).stdout
    assert "0 procedures published" in gateway(composition, "catalogue", "publish", str(tmp_path / "new")).stdout
    again = gateway(composition, "catalogue", "export", str(tmp_path / "new"))
    assert again.exit_code == 2
    assert "is not empty" in again.stderr


def test_a_faulty_catalogue_is_refused_with_its_faults(composition: Composition, tmp_path: Path) -> None:
    (tmp_path / "agencies.yaml").write_text("agencies: 7\n")
    outcome = gateway(composition, "catalogue", "publish", str(tmp_path))
    assert outcome.exit_code == 1
    assert "agencies.yaml" in outcome.stderr


def test_a_ledger_without_seals_is_reported_as_such(composition: Composition) -> None:
    former = b64encode(Sealer(bytes(range(32))).public_key).decode()
    outcome = gateway(composition, "ledger", "verify", "--former-key", former)
    assert (outcome.exit_code, outcome.stdout) == (0, "Nothing is sealed yet.\n")


def test_a_former_key_that_is_none_is_refused(composition: Composition) -> None:
    outcome = gateway(composition, "ledger", "verify", "--former-key", "x")
    assert outcome.exit_code == 2
    assert "32 bytes in base64" in outcome.stderr


def test_rotating_the_vault_says_what_it_resealed(composition: Composition) -> None:
    outcome = gateway(composition, "keys", "rotate-vault")
    assert outcome.exit_code == 0
    assert "payers: 0 resealed" in outcome.stdout


def test_every_simulator_can_be_part_of_the_local_stack() -> None:
    assert set(TEMPLATES) == set(SIMULATORS)
