"""What becomes of a bank's statement that was handed in: all of it counts, or nothing does."""

from enum import StrEnum


class FileStatus(StrEnum):
    LOADED = "loaded"
    QUARANTINED = "quarantined"  # kept with its faults; nothing of it counts
