"""The catalogue as text: YAML, read strictly and with the line of each thing, and written as editors write it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.domain.fee_draft import FeeChangeFault

TEXT_MAX = 20_000
"""Characters of one version of a fee; the longest in use have some 1,500."""

LINE_LENGTH = 110

# The order in which editors write the keys of any block; JSONB keeps none.
_ORDER = """
procedures agencies code official_code agency currency names name kind titles vi en unit units minimum maximum options
default needed_when notice refund_policy revenue_code facts items when versions valid_from valid_until source
legal_basis share_kept_basis_points rule each value already_assessed tiers rows bands from_minor above_minor up_to
up_to_minor below_minor base_minor rate rate_above amount_minor keep reduced_to_minor floor_minor cap_minor reductions
instalments
"""
_RANK = {key: rank for rank, key in enumerate(_ORDER.split())}


class CatalogueLoader(yaml.SafeLoader):
    """SafeLoader that leaves a day as text, as JSON would, and refuses a key that is written twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own class attribute)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        repeated = {key for key in own if own.count(key) > 1}
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(sorted(repeated))} is written twice: keep one", node.start_mark
            )
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what CatalogueLoader reads: days without quotes, no anchors."""

    yaml_implicit_resolvers = CatalogueLoader.yaml_implicit_resolvers

    def ignore_aliases(self, data: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Written:
    """What a text says, and on which line (from 1) each of its places stands: {"rule.amount_minor": 6}."""

    plain: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, place: str) -> int | None:
        """The line of the place, or of the nearest block around it; None for the text as a whole."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return None


def read_text(text: str) -> Written:
    """Raises FeeChangeFault, whose field is "line 3" for a text that is no YAML."""
    if len(text) > TEXT_MAX:
        raise FeeChangeFault("The text is too long.", fields={"": f"must have at most {TEXT_MAX} characters"})
    loader = CatalogueLoader(text)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, CatalogueLoader)):
            raise FeeChangeFault("The text refers to itself.", fields={"": "must not use anchors: write it out"})
        node = loader.get_single_node()
        plain = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FeeChangeFault(
            "The text is no YAML.", fields={f"line {line}": f"is not YAML: {error.problem}"}
        ) from error
    except yaml.YAMLError as error:
        raise FeeChangeFault("The text is no YAML.", fields={"": f"is not YAML: {error}"}) from error
    if not isinstance(plain, dict):
        raise FeeChangeFault("The text is no block of keys.", fields={"": "must be a block of keys"})
    return Written(plain, dict(_lines(node, "")) if node else {})


def as_text(plain: object) -> str:
    """YAML that reads back as `plain`, its keys in the order in which editors write them."""
    return yaml.dump(
        _ordered(plain), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=LINE_LENGTH, default_flow_style=None
    )


def flattened(messages: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as (path, message): items[0].versions[1].rule."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            if key == "_schema":
                yield from flattened(inner, path)
            else:
                yield from flattened(inner, path + _step(key, path))
    elif isinstance(messages, list):
        yield path, "; ".join(map(str, messages))


def _step(key: object, path: str) -> str:
    return f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = path + _step(key.value, path)
            yield place, key.start_mark.line + 1
            yield from _lines(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            place = path + _step(at, path)
            yield place, value.start_mark.line + 1
            yield from _lines(value, place)


def _ordered(plain: object) -> object:
    if isinstance(plain, Mapping):
        keys = sorted(plain, key=lambda key: (_RANK.get(key, len(_RANK)), key))
        return {key: _ordered(plain[key]) for key in keys}
    return [_ordered(each) for each in plain] if isinstance(plain, list | tuple) else plain
