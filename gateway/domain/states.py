"""How a status moves: a graph as data and the one function that follows it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from gateway.domain.errors import IllegalTransition

Status = TypeVar("Status", bound=StrEnum)
Graph = Mapping[Status, frozenset[Status]]


def transition(what: str, graph: Graph[Status], current: Status, to: Status) -> Status:
    """`to`, if `graph` has the edge from `current`. Raises IllegalTransition otherwise."""
    if to not in graph[current]:
        raise IllegalTransition(what, current, to)
    return to


def mermaid(graph: Graph[Status], start: Status) -> str:
    """The graph as a Mermaid state diagram; docs/architecture.md holds what this draws."""
    edges = [f"    [*] --> {start}"]
    edges += [f"    {status} --> {to}" for status in graph for to in sorted(graph[status])]
    edges += [f"    {status} --> [*]" for status in graph if not graph[status]]
    return "\n".join(["stateDiagram-v2", *edges])
