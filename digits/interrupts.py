"""Ctrl-C, and SIGTERM, which `docker stop`, `timeout` and a cluster send: when it ends a script, and when it waits."""

import contextlib
import signal
import threading


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

    What is saved after the first one is then saved whole, however often Ctrl-C is pressed.
    """
    received = []

    def interrupt(number, frame):
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    return handled(interrupt)


@contextlib.contextmanager
def postponed():
    """Let Ctrl-C wait until this block is done; yield the list of the signals that wait.

    At the end of the block a KeyboardInterrupt is raised for those that are still in the list.
    """
    received = []
    with handled(lambda number, frame: received.append(number)):
        yield received
    if received:
        raise KeyboardInterrupt
