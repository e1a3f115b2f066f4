"""What a user can cause, and the one line on stderr that says so."""

import sys
from pathlib import Path


class UserError(Exception):
    """A failure that the user can cause and mend; its message says what is wrong and what to do.

    Args:
        message: one line.
        exit_code: of the process: 1 could not, 2 bad arguments.
    """

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code


def print_error(message):
    """Write one line on stderr, led by the script's name."""
    line = " ".join(str(message).split())
    print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr, flush=True)


def warn(message):
    """Write one line on stderr and go on."""
    print(f"WARNING: {message}", file=sys.stderr, flush=True)
