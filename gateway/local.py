"""The local stack of `gateway run`: everything the product needs, on one machine, with demo data, for one person.

It starts, in this order, a database, the providers' simulators, the worker and the web server; says one URL; and keeps
them running until Ctrl-C. All it keeps is in the data folder, so that the next start resumes where this one ended, even
if this one was killed. Its secrets are made at the first start, marked as demo secrets, and refused in production.

    <data>/secrets.json     demo secrets, API keys and officers, for this user only
    <data>/demo.json        where the running demo is and how to call it, written once it answers
    <data>/postgres/        the embedded database, unless GATEWAY_DATABASE_URL names another
    <data>/simulators/      the books of the simulated providers
    <data>/settlements/     the files of those that settle by file
    <data>/log/             a log a process
    <data>/lock             held while running: two stacks on one folder would fight
"""

import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from gateway.config import Environment, LocalSettings, MigrationSettings, Settings, fresh_keys, provider_names
from gateway.services.demo_officers import load_demo_officers, new_demo_officers
from gateway.services.keys import KeyRing, Scope, new_plaintext
from gateway.services.load_demo import load_demo
from gateway.services.runtime import Runtime
from gateway.services.sign_document import self_signed
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from gateway.store.roles import make_app_role
from gateway.supervisor import Program, Supervisor, end_with_parent, log_tail, spawn

HOST = "127.0.0.1"
READY_WITHIN = timedelta(seconds=60)
PORT_FREE_WITHIN = timedelta(seconds=5)  # what a killed stack left needs so long to notice and to go
PROBE_TIMEOUT = timedelta(seconds=5)
POLL = timedelta(milliseconds=100)

# The module of the application is named as a configuration only to be imported before the workers are forked: they
# share it, and one that is started again is there at once. Nothing in it starts a thread or opens a connection.
WEB_OPTIONS = (
    "--config=python:wsgi",
    "--worker-class=gthread",
    "--workers=2",
    "--threads=8",
    "--graceful-timeout=5",
    "--no-control-socket",
)
SIMULATION = "providers.simulation"  # plays a provider as `gateway simulator` does, but starts three times as fast
# The owner's URL is for migrations, which are done before any of these start.
NOT_FOR_CHILDREN = ("GATEWAY_OWNER_DATABASE_URL", "GATEWAY_OWNER_DATABASE_URL_FILE", "GATEWAY_DATABASE_URL_FILE")

# The settings by which the gateway reaches a simulated provider, given the simulator's URL, a secret to share, and a
# folder for what it leaves there.
DemoSettings = Callable[[str, str, Path], Mapping[str, str]]


class CannotStart(Exception):
    """The message says why, and what the person at the keyboard can do."""


class StopRequested(BaseException):
    """Ctrl-C or a termination signal; not an error, so that nothing that handles errors takes it for one."""


