"""Which runs of the study are missing, and where they are trained: here, or by Dask's workers."""

from digits import keras_start
from digits.files import check_folder
from study import cluster, experiments, report
from study.experiments import ROWS


def save_rows(rows, count):
    """Add each of the `count` rows to results/runs.csv as it comes, and show the progress."""
    from keras.utils import Progbar

    for folder in (ROWS.parent, report.PLOTS):
        check_folder(folder)
    bar = Progbar(count, unit_name="run")
    try:
        for row in rows:
            experiments.add_row(row)
            bar.add(1)
    except KeyboardInterrupt:
        message = f"interrupted: {ROWS} holds what is finished; the same command goes on from there"
        raise KeyboardInterrupt(message) from None


def find_missing(pairs, rows, again):
    """Return which of `pairs` (experiment name, seed) are to do, by the `rows` that are there.

    With `again`, runs computed by other code count as missing; otherwise their commits are printed.
    """
    rows = rows.set_index(["experiment", "seed"], drop=False)
    rows = rows[rows.index.isin(pairs)]
    other = rows["code"] != rows["experiment"].map(experiments.CODE)
    if again:
        rows = rows[~other]
    elif other.any():
        commits = rows["commit"][other].value_counts(sort=False)
        names = ", ".join(f"{count} by that of commit {commit}" for commit, count in commits.items())
        print(f"Runs computed by other code: {names}; --again replaces them", flush=True)
    return [pair for pair in pairs if pair not in rows.index]


def train_missing(args, missing):
    """Do the runs of `missing` (experiment name, seed) where the flags say; a progress bar estimates how long."""
    gpu = keras_start.import_tensorflow().config.list_physical_devices("GPU")
    in_parallel = cluster.is_installed() and not gpu and not args.scheduler
    workers = args.workers or (cluster.count_workers() if in_parallel else 1)
    in_this_process = workers == 1 and not args.scheduler
    if in_this_process:
        if args.threads:
            cluster.set_threads(args.threads)
        data = experiments.load_mnist()
        save_rows((experiments.run_once(name, seed, data) for name, seed in missing), len(missing))
        return
    with cluster.connect(args.scheduler, workers) as client:
        save_rows(cluster.run_pairs(client, missing, args.threads or 1), len(missing))
