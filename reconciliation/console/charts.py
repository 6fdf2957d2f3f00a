"""Charts as SVG in the page. They repeat what a table beside them says, and depend on its figures alone.

No script, no style attribute: sizes are whole units of the drawing, colours come from the style sheet by class.
"""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 1_000, 240
GAP = 24


def bar(part: int, whole: int, tone: str = "") -> Markup:
    """A bar as long as `part` of `whole`, for a cell beside the figure; what is there at all can be seen."""
    length = _scaled(part, whole, WIDTH)
    return Markup(
        '<svg class="gauge {}" viewBox="0 0 {} 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect width="{}" height="12"/></svg>'
    ).format(tone, WIDTH, length)


def columns(about: str, figures: Sequence[int]) -> Markup:
    """A column for each figure, in their order; `about` says what they are to whoever does not see them."""
    whole = max(map(abs, figures), default=0)
    broad = (WIDTH - GAP * (len(figures) - 1)) // max(len(figures), 1)
    drawn = [
        Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
            place * (broad + GAP), HEIGHT - (tall := _scaled(figure, whole, HEIGHT)), broad, tall
        )
        for place, figure in enumerate(figures)
    ]
    return Markup(
        '<svg class="columns" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<line x1="0" x2="{}" y1="{}" y2="{}"/></svg>'
    ).format(WIDTH, HEIGHT + 2, about, Markup("").join(drawn), WIDTH, HEIGHT + 1, HEIGHT + 1)


def _scaled(part: int, whole: int, size: int) -> int:
    """At least one hundredth for what is not nothing."""
    if not part or not whole:
        return 0
    return max(size // 100, abs(part) * size // abs(whole))
