"""How fast are the scripts, compared with plain Keras?

python -m benchmarks.speed               five rounds of every run: half an hour on two cores
python -m benchmarks.speed --bfloat16    the scripts with --bfloat16 as well
python -m benchmarks.speed --runs cnn    only this run

Every measurement is a process of its own, and the two implementations take turns. Writes
results/benchmark.csv, where the rows of other runs stay as they are.
"""

import itertools
import json
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
TIMES = {"fit": "training", "whole": "whole command"}  # what is measured, and what the README calls it
COMMANDS = {name: run.command.split() for name, run in deck.RUNS.items()}


def measure_process(command, folder):
    """Run `python command` in `folder`; return its seconds, and (second, line) for each line that it prints."""
    start = time.perf_counter()
    process = Popen([sys.executable, "-u", *command], cwd=folder, stdout=PIPE, stderr=DEVNULL, encoding="utf-8")
    lines = [(time.perf_counter() - start, line) for line in process.stdout]
    if process.wait():
        raise UserError(f"{' '.join(map(str, command))} failed; run it by itself to see why")
    return time.perf_counter() - start, lines


def measure_implementation(implementation, run):
    """Measure "plain_keras" or "script", which flags may follow, once; return a row, as a dict."""
    with tempfile.TemporaryDirectory() as folder:
        if implementation == "plain_keras":
            command = [ROOT / "benchmarks" / "plain_keras.py", run, mnist.PATH.parent]
            seconds, lines = measure_process(command, folder)
            metrics = json.loads(lines[-1][1])
            fit = metrics["fit_seconds"]
        else:
            script, *flags = COMMANDS[run] + implementation.split()[1:]
            command = [ROOT / script, *flags]
            seconds, lines = measure_process(command, folder)
            start, end = (next(at for at, line in lines if line.startswith(step)) for step in ("3. ", "4. "))
            fit = end - start  # of step 3, in which the model is compiled and trained
            (path,) = Path(folder).glob("models/*/metrics.json")
            metrics = json.loads(path.read_text(encoding="utf-8"))
    row = {"run": run, "implementation": implementation, "fit": fit, "whole": seconds}
    versions = " ".join(f"{name} {metrics['versions'][name]}" for name in ("tensorflow", "keras"))
    return row | {"test_accuracy": metrics["test_accuracy"], "versions": versions}


def format_table(rows):
    """Return the README's table: medians of the rounds, in parentheses their range, and the ratios to plain Keras.

    rows: DataFrame of results/benchmark.csv, one row per measurement.
    """
    import pandas as pd

    rows = rows.set_index(["run", "round"])
    plain = rows[rows["implementation"] == "plain_keras"].reindex(rows.index)
    for name in TIMES:
        rows[f"{name} ratio"] = rows[name] / plain[name]
    groups = rows.groupby(["run", "implementation"], sort=False)
    middle, least, most = (groups.agg(kind, numeric_only=True) for kind in ("median", "min", "max"))
    table = pd.DataFrame(index=middle.index)
    for name, title in TIMES.items():
        spread = zip(middle[name], least[name], most[name])
        table[title] = [f"{median:.1f} s ({low:.1f}-{high:.1f})" for median, low, high in spread]
    for name, title in TIMES.items():
        table[f"{title}, plain Keras = 1"] = middle[f"{name} ratio"].map("{:.2f}".format)
    table["test accuracy"] = middle["test_accuracy"].map("{:.4f}".format)
    return format_markdown(table.reset_index())


def main(args):
    import pandas as pd

    implementations = ["plain_keras", "script"]
    if args.bfloat16:
        implementations.append("script --bfloat16")
    rows = []
    for turn, run, implementation in itertools.product(range(1, args.rounds + 1), args.runs, implementations):
        row = measure_implementation(implementation, run)
        print(f"round {turn}: {run}, {implementation}: {row['fit']:.1f} of {row['whole']:.1f} seconds", flush=True)
        rows.append({"round": turn, **row})
    keras_start.import_tensorflow()
    table = pd.DataFrame(rows).assign(device=f"{keras_start.device_name()}, {platform.machine()}")
    if RESULTS.exists():
        earlier = pd.read_csv(RESULTS)
        table = pd.concat([earlier[~earlier["run"].isin(args.runs)], table])
    with atomic_write(RESULTS) as part:
        table.round(4).to_csv(part, index=False)
    print(f"\n{format_table(table)}\nWritten: {RESULTS.relative_to(ROOT)}")


parser = flags.argument_parser(__doc__, "-m benchmarks.speed")
runs = {"nargs": "+", "choices": COMMANDS, "default": list(COMMANDS), "metavar": "RUN"}
parser.add_argument("--runs", **runs, help="any of these")
parser.add_argument("--rounds", type=flags.bounded(int, 1), default=5, help="measurements of each implementation")
parser.add_argument("--bfloat16", action="store_true", help="measure the scripts with --bfloat16 as well")

if __name__ == "__main__":
    flags.run_command(main, parser)
