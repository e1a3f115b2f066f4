"""Ctrl-C, and SIGTERM, which `docker stop`, `timeout` and a cluster send: when it ends a script, and when it waits."""

import contextlib
import signal
import sys
import threading
import traceback


@contextlib.contextmanager
def handled(handler):
    """Let `handler(number, frame)` handle Ctrl-C and SIGTERM in this block.

    Only where they would raise KeyboardInterrupt or end the process: `nohup` and `&` let a process ignore them. In
    another thread than the main one, as a Dask worker's, there are no signals to handle.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def raise_once():
    """Let the first Ctrl-C in this block raise KeyboardInterrupt, and no later one.

    What is saved after the first one is then saved whole, however often Ctrl-C is pressed. Raised in the middle of
    TensorFlow's own code, a KeyboardInterrupt can bring the whole process down: then the Keras function that called
    TensorFlow raises it at its next line, which is after the batch.
    """
    received = []

    def interrupt(number, frame):
        received.append(number)
        if len(received) > 1:
            return
        keras_frames = [outer for outer, _ in traceback.walk_stack(frame) if _is_keras_loop(outer)]
        if not keras_frames:
            raise KeyboardInterrupt
        keras_frames[-1].f_trace = _raise_interrupt
        sys.settrace(lambda *event: None)  # no other function is traced

    return handled(interrupt)


def _is_keras_loop(frame):
    in_keras = frame.f_globals.get("__name__", "").startswith("keras.")
    return in_keras and frame.f_code.co_name in ("fit", "evaluate", "predict")


def _raise_interrupt(frame, event, argument):
    sys.settrace(None)
    raise KeyboardInterrupt


@contextlib.contextmanager
def postponed():
    """Let Ctrl-C wait until this block is done, which then raises KeyboardInterrupt."""
    received = []
    with handled(lambda number, frame: received.append(number)):
        yield
    if received:
        raise KeyboardInterrupt
