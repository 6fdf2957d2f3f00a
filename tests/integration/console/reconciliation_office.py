"""The console of reconciliation with its worker, and officers' browsers."""

import re
from dataclasses import replace
from uuid import UUID

from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.domain.officer import Role
from gateway.jobs import build_jobs
from reconciliation import api as reconciliation_api
from reconciliation import console, jobs
from tests.integration.api import Api
from tests.integration.officers import browser_of

HIDDEN = re.compile(r'name="shown" value="([^"]+)"')


class Office:
    """The console over a whole gateway, in which two officers may write off 50,000 VND, and its worker."""

    def __init__(self, api: Api, url: str) -> None:
        self.api, self.world = api, api.world
        self.world.runtime = replace(self.world.runtime, write_off_limits={"VND": 50_000})
        api.app = create_app(
            api.settings, api.world.runtime, api.ring, [reconciliation_api.register], consoles=[console.register]
        )
        self.jobs = build_jobs(api.world.runtime, url, [jobs.register])

    def officer(self, *roles: Role, agency_id: UUID | None = None) -> FlaskClient:
        browser = browser_of(self.api.app, self.world.runtime, *roles, agency_id=agency_id)
        browser.get("/console/sign-in?lang=en")
        return browser

    def work(self) -> None:
        self.jobs.run_worker(wait=False, queues=["default"], install_signal_handlers=False)


def shown_on(browser: FlaskClient, page: str) -> str:
    found = HIDDEN.search(browser.get(page).text)
    assert found, f"{page} shows nothing to decide on"
    return found[1]
