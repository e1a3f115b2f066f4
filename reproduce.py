"""The deck's experiments over many seeds: which of its statements hold, and how surely?

python reproduce.py                                       20 seeds of every experiment: hours on two cores
python reproduce.py --experiments mlp_256 cnn --seeds 5   only these
python reproduce.py --dry-run                             what would run, and for how long

A finished run is a row of results/runs.csv and is not run again: stop when you like, the same command goes on.
"""

import platform
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import claims
import cnn
import evaluate
import figures
import mlp
import mlp_dropout
import preprocess
import script
import train

RUNS, SUMMARY = Path("results/runs.csv"), Path("results/summary.md")
PLOTS = Path("plots/study")
TRAINING, EPOCHS = 48000, 10  # slide 10
CURVES = [f"{curve}_{epoch}" for curve in ("accuracy", "loss", "val_accuracy", "val_loss") for epoch in range(1, 11)]
NUMBERS = ["test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "seconds", *CURVES]
FACTS = ["dataset_sha256", "commit", "host", "device", "python", "tensorflow", "keras", "numpy", "onednn"]
COLUMNS = ["experiment", "seed", *NUMBERS, *FACTS]


class Experiment(NamedTuple):
    """One of the deck's experiments."""

    slide: int
    build_model: Callable
    seconds: float  # of one run on two cores, for the estimate
    pictures: int = TRAINING  # the first so many of the 48000 train; the 12000 that validate stay the same


EXPERIMENTS = {
    "mlp_256": Experiment(12, partial(mlp.build_model, 256), 6),
    "mlp_800": Experiment(13, partial(mlp.build_model, 800), 9),
    "dropout_0.25": Experiment(15, partial(mlp_dropout.build_model, 800, 0.25), 11),
    "dropout_0.5": Experiment(17, partial(mlp_dropout.build_model, 800, 0.5), 11),
    "cnn": Experiment(29, partial(cnn.build_model, 3), 31),
    "cnn_5x5": Experiment(29, partial(cnn.build_model, 5), 50),
    "mlp_800_of_3000": Experiment(14, partial(mlp.build_model, 800), 2, 3000),
    "mlp_800_of_6000": Experiment(14, partial(mlp.build_model, 800), 2, 6000),
    "mlp_800_of_12000": Experiment(14, partial(mlp.build_model, 800), 3, 12000),
    "mlp_800_of_24000": Experiment(14, partial(mlp.build_model, 800), 5, 24000),
}


def run_once(name, seed, data):
    """Train and test the experiment `name` with `seed`, as its script does; return its row of runs.csv as a dict."""
    import keras

    experiment = EXPERIMENTS[name]
    x, y = data.x_train, data.y_train
    start = time.perf_counter()
    keras.backend.clear_session()  # forget the model before
    keras.utils.set_random_seed(seed)
    model = experiment.build_model()
    training = slice(experiment.pictures)
    validation = slice(TRAINING, None)
    history = train.recipe(model, (x[training], y[training]), (x[validation], y[validation]), EPOCHS, verbose=0).history
    _, accuracy, loss = evaluate.measure(model, data.x_test, data.y_test)
    return {
        "experiment": name,
        "seed": seed,
        "test_accuracy": accuracy,
        "test_loss": loss,
        "train_accuracy": history["accuracy"][-1],
        "validation_accuracy": history["val_accuracy"][-1],
        "seconds": round(time.perf_counter() - start, 2),
        **{f"{curve}_{epoch}": value for curve in history for epoch, value in enumerate(history[curve], start=1)},
        "dataset_sha256": data.sha256,
        "commit": commit(),
        "host": platform.node(),
        "device": train.device(),
        **train.versions(),
    }


def commit():
    """Return the commit of the code that runs, with a + where it was changed since; "unknown" outside of git."""
    command = ["git", "-C", Path(__file__).parent, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def read_runs():
    """Return results/runs.csv as a data frame, a row a finished run; without rows where there is no such file.

    Raises OSError, naming the line, where a row is damaged or there twice.
    """
    import pandas as pd

    if not RUNS.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        runs = pd.read_csv(RUNS, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own name the line
        raise OSError(f"{RUNS} is damaged: {error}") from error
    if list(runs) != COLUMNS:
        raise OSError(f"{RUNS}, line 1: these are not the columns of this file")
    numbers = runs[["seed", *NUMBERS]].apply(pd.to_numeric, errors="coerce")
    shares = numbers[[name for name in NUMBERS if "accuracy" in name]]
    damaged = numbers.isna().any(axis=1) | ~shares.apply(lambda column: column.between(0, 1)).all(axis=1)
    damaged |= (numbers["seed"] % 1 != 0) | ~runs["experiment"].isin(list(EXPERIMENTS))
    runs[numbers.columns] = numbers
    for rows, what in ((damaged, "is damaged"), (runs.duplicated(["experiment", "seed"]), "repeats an earlier run")):
        if rows.any():
            raise OSError(f"{RUNS}, line {rows.idxmax() + 2} {what}: mend or delete this line and run again")
    return runs.astype({"seed": int})


def add_run(row):
    """Add a finished run to results/runs.csv: the whole file is written anew, so that no row can be half there."""
    import pandas as pd

    runs = read_runs()
    row = pd.DataFrame([row], columns=COLUMNS)
    with script.whole_file(RUNS) as part:
        (pd.concat([runs, row]) if len(runs) else row).to_csv(part, index=False)


def draw(runs):
    """Draw the study from the rows of runs.csv into plots/study/; return the pictures' paths."""
    runs = claims.with_gap(runs)
    groups = {name: runs[runs["experiment"] == name] for name in EXPERIMENTS if name in set(runs["experiment"])}
    full = {name: group for name, group in groups.items() if EXPERIMENTS[name].pictures == TRAINING}
    sizes = {size: groups[name].set_index("seed") for size, name in claims.SIZES.items() if name in groups}
    gaps = {name: group["gap"] for name, group in groups.items()}
    paths = [figures.seeds(gaps, PLOTS / "gap.png", "Overfitting", "training minus validation accuracy, last epoch")]
    if full:
        accuracies = {name: group["test_accuracy"] for name, group in full.items()}
        deck = {name: evaluate.DECK[name].accuracy for name in full if name in ("mlp_256", "cnn")}
        title = "The test accuracy of every run"
        paths.append(figures.seeds(accuracies, PLOTS / "accuracy.png", title, "test accuracy", deck))
        training, validation = (
            {name: group[[f"{curve}_{epoch}" for epoch in range(1, EPOCHS + 1)]] for name, group in full.items()}
            for curve in ("accuracy", "val_accuracy")
        )
        title = "Mean learning curves; the bands reach from the lowest to the highest seed"
        paths.append(figures.mean_curves(training, validation, PLOTS / "curves.png", title))
    if len(sizes) > 1:
        tables = [{size: table[column] for size, table in sizes.items()} for column in ("gap", "test_accuracy")]
        paths.append(figures.sizes(*tables, PLOTS / "sizes.png", "MLP 800 on the first training pictures only"))
    return paths


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--seeds", type=train.number(int, 1), default=20, help="run the seeds 0 to this one less one")
    parser.add_argument(
        "--experiments", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS), metavar="NAME", help="any of these"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and an estimate of its time")
    preprocess.add_folder_flag(parser)
    args = parser.parse_args()

    runs = read_runs()
    done = set(zip(runs["experiment"], runs["seed"]))
    grid = [(name, seed) for seed in range(args.seeds) for name in args.experiments]
    missing = [run for run in grid if run not in done]
    seconds = sum(EXPERIMENTS[name].seconds for name, _ in missing)
    print(f"{len(args.experiments)} experiments x {args.seeds} seeds: {len(grid)} runs, {len(missing)} of them to do")
    print(f"On two CPU cores this takes about {seconds / 60:.0f} minutes", flush=True)
    if args.dry_run:
        for name in args.experiments:
            print(f"  {name:18} slide {EXPERIMENTS[name].slide}, {sum(run[0] == name for run in missing)} to do")
        return

    if missing:
        script.import_tensorflow()
        import keras

        data = preprocess.load_data("mnist", args.data)
        bar = keras.utils.Progbar(len(missing), unit_name="run")
        for count, (name, seed) in enumerate(missing, start=1):
            add_run(run_once(name, seed, data))
            bar.update(count)
    runs = read_runs()
    text = claims.summary(runs)
    with script.whole_file(SUMMARY) as part:
        part.write_text(text, encoding="utf-8")
    pictures = draw(runs)
    print(f"\n{text}\nWritten: {RUNS}, {SUMMARY}, {PLOTS}/ ({', '.join(path.name for path in pictures)})")


if __name__ == "__main__":
    script.run(main)
