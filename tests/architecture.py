"""The rules that the code itself must keep, as a table: what each looks for, where, and a piece of code that breaks it.

The floors (who may import whom) are not here but in setup.cfg, where import-linter reads them.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "providers", "reconciliation")
CODE = (*PACKAGES, "benchmarks", "tests", "wsgi.py")
MIGRATIONS = "gateway/store/migrations/"
PROVIDER_NAMES = frozenset(path.parent.name for path in (ROOT / "providers").glob("*/adapter.py"))

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})

# The only floats in the product, each with its reason: none of them is near money.
FLOATS = {
    ("providers/simulation/server.py", "0.1"): "seconds between two looks whether the server should stop",
}
# What may be taken from SQLAlchemy outside the store: reading a URL, the type of a row, and its errors.
SQLALCHEMY_FOR_ALL = frozenset({"make_url", "Row", "ArgumentError", "DBAPIError", "IntegrityError"})
COMMITTERS = ("gateway/services/", "gateway/jobs.py", "gateway/store/database.py", "reconciliation/jobs.py")

# The tables that the migration itself declares append-only, and the names such a table goes by in Python.
_DECLARED = re.search(
    r"make_append_only\(name.*?ARRAY\[(.*?)\]", (ROOT / MIGRATIONS / "sql/ledger.sql").read_text(), re.DOTALL
)
APPEND_ONLY = re.findall(r"'(\w+)'", _DECLARED.group(1)) if _DECLARED else []
EDITS_BY_SQL = re.compile(
    rf"\b(UPDATE|DELETE\s+FROM|TRUNCATE(\s+TABLE)?)\s+(ONLY\s+)?({'|'.join(APPEND_ONLY)})\b", re.IGNORECASE
)
APPEND_ONLY_VARIABLES = {
    name for table in APPEND_ONLY for name in (table, table.upper(), table.removeprefix("ledger_"))
}
SQL_STATEMENT = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s)", re.DOTALL)
MACHINE_PATHS = re.compile(r"(?<![\w.:/-])/(work|root|home|Users)/\w|\.\./(?=shared\b)")

Finding = tuple[int, str]  # the line, and what is wrong there


@dataclass(frozen=True)
class Module:
    path: str  # from the root of the project, with slashes
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def strings(self) -> Iterator[tuple[int, str]]:
        """Every string that is not a docstring."""
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in self._docstrings:
                yield node.lineno, node.value

    @cached_property
    def _docstrings(self) -> set[ast.AST]:
        return {
            node.value for node in self.nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }


@dataclass(frozen=True)
class Rule:
    """`where` are the beginnings of the paths it holds for, `but` of those it does not; `broken` breaks it at `at`."""

    name: str
    find: Callable[[Module], Iterator[Finding]]
    broken: str
    where: tuple[str, ...] = CODE
    but: tuple[str, ...] = ()
    at: str = "gateway/services/example.py"

    def violations(self, modules: list[Module]) -> list[str]:
        return [
            f"{module.path}:{line}: {what}"
            for module in modules
            if module.path.startswith(self.where) and not (self.but and module.path.startswith(self.but))
            for line, what in self.find(module)
        ]


def code() -> list[Module]:
    """All Python of the project, as it lies in the checkout."""
    files = [path for part in CODE for path in ([ROOT / part] if part.endswith(".py") else (ROOT / part).rglob("*.py"))]
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text()) for path in sorted(files)]


def long_modules(module: Module) -> Iterator[Finding]:
    lines = module.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield lines, f"the module has {lines} lines; {MODULE_LINES_MAX} are allowed"


def long_functions(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield function.lineno, f"{function.name} has {lines} lines; {FUNCTION_LINES_MAX} are allowed"


def imports_in_functions(module: Module) -> Iterator[Finding]:
    for function in module.functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node.lineno, f"{function.name} imports inside itself"


def vague_names(module: Module) -> Iterator[Finding]:
    for part in module.path.removesuffix(".py").split("/"):
        if part in VAGUE_NAMES:
            yield 1, f"{part!r} says nothing about what is in it"


def floats(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            if (module.path, repr(node.value)) not in FLOATS:
                yield node.lineno, f"a float: {node.value}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "float(...)"


def asserts(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Assert):
            yield node.lineno, "an assert, which python -O takes away"


def edits_of_the_ledger(module: Module) -> Iterator[Finding]:
    for line, text in module.strings():
        if EDITS_BY_SQL.search(text):
            yield line, f"edits what is append-only: {text.strip()[:60]}"
    for node in module.nodes:
        if isinstance(node, ast.Call) and _called(node) in ("update", "delete"):
            owner = [node.func.value] if isinstance(node.func, ast.Attribute) else node.args[:1]
            through_sqlalchemy = [getattr(name, "id", "") for name in owner] in (["sa"], ["sqlalchemy"])
            for table in map(_name, node.args[:1] if through_sqlalchemy else owner):
                if table in APPEND_ONLY_VARIABLES:
                    yield node.lineno, f"edits the append-only table {table}"


def commits(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and _called(node) == "commit":
            yield node.lineno, "a commit outside the unit of work"


def sql(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("sqlalchemy", "psycopg"):
            taken = {alias.name for alias in node.names} - SQLALCHEMY_FOR_ALL
            if taken:
                yield node.lineno, f"takes {', '.join(sorted(taken))} from {node.module}: SQL lives in the store"
    for line, text in module.strings():
        if SQL_STATEMENT.match(text):
            yield line, f"SQL outside the store: {text.strip()[:60]}"


def imports_beyond_the_standard_library(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]:
            if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("gateway.domain"):
                yield node.lineno, f"the domain imports {name}"


def comparisons_with_provider_names(module: Module) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Compare | ast.MatchValue):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and part.value in PROVIDER_NAMES:
                    yield part.lineno, f"the core asks for {part.value!r} by name"


def machine_paths(module: Module) -> Iterator[Finding]:
    for number, line in enumerate(module.text.splitlines(), 1):
        if MACHINE_PATHS.search(line):
            yield number, f"a path of somebody's machine: {line.strip()[:80]}"


def _called(call: ast.Call) -> str:
    return _name(call.func)


def _name(node: ast.AST) -> str:
    """The last name of a dotted one; nothing of anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


