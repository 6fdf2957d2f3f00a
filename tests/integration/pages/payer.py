"""The page of one session, in the hands of its payer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.domain.checkout import CheckoutSession
from gateway.domain.payment import Payment
from gateway.services.show_checkout import Stage, show_checkout
from gateway.store import payments
from tests.integration.world import World


@dataclass
class Page:
    """The page of one session, in the hands of its payer."""

    world: World
    client: FlaskClient
    session: CheckoutSession

    @property
    def path(self) -> str:
        return self.world.runtime.page_url(self.session.id).removeprefix(self.world.runtime.public_url)

    def html(self, language: str = "en") -> str:
        answer = self.client.get(self.path, query_string={"lang": language})
        assert answer.status_code == 200
        return answer.text

    def text(self, language: str = "en") -> str:
        """What a reader sees, without the markup."""
        return seen(self.html(language))

    def heading(self, language: str = "en") -> str:
        return seen(re.findall(r"<h1>(.*?)</h1>", self.html(language), re.DOTALL)[0])

    def form_token(self) -> str:
        return self.world.runtime.tokens.sign("page form", str(self.session.id))

    def choose(self, provider: str = "sandbox", **fields: str) -> TestResponse:
        return self.client.post(
            f"{self.path}/payments", data={"form": self.form_token(), "provider": provider} | fields
        )

    def give_up(self) -> TestResponse:
        return self.client.post(f"{self.path}/cancel", data={"form": self.form_token()})

    def started(self) -> Payment:
        assert self.choose().status_code == 303
        return self.attempts()[-1]

    def attempts(self) -> list[Payment]:
        with self.world.runtime.db.read() as tx:
            return payments.of_session(tx, self.session.id)

    def stage(self) -> Stage:
        return show_checkout(self.world.runtime, self.session.id).stage


def seen(html: str) -> str:
    body = html.partition("<body>")[2] or html
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

PageOf = Callable[..., Page]
"""Opens a session for the invoices, or for a new one, and gives its page."""
