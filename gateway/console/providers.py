"""How the providers do, and what payers see of them."""

from typing import Any

from gateway.console import words
from gateway.console.roles import READERS
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of, usual_zone
from gateway.services.provider_health import Overview, overview_of, overview_of_all
from gateway.services.surface import N_, ConsoleSurface, Section

BASIS_POINTS_A_PER_CENT = 100


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Providers"), "console.providers", READERS))

    @console.route("/providers", endpoint="providers")
    @for_officers(*READERS)
    def show_all() -> Any:
        with console.runtime.db.read() as tx:
            found = overview_of_all(tx, console.runtime)
            zone = _zone(console, tx)
        return _page(console, "providers.html", zone, found=found)

    @console.route("/providers/<name>", endpoint="provider")
    @for_officers(*READERS)
    def show(name: str) -> Any:
        with console.runtime.db.read() as tx:
            found = overview_of(tx, console.runtime, name)
            zone = _zone(console, tx)
        return _page(console, "provider.html", zone, one=found)


def _zone(console: ConsoleSurface, tx: Any) -> str:
    return usual_zone(agencies_of(tx, console.officer().caller))


def _page(console: ConsoleSurface, template: str, zone: str, **context: Any) -> Any:
    titles = {name: provider.titles for name, provider in console.runtime.providers.items()}
    return console.page(
        template, zone=zone, titles=titles, words=words, per_cent=per_cent, state_of=state_of, **context
    )


def state_of(one: Overview) -> str:
    return str(one.health.circuit.state(one.health.seen_at))


def per_cent(basis_points: int | None) -> str:
    """ "99.5", or a dash where nothing was counted."""
    if basis_points is None:
        return "–"
    whole, rest = divmod(basis_points, BASIS_POINTS_A_PER_CENT)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
