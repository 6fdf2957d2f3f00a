"""A folder for the files of one run, which goes when the run ends, however it ends.

A process that is killed cannot tidy up. So each folder holds a locked file, and whoever needs a new one first removes
those whose lock nobody holds any more.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "congphi-reconcile-"
LOCK = "lock"


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, readable by its owner only."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (folder / "new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "new").rename(folder / LOCK)  # it is never seen without being held
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    """A folder without its file is being made at this moment, so it is left alone."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        try:
            with lock.open() as held:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # its run is at work, or it belongs to somebody else
