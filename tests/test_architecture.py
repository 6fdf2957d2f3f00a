"""The house keeps its rules, and each check of a rule is able to fail."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import FLOATS, PACKAGES, ROOT, RULES, Module, Rule, code, floats

LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return code()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_code_keeps_the_rule(rule: Rule, modules: list[Module]) -> None:
    assert rule.violations(modules) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_code_that_breaks_the_rule_is_found(rule: Rule) -> None:
    assert len(rule.violations([Module(rule.at, rule.broken)])) == 1


def test_the_checks_see_the_code(modules: list[Module]) -> None:
    seen = {module.path.split("/")[0] for module in modules}
    assert {*PACKAGES, "tests", "wsgi.py"} <= seen


def test_every_allowed_float_is_still_there(modules: list[Module], monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = dict(FLOATS)
    monkeypatch.setattr("tests.architecture.FLOATS", {})
    found = {module.path: [what for _, what in floats(module)] for module in modules}
    assert [key for key in allowed if f"a float: {key[1]}" not in found.get(key[0], [])] == []


def test_the_floors_are_kept() -> None:
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("module", "imports"),
    [
        ("gateway/domain", "gateway.store"),
        ("gateway/store", "gateway.services"),
        ("gateway/store", "gateway.config"),
        ("gateway/ports", "gateway.store"),
        ("gateway/services", "gateway.api"),
        ("gateway/api", "gateway.store"),
        ("gateway/pages", "gateway.api"),
        ("gateway/app", "providers"),
        ("gateway/local", "reconciliation"),
        ("gateway/cli", "wsgi"),
        ("providers", "gateway.services"),
        ("reconciliation", "gateway.api"),
        ("reconciliation", "providers"),
        ("reconciliation/console", "reconciliation.statements_api"),
        ("reconciliation/cli", "reconciliation.api"),
        ("reconciliation/statements", "flask"),
        ("gateway/attic", "os"),
    ],
)
def test_an_import_against_the_floors_is_found(tmp_path: Path, module: str, imports: str) -> None:
    build_house(tmp_path)
    write(tmp_path, module, f"import {imports}\n")
    assert lint_imports(tmp_path).returncode == 1


def test_a_house_without_such_imports_stands(tmp_path: Path) -> None:
    build_house(tmp_path)
    outcome = lint_imports(tmp_path)
    assert outcome.returncode == 0, outcome.stdout


def test_the_readme_documents_what_users_call_and_nothing_else() -> None:
    assert documented((ROOT / "README.md").read_text()) == user_targets((ROOT / "Makefile").read_text())


def test_a_readme_that_misses_a_target_is_found() -> None:
    assert documented("`make run` and then\n\n    make play\n") == {"run", "play"}
    assert user_targets(".PHONY: run test\n.PHONY: lock\n") == {"run", "test"}


def documented(readme: str) -> set[str]:
    """The targets that stand in code: prose may make anything."""
    in_code = re.findall(r"```.*?```|`[^`\n]+`|^ {4}.+$", readme, re.DOTALL | re.MULTILINE)
    return {target for piece in in_code for target in re.findall(r"\bmake ([a-z]+)", piece)}


def user_targets(makefile: str) -> set[str]:
    first = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    return set(first.group(1).split()) if first else set()


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT_IMPORTS]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def build_house(folder: Path) -> None:
    """An empty house with our floors and our contracts."""
    ours, theirs = configparser.ConfigParser(), configparser.ConfigParser()
    ours.read(ROOT / "setup.cfg")
    for section in ours.sections():
        if section.startswith("importlinter"):
            theirs[section] = dict(ours[section])
    with (folder / "setup.cfg").open("w") as file:
        theirs.write(file)
    for name in ("gateway", "providers", "reconciliation", "wsgi"):
        write(folder, name, "")
    for name in re.findall(r"\w+", theirs["importlinter:contract:floors"]["layers"]):
        write(folder, f"gateway/{name}", "")
    named = (each for section in theirs.values() for each in section.values())
    for name in re.findall(r"reconciliation\.[\w.]+", "\n".join(named)):
        parts = name.split(".")
        for depth in range(2, len(parts) + 1):
            write(folder, "/".join(parts[:depth]), "")


def write(folder: Path, package: str, text: str) -> None:
    path = folder / package / "__init__.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
