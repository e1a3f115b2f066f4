"""The deck's experiments over many seeds: which of its claims hold, and how surely?

python reproduce.py                                       20 seeds of every experiment
python reproduce.py --experiments mlp_256 cnn --seeds 5   only these
python reproduce.py --dry-run                             what would run, and for how long
python reproduce.py --scheduler tcp://HOST:8786           on a Dask cluster that is running

With Dask (requirements-study.txt), one run per core is trained in parallel. A finished run is one row of
results/runs.csv and is not run again: stop when you like, the same command goes on. Rows of other code than this
stay until --again replaces them.
"""

import sys
from collections import Counter

sys.path.insert(0, __file__.removesuffix("reproduce.py"))  # `python -P` leaves it out

from digits import cli, environment, mnist
from digits.errors import UserError
from digits.files import check_folder
from study import cluster, experiments, report
from study.experiments import EXPERIMENTS, ROWS


def run_pairs(pairs, folder, threads=None):
    """Do the runs of `pairs` (experiment name, seed) in this process; yield the row of each as it is finished."""
    if threads:
        experiments.set_num_threads(threads)
    data = experiments.load_mnist(folder)
    for experiment_name, seed in pairs:
        yield experiments.run_once(experiment_name, seed, data)


def save_rows(rows, count):
    """Add each of the `count` rows to results/runs.csv as it comes, and show the progress."""
    from keras.utils import Progbar

    bar = Progbar(count, unit_name="run")
    try:
        for row in rows:
            experiments.add_row(row)
            bar.add(1)
    except KeyboardInterrupt:
        message = f"interrupted: {ROWS} holds what is finished; the same command goes on from there"
        raise KeyboardInterrupt(message) from None


def estimate_minutes(pairs, rows, threads):
    """Estimate how long one worker needs for `pairs` (experiment name, seed), by the `rows` that are there."""
    known = rows[rows["threads"] == threads].groupby("experiment")["seconds"].mean()
    return sum(known.get(name, EXPERIMENTS[name].seconds) for name, _ in pairs) / 60


def find_missing(pairs, rows, again):
    """Return which of `pairs` (experiment name, seed) are to do, by the `rows` that are there.

    With `again`, those that other code has computed are; without, the commits of that code are printed.
    """
    other = rows[experiments.find_other_code(rows)]
    other = {(name, seed): commit for name, seed, commit in zip(other["experiment"], other["seed"], other["commit"])}
    done = set(zip(rows["experiment"], rows["seed"]))
    commits = Counter(other[pair] for pair in pairs if pair in other)
    if again:
        done -= other.keys()
    elif commits:
        names = ", ".join(f"{count} by that of commit {commit}" for commit, count in commits.items())
        print(f"Runs computed by other code: {names}; --again replaces them", flush=True)
    return [pair for pair in pairs if pair not in done]


def train_missing(args, missing, rows):
    """Do the runs of `missing` (experiment name, seed) as the flags say; with --dry-run, only say how long it takes.

    Args:
        args: the flags.
        missing: pairs of experiment name and seed.
        rows: DataFrame of the runs that are done.
    """
    gpu = environment.import_tensorflow().config.list_physical_devices("GPU")
    in_parallel = cluster.is_installed() and not gpu and not args.scheduler
    workers = args.workers or (cluster.count_workers() if in_parallel else 1)
    in_this_process = workers == 1 and not args.scheduler
    threads = args.threads or (experiments.num_threads() if in_this_process else 1)
    minutes = estimate_minutes(missing, rows, threads) / workers
    place = "divided by the number of workers" if args.scheduler else f"with {workers} at a time"
    print(f"This takes about {minutes:.0f} minutes {place}", flush=True)
    if args.dry_run:
        return
    for folder in (ROWS.parent, report.PLOTS):
        check_folder(folder)
    if in_this_process:
        save_rows(run_pairs(missing, args.data, args.threads), len(missing))
        return
    if not args.scheduler:
        mnist.find_mnist(args.data)  # if it must be downloaded, once for all workers
    with cluster.connect(args.scheduler, workers) as client:
        save_rows(cluster.run_pairs(client, missing, args.data, threads), len(missing))


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("--seeds", type=cli.bounded_int(1, 10**6), default=20, help="number of seeds, from 0 on")
    parser.add_argument(
        "--experiments", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS), metavar="NAME", help="any of these"
    )
    parser.add_argument("--again", action="store_true", help="also replace the rows that other code has computed")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and an estimate of its time")
    add = parser.add_argument_group("where it runs").add_argument
    add("--workers", type=cli.bounded_int(1), help="runs in parallel (default: one per core; 1 without Dask)")
    add("--threads", type=cli.bounded_int(1), help="CPU threads per run (default: 1; all if runs are not in parallel)")
    add("--scheduler", metavar="ADDRESS", help="address of a running Dask scheduler, whose workers are used instead")
    cli.add_data_flag(parser)
    args = parser.parse_args(argv)
    if (args.scheduler or (args.workers or 1) > 1) and not cluster.is_installed():
        raise UserError("this needs Dask: `python -m pip install -r requirements-study.txt`")

    rows = experiments.read_rows()
    pairs = [(name, seed) for seed in range(args.seeds) for name in dict.fromkeys(args.experiments)]
    missing = find_missing(pairs, rows, args.again)
    print(f"{len(pairs)} runs, {len(missing)} of them to do", flush=True)
    if missing:
        train_missing(args, missing, rows)
    if args.dry_run:
        for name in dict.fromkeys(args.experiments):
            print(f"  {name:20} slide {EXPERIMENTS[name].slide}, {sum(pair[0] == name for pair in missing)} to do")
        return
    rows = report.sort_rows(experiments.read_rows())
    markdown = report.write_tables(rows)
    names = ", ".join(path.name for path in report.plot_study(rows))
    print(f"\n{markdown}\n\nWritten: {ROWS}, {report.MARKDOWN}, {report.HTML}, {report.PLOTS}/ ({names})")


if __name__ == "__main__":
    cli.main(main)
