"""The settings, read from the environment once, at the start, by the composer; nothing else reads the environment.

A setting NAME may instead be given as NAME_FILE, the path of a file that holds it: so do secrets reach a container.
All faults are found before any is reported, so that an operator mends them in one go. A secret that is missing, blank,
short, not random, used twice, or made for a demo stops the start: it is never accepted at run time.
"""

import binascii
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from limits import parse_many
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

KEY_BYTES = 32
# 32 random bytes repeat some values, but fewer than this many different ones come up less than once in 10^15 keys.
DISTINCT_BYTES_MIN = 16
# Keys made for a demo begin with these bytes, so that production knows them again and refuses them.
DEMO_MARK = b"DEMO"

MAKE_KEYS = "`gateway keys generate` prints fresh values"
DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
BODY_BYTES_RANGE = range(1024, 64 * 1024 * 1024 + 1)
STATEMENT_BYTES_RANGE = range(1024, 4 * 1024 * 1024 * 1024 + 1)
PORTS = range(1, 65536)
TRUSTED_PROXIES_RANGE = range(11)

SAME_ROLE = (
    "GATEWAY_DATABASE_URL and GATEWAY_OWNER_DATABASE_URL name one role: the application must not own its tables, "
    "or it could switch off what protects the ledger. Make it a role of its own: CREATE ROLE ... LOGIN."
)

OIDC_SETTINGS = ("GATEWAY_OIDC_ISSUER", "GATEWAY_OIDC_CLIENT_ID", "GATEWAY_OIDC_CLIENT_SECRET")
KEY_SETTINGS = ("GATEWAY_LOOKUP_KEY", "GATEWAY_API_KEY_PEPPER", "GATEWAY_TOKEN_KEY", "GATEWAY_SEAL_KEY")


