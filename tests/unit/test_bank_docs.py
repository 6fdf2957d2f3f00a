"""docs/bank-api.md says what the adapter and the simulated bank do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.ports import bookings
from providers.bank_transfer import outcomes, wire

PAGE = (Path(__file__).parents[2] / "docs/bank-api.md").read_text()
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def example(*names: str) -> Any:
    """The one example that has all these fields."""
    (found,) = [one for one in EXAMPLES if set(names) <= set(one)]
    return found


@pytest.mark.parametrize(
    "word",
    [
        *sorted(wire.ERROR),
        *sorted(wire.CREDIT_STATUS),
        *sorted(wire.RETURN_STATUS),
        *(f"return.{word}" for word in wire.RETURN_STATUS),
        *(f"reversal.{word}" for word in wire.REVERSAL_STATUS),
        *sorted(bookings.RETURN_CODES),
        *sorted(bookings.CHARGE_CODES),
        wire.SIGNATURE,
        wire.CLIENT,
        wire.IDEMPOTENCY_KEY,
    ],
)
def test_every_word_of_the_wire_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE or f"{word}:" in PAGE, word


def test_the_outcomes_are_those_of_the_simulator() -> None:
    (shown,) = re.findall(r"outcome=(\S+)", PAGE)
    assert shown.split("|") == list(outcomes.OUTCOMES)


def test_the_examples_are_read() -> None:
    credit = wire.credit_observation(example("booking_id", "text"))
    assert (credit.provider_transaction_id, credit.amount.amount_minor) == ("FT26330001", 150_000)
    returned = wire.return_observation(example("return_id", "status"))
    assert (returned.provider_refund_id, returned.amount.amount_minor) == ("RT1", 50_000)
    event = {**example("id", "type"), "data": example("booking_id", "text")}
    assert wire.observations(event) == [credit]
