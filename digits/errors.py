"""Errors that the user can fix, and the one line on stderr that says so."""

import sys
from pathlib import Path

PACKAGES = {"tensorflow", "keras", "numpy", "matplotlib", "pandas", "scipy", "skimage", "PIL", "jinja2"}


class UserError(Exception):
    """An error the user can cause and fix; its message says what is wrong and what to do.

    Args:
        message: one line.
        exit_code: of the process: 1 could not, 2 bad arguments.
    """

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code


class CannotDraw(Exception):
    """A figure that does not apply to a model; the message says why."""


def print_error(message):
    """Write one line on stderr, led by the script's name."""
    line = " ".join(str(message).split())
    print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr, flush=True)


def fail(message, exit_code=1):
    """End the process with one line on stderr."""
    print_error(message)
    sys.exit(exit_code)


def warn(message):
    """Write one line on stderr and go on."""
    print(f"WARNING: {message}", file=sys.stderr, flush=True)


def report_failed_import(kind, error, traceback):
    """Write an error that ends a script before `flags.run` as one line if the user can fix it. See `sys.excepthook`."""
    if isinstance(error, ModuleNotFoundError) and error.name in PACKAGES:
        print_error(
            f"{error.name} is not installed for {sys.executable}: activate the environment that has it, "
            "or `python -m pip install -r requirements.txt`"
        )
    elif isinstance(error, UserError):
        print_error(error)
    elif isinstance(error, (ImportError, AttributeError)) and (hiding := list_hiding_files()):
        print_error(f"{hiding[0]} hides the module of that name: rename the file ({error})")
    else:
        sys.__excepthook__(kind, error, traceback)


def list_hiding_files():
    """Return the names of the files beside the scripts that were imported in place of a package: numpy.py, say."""
    scripts = Path(__file__).parent.parent
    files = [getattr(sys.modules.get(name), "__file__", None) for name in PACKAGES]
    return [Path(file).name for file in files if file and Path(file).parent in (scripts, Path(sys.argv[0]).parent)]