class ConfigurationError(Exception):
    """The settings do not allow a start. `problems` says, one line each, what is wrong and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Environment(Mapping[str, str]):
    """The environment with NAME_FILE read as NAME, values stripped, and what is blank left out.

    `problems` fills as settings are read: a file that cannot be read, a setting given both ways.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        value, file = self._variables.get(name, ""), self._variables.get(f"{name}_FILE", "")
        if value and file:
            self.problems[name] = f"{name} and {name}_FILE are both set: keep one."
        elif file:
            value = self._read(name, Path(file))
        if not value.strip():
            raise KeyError(name)
        return value.strip()

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names() if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def _names(self) -> set[str]:
        names = set(self._variables)
        return names | {name.removesuffix("_FILE") for name in names if name.endswith("_FILE")}

    def _read(self, name: str, file: Path) -> str:
        try:
            return file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            self.problems[name] = f"{name}_FILE: {file} cannot be read ({type(error).__name__})."
            return ""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the gateway itself can be told. Keys and URLs with passwords stay out of its repr.

    `vault_keys`: by id, the current one first. `receipt_certificate` and its key are PEM; without them receipts are not
    signed; without `smtp_url` they are not mailed. `oidc_...`: the ministry's own sign-in, if there is one.
    `demo` allows what a laptop needs: demo keys, a public URL without TLS. `trusted_proxies`: how many of ours stand in
    front and each add to X-Forwarded-For; 0 believes no such header.
    """

    database_url: str = field(repr=False)
    public_url: str
    providers: tuple[str, ...]
    vault_keys: Mapping[str, bytes] = field(repr=False)
    lookup_key: bytes = field(repr=False)
    api_key_pepper: bytes = field(repr=False)
    token_key: bytes = field(repr=False)
    seal_key: bytes = field(repr=False)
    receipt_certificate: str
    receipt_key: str = field(repr=False)
    smtp_url: str = field(repr=False)
    mail_from: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    oidc_role_claim: str
    write_off_limits: Mapping[str, int]
    allow_private_webhooks: bool
    data_dir: Path
    port: int
    log_level: str
    rate_limit: str
    max_body_bytes: int
    max_statement_bytes: int
    trusted_proxies: int
    demo: bool

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Raises ConfigurationError listing every fault."""
        read = _Reader(variables)
        demo = read.flag("GATEWAY_DEMO", default=False)
        settings = cls(
            database_url=read.database_url("GATEWAY_DATABASE_URL", "the database, as the application's role"),
            public_url=read.public_url("GATEWAY_PUBLIC_URL", demo=demo),
            providers=read.providers("GATEWAY_PROVIDERS"),
            vault_keys=read.vault_keys("GATEWAY_VAULT_KEYS", demo=demo),
            lookup_key=read.key("GATEWAY_LOOKUP_KEY", demo=demo),
            api_key_pepper=read.key("GATEWAY_API_KEY_PEPPER", demo=demo),
            token_key=read.key("GATEWAY_TOKEN_KEY", demo=demo),
            seal_key=read.key("GATEWAY_SEAL_KEY", demo=demo, exact=True),
            receipt_certificate=read.text("GATEWAY_RECEIPT_CERTIFICATE", ""),
            receipt_key=read.text("GATEWAY_RECEIPT_KEY", ""),
            smtp_url=read.text("GATEWAY_SMTP_URL", ""),
            mail_from=read.text("GATEWAY_MAIL_FROM", ""),
            oidc_issuer=read.issuer(OIDC_SETTINGS[0], demo=demo),
            oidc_client_id=read.text(OIDC_SETTINGS[1], ""),
            oidc_client_secret=read.text(OIDC_SETTINGS[2], ""),
            oidc_role_claim=read.text("GATEWAY_OIDC_ROLE_CLAIM", ""),
            write_off_limits=read.amounts("GATEWAY_WRITE_OFF_LIMITS"),
            allow_private_webhooks=read.flag("GATEWAY_ALLOW_PRIVATE_WEBHOOKS", default=False),
            data_dir=read.data_dir(),
            port=read.port(),
            log_level=read.log_level("GATEWAY_LOG_LEVEL"),
            rate_limit=read.rate_limit("GATEWAY_RATE_LIMIT", "600/minute"),
            max_body_bytes=read.integer("GATEWAY_MAX_BODY_BYTES", 256 * 1024, BODY_BYTES_RANGE),
            max_statement_bytes=read.integer("GATEWAY_MAX_STATEMENT_BYTES", 256 * 1024 * 1024, STATEMENT_BYTES_RANGE),
            trusted_proxies=read.integer("GATEWAY_TRUSTED_PROXIES", 0, TRUSTED_PROXIES_RANGE),
            demo=demo,
        )
        read.refuse_repeated_keys()
        read.refuse_one_without_the_other("GATEWAY_RECEIPT_CERTIFICATE", "GATEWAY_RECEIPT_KEY")
        read.refuse_one_without_the_other("GATEWAY_SMTP_URL", "GATEWAY_MAIL_FROM")
        read.refuse_one_without_the_other(*OIDC_SETTINGS)
        read.raise_problems()
        return settings


@dataclass(frozen=True, slots=True)
class MigrationSettings:
    """What `gateway migrate` alone may know: how to reach the database as its owner, and whom to give rights to."""

    owner_url: str = field(repr=False)
    app_role: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Raises ConfigurationError listing every fault."""
        read = _Reader(variables)
        owner_url = read.database_url("GATEWAY_OWNER_DATABASE_URL", "the database, as the role that owns the schema")
        app_url = read.database_url("GATEWAY_DATABASE_URL", "the database, as the application's role")
        read.raise_problems()
        app_role = make_url(app_url).username or ""
        if app_role == make_url(owner_url).username:
            raise ConfigurationError([SAME_ROLE])
        return cls(owner_url, app_role)


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Where `gateway run` keeps its data, and the first of the ports it serves on."""

    data_dir: Path
    port: int

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Raises ConfigurationError."""
        read = _Reader(variables)
        settings = cls(read.data_dir().resolve(), read.port())
        read.raise_problems()
        return settings


def provider_names(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The enabled providers, for a composer that reports the faults of their settings with those of ours."""
    return tuple(_members(Environment(variables).get("GATEWAY_PROVIDERS", "")))


