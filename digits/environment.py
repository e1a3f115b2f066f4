"""The process that a script runs in: TensorFlow, started quietly and with Keras's own settings, and matplotlib.

Notebooks and other courses leave settings behind that would make a script fail, or silently compute something else.
"""

import contextlib
import functools
import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from digits.errors import UserError, fail, warn

OLDEST_KERAS = (3, 8)
KERAS_SETTINGS = {  # Keras's own; another course's ~/.keras/keras.json may have others
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
}
# TensorFlow's start-up messages: informational lines, "no GPU found", and what its GPU libraries say of each other in
# versions up to 2.19. It writes them from C++, before it honours TF_CPP_MIN_LOG_LEVEL. A process of its own drops them,
# so that the last words of a crash still come through.
FILTER = r"""
import re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
chatter = rb"I\d{4} |[-\d]+ [:.\d]+: I |WARNING: All log messages before absl|To enable the following"
chatter += rb"|.*(cuInit|Unable to register cu|TF-TRT Warning|computation placer already registered)"
for line in sys.stdin.buffer:
    if not re.match(chatter, line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


def is_terminal():
    """Return whether stdout is a terminal, in which a line can be drawn again and again."""
    return getattr(sys.stdout, "isatty", bool)()


def import_matplotlib():
    """Return matplotlib, whatever MPLBACKEND says: figures are drawn into files.

    Notebooks set MPLBACKEND for the processes that they start, where their backend may be unknown.
    """
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    backend = os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if backend is not None:
        os.environ["MPLBACKEND"] = backend
        with contextlib.suppress(ValueError):  # unknown here
            matplotlib.rcParams["backend"] = backend  # for --show
    return matplotlib


@functools.cache
def import_tensorflow():
    """Return TensorFlow, with Keras on it and in Keras's own settings; say in one line which settings that overrides.

    Raises:
        UserError: Keras runs on something else in this process already.
    """
    overridden = read_keras_settings()
    try:
        is_main = threading.current_thread() is threading.main_thread()  # and not a Dask worker's
        if is_main and "tensorflow" not in sys.modules:
            print("Starting TensorFlow ...", flush=True)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        import_matplotlib()  # before Keras does
        with quiet_start(), keras_environment():
            import keras
            import tensorflow

            for gpu in tensorflow.config.list_physical_devices("GPU"):
                with contextlib.suppress(RuntimeError):  # it computes already
                    tensorflow.config.experimental.set_memory_growth(gpu, True)  # leave its memory to others too
    except KeyboardInterrupt:
        fail("interrupted", 130)
    if tuple(map(int, keras.__version__.split(".")[:2])) < OLDEST_KERAS:
        oldest = ".".join(map(str, OLDEST_KERAS))
        upgrade = "`python -m pip install --upgrade tensorflow keras` brings it"
        raise UserError(f"this is Keras {keras.__version__}; these scripts need {oldest} or later: {upgrade}")
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


def use_bfloat16():
    """Let CPUs that can do so multiply in 16 bits; weights and all that is saved keep 32 bits."""
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})


def device_name():
    """Return the name of what TensorFlow computes on: "CPU (2 cores)", or the GPU's name."""
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({os.cpu_count()} cores)"
    return f"GPU ({tensorflow.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')})"


@contextlib.contextmanager
def quiet_start():
    """Drop TensorFlow's start-up messages from stderr, and exclude what is created here from garbage collection.

    These objects, a library's modules, live until exit anyway, and scanning a million of them costs about a second.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # IDLE on Windows has none
        yield
        return
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", FILTER], stdin=subprocess.PIPE)
    os.dup2(child.stdin.fileno(), 2)
    child.stdin.close()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        os.dup2(stderr, 2)
        os.close(stderr)
        child.wait()


def keras_home():
    """Return Keras's own folder: $KERAS_HOME or ~/.keras."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # unlike Path's, without a home too


def read_keras_settings():
    """Return the settings, by keras.json and the environment, that differ from Keras's own, as a dict."""
    found = {}
    with contextlib.suppress(OSError, ValueError, TypeError):
        found.update(json.loads((keras_home() / "keras.json").read_text(encoding="utf-8")))
    expected = dict(KERAS_SETTINGS)
    for name in ("backend", "max_epochs", "max_steps_per_epoch"):
        expected.setdefault(name, None)
        if value := os.environ.get(f"KERAS_{name.upper()}"):
            found[name] = value
    return {name: found[name] for name, value in expected.items() if found.get(name, value) != value}


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
