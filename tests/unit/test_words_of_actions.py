"""What the audit trail holds has a word on the pages that show it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway
from gateway.console.words import word
from gateway.domain.bank_file import FileStatus
from gateway.domain.resolution import Action, ResolutionStatus

ROOT = Path(gateway.__file__).parents[1]


def audited() -> Iterator[tuple[str, str]]:
    """Action and kind of subject of each call that writes them down, where both are literals."""
    for folder in ("gateway", "reconciliation"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "audit":
                    action, subject = (arg.value if isinstance(arg, ast.Constant) else "" for arg in node.args[1:3])
                    yield str(action), str(subject)


def test_what_is_put_together_from_states_has_a_word() -> None:
    acts = {*(f"resolution.{each}" for each in ResolutionStatus), *(f"statement.{each}" for each in FileStatus)}
    acts |= {f"{kind}.opened" for kind in ("trace", "dispute")}
    assert {act for act in acts if word("action", act) == act.replace("_", " ")} == set()
    causes = {f"resolution_{each}" for each in Action if each is not Action.CLOSE_EXPLAINED}
    booked = {cause for cause in causes if word("cause", cause) == cause.replace("_", " ")}
    assert booked <= {f"resolution_{each}" for each in (Action.ACCEPT_PROPOSAL,)}  # books what its two sides say


def test_every_action_and_subject_that_is_written_down_has_a_word() -> None:
    found = {pair for pair in audited() if all(pair)}
    assert len(found) > 30
    bare = {action for action, _ in found if word("action", action) == action.replace("_", " ")}
    assert bare | {subject for _, subject in found if word("subject", subject) == subject.replace("_", " ")} == set()
