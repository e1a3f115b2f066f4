"""Atomic writes: a file is either complete or unchanged. Everything is written beside its place and then renamed."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from digits.errors import UserError

SPACE = 30 * 10**6  # bytes: a run of the deck takes 10 million with its figures


@contextlib.contextmanager
def atomic_write(path):
    """Yield a path to write to; what was written replaces `path` when the block ends well.

    Missing folders are made.

    Raises:
        UserError: there is a file where a folder must be.
        OSError: it cannot be written.
    """
    path = Path(path)
    make_folder(path.parent)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        try:
            os.replace(part, path)
        except PermissionError as error:  # on Windows
            raise UserError(f"{path} cannot be replaced: close the program that has it open") from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path):
    """Yield a folder to fill; it replaces the folder `path` when the block ends well.

    On Windows, a folder cannot be renamed while a virus scanner or OneDrive reads it: then the earlier one stays.

    Raises:
        UserError, OSError: see `atomic_write`.
    """
    make_folder(path.parent)
    new, earlier = (path.with_name(f".{name}-{os.getpid()}-{path.name}") for name in ("part", "earlier"))
    try:
        new.mkdir()
        yield new
        if path.exists():
            path.rename(earlier)
        try:
            new.rename(path)
        except OSError:
            if earlier.exists():
                earlier.rename(path)
            raise
    finally:
        for leftover in (new, earlier):
            shutil.rmtree(leftover, ignore_errors=True)


def make_folder(path):
    """Make a folder and its parents. Raises a UserError where there is a file instead."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(place for place in (path, *path.parents) if place.exists())
        raise UserError(f"{file.absolute()} must be a folder but is a file: move it away") from None


def check_folder(path):
    """Find out, before work that takes long, whether files can be written into a folder, which is made if missing.

    Raises:
        UserError: there is a file where a folder must be, or the disk is nearly full.
        OSError: it cannot be written to.
    """
    path = Path(path)
    make_folder(path)
    tempfile.TemporaryFile(dir=path).close()
    if shutil.disk_usage(path).free < SPACE:
        raise UserError(f"less than {SPACE // 10**6} MB are free on the disk of {path.resolve()}")


def write_json(path, content):
    """Write `content` to `path` as JSON, atomically."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
