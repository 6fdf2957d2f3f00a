"""What the documents draw is what the code does."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from gateway.domain import checkout, invoice, payment, reconciliation, refund
from gateway.domain.states import mermaid

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"


@pytest.mark.parametrize(
    ("graph", "start"),
    [
        (invoice.GRAPH, invoice.InvoiceStatus.OPEN),
        (checkout.GRAPH, checkout.CheckoutStatus.OPEN),
        (payment.GRAPH, payment.PaymentStatus.SUBMITTING),
        (refund.GRAPH, refund.RefundStatus.REQUESTED),
        (reconciliation.GRAPH, reconciliation.RunStatus.RUNNING),
    ],
)
def test_the_architecture_draws_each_status_graph_as_it_is(graph: Any, start: StrEnum) -> None:
    assert mermaid(graph, start) in (DOCS / "architecture.md").read_text()


def test_every_decision_is_listed() -> None:
    index = (DOCS / "adr" / "README.md").read_text()
    files = sorted(path.name for path in (DOCS / "adr").glob("0*.md"))
    assert files
    assert [name for name in files if f"({name})" not in index] == []


def test_the_worked_example_is_printed_as_it_is() -> None:
    page = (DOCS / "adding-a-provider.md").read_text()
    printed = dict(re.findall(r"`(tests/[\w/.]+)`:\n\n```\w+\n(.*?)```\n", page, re.DOTALL))
    package = {path for path in (TESTS / "providers" / "example_bank").iterdir() if path.suffix in (".py", ".yaml")}
    shown = {path for path in package if not path.name.startswith("__")} | {TESTS / "providers/test_example_bank.py"}
    assert printed == {str(path.relative_to(TESTS.parent)): path.read_text() for path in shown}


def test_every_link_between_documents_leads_somewhere() -> None:
    root = DOCS.parent
    broken = []
    for document in [*root.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in _links(document.read_text()):
            if not (document.parent / target).exists():
                broken.append(f"{document.relative_to(root)}: {target}")
    assert broken == []


def _links(text: str) -> list[str]:
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    return [target.split("#")[0] for target in targets if target.split("#")[0] and "://" not in target]
