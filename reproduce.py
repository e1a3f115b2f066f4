"""The deck's experiments over many seeds: which of its statements hold, and how surely?

python reproduce.py                                       20 seeds of every experiment
python reproduce.py --experiments mlp_256 cnn --seeds 5   only these
python reproduce.py --dry-run                             what would run, and for how long
python reproduce.py --scheduler tcp://HOST:8786           on a Dask cluster that is running

With Dask (requirements-study.txt) as many runs go side by side as there are cores. A finished run is a row of
results/runs.csv and is not run again: stop when you like, the same command goes on.
"""

from pathlib import Path

import claims
import cluster
import deck
import figures_study
import mnist
import preprocess
import script
import study
import train
from study import EXPERIMENTS, RUNS

SUMMARY, PLOTS = Path("results/summary.md"), Path("plots/study")


def one_by_one(runs, folder, threads):
    """Do `runs`, pairs of experiment and seed, in this process; yield the row of each as it is finished."""
    study.threads(threads)
    data = study.load_mnist(folder)
    for name, seed in runs:
        yield study.run_once(name, seed, data)


def keep(rows, count):
    """Add each of the `count` rows to results/runs.csv as it comes, and show how far the study is."""
    from keras.utils import Progbar

    bar = Progbar(count, unit_name="run")
    try:
        for row in rows:
            study.add_run(row)
            bar.add(1)
    except KeyboardInterrupt:
        message = f"interrupted: {RUNS} holds what is finished; the same command goes on from there"
        raise KeyboardInterrupt(message) from None


def minutes(missing, runs, threads):
    """Estimate how long one worker needs for the runs `missing`, by the rows of the `runs` that are there."""
    known = runs[runs["threads"] == threads].groupby("experiment")["seconds"].mean()
    return sum(known.get(name, EXPERIMENTS[name].seconds) for name, _ in missing) / 60


def in_order(runs):
    """Return the rows of runs.csv by experiment and seed; in the file they are in the order in which the runs ended."""
    order = list(EXPERIMENTS).index
    return runs.sort_values("seed").sort_values("experiment", key=lambda names: names.map(order), kind="stable")


def draw(runs):
    """Draw the study from the rows of runs.csv into plots/study/; return the pictures' paths."""
    runs = claims.with_gap(runs)
    groups = {name: runs[runs["experiment"] == name] for name in EXPERIMENTS if name in set(runs["experiment"])}
    full = {name: group for name, group in groups.items() if EXPERIMENTS[name].pictures == study.TRAINING}
    sizes = {size: groups[name].set_index("seed") for size, name in claims.SIZES.items() if name in groups}
    gaps = {name: group["gap"] for name, group in groups.items()}
    paths = [
        figures_study.seeds(gaps, PLOTS / "gap.png", "Overfitting", "training minus validation accuracy, last epoch")
    ]
    if full:
        accuracies = {name: group["test_accuracy"] for name, group in full.items()}
        said = {name: run.accuracy for name, run in deck.RUNS.items() if name in full and run.accuracy}
        title = "The test accuracy of every run"
        paths.append(figures_study.seeds(accuracies, PLOTS / "accuracy.png", title, "test accuracy", said))
        training, validation = (
            {name: group[[f"{curve}_{epoch}" for epoch in range(1, study.EPOCHS + 1)]] for name, group in full.items()}
            for curve in ("accuracy", "val_accuracy")
        )
        title = "Mean learning curves; the bands reach from the lowest to the highest seed"
        paths.append(figures_study.mean_curves(training, validation, PLOTS / "curves.png", title))
    if len(sizes) > 1:
        tables = [{size: table[column] for size, table in sizes.items()} for column in ("gap", "test_accuracy")]
        paths.append(figures_study.sizes(*tables, PLOTS / "sizes.png", "MLP 800 on 3000 to 48000 training pictures"))
    return paths


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--seeds", type=train.number(int, 1), default=20, help="run the seeds 0 to this one less one")
    parser.add_argument(
        "--experiments", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS), metavar="NAME", help="any of these"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and an estimate of its time")
    add = parser.add_argument_group("where it runs").add_argument
    add("--workers", type=train.number(int, 1), help="runs side by side (default: one a core; 1 without Dask)")
    add("--threads", type=train.number(int, 1), help="CPU threads of a run (default: 1; all where one run goes alone)")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that is running, to use its workers instead")
    preprocess.add_folder_flag(parser)
    args = parser.parse_args()
    dask = cluster.installed()
    if not dask and (args.scheduler or (args.workers or 1) > 1):
        script.fail("this needs Dask: `python -m pip install -r requirements-study.txt`")

    runs = study.read_runs()
    done = set(zip(runs["experiment"], runs["seed"]))
    grid = [(name, seed) for seed in range(args.seeds) for name in dict.fromkeys(args.experiments)]
    missing = [run for run in grid if run not in done]
    gpu = script.import_tensorflow().config.list_physical_devices("GPU")
    workers = args.workers or (cluster.cores() if dask and not gpu and not args.scheduler else 1)
    alone = workers == 1 and not args.scheduler
    threads = args.threads or (study.threads() if alone else 1)
    time = minutes(missing, runs, threads) / workers
    place = "divided by the number of workers" if args.scheduler else f"with {workers} at a time"
    print(f"{len(grid)} runs, {len(missing)} of them to do: about {time:.0f} minutes {place}", flush=True)
    if args.dry_run:
        for name in dict.fromkeys(args.experiments):
            print(f"  {name:20} slide {EXPERIMENTS[name].slide}, {sum(run[0] == name for run in missing)} to do")
        return

    if missing and alone:
        keep(one_by_one(missing, args.data, args.threads), len(missing))
    elif missing:
        if not args.scheduler:
            mnist.find_mnist(args.data)  # where it must be downloaded, once for all workers
        with cluster.connect(args.scheduler, workers) as client:
            keep(cluster.run_all(client, missing, args.data, threads), len(missing))
    runs = in_order(study.read_runs())
    text = claims.summary(runs)
    with script.whole_file(SUMMARY) as part:
        part.write_text(text, encoding="utf-8")
    pictures = draw(runs)
    print(f"\n{text}\nWritten: {RUNS}, {SUMMARY}, {PLOTS}/ ({', '.join(path.name for path in pictures)})")


if __name__ == "__main__":
    script.run(main)
