"""Atomic writes: a file is there whole, or the one before it still is."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from digits.errors import UserError

PREFIX = ".part-"  # of the folders in which files are completed
NEW = 2  # seconds in which such a folder may not be locked yet
SPACE = 30 * 10**6  # bytes: a run of the deck takes 10 million with its figures


@contextlib.contextmanager
def locked(path):
    """Wait until no other process holds the lock file `path`, and hold it; not on a file system without locks."""
    from filelock import FileLock

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(NotImplementedError):
            stack.enter_context(FileLock(path))
        yield


@contextlib.contextmanager
def part_folder(parent):
    """Yield a new folder in `parent` in which to complete what is then moved out of it; it is removed at the end.

    What a killed process has left of its own is removed too: the system has released its lock. Missing folders are
    made.

    Raises:
        UserError: there is a file where a folder must be.
        OSError: `parent` cannot be written to; the error names a path.
    """
    parent = Path(parent)
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(path for path in (parent, *parent.parents) if path.exists())
        raise UserError(f"{file.absolute()} must be a folder but is a file: move it away") from None
    clear_leftovers(parent)
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as folder, locked(Path(folder, "lock")):
            yield Path(folder)
    except OSError as error:
        if error.errno and error.filename is None:  # "No space left on device" does not say which
            error.filename = str(parent)
        raise


def clear_leftovers(parent):
    """Remove the `part_folder`s in `parent` of processes that are gone, and put back what they had moved away."""
    for folder in Path(parent).glob(f"{PREFIX}*"):
        from filelock import FileLock, Timeout

        with contextlib.suppress(OSError, Timeout, NotImplementedError):
            if time.time() - folder.stat().st_mtime < NEW:
                continue
            with FileLock(folder / "lock", timeout=0):
                for earlier in folder.glob("earlier/*"):
                    if not (folder.parent / earlier.name).exists():
                        earlier.rename(folder.parent / earlier.name)
                shutil.rmtree(folder)


@contextlib.contextmanager
def atomic_write(path):
    """Yield a path to write to; what was written replaces `path` when the block ends well.

    Missing folders are made.

    Raises:
        UserError, OSError: as of `part_folder`.
    """
    path = Path(path)
    with part_folder(path.parent) as folder:
        yield folder / path.name
        os.replace(folder / path.name, path)


@contextlib.contextmanager
def atomic_folder(path):
    """Yield a folder to fill; it replaces the folder `path`, or the one that this links to, when the block ends well.

    Raises:
        UserError, OSError: as of `part_folder`.
    """
    path = Path(path).resolve()
    with part_folder(path.parent) as folder:
        new, earlier = folder / "new", folder / "earlier" / path.name
        new.mkdir()
        earlier.parent.mkdir()
        yield new
        if path.exists():
            path.rename(earlier)
        new.rename(path)


def check_folder(path):
    """Find out, before work that takes long, whether files can be written into a folder. What this makes, it removes.

    Raises:
        UserError: there is a file where a folder must be, or the disk is nearly full.
        OSError: it cannot be written to.
    """
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        with part_folder(path):
            if shutil.disk_usage(path).free < SPACE:
                raise UserError(f"less than {SPACE // 10**6} MB are free on the disk of {path.resolve()}")
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # not made, or in use by another process now
                folder.rmdir()


def write_json(path, content):
    """Write `content` to `path` as JSON, atomically."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
