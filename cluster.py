"""The study's runs side by side on Dask: on this machine's cores, or on the machines of a cluster that is running.

Dask is needed here only (requirements-study.txt); it is imported in the functions.
"""

import contextlib
import logging
import random
import signal
import warnings

import script
import study

WORKER_MEMORY = 2.5e9  # bytes that a worker takes after a hundred runs, about
START_WORKER = "in a clone of this project `python -m dask worker ADDRESS --nthreads 1 --nworkers -1`"  # -1: one a core
PATIENCE = 10  # seconds without an answer after which something is said


def installed():
    """Return whether Dask's scheduler can be imported."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        return False
    return True


def cores():
    """Return how many runs this machine can compute side by side: one a core, as far as the memory goes."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT / WORKER_MEMORY)))


@contextlib.contextmanager
def connect(scheduler=None, workers=1):
    """Yield a Dask client: of the cluster at the address `scheduler`, or of one of `workers` processes made here.

    Raises OSError where nobody answers at that address or other versions of Python or Dask run there.
    """
    from distributed import Client, LocalCluster
    from distributed.versions import VersionMismatchWarning

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", VersionMismatchWarning)  # `check_versions` says it in a line
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            scheduler = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,  # `cores` has seen to it
                    dashboard_address="127.0.0.1:0",  # any free port
                    silence_logs=logging.CRITICAL,
                    preload=__name__,
                )
            )
        try:
            client = stack.enter_context(Client(scheduler, timeout=PATIENCE))
        except (OSError, ValueError) as error:
            raise OSError(f"no Dask scheduler answers at {scheduler} ({error})") from error
        check_versions(client)
        yield client


def dask_setup(_):
    """Leave Ctrl-C, which a terminal sends to all, to the process of the study: Dask calls this in its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def check_versions(client):
    """Raise OSError where scheduler and workers do not run this Python and this Dask."""
    found = client.get_versions()
    ours = found["client"]["packages"]
    for name, node in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        for package in ("python", "dask", "distributed"):
            theirs = node["packages"].get(package)
            if theirs != ours[package]:
                raise OSError(f"version mismatch: {name} has {package} {theirs}, this machine {ours[package]}")


def work(name, seed, folder, threads, code):
    """What a worker does: one run; returns its row. Raises OSError where this worker can't do it as the others do."""
    import distributed

    leave_random_numbers_alone()
    worker = distributed.get_worker()
    try:
        if worker.state.nthreads != 1:
            raise OSError("it takes several runs at a time; start it with --nthreads 1")
        study.threads(threads)
        here = study.code()
        for what in study.CODE:
            if here[what] != code[what]:
                raise OSError(f"version mismatch: it has {what} {here[what]}, the machine of the study {code[what]}")
        data = study.load_mnist(folder)
    except (OSError, ImportError) as error:
        raise OSError(f"the worker {worker.address}: {error}") from None
    return study.run_once(name, seed, data)


def leave_random_numbers_alone():
    """Give Dask generators of its own: at any time, in other threads, it draws from the one that Keras seeds from."""
    import dask.sizeof
    import distributed.comm.core

    for module in (dask.sizeof, distributed.comm.core):
        module.random = random.Random()


def run_all(client, runs, folder, threads):
    """Let the workers do `runs`, pairs of experiment and seed; yield the row of each as it is finished.

    folder, threads: as the flags of `reproduce.py`. A run whose worker dies is done again by another.
    Raises OSError where a worker can't do its part, or the scheduler goes away.
    """
    from distributed import CancelledError, KilledWorker, wait

    code = study.code()

    def there(name, seed):  # travels as a whole, so that a scheduler need not have this project
        from cluster import work

        return work(name, seed, folder, threads, code)

    pending = client.map(there, *zip(*runs), pure=False)
    alone = False
    while pending:
        try:
            done, pending = wait(pending, PATIENCE, return_when="FIRST_COMPLETED")
            yield from (future.result() for future in sorted(done, key=lambda future: future.status == "error"))
        except TimeoutError:
            if not client.scheduler_info()["workers"] and not alone:
                alone = True
                script.warn(f"waiting for a worker at {client.scheduler.address}; {START_WORKER} starts one")
        except KilledWorker as error:
            raise OSError(f"{error.allowed_failures + 1} workers died in the same run; do they lack memory?") from error
        except ImportError as error:
            raise OSError(f"a worker cannot load this project ({error}); {START_WORKER} starts one that can") from error
        except CancelledError as error:
            raise OSError("the Dask scheduler went away; this command, given again, goes on from here") from error
