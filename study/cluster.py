"""The study's runs in parallel on Dask: on this machine's cores, or on the machines of a cluster that is running.

Dask is needed only here (requirements-study.txt); it is imported in the functions.
"""

import contextlib
import importlib.util
import logging
import random
import signal
import warnings

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
    """Yield a Dask client.

    Args:
        scheduler: address of a running cluster's scheduler.
        workers: without a scheduler, the number of worker processes to start on this machine.

    Raises:
        UserError: nobody answers at that address, or other versions of Python or Dask run there.
    """
    from distributed import Client, LocalCluster
    from distributed.versions import VersionMismatchWarning

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", VersionMismatchWarning)  # `check_versions` says it in one line
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            scheduler = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,  # `count_workers` has seen to it
                    dashboard_address="127.0.0.1:0",  # any free port
                    silence_logs=logging.CRITICAL,
                    preload=__name__,
                )
            )
        try:
            client = stack.enter_context(Client(scheduler, timeout=PATIENCE))
        except (OSError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {scheduler} ({error})") from error
        check_versions(client)
        yield client


def dask_setup(_):
    """Ignore Ctrl-C in workers: the terminal sends it to every process, and the study handles it. Dask calls this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def check_versions(client):
    """Raise a UserError if the scheduler or a worker runs another Python or another Dask."""
    found = client.get_versions()
    ours = found["client"]["packages"]
    for name, node in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        for package in ("python", "dask", "distributed"):
            theirs = node["packages"].get(package)
            if theirs != ours[package]:
                raise UserError(f"version mismatch: {name} has {package} {theirs}, this machine {ours[package]}")


def work(experiment_name, seed, folder, threads, versions):
    """Do one run; called in a worker.

    Args:
        experiment_name, seed: see `experiments.run_once`.
        folder: a folder to look for MNIST in first.
        threads: CPU threads per operation.
        versions: `experiments.code_version` of the experiment on the machine of the study.

    Returns:
        Its row of runs.csv, a dict.

    Raises:
        UserError: this worker cannot do it as the others do.
    """
    import distributed

    give_dask_its_own_random_numbers()
    worker = distributed.get_worker()
    try:
        if worker.state.nthreads != 1:
            raise UserError("it trains several models at a time; start it with --nthreads 1")
        experiments.set_num_threads(threads)
        here = experiments.code_version(experiment_name)
        for what in experiments.VERSIONS:
            if here[what] != versions[what]:
                message = f"version mismatch: it has {what} {here[what]}, the machine of the study {versions[what]}"
                raise UserError(message)
        data = experiments.load_mnist(folder)
    except (UserError, OSError, ImportError) as error:
        raise UserError(f"the worker {worker.address}: {error}") from None
    return experiments.run_once(experiment_name, seed, data)


def give_dask_its_own_random_numbers():
    """Give Dask generators of its own: at any time, in other threads, it draws from the one that Keras seeds from."""
    import dask.sizeof
    import distributed.comm.core

    for module in (dask.sizeof, distributed.comm.core):
        module.random = random.Random()


def run_pairs(client, pairs, folder, threads):
    """Let the workers do all runs; a run whose worker dies is done again by another.

    Args:
        client: Dask client.
        pairs: of experiment name and seed.
        folder, threads: see `work`.

    Yields:
        The row of each run as it is finished.

    Raises:
        UserError: a worker cannot do its part, or the scheduler goes away.
    """
    from distributed import CancelledError, KilledWorker, wait

    versions = {name: experiments.code_version(name) for name, _ in pairs}

    def work_there(experiment_name, seed):  # travels as a whole, so that a scheduler need not have this project
        from study.cluster import work

        return work(experiment_name, seed, folder, threads, versions[experiment_name])

    pending = client.map(work_there, *zip(*pairs), pure=False)
    warned = False
    while pending:  # not `as_completed`: its timeout runs from its start, so it can't tell when all workers have left
        try:
            done, pending = wait(pending, PATIENCE, return_when="FIRST_COMPLETED")
            yield from (future.result() for future in sorted(done, key=lambda future: future.status == "error"))
        except TimeoutError:
            if not client.scheduler_info()["workers"] and not warned:
                warned = True
                warn(f"waiting for a worker at {client.scheduler.address}; {START_WORKER} starts one")
        except KilledWorker as error:
            raise UserError(
                f"{error.allowed_failures + 1} workers died in the same run; do they lack memory?"
            ) from error
        except ImportError as error:
            raise UserError(
                f"a worker cannot load this project ({error}); {START_WORKER} starts one that can"
            ) from error
        except CancelledError as error:
            raise UserError("the Dask scheduler is gone; run the command again to continue") from error
