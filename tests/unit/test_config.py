"""The settings: complete or refused, all faults at once, and no secret in what is printed."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigurationError, MigrationSettings, Settings, fresh_keys, provider_names

PASSWORD = "correct-horse"


def environment(**changes: str) -> dict[str, str]:
    """A complete production environment, with some settings changed."""
    return {
        "GATEWAY_DATABASE_URL": f"postgresql://app:{PASSWORD}@db:5432/gateway",
        "GATEWAY_PUBLIC_URL": "https://pay.example.gov/",
        "GATEWAY_PROVIDERS": "stripe, sandbox",
        **fresh_keys("k1"),
        **changes,
    }


def problems_of(variables: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(variables)
    return caught.value.problems


def encoded(key: bytes) -> str:
    return b64encode(key).decode()


def test_a_complete_environment_is_read() -> None:
    settings = Settings.from_environment(environment())
    assert settings.database_url == f"postgresql+psycopg://app:{PASSWORD}@db:5432/gateway"
    assert settings.public_url == "https://pay.example.gov"
    assert settings.providers == ("stripe", "sandbox")
    assert list(settings.vault_keys) == ["k1"]
    assert len(settings.seal_key) == 32
    assert (settings.port, settings.rate_limit, settings.max_body_bytes) == (8080, "600/minute", 262_144)
    assert not settings.allow_private_webhooks
    assert not settings.demo


def test_an_empty_environment_is_told_everything_that_is_missing_at_once() -> None:
    problems = problems_of({})
    names = [problem.split()[0] for problem in problems]
    assert names == [
        "GATEWAY_DATABASE_URL",
        "GATEWAY_PUBLIC_URL",
        "GATEWAY_PROVIDERS",
        "GATEWAY_VAULT_KEYS",
        "GATEWAY_LOOKUP_KEY",
        "GATEWAY_API_KEY_PEPPER",
        "GATEWAY_TOKEN_KEY",
        "GATEWAY_SEAL_KEY",
    ]
    assert all("\n" not in problem for problem in problems)
    assert all("gateway keys generate" in problem for problem in problems[3:])


@pytest.mark.parametrize("name", list(fresh_keys("k1")))
@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_secret_is_refused(name: str, blank: str) -> None:
    [problem] = problems_of(environment(**{name: blank}))
    assert problem.startswith(f"{name} is missing or blank")


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("not base64!", "is not base64"),
        (encoded(bytes(range(31))), "is shorter than 32 bytes"),
        (encoded(b"changeme" * 4), "is not random"),
        (encoded(bytes(32)), "is not random"),
    ],
)
def test_a_weak_key_is_refused(key: str, complaint: str) -> None:
    [problem] = problems_of(environment(GATEWAY_LOOKUP_KEY=key))
    assert problem.startswith(f"GATEWAY_LOOKUP_KEY {complaint}")
    assert key not in problem


def test_a_seal_key_longer_than_an_ed25519_seed_is_refused() -> None:
    [problem] = problems_of(environment(GATEWAY_SEAL_KEY=encoded(bytes(range(33)))))
    assert "exactly 32 bytes" in problem


def test_demo_keys_are_refused_outside_a_demo() -> None:
    demo_keys = fresh_keys("k1", demo=True)
    problems = problems_of(environment(**demo_keys))
    assert len(problems) == len(demo_keys)
    assert all("made for a demo" in problem for problem in problems)
    assert Settings.from_environment(environment(**demo_keys, GATEWAY_DEMO="true")).demo


def test_one_key_for_two_purposes_is_refused() -> None:
    key = encoded(bytes(range(32)))
    [problem] = problems_of(environment(GATEWAY_TOKEN_KEY=key, GATEWAY_API_KEY_PEPPER=key))
    assert problem.startswith("GATEWAY_API_KEY_PEPPER and GATEWAY_TOKEN_KEY are one and the same key")


def test_vault_keys_rotate_and_the_first_is_current() -> None:
    old, new = (fresh_keys(key_id)["GATEWAY_VAULT_KEYS"] for key_id in ("old", "new"))
    settings = Settings.from_environment(environment(GATEWAY_VAULT_KEYS=f"{new}, {old}"))
    assert list(settings.vault_keys) == ["new", "old"]


@pytest.mark.parametrize("malformed", ["no-colon", ":bm8gaWQ=", "a:x,a:y"])
def test_malformed_vault_keys_are_refused(malformed: str) -> None:
    assert any("GATEWAY_VAULT_KEYS" in problem for problem in problems_of(environment(GATEWAY_VAULT_KEYS=malformed)))


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    variables = environment()
    secret = tmp_path / "lookup"
    secret.write_text(variables.pop("GATEWAY_LOOKUP_KEY") + "\n")
    settings = Settings.from_environment({**variables, "GATEWAY_LOOKUP_KEY_FILE": str(secret)})
    assert len(settings.lookup_key) == 32


def test_a_blank_or_missing_secret_file_is_refused(tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.write_text(" \n")
    variables = environment()
    del variables["GATEWAY_LOOKUP_KEY"], variables["GATEWAY_TOKEN_KEY"]
    variables |= {"GATEWAY_LOOKUP_KEY_FILE": str(blank), "GATEWAY_TOKEN_KEY_FILE": str(tmp_path / "gone")}
    missing, unreadable = problems_of(variables)
    assert missing.startswith("GATEWAY_LOOKUP_KEY is missing or blank")
    assert unreadable.startswith("GATEWAY_TOKEN_KEY_FILE: ")
    assert "cannot be read" in unreadable


def test_a_setting_given_both_ways_is_refused(tmp_path: Path) -> None:
    [problem] = problems_of(environment(GATEWAY_TOKEN_KEY_FILE=str(tmp_path / "token")))
    assert problem == "GATEWAY_TOKEN_KEY and GATEWAY_TOKEN_KEY_FILE are both set: keep one."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_DATABASE_URL", f"mysql://app:{PASSWORD}@db/gateway"),
        ("GATEWAY_DATABASE_URL", f"postgresql://app:{PASSWORD}@db"),
        ("GATEWAY_DATABASE_URL", PASSWORD),
        ("GATEWAY_PUBLIC_URL", "pay.example.gov"),
        ("GATEWAY_PUBLIC_URL", "http://pay.example.gov"),
        ("GATEWAY_PUBLIC_URL", "https://pay.example.gov?x=1"),
        ("GATEWAY_PROVIDERS", "stripe,stripe"),
        ("GATEWAY_ALLOW_PRIVATE_WEBHOOKS", "perhaps"),
        ("GATEWAY_DEMO", "2"),
        ("PORT", "0"),
        ("PORT", "-1"),
        ("PORT", "80a"),
        ("GATEWAY_LOG_LEVEL", "LOUD"),
        ("GATEWAY_RATE_LIMIT", "many"),
        ("GATEWAY_MAX_BODY_BYTES", "1"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: str) -> None:
    [problem] = problems_of(environment(**{name: value}))
    assert problem.startswith(name)
    assert PASSWORD not in problem


def test_no_secret_shows_when_settings_are_printed() -> None:
    variables = environment()
    shown = repr(Settings.from_environment(variables))
    assert PASSWORD not in shown
    settings = Settings.from_environment(variables)
    keys: list[Any] = [settings.lookup_key, settings.api_key_pepper, settings.token_key, settings.seal_key]
    assert not [key for key in [*keys, *settings.vault_keys.values()] if repr(key) in shown]


def test_generated_keys_are_all_different() -> None:
    values = [*fresh_keys("k1").values(), *fresh_keys("k1").values()]
    assert len(set(values)) == len(values)


def test_provider_names_are_read_even_when_other_settings_are_wrong() -> None:
    assert provider_names({"GATEWAY_PROVIDERS": "stripe, sandbox,"}) == ("stripe", "sandbox")
    assert provider_names({}) == ()


def test_migration_needs_an_owner_other_than_the_application() -> None:
    app, owner = "postgresql://app@db/gateway", "postgresql://owner@db/gateway"
    settings = MigrationSettings.from_environment({"GATEWAY_DATABASE_URL": app, "GATEWAY_OWNER_DATABASE_URL": owner})
    assert (settings.app_role, settings.owner_url) == ("app", "postgresql+psycopg://owner@db/gateway")
    for wrong in ({"GATEWAY_DATABASE_URL": app}, {"GATEWAY_DATABASE_URL": app, "GATEWAY_OWNER_DATABASE_URL": app}):
        with pytest.raises(ConfigurationError, match="GATEWAY_OWNER_DATABASE_URL"):
            MigrationSettings.from_environment(wrong)


OIDC = {
    "GATEWAY_OIDC_ISSUER": "https://login.example.gov/",
    "GATEWAY_OIDC_CLIENT_ID": "gateway",
    "GATEWAY_OIDC_CLIENT_SECRET": "a secret of ours",
}


def test_a_ministrys_sign_in_is_all_there_or_not_at_all() -> None:
    settings = Settings.from_environment(environment(**OIDC))
    assert settings.oidc_issuer == "https://login.example.gov/"
    assert "a secret of ours" not in repr(settings)
    for name in OIDC:
        problems = problems_of(environment(**{**OIDC, name: ""}))
        assert [problem.split()[0] for problem in problems] == [name]
        assert "set all or none" in problems[0]
    assert "https" in problems_of(environment(**{**OIDC, "GATEWAY_OIDC_ISSUER": "http://login.example.gov"}))[0]
