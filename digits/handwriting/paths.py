"""Which image files there are, which digits they are named after, and what the figures drawn from them are called."""

import collections
import glob
import itertools
import re
from pathlib import Path

from PIL import Image

from digits.errors import UserError, warn
from digits.handwriting.reading import ADVICE


def list_images(arguments, score=False):
    """Find the image files that a command line names.

    arguments: paths of files and folders, as texts, and wildcards that the shell has not expanded.
    score: whether the files are named after the digits that they show; see `read_label`.
    Returns a list of (path, label), no path twice: a label is the digits that the file shows, as text, or None. And a
    list of errors: one for each folder that holds no image or cannot be read.
    """
    images, problems = {}, []
    for argument in arguments:
        try:
            path = Path(argument).expanduser()
            matches = [] if path.exists() else sorted(map(Path, glob.glob(str(path))))
            for match in matches or [path]:
                for file in list_folder(match) if match.is_dir() else [match]:
                    images[file] = read_label(file) if score else None
        except (UserError, OSError) as error:
            problems.append(error)
    return list(images.items()), problems


def list_folder(folder):
    """Return the image files in a folder and the folders in it, sorted; say in one line which files are left out."""
    Image.init()
    images, others = [], collections.Counter()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.is_dir():
            continue
        if path.suffix.lower() in Image.EXTENSION | ADVICE:
            images.append(path)
        else:
            others[path.suffix or path.name] += 1
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in others.items())
        warn(f"{folder}: left out, since they are no images: {kinds}")
    if not images:
        raise UserError(f"{folder}: there is no image in this folder")
    return images


def read_label(path):
    """Return the digits that a file is named after, as text, or None.

    A folder's name counts if it is one digit, 7/scan.png, else those that the file's name begins with, 2026_row.png.
    """
    match = re.fullmatch("[0-9]", path.parent.name) or re.match("[0-9]+", path.name)
    return match and match[0]


def name_figures(paths, folder):
    """Return a PNG's path in `folder` for each path, named after it: no two alike, none of `paths`."""
    taken = {path.stem.lower() for path in paths if path.resolve().parent == folder.resolve()}
    figures = []
    for path in paths:
        stem = path.stem[:60]  # a name may have 255 bytes, which are 85 Chinese characters
        names = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        name = next(name for name in names if name.lower() not in taken)
        taken.add(name.lower())
        figures.append(folder / f"{name}.png")
    return figures