NOT_MIGRATIONS = (MIGRATIONS,)
RULES = (
    Rule("modules_are_short", long_modules, "x = 1\n" * (MODULE_LINES_MAX + 1), but=NOT_MIGRATIONS),
    Rule("functions_are_short", long_functions, "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX, but=NOT_MIGRATIONS),
    Rule("no_import_hides_in_a_function", imports_in_functions, "def f():\n    import os\n"),
    Rule("names_say_what_is_inside", vague_names, "", at="gateway/services/utils.py"),
    Rule("there_is_no_float", floats, "fee = 1.5\n", where=PACKAGES),
    Rule("nothing_is_turned_into_a_float", floats, "fee = float(total)\n", where=PACKAGES),
    Rule("no_rule_rests_on_assert", asserts, "assert paid\n", where=(*PACKAGES, "wsgi.py")),
    Rule(
        "the_ledger_is_never_edited_by_sql",
        edits_of_the_ledger,
        'q = "update ledger_entries set x = 1"',
        where=PACKAGES,
    ),
    Rule("the_ledger_is_never_edited", edits_of_the_ledger, "delete(tables.ledger_transfers)", where=PACKAGES),
    Rule("nor_by_the_methods_of_its_tables", edits_of_the_ledger, "ledger.entries.update()", where=PACKAGES),
    Rule("only_services_commit", commits, "tx.commit()\n", where=PACKAGES, but=COMMITTERS, at="gateway/api/example.py"),
    Rule(
        "sql_is_only_in_the_store", sql, "from sqlalchemy import select\n", where=("gateway",), but=("gateway/store/",)
    ),
    Rule("no_sql_hides_in_a_string", sql, 'q = "SELECT a FROM b"', where=("gateway",), but=("gateway/store/",)),
    Rule(
        "the_domain_is_plain_python",
        imports_beyond_the_standard_library,
        "import flask\n",
        where=("gateway/domain/",),
        at="gateway/domain/example.py",
    ),
    Rule(
        "the_core_knows_no_provider", comparisons_with_provider_names, 'if name == "sandbox": pass', where=("gateway",)
    ),
    Rule("no_path_of_a_machine_is_left", machine_paths, "home = '/home" + "/me'\n"),
)
