"""Facts that fit into memory, as JSON that ends with their digest: see reconciliation.reports.run."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

Facts = dict[str, Any]
END = b"}\n"


def dumped(document: Any) -> bytes:
    """The same document gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def with_sha256(facts: Facts) -> Facts:
    """The facts and the digest of them as JSON, which is that of the report without its `sha256`."""
    return facts | {"sha256": hashlib.sha256(dumped(facts)[:-1] + END).hexdigest()}


def facts_as_json(facts: Facts) -> Iterator[bytes]:
    """The digest comes last."""
    content = {name: value for name, value in facts.items() if name != "sha256"}
    yield dumped(content)[:-1] + f',"sha256":"{facts["sha256"]}"'.encode() + END
