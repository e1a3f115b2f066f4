"""What every script here needs of the machine: files that are whole or absent, and errors that are one line.

A script ends with `script.run(main)`. The exit codes: 0 done, 1 could not, 2 bad arguments, 130 interrupted.
TensorFlow, pandas and matplotlib are imported in the functions that need them: `-h` and a mistyped flag answer at once.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

STARTED = time.perf_counter()

# What TensorFlow says to everybody at its start: informational lines, and where there is no GPU, that.
CHATTER = re.compile(
    rb"I\d{4} |[-\d]+ [:.\d]+: I |WARNING: All log messages before absl|To enable the following|.*cuInit"
)


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Help with every flag's default, below the script's own docstring as it stands."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def argument_parser(description):
    """Return a parser whose errors are one line on stderr (exit code 2)."""
    parser = argparse.ArgumentParser(description=description, formatter_class=HelpFormatter, allow_abbrev=False)
    parser.error = lambda message: fail(f"{message} (`python {parser.prog} -h` explains every flag)", 2)
    return parser


def run(main):
    """Call `main()` and end the process: a failure that a user can cause is one line on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a cp950 console can't show every character; it must not crash on one
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        fail(str(interrupt) or "interrupted", 130)
    except BrokenPipeError:  # `python evaluate.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, MemoryError) as error:
        fail(error if str(error) else "out of memory")
    except Exception as error:
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's MemoryError
            raise
        fail("out of memory: this model is too large for this machine; try fewer neurons or a smaller --batch-size")


def import_tensorflow():
    """Return TensorFlow, imported without its start-up chatter; everything else that it says is passed on.

    TensorFlow 2.21 writes to stderr from C++ and minds TF_CPP_MIN_LOG_LEVEL only later, so the stream is filtered.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow

            for gpu in tensorflow.config.list_physical_devices("GPU"):
                with contextlib.suppress(RuntimeError):  # it computes already
                    tensorflow.config.experimental.set_memory_growth(gpu, True)  # leave its memory to others too
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught:
                if not CHATTER.match(line):
                    print(line.decode(errors="replace"), end="", file=sys.stderr)
    return tensorflow


def warn(message):
    """Write one line on stderr and go on."""
    print(f"WARNING: {message}", file=sys.stderr, flush=True)


def fail(message, code=1):
    """End the process with one line on stderr."""
    message = " ".join(str(message).split())
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    sys.exit(code)


@contextlib.contextmanager
def whole_file(path):
    """Yield a path beside `path` to write to; it becomes `path` when the block ends well and is removed when not.

    Missing folders are made. Raises OSError where the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
