"""The ministry's overview of its agencies: accounts, receipts, methods and limits. The catalogue changes them."""

from typing import Any

from gateway.console.roles import READERS
from gateway.domain.money import Money
from gateway.forms.lists import asked_part
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.offer_methods import offers_of_agencies
from gateway.services.surface import N_, ConsoleSurface, Section

SHOWN = 12


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Agencies"), "console.agencies", READERS))

    @console.route("/agencies", endpoint="agencies")
    @for_officers(*READERS)
    def show() -> Any:
        with console.runtime.db.read() as tx:
            everywhere = agencies_of(tx, console.officer().caller)
            part = asked_part(everywhere, SHOWN)
            offers = offers_of_agencies(tx, console.runtime, part.items)
        return console.page(
            "agencies.html",
            found=list(zip(part.items, offers, strict=True)),
            part=part,
            money=Money,
        )
