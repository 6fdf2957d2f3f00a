"""An office at work: the console on a port, its worker, and a day in which not everything agrees."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx
import pyotp
from flask import Flask
from playwright.sync_api import Browser, Page

from gateway.app import create_app
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.officer import Role
from gateway.domain.payment import Payment
from gateway.domain.resolution import Action
from gateway.jobs import build_jobs
from gateway.services.demo_officers import load_demo_officers
from gateway.services.keys import KeyRing
from gateway.store.embedded import DatabaseUrls
from reconciliation import api as reconciliation_api
from reconciliation import console as reconciliation_console
from reconciliation import jobs as reconciliation_jobs
from tests.integration.api import settings_for
from tests.integration.deciding import opened, proposed
from tests.integration.web import served
from tests.integration.world import World, a_world

DESK = {"width": 1280, "height": 900}
LIMITS = {"VND": 50_000}
LOCALHOST = "localhost"
"""A name, since passkeys are for none that has only a number (WebAuthn, effective domain)."""


@dataclass(frozen=True)
class WrongDay:
    """`payment` is reported by its provider with another amount on `day`."""

    day: date
    payment: Payment


@dataclass
class Office:
    """`app` is what is served at `url`; what it leaves for later is done when `work` is called."""

    world: World
    app: Flask
    url: str
    database_url: str
    wrong: WrongDay

    def work(self) -> None:
        """In a thread of its own: the browser's has an event loop already."""
        jobs = build_jobs(self.world.runtime, self.database_url, [reconciliation_jobs.register])
        with ThreadPoolExecutor(1) as worker:
            worker.submit(jobs.run_worker, wait=False, queues=["default"], install_signal_handlers=False).result()

    def officer(self, name: str, *roles: Role) -> "Person":
        secret = pyotp.random_base32()
        person = Person(f"{secret.lower()}@gov.example", "three blue herons wade", secret)
        known = {"email": person.email, "name": name, "roles": roles, "password": person.password}
        load_demo_officers(self.world.runtime, [known | {"authenticator": secret}])
        return person

    def desk(self, browser: Browser, *, scripts: bool = False) -> Page:
        """A browser of an office's size, where nobody is signed in. Scripts are for what cannot be without."""
        opened = browser.new_context(viewport=DESK, java_script_enabled=scripts, locale="en")  # type: ignore[arg-type]
        opened.set_default_timeout(10_000)
        tab = opened.new_page()
        tab.goto(f"{self.url}/console/sign-in?lang=en")
        return tab

    def signed_in(self, browser: Browser, person: "Person", *, scripts: bool = False) -> Page:
        """By password and authenticator."""
        tab = self.desk(browser, scripts=scripts)
        tab.get_by_label("E-mail address").fill(person.email)
        tab.get_by_label("Password").fill(person.password)
        tab.get_by_role("button", name="Go on").click()
        tab.get_by_label("Code").fill(pyotp.TOTP(person.secret).now())
        tab.get_by_role("button", name="Sign in", exact=True).click()
        tab.get_by_role("button", name="Sign out").wait_for()
        return tab


@dataclass(frozen=True)
class Person:
    """What an officer knows and has."""

    email: str
    password: str
    secret: str


def a_wrong_day(world: World) -> WrongDay:
    _, payment = world.paid()
    if payment.business_date is None:
        raise RuntimeError("not paid")
    day, simulator = payment.business_date, f"{world.simulator.url}/_sim"
    wrong = {"date": day.isoformat(), "fault": "change_amount", "payment": str(payment.id)}
    httpx.post(f"{simulator}/settlement-faults", json=wrong, timeout=10).raise_for_status()
    httpx.post(f"{simulator}/settle", json={"date": day.isoformat()}, timeout=10).raise_for_status()
    return WrongDay(day, payment)


@contextmanager
def an_office(urls: DatabaseUrls, folder: Path) -> Iterator[Office]:
    def make(world: World) -> Flask:
        world.runtime = replace(world.runtime, write_off_limits=LIMITS)
        settings = settings_for(urls.app_url, GATEWAY_PUBLIC_URL=world.runtime.public_url)
        ring, pages = KeyRing(settings.api_key_pepper), [reconciliation_console.register]
        made.append(create_app(settings, world.runtime, ring, [reconciliation_api.register], consoles=pages))
        return made[0]

    made: list[Flask] = []
    with a_world(urls, folder) as world:
        wrong = a_wrong_day(world)
        seed(world)
        with served(world, make, LOCALHOST) as url:
            yield Office(world, made[0], url, urls.app_url, wrong)


def seed(world: World) -> None:
    """Something to see on each page, of another day's work."""
    excess = opened(world, DiscrepancyKind.AMOUNT_MISMATCH, -20_000, settlement={"gross_minor": 180_000})
    opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 200_000)
    proposed(world, excess, Action.CLOSE_EXPLAINED)
