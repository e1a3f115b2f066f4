"""Which image files there are, which digits they are named after, and what the figures drawn from them are called."""

import collections
import glob
import re
from pathlib import Path

from PIL import Image

from digits.errors import UserError, warn
from digits.handwriting.reading import ADVICE


def list_images(arguments, score=False):
    """Find the image files that a command line names.

    Args:
        arguments: paths of files and folders, as texts, and wildcards that the shell has not expanded.
        score: whether the files are named after the digits that they show; see `read_label`.

    Returns:
        A list of (path, label), no path twice: a label is the digits that the file shows, as text, or None.
        And a list of errors: one for each folder that holds no image or cannot be read, and each address.
    """
    images, problems = {}, []
    for argument in arguments:
        try:
            for path in find_files(argument):
                images[path] = read_label(path) if score else None
        except (UserError, OSError) as error:
            problems.append(error)
    return list(images.items()), problems


def find_files(argument):
    """Return the paths of the image files that an argument of a command line names."""
    if "://" in argument:
        raise UserError(f"{argument} is an address: download the image, then name the file")
    path = Path(argument).expanduser()
    matches = [] if path.exists() else sorted(map(Path, glob.glob(str(path))))
    files = []
    for match in matches or [path]:
        files += list_folder(match) if match.is_dir() else [match]
    return files


def list_folder(folder):
    """Return the image files in a folder and the folders in it, sorted; say in one line which files are left out."""
    Image.init()
    known = Image.EXTENSION | ADVICE
    images, others = [], collections.Counter()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.is_dir():
            continue
        if path.suffix.lower() in known:
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

    The folder's name counts if it is a single digit, as in data sets sorted by class: 7/scan.png shows a 7. Otherwise
    the digits that the file's name begins with do: 7 (1).png shows a 7, 2026_row.png 2 0 2 6.
    """
    match = re.fullmatch("[0-9]", path.parent.name) or re.match("[0-9]+", path.name)
    return match and match[0]


def name_figures(paths, folder):
    """Return a PNG's path in `folder` for each path in `paths`, named after it.

    No two are alike, in whatever case, and none is one of `paths` itself.
    """
    taken = {path.stem.lower() for path in paths if path.resolve().parent == folder.resolve()}
    figures = []
    for path in paths:
        stem = path.stem[:60]  # a name may have 255 bytes, which are 85 Chinese characters
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.lower())
        figures.append(folder / f"{name}.png")
    return figures