def run(environment: Mapping[str, str], simulators: Mapping[str, DemoSettings], console: Console) -> None:
    """Run the stack, with a process for each of `simulators` (or those of them that GATEWAY_PROVIDERS names), until
    Ctrl-C or SIGTERM.

    Raises CannotStart, and what the steps raise: ConfigurationError, EmbeddedDatabaseError, UnusableServer, ChildDied.
    """
    settings = LocalSettings.from_environment(environment)
    for folder in (settings.data_dir, settings.data_dir / "log", settings.data_dir / "simulators"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one_on(settings.data_dir):
        supervisor = Supervisor(settings.data_dir / "children.json", partial(console.print, style="bold red"))
        _stop_on_signals(supervisor)
        try:
            _Start(settings, environment, _wanted(simulators, environment), console, supervisor).run()
            supervisor.keep_running()
        except StopRequested:
            console.print("Stopping ...")
        finally:
            supervisor.stop_all()
        console.print("Stopped. The next start resumes with the same data.")


def _wanted(simulators: Mapping[str, DemoSettings], environment: Mapping[str, str]) -> Mapping[str, DemoSettings]:
    named = provider_names(environment)
    return {name: settings for name, settings in simulators.items() if not named or name in named}


class _Start:
    """One start of the stack, step by step."""

    def __init__(
        self,
        settings: LocalSettings,
        environment: Mapping[str, str],
        simulators: Mapping[str, DemoSettings],
        console: Console,
        supervisor: Supervisor,
    ) -> None:
        self._data, self._port = settings.data_dir, settings.port
        self._given = Environment(environment)
        self._environment = {name: value for name, value in environment.items() if name not in NOT_FOR_CHILDREN}
        self._console, self._supervisor = console, supervisor
        self._simulators = simulators
        self._ports = {name: self._port + 1 + index for index, name in enumerate(simulators)}
        self._secrets = _demo_secrets(self._data / "secrets.json", simulators)

    def run(self) -> None:
        (self._data / "demo.json").unlink(missing_ok=True)
        leftovers = self._supervisor.stop_leftovers()
        if leftovers:
            self._console.print(f"Stopped what an earlier start had left: {', '.join(leftovers)}.")
        self._check_ports()
        with self._step("Database"):
            database = self._database()
        with self._step("Schema"):
            migrate(database.owner_url, database.app_role)
        settings = Settings.from_environment(self._environment)
        with self._step("Demo agencies, catalogue, API keys and officers"):
            self._load_demo(settings)
        with self._step("Simulators, worker and web server"):
            self._start_programs()
            self._wait_until_ready()
        self._write_demo_json(settings)
        self._say_where(settings)

    def _database(self) -> MigrationSettings:
        """The embedded server, or the one that was named; from here on the environment is complete."""
        app_url = self._given.get("GATEWAY_DATABASE_URL")
        owner_url = self._given.get("GATEWAY_OWNER_DATABASE_URL")
        if app_url is None:
            server = EmbeddedPostgres(self._data / "postgres", self._log("database"))
            launch = partial(server.start, end_with_parent(signal.SIGINT))
            self._supervisor.start(Program("database", launch, self._log("database"), 0, signal.SIGINT))
            urls = server.urls()
            app_url, owner_url = urls.app_url, urls.owner_url
        elif owner_url is None:
            app_url, owner_url = make_app_role(app_url, self._secrets["app_role_password"]), app_url
        self._environment |= self._defaults() | {"GATEWAY_DATABASE_URL": app_url}
        return MigrationSettings.from_environment(self._environment | {"GATEWAY_OWNER_DATABASE_URL": owner_url})

    def _defaults(self) -> dict[str, str]:
        """The settings of the demo, but for those that were given."""
        url = f"http://{HOST}:{self._port}"
        defaults = {
            "GATEWAY_DEMO": "true",
            "GATEWAY_PUBLIC_URL": url,
            "GATEWAY_PROVIDERS": ",".join(self._simulators),
            "GATEWAY_ALLOW_PRIVATE_WEBHOOKS": "true",
            "GATEWAY_WRITE_OFF_LIMITS": "VND=50000,EUR=200,DKK=1500,SGD=300,KRW=3000",
            "GATEWAY_RATE_LIMIT": "60000/minute",  # one key plays a whole day here, as fast as it can
            **self._secrets["settings"],
        }
        for name, settings_for in self._simulators.items():
            secret, folder = self._secrets["providers"][name], self._data / "settlements" / name
            defaults |= settings_for(self._simulator_url(name), secret, folder)
        ours = {"GATEWAY_DATA_DIR": str(self._data), "PORT": str(self._port), "PYTHONUNBUFFERED": "1"}
        return {name: value for name, value in defaults.items() if name not in self._given} | ours

    def _load_demo(self, settings: Settings) -> None:
        db = Database(settings.database_url, lambda: datetime.now(UTC), pool_size=1)
        keys = {Scope(scope): plaintext for scope, plaintext in self._secrets["api_keys"].items()}
        load_demo(db, KeyRing(settings.api_key_pepper), keys)
        vault, tokens = Vault(settings.vault_keys, settings.lookup_key), Tokens(settings.token_key)
        load_demo_officers(Runtime(db, {}, vault, tokens, settings.public_url), self._secrets["officers"])
        db.close()

    def _start_programs(self) -> None:
        read = self._read()
        for name, port in self._ports.items():
            play = (SIMULATION, "--provider", name, "--port", str(port), "--data-dir", str(self._data / "simulators"))
            webhook_url = f"{read.get('GATEWAY_PUBLIC_URL', '')}/providers/{name}/webhook"
            self._start(f"simulator-{name}", 1, (*play, "--webhook-url", webhook_url), read)
        self._start("worker", 2, ("wsgi", "worker"), self._environment)
        web = ("gunicorn", "wsgi:app", f"--bind={HOST}:{self._port}", *WEB_OPTIONS)
        self._start("web", 2, web, self._environment)

    def _read(self) -> dict[str, str]:
        """The environment with our settings read from their files, for what does not read files itself."""
        read = Environment(self._environment)
        return self._environment | {name: read[name] for name in read if name.startswith("GATEWAY_")}

    def _start(self, name: str, stage: int, module: Sequence[str], environment: dict[str, str]) -> None:
        command, log = (sys.executable, "-m", *module), self._log(name)
        self._supervisor.start(Program(name, partial(spawn, command, environment, log), log, stage))

    def _wait_until_ready(self) -> None:
        """Raises ChildDied, or CannotStart naming what does not answer."""
        waiting = {"web": f"http://{HOST}:{self._port}/readyz"}
        waiting |= {f"simulator-{name}": f"{self._simulator_url(name)}/_sim/health" for name in self._simulators}
        deadline = time.monotonic() + READY_WITHIN.total_seconds()
        while waiting:
            self._supervisor.raise_if_any_died()
            waiting = {name: url for name, url in waiting.items() if not answers(url)}
            if waiting and time.monotonic() > deadline:
                tails = "\n".join(log_tail(self._log(name)) for name in waiting)
                raise CannotStart(f"No answer within {READY_WITHIN.seconds} s from {', '.join(waiting)}.\n{tails}")
            time.sleep(POLL.total_seconds())

    def _check_ports(self) -> None:
        """Raises CannotStart naming all ports that are taken, and what to do."""
        wanted = {self._port: "web server"} | {port: f"{name} simulator" for name, port in self._ports.items()}
        deadline = time.monotonic() + PORT_FREE_WITHIN.total_seconds()
        while taken := [port for port in wanted if not is_free(port)]:
            if time.monotonic() > deadline:
                listed = " and ".join(f"{port} (for the {wanted[port]})" for port in taken)
                raise CannotStart(f"Another program uses port {listed}. Stop it, or choose others: PORT=9000 make run")
            time.sleep(POLL.total_seconds())

    def _write_demo_json(self, settings: Settings) -> None:
        demo = {
            "url": settings.public_url,
            "keys": self._secrets["api_keys"],
            "console": {"url": f"{settings.public_url}/console", "officers": self._secrets["officers"]},
            "providers": list(settings.providers),
            "simulators": {name: self._simulator_url(name) for name in self._simulators},
        }
        _write_private(self._data / "demo.json", demo)

    def _say_where(self, settings: Settings) -> None:
        if "GATEWAY_DATABASE_URL" not in self._given:
            self._console.print(
                "The embedded database trusts this machine's user: for laptops, demos and tests only.", style="yellow"
            )
        self._console.print(
            f"Keys, officers: {self._data / 'demo.json'}    Logs: {self._data / 'log'}    Ctrl-C stops."
        )
        self._console.print(f"Cổng Phí: {settings.public_url}", style="bold green")

    def _simulator_url(self, name: str) -> str:
        return f"http://{HOST}:{self._ports[name]}"

    def _log(self, name: str) -> Path:
        return self._data / "log" / f"{name}.log"

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._console.print(f"{what} ...", end=" ")
        begun = time.monotonic()
        try:
            yield
        except BaseException:
            self._console.print()
            raise
        self._console.print(f"ready ({time.monotonic() - begun:.1f} s)")


@contextmanager
def _only_one_on(data: Path) -> Iterator[None]:
    """Hold the data folder's lock; the system lets go of it however we end. Raises CannotStart if another has it."""
    with (data / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(
                f"A stack already runs on {data} (process {file.read().strip()}). Stop it with Ctrl-C there, "
                "or give this one a folder and a port of its own: GATEWAY_DATA_DIR=... PORT=9000 make run"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _stop_on_signals(supervisor: Supervisor) -> None:
    """The first signal asks for an orderly stop; another one, of an impatient person, kills."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def kill(_number: int, _frame: FrameType | None) -> None:
        supervisor.kill_all()

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, kill)
        raise StopRequested

    for number in numbers:
        signal.signal(number, stop)


def _demo_secrets(file: Path, providers: Mapping[str, Any]) -> dict[str, Any]:
    """The secrets of this data folder: made at the first start, and the same ever after. Raises CannotStart."""
    kept: dict[str, Any] = {}
    if file.exists():
        try:
            kept = json.loads(file.read_text())
        except ValueError as error:
            raise CannotStart(f"{file} is damaged ({error}). What it locked is lost: remove {file.parent}.") from error
    made = {
        "settings": fresh_keys("demo", demo=True) | _demo_certificate() | kept.get("settings", {}),
        "api_keys": {str(scope): new_plaintext() for scope in Scope} | kept.get("api_keys", {}),
        "providers": {name: secrets.token_hex(32) for name in providers} | kept.get("providers", {}),
        "officers": kept.get("officers") or new_demo_officers(),
        "app_role_password": kept.get("app_role_password") or secrets.token_urlsafe(32),
    }
    if made != kept:
        _write_private(file, made)
    return made


def _demo_certificate() -> dict[str, str]:
    certificate, key = self_signed("Cổng Phí, demo")
    return {"GATEWAY_RECEIPT_CERTIFICATE": certificate.decode(), "GATEWAY_RECEIPT_KEY": key.decode()}


def _write_private(file: Path, content: object) -> None:
    """Write JSON that only this user may read, so that a reader sees all of it or none."""
    aside = file.with_name(file.name + ".new")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(content, indent=2) + "\n")
    aside.replace(file)


def is_free(port: int) -> bool:
    """Whether nobody listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT.total_seconds()) as answer:  # noqa: S310 - our own URL
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
