"""The process that a script runs in: its streams, its libraries, and the settings that others have left behind.

Notebooks, containers, and other courses set things that would make a script fail, or silently compute something else.
"""

import contextlib
import functools
import gc
import json
import logging
import os
import re
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from digits.errors import UserError, warn

# What TensorFlow says to everybody at its start: informational lines, and where there is no GPU, that.
CHATTER = re.compile(
    rb"I\d{4} |[-\d]+ [:.\d]+: I |WARNING: All log messages before absl|To enable the following|.*cuInit"
)
KERAS_SETTINGS = {  # Keras's own; another course's ~/.keras/keras.json may have others
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


def prepare_process():
    """Give a script's process what it counts on: three open streams, and warnings that are no errors."""
    null = os.open(os.devnull, os.O_RDWR)
    while null <= 2:  # closed (`>&-`): the next file opened would get its number, and what is printed
        null = os.dup(null)
    os.close(null)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # pythonw, `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        with contextlib.suppress(AttributeError):  # a notebook's stream needs it not
            getattr(sys, name).reconfigure(errors="replace")  # a cp950 console can't show every character
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("default")  # `python -W error`: a library's deprecated call is nothing to lose a run for


def is_terminal():
    """Return whether stdout is a terminal, in which a line can be drawn again and again."""
    return getattr(sys.stdout, "isatty", bool)()


def leave_terminal():
    """Print into nothing instead of a terminal that has been closed, where printing fails."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):  # not a file or a pipe
            os.dup2(null, stream)
    os.close(null)


def import_matplotlib():
    """Return matplotlib, whatever MPLBACKEND says: figures are drawn into files.

    Notebooks set MPLBACKEND for the processes that they start, where their backend may be unknown.

    Raises:
        UserError: its settings file cannot be read.
    """
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    backend, said = os.environ.pop("MPLBACKEND", None), []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger = logging.getLogger("matplotlib")
    logger.addHandler(handler)
    try:
        import matplotlib
    except UnicodeDecodeError as error:
        raise UserError(f"matplotlib's settings are not UTF-8 text: {said[-1] if said else error}") from error
    finally:
        logger.removeHandler(handler)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):  # unknown here
            matplotlib.rcParams["backend"] = backend  # for --show
    return matplotlib


@functools.cache
def import_tensorflow():
    """Return TensorFlow, with Keras on it and in Keras's own settings; say in one line which settings that overrides.

    TensorFlow's start-up chatter is dropped, everything else that it says is passed on. TensorFlow 2.21 writes to
    stderr from C++ and minds TF_CPP_MIN_LOG_LEVEL only later, so the stream is filtered.

    Raises:
        UserError: Keras runs on something else in this process already.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    import_matplotlib()  # before Keras does
    overridden = read_keras_settings()
    with tempfile.TemporaryFile() as caught, keras_environment(), uncollected():
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            import keras
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
    for name, value in KERAS_SETTINGS.items():
        found = getattr(keras.config, name)()
        if found == value:
            continue
        if name == "backend":
            raise UserError(f"Keras already uses {found} in this process: restart it")
        overridden[name] = found  # Keras was there before: this is a notebook
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy("float32")
    if overridden:
        names = ", ".join(f"{name}={value}" for name, value in overridden.items())
        warn(f"ignored settings of Keras: {names}. These scripts use TensorFlow and float32")
    return tensorflow


@contextlib.contextmanager
def uncollected():
    """Keep what is made here, a library's modules, out of garbage collection for the rest of the process.

    It stays anyway, and to look through a million objects again and again costs a second, most of it at the exit.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def keras_home():
    """Return Keras's own folder: $KERAS_HOME or ~/.keras."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # unlike Path's, without a home too


def read_keras_settings():
    """Return the settings, by keras.json and the environment, that differ from Keras's own, as a dict."""
    found = {}
    with contextlib.suppress(OSError, ValueError):
        found.update(json.loads((keras_home() / "keras.json").read_text(encoding="utf-8")))
    for variable in ("KERAS_BACKEND", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        if os.environ.get(variable):
            found[variable.removeprefix("KERAS_").lower()] = os.environ[variable]
    return {name: found[name] for name, value in KERAS_SETTINGS.items() if found.get(name, value) != value}


@contextlib.contextmanager
def keras_environment():
    """Let Keras be imported as if nothing had been set; what runs next in this process finds the settings again."""
    before = {name: value for name, value in os.environ.items() if name.startswith("KERAS_")}
    for name in before:
        del os.environ[name]
    os.environ.update(KERAS_HOME=os.devnull, KERAS_BACKEND="tensorflow")  # where no keras.json is
    try:
        yield
    finally:
        del os.environ["KERAS_HOME"], os.environ["KERAS_BACKEND"]
        os.environ.update(before)
