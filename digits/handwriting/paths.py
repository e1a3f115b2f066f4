"""Which image files there are, what their names tell, and what the figures drawn from them are called."""

import re
from pathlib import Path

from PIL import Image

from digits.errors import UserError


def list_images(arguments):
    """Find the image files that a command line names.

    arguments: paths of files and folders, as texts.

    Returns a list of (path, label): a label is the digits that a file in a folder is known to show, as text, or None.
    And a list of errors: one for each folder that holds no image or cannot be read.
    """
    Image.init()
    found, problems = [], []
    for path in map(Path, arguments):
        try:
            if path.is_dir():
                files = sorted(file for file in path.iterdir() if file.suffix.lower() in Image.EXTENSION)
                files = [file for file in files if file.is_file() and not file.name.startswith(".")]
                if not files:
                    raise UserError(f"{path}: there is no image in this folder")
                found += [(file, read_label(file)) for file in files]
            else:
                found.append((path, None))
        except (UserError, OSError) as error:
            problems.append(error)
    return found, problems


def read_label(path):
    """Return the digits that a file is named after, as text: 7_mine.png shows a 7, 2026_row.png 2 0 2 6; or None."""
    match = re.match(r"\d+(?=[_.-])", path.name, re.ASCII)
    return match[0] if match else None


def name_figures(paths, folder):
    """Return a PNG's path in `folder` for each path in `paths`, named after it.

    No two are alike, in whatever case, and none is one of `paths` itself.
    """
    taken = {path.stem.lower() for path in paths if path.resolve().parent == folder.resolve()}
    figures = []
    for path in paths:
        name, number = path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{path.stem}_{number}"
        taken.add(name.lower())
        figures.append(folder / f"{name}.png")
    return figures
