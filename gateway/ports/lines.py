"""The lines of a file, some hundreds at a time, in memory that no line without end can fill."""

import io
from collections.abc import Iterator
from itertools import takewhile
from typing import BinaryIO

BLOCK_BYTES = 64 * 1024


class LineTooLong(Exception):
    """The line after those that were yielded."""


def blocks_of_lines(stream: BinaryIO, longest: int) -> Iterator[list[bytes]]:
    """Each line with its end, which is a line feed, but for the last. Raises LineTooLong for more than `longest`
    bytes."""
    while block := stream.read(BLOCK_BYTES):
        lines = io.BytesIO(block + stream.readline(longest + 1)).readlines()
        if max(map(len, lines)) > longest:
            yield list(takewhile(lambda line: len(line) <= longest, lines))
            raise LineTooLong
        yield lines