def database_url(variables: Mapping[str, str]) -> str:
    """The database as the application sees it, for a command that needs nothing else. Raises ConfigurationError."""
    read = _Reader(variables)
    url = read.database_url("GATEWAY_DATABASE_URL", "the database, as the application's role")
    read.raise_problems()
    return url


def fresh_keys(vault_key_id: str, *, demo: bool = False) -> dict[str, str]:
    """New random values for every secret setting of ours, ready for an environment file."""
    mark = DEMO_MARK if demo else b""

    def new_key() -> str:
        return b64encode(mark + secrets.token_bytes(KEY_BYTES - len(mark))).decode()

    return {"GATEWAY_VAULT_KEYS": f"{vault_key_id}:{new_key()}"} | {name: new_key() for name in KEY_SETTINGS}


class _Reader:
    """Reads settings one by one and notes what is wrong with them; a faulty one yields a value nobody will see."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._environment = Environment(variables)
        self._problems: list[str] = []
        self._keys: dict[bytes, str] = {}
        self._repeated: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, default)

    def required(self, name: str, how: str) -> str:
        value = self._environment.get(name)
        if value is None:
            self._problems.append(self._environment.problems.get(name, f"{name} is missing or blank: {how}."))
        return value or ""

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._environment.get(name)
        if value is not None and value.lower() not in TRUTH:
            self._problems.append(f"{name} is {value!r}: say true or false.")
        return TRUTH.get((value or "").lower(), default)

    def integer(self, name: str, default: int, allowed: range) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and int(value) in allowed):
            self._problems.append(f"{name} is {value!r}: it must be a whole number from {allowed[0]} to {allowed[-1]}.")
            return default
        return int(value)

    def amounts(self, name: str) -> Mapping[str, int]:
        """Minor units by currency, written like VND=50000,EUR=500."""
        found: dict[str, int] = {}
        for member in _members(self.text(name, "")):
            currency, _, minor = member.partition("=")
            if not re.fullmatch("[A-Z]{3}", currency) or not (minor.isascii() and minor.isdigit()):
                self._problems.append(f"{name}: write {member!r} like VND=50000, in minor units of a currency.")
            else:
                found[currency] = int(minor)
        return found

    def data_dir(self) -> Path:
        return Path(self.text("GATEWAY_DATA_DIR", "var"))

    def port(self) -> int:
        return self.integer("PORT", 8080, PORTS)

    def log_level(self, name: str) -> str:
        value = self.text(name, "INFO").upper()
        if value not in LOG_LEVELS:
            self._problems.append(f"{name} is {value!r}: say one of {', '.join(LOG_LEVELS)}.")
        return value

    def rate_limit(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            parse_many(value)
        except ValueError:
            self._problems.append(f"{name} is {value!r}: write it like 600/minute or 20/second.")
        return value

    def database_url(self, name: str, what: str) -> str:
        """In SQLAlchemy's form. The value itself is never repeated in a message: it may hold a password."""
        value = self.required(name, f"the URL of {what}, postgresql://role:password@host:5432/database")
        try:
            url = make_url(value)
        except ArgumentError:
            url = None
        if value and (url is None or url.drivername not in DATABASE_SCHEMES or not url.username or not url.database):
            self._problems.append(f"{name} is not of the form postgresql://role:password@host:5432/database.")
        return f"postgresql+psycopg://{value.partition('://')[2]}"

    def public_url(self, name: str, *, demo: bool) -> str:
        value = self.required(name, "where payers and providers reach this gateway, https://pay.example.gov")
        url = urlsplit(value)
        if value and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment):
            self._problems.append(f"{name} is {value!r}: write it like https://pay.example.gov.")
        elif url.scheme == "http" and not demo and url.hostname not in LOCAL_HOSTS:
            self._problems.append(f"{name} is {value!r}: payers must reach it by https.")
        return value.rstrip("/")

    def issuer(self, name: str, *, demo: bool) -> str:
        """As the issuer writes itself, with or without a slash at the end."""
        value = self.text(name, "")
        url = urlsplit(value)
        local = demo or url.hostname in LOCAL_HOSTS
        if value and (url.scheme not in ("https", *(["http"] if local else [])) or not url.hostname or url.query):
            self._problems.append(f"{name} is {value!r}: write it like https://login.example.gov.")
        return value

    def providers(self, name: str) -> tuple[str, ...]:
        names = _members(self.required(name, "the payment providers to enable, separated by commas"))
        if len(set(names)) < len(names):
            self._problems.append(f"{name} names a provider twice.")
        return tuple(names)

    def vault_keys(self, name: str, *, demo: bool) -> Mapping[str, bytes]:
        value = self.required(name, f"one or more id:key, the current first; {MAKE_KEYS}")
        keys: dict[str, bytes] = {}
        for member in _members(value):
            key_id, colon, encoded = member.partition(":")
            if not colon or not key_id or key_id in keys:
                self._problems.append(f"{name}: write each key as id:base64, each id once; {MAKE_KEYS}.")
                continue
            keys[key_id] = self._decoded(f"{name} (key {key_id})", encoded, demo=demo, exact=True)
        return keys

    def key(self, name: str, *, demo: bool, exact: bool = False) -> bytes:
        value = self.required(name, f"{KEY_BYTES} random bytes in base64; {MAKE_KEYS}")
        return self._decoded(name, value, demo=demo, exact=exact) if value else b""

    def refuse_repeated_keys(self) -> None:
        for names in self._repeated:
            self._problems.append(f"{names} are one and the same key: each needs its own; {MAKE_KEYS}.")

    def refuse_one_without_the_other(self, *names: str) -> None:
        missing = [name for name in names if name not in self._environment]
        if 0 < len(missing) < len(names):
            all_of = "both" if len(names) == 2 else "all"
            for name in missing:
                self._problems.append(f"{name} is missing or blank: set {all_of} or none of {' and '.join(names)}.")

    def raise_problems(self) -> None:
        problems = self._problems + [
            problem for problem in self._environment.problems.values() if problem not in self._problems
        ]
        if problems:
            raise ConfigurationError(problems)

    def _decoded(self, name: str, value: str, *, demo: bool, exact: bool) -> bytes:
        try:
            key = b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            self._problems.append(f"{name} is not base64; {MAKE_KEYS}.")
            return b""
        for is_wrong, complaint in KEY_RULES:
            if is_wrong(key) and not (demo and complaint is MADE_FOR_A_DEMO):
                self._problems.append(f"{name} {complaint}; {MAKE_KEYS}.")
                return b""
        if exact and len(key) != KEY_BYTES:
            self._problems.append(f"{name} must have exactly {KEY_BYTES} bytes, not {len(key)}; {MAKE_KEYS}.")
        if key in self._keys:
            self._repeated.append(f"{self._keys[key]} and {name}")
        self._keys[key] = name
        return key


MADE_FOR_A_DEMO = "was made for a demo, where its value is no secret"
KEY_RULES: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda key: len(key) < KEY_BYTES, f"is shorter than {KEY_BYTES} bytes"),
    (lambda key: len(set(key)) < DISTINCT_BYTES_MIN, "is not random"),
    (lambda key: key.startswith(DEMO_MARK), MADE_FOR_A_DEMO),
)


def _members(value: str) -> list[str]:
    return [member.strip() for member in value.split(",") if member.strip()]
