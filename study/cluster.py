"""The study's runs in parallel on Dask: on this machine's cores, or on the machines of a cluster that is running.

Dask (requirements-study.txt) is imported in the functions: the study can do without.
"""

import contextlib
import importlib.util
import logging
import random
import signal

from digits import keras_start
from digits.errors import UserError, warn
from study import experiments

WORKER_MEMORY = 2.5e9  # bytes that a worker takes after a hundred runs, about
START_WORKER = "in a clone of this project `python -m dask worker ADDRESS --nthreads 1 --nworkers -1`"  # -1: all cores
PATIENCE = 10  # seconds without an answer after which something is said


def is_installed():
    """Return whether Dask's scheduler can be imported."""
    return importlib.util.find_spec("distributed") is not None


def count_workers():
    """Return how many runs this machine can compute in parallel: one per core, if there is the memory."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT / WORKER_MEMORY)))


@contextlib.contextmanager
def connect(scheduler=None, workers=1):
    """Yield a Dask client of a running `scheduler`, an address, or of so many `workers` that are started here.

    Raises a UserError if nobody answers at that address. If another version of Dask runs there, Dask says so.
    """
    from distributed import Client

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    here = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "memory_limit": 0,  # `count_workers` has seen to it
        "dashboard_address": "127.0.0.1:0",  # any free port
        "silence_logs": logging.CRITICAL,
        "preload": __name__,
    }
    try:
        client = Client(scheduler, timeout=PATIENCE) if scheduler else Client(**here)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {scheduler} ({error})") from error
    with client:
        yield client


def dask_setup(_):
    """Ignore Ctrl-C in workers: the terminal sends it to every process, and the study handles it. Dask calls this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(experiment_name, seed, threads, versions):
    """Do one run in a worker, if this can do it as the others do; return its row of runs.csv, a dict.

    Args:
        versions: `experiments.code_version` of the experiment on the machine of the study.
    """
    import distributed

    give_dask_its_own_random_numbers()
    worker = distributed.get_worker()
    try:
        if worker.state.nthreads != 1:
            raise UserError("it trains several models at a time; start it with --nthreads 1")
        set_threads(threads)
        here = experiments.code_version(experiment_name)
        for name in experiments.VERSIONS:
            if here[name] != versions[name]:
                there = f"the machine of the study {versions[name]}"
                raise UserError(f"version mismatch: it has {name} {here[name]}, {there}")
        data = experiments.load_mnist()
    except (UserError, OSError, ImportError) as error:
        raise UserError(f"the worker {worker.address}: {error}") from None
    return experiments.run_once(experiment_name, seed, data)


def set_threads(threads):
    """Let TensorFlow compute an operation with so many threads. Raises a UserError if it has begun with others."""
    threading = keras_start.import_tensorflow().config.threading
    try:
        threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        found = threading.get_intra_op_parallelism_threads()
        raise UserError(f"it has computed with --threads {found} already: restart it for --threads {threads}") from None


def give_dask_its_own_random_numbers():
    """Give Dask generators of its own: at any time, in other threads, it draws from the one that Keras seeds from."""
    import dask.sizeof
    import distributed.comm.core

    for module in (dask.sizeof, distributed.comm.core):
        module.random = random.Random()


def run_pairs(client, pairs, threads):
    """Yield the row of each of `pairs` (experiment name, seed) as a worker finishes it, another if that one dies."""
    from distributed import CancelledError, KilledWorker, as_completed

    versions = {name: experiments.code_version(name) for name, _ in pairs}

    def work_there(experiment_name, seed):  # travels as a whole, so that a scheduler need not have this project
        from study.cluster import work

        return work(experiment_name, seed, threads, versions[experiment_name])

    try:
        client.wait_for_workers(1, PATIENCE)
    except TimeoutError:
        warn(f"waiting for a worker at {client.scheduler.address}; {START_WORKER} starts one")
    try:
        for future in as_completed(client.map(work_there, *zip(*pairs), pure=False)):
            yield future.result()
    except KilledWorker as error:
        raise UserError(f"{error.allowed_failures + 1} workers died in the same run; do they lack memory?") from error
    except ImportError as error:
        raise UserError(f"a worker cannot load this project ({error}); {START_WORKER} starts one that can") from error
    except CancelledError as error:
        raise UserError("the Dask scheduler is gone; run the command again to continue") from error
