"""A folder for the files of one run, which goes when the run ends, however it ends.

A process that is killed cannot tidy up. So each folder is locked by whoever works in it, and whoever needs a new one
first removes those that nobody holds any more. Both happen under a lock on the folder above, so that one that is just
being made is never taken for an abandoned one.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "congphi-reconcile"


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, readable by its owner only."""
    above = Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}"
    above.mkdir(mode=0o700, exist_ok=True)
    with _locked(above):
        _remove_abandoned(above)
        folder = Path(tempfile.mkdtemp(dir=above))
        held = _open(folder)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = _open(folder)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _remove_abandoned(above: Path) -> None:
    for folder in above.iterdir():
        with suppress(FileNotFoundError):  # its run has just ended
            held = _open(folder)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue  # its run is at work
            finally:
                os.close(held)


def _open(folder: Path) -> int:
    """To lock it. Raises PermissionError if it is somebody else's: the files of a run are not for others to read."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(held).st_uid != os.getuid():
        os.close(held)
        raise PermissionError(f"{folder} belongs to another user")
    return held
