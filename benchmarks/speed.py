"""How fast are the scripts, compared with plain Keras?

python -m benchmarks.speed               five rounds of every run: half an hour on two cores
python -m benchmarks.speed --bfloat16    the scripts with --bfloat16 as well
python -m benchmarks.speed cnn           only this run

Every measurement is a process of its own, and the two implementations take turns. Writes
results/benchmark.csv, where the rows of other runs stay as they are. Ctrl-C ends it with the rounds that are finished.
Needs Unix.
"""

import itertools
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from digits import deck, flags, keras_start, mnist
from digits.errors import UserError
from digits.files import atomic_write
from study.report import format_markdown

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "benchmark.csv"
LIBRARIES = "tensorflow", "keras"
COMMANDS = {name: run.command.split() for name, run in deck.RUNS.items()}


def measure_process(command, folder):
    """Run `python command` in `folder`; return its seconds, peak memory in MiB, and (second, line) for each line."""
    start = time.perf_counter()
    process = Popen([sys.executable, "-u", *command], cwd=folder, stdout=PIPE, stderr=DEVNULL, encoding="utf-8")
    lines = [(time.perf_counter() - start, line) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise UserError(f"{' '.join(map(str, command))} failed; run it by itself to see why")
    memory = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return seconds, memory, lines


def measure_implementation(implementation, run):
    """Measure "plain_keras" or "script", which flags may follow, once; return a row, as a dict."""
    with tempfile.TemporaryDirectory() as folder:
        if implementation == "plain_keras":
            command = [ROOT / "benchmarks" / "plain_keras.py", run, mnist.PATH.parent]
            seconds, memory, lines = measure_process(command, folder)
            metrics = json.loads(lines[-1][1])
            fit = metrics["fit_seconds"]
        else:
            script, *flags = COMMANDS[run] + implementation.split()[1:]
            command = [ROOT / script, *flags]
            seconds, memory, lines = measure_process(command, folder)
            start, end = (next(at for at, line in lines if line.startswith(step)) for step in ("3. ", "4. "))
            fit = end - start  # of step 3, in which the model is compiled and trained
            (path,) = Path(folder).glob("models/*/metrics.json")
            metrics = json.loads(path.read_text(encoding="utf-8"))
    row = {"run": run, "implementation": implementation, "fit": fit, "whole": seconds, "memory": memory}
    versions = " ".join(f"{name} {metrics['versions'][name]}" for name in LIBRARIES if name in metrics["versions"])
    return row | {"test_accuracy": metrics["test_accuracy"], "versions": versions}


def summarize(rows):
    """Return a DataFrame of medians over the rounds, and of how many times as fast as plain Keras all are.

    Args:
        rows: dicts as `measure_implementation` returns them, each with its `round`.
    """
    import pandas as pd

    rows = pd.DataFrame(rows).set_index(["run", "round"])
    times = rows[["fit", "whole"]]
    plain = times[rows["implementation"] == "plain_keras"]
    rows[["fit ratio", "whole ratio"]] = plain.reindex(rows.index) / times
    columns = {}
    for name in ("fit", "whole"):
        columns |= {name: (name, "median"), f"{name} min": (name, "min"), f"{name} max": (name, "max")}
    columns |= {name: (name, "median") for name in ("memory", "test_accuracy", "fit ratio", "whole ratio")}
    columns |= {"rounds": ("fit", "size"), "versions": ("versions", "first")}
    table = rows.groupby(["run", "implementation"], sort=False).agg(**columns)
    return table.round({"memory": 0, "test_accuracy": 4}).round(4).reset_index()


def format_table(table):
    """Return the README's table of what `summarize` returns: medians, in parentheses the range of the rounds."""
    rows = table[["run", "implementation"]].copy()
    names = {"fit": "training", "whole": "whole command"}
    for column, name in names.items():
        spread = zip(table[column], table[f"{column} min"], table[f"{column} max"])
        rows[name] = [f"{middle:.1f} s ({least:.1f}-{most:.1f})" for middle, least, most in spread]
    for column, name in names.items():
        rows[f"{name}, plain Keras = 1"] = [f"{1 / ratio:.2f}" for ratio in table[f"{column} ratio"]]
    rows["test accuracy"] = table["test_accuracy"].map("{:.4f}".format)
    return format_markdown(rows)


def main(args):
    import pandas as pd

    for run in args.runs:
        if run not in COMMANDS:
            parser.error(f"there is no run {run}; there are: {', '.join(COMMANDS)}")
    implementations = ["plain_keras", "script"]
    if args.bfloat16:
        implementations.append("script --bfloat16")
    rows = []
    try:
        for turn, run, implementation in itertools.product(range(1, args.rounds + 1), args.runs, implementations):
            row = measure_implementation(implementation, run)
            print(f"round {turn}: {run}, {implementation}: {row['fit']:.1f} of {row['whole']:.1f} seconds", flush=True)
            rows.append({"round": turn, **row})
    except KeyboardInterrupt:
        rows = [row for row in rows if row["round"] < turn]
        if not rows:
            raise
    keras_start.import_tensorflow()  # not before: a new process's peak memory counts what its parent holds
    table = summarize(rows)
    table["device"] = f"{keras_start.device_name()}, {platform.machine()}"
    if RESULTS.exists():
        earlier = pd.read_csv(RESULTS)
        table = pd.concat([earlier[~earlier["run"].isin(args.runs)], table])
    with atomic_write(RESULTS) as part:
        table.to_csv(part, index=False)
    print(f"\n{format_table(table)}\nWritten: {RESULTS.relative_to(ROOT)}")


parser = flags.argument_parser(__doc__, "-m benchmarks.speed")
parser.add_argument("runs", nargs="*", default=list(COMMANDS), metavar="RUN", help=", ".join(COMMANDS))
parser.add_argument("--rounds", type=flags.bounded(int, 1), default=5, help="measurements of each implementation")
parser.add_argument("--bfloat16", action="store_true", help="measure the scripts with --bfloat16 as well")

if __name__ == "__main__":
    flags.run_command(main, parser)
