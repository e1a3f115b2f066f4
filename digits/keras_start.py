"""TensorFlow, started quietly, and Keras on it, in a script's process in Keras's own settings.

Notebooks and other courses leave settings behind that would make a script fail, or silently compute something else.
"""

import contextlib
import functools
import gc
import os
import subprocess
import sys
import threading

from digits import interrupts
from digits.errors import UserError, fail

OLDEST_KERAS = (3, 8)
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


@functools.cache
def import_tensorflow():
    """Return TensorFlow, with Keras on it.

    In a script's process, Keras and matplotlib have their own settings, whatever the environment and keras.json say. A
    process that has imported Keras already, as a notebook's may have, keeps what it has.

    Raises:
        UserError: Keras is too old, or runs on something else than TensorFlow.
    """
    is_main = threading.current_thread() is threading.main_thread()  # and not a Dask worker's
    is_script = "ipykernel" not in sys.modules
    try:
        if is_script and "keras" not in sys.modules:
            for name in [name for name in os.environ if name.startswith("KERAS_")]:
                del os.environ[name]
            os.environ |= {"KERAS_HOME": os.devnull, "KERAS_BACKEND": "tensorflow"}  # where no keras.json is
            os.environ["MPLBACKEND"] = "agg"  # figures are drawn into files
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        if is_main and "tensorflow" not in sys.modules:
            print("Starting TensorFlow ...", flush=True)
        with quiet_start():
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
    if keras.config.backend() != "tensorflow":
        raise UserError(
            f"Keras uses {keras.config.backend()} in this process; these scripts need TensorFlow: restart it"
        )
    interrupts.watch(keras.callbacks.History)
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
