"""Ctrl-C, SIGTERM (`docker stop`, `timeout`, a cluster) and SIGXCPU (a login node's limit): when they end a script.

In Keras's fit, evaluate and predict nothing is raised, since that can bring down TensorFlow and the whole process: a
training ends with its batch, and what was trained is saved. Elsewhere, KeyboardInterrupt is raised. A third signal ends
the process.
"""

import contextlib
import signal
import threading
import traceback
from types import SimpleNamespace

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGXCPU") if hasattr(signal, name)]
state = SimpleNamespace(handled=False, received=0, postponed=False, raised=False)


@contextlib.contextmanager
def handled():
    """Let the signals end a training with its batch in this block, and raise KeyboardInterrupt elsewhere in it.

    Only where they would raise it or end the process: `nohup` and `&` let a process ignore them. In another thread than
    the main one, as a Dask worker's, there are no signals to handle.
    """
    if state.handled or threading.current_thread() is not threading.main_thread():
        yield
        return
    state.handled, state.received, state.raised = True, 0, False
    before = {}
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        state.handled = False
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def postponed():
    """Let the signals wait until this block, which saves a trained model, is done."""
    state.postponed, before = True, state.received
    try:
        yield
    finally:
        state.postponed = False
    if state.handled and state.received > before and not state.raised:
        state.raised = True
        raise KeyboardInterrupt


def watch(history_class):
    """Let each training heed the signals before each of its batches; `history_class` is keras.callbacks.History.

    Keras adds a History to every training. When `fit` begins, it forgets what `_interrupt` has told its model.
    """

    def on_train_batch_begin(history, batch, logs=None):
        if not (state.handled and state.received):
            return
        if int(history.model.optimizer.iterations) == 0:
            raise KeyboardInterrupt  # nothing was trained, and TensorFlow is not at work
        _stop(history.model)

    history_class.on_train_batch_begin = on_train_batch_begin


def _stop(model):
    model.stop_training = True
    model.history.interrupted = True


def _is_keras_loop(frame):
    in_keras = frame.f_globals.get("__name__", "").startswith("keras.")
    return in_keras and frame.f_code.co_name in ("fit", "evaluate", "predict")


def _interrupt(number, frame):
    state.received += 1
    if state.postponed or state.raised:
        return
    if state.received > 2:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    loops = [outer for outer, _ in traceback.walk_stack(frame) if _is_keras_loop(outer)]
    for outer in loops:
        model = outer.f_locals.get("self")
        if outer.f_code.co_name == "fit" and hasattr(model, "history"):
            _stop(model)
    if not loops:
        state.raised = True
        raise KeyboardInterrupt
