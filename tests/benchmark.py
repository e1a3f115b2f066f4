"""How fast are the scripts? Against the deck's programs as typed, and against what this machine can multiply.

python tests/benchmark.py                five rounds of every model: a quarter of an hour on two cores
python tests/benchmark.py mlp_256        only this model
python tests/benchmark.py --bfloat16     the scripts with --bfloat16 as well

Every measurement is a process of its own, and the sides take turns. A share of the multiplication speed counts only the
model's multiply-adds, forward and backward. Writes results/benchmark.csv. Needs a Unix and MNIST in data/.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cnn  # noqa: E402
import mlp  # noqa: E402
import mnist  # noqa: E402
import script  # noqa: E402
import train  # noqa: E402

RESULTS = ROOT / "results" / "benchmark.csv"
COMMANDS = {"mlp_256": ["mlp.py"], "mlp_800": ["mlp.py", "--hidden", "800"], "cnn": ["cnn.py"]}


def measure(command, folder):
    """Run `python command` in `folder`; return its seconds, its peak memory in MiB, and what it wrote to stdout."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            script.fail(f"{' '.join(map(str, command))} failed; run it by itself to see why")
        output.seek(0)
        memory = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        return seconds, memory, output.read().decode(errors="replace")


def side(name, run, data):
    """Run one side of the benchmark once; return its row: seconds of `fit` and of the whole process, and its memory."""
    with tempfile.TemporaryDirectory() as folder:
        if name == "listing":
            seconds, memory, output = measure([ROOT / "tests" / "listing.py", run, data], folder)
            found = json.loads(output.splitlines()[-1])
        else:
            path, *flags = COMMANDS[run]
            flags += name.split()[1:]
            seconds, memory, _ = measure([ROOT / path, *flags, "--dataset", "mnist", "--data", data], folder)
            (metrics,) = Path(folder).glob("models/*/metrics.json")
            found = json.loads(metrics.read_text())
    row = {"run": run, "side": name, "fit": found["fit_seconds"], "whole": seconds, "memory": memory}
    return row | {"test_accuracy": found["test_accuracy"]}


def matmul_speed():
    """Return the floating-point operations a second of a large matrix product in TensorFlow: the best of 10."""
    import tensorflow as tf

    size, best = 2000, 0.0
    a, b = tf.random.normal((size, size)), tf.random.normal((size, size))
    for _ in range(10):
        start = time.perf_counter()
        tf.matmul(a, b).numpy()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def operations(run, training=48000, validation=12000, epochs=10):
    """Return the floating-point operations of a whole training: 2 for each multiply-add of its Dense and Conv2D layers.

    Forward once; backward once for the weights and, but for the first layer, once for the inputs.
    """
    model = cnn.build_model() if run == "cnn" else mlp.build_model(int(run.removeprefix("mlp_")))
    total = 0
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    for layer in layers:
        positions = layer.output.shape[1:-1]  # of a filter; none for a Dense layer
        multiply_adds = layer.kernel.shape.num_elements()
        for length in positions:
            multiply_adds *= length
        passes = 2 if layer is layers[0] else 3
        total += 2 * multiply_adds * epochs * (passes * training + validation)
    return total


def summary(rows, speed):
    """Return a data frame, a row a run and side: medians over the rounds; a ratio says how many times as fast it is.

    speed: as from `matmul_speed`.
    """
    import pandas as pd

    rows = pd.DataFrame(rows)
    listing = rows[rows["side"] == "listing"].set_index(["run", "round"])[["fit", "whole"]]
    rows = rows.join(listing, on=["run", "round"], suffixes=("", " of listing"))
    for column in ("fit", "whole"):
        rows[f"{column} ratio"] = rows.pop(f"{column} of listing") / rows[column]
    groups = rows.groupby(["run", "side"], sort=False)
    table = groups.median(numeric_only=True).drop(columns="round")
    for column in ("whole", "fit"):
        for name in ("max", "min"):
            table.insert(table.columns.get_loc(column) + 1, f"{column} {name}", getattr(groups[column], name)())
    table["rounds"] = groups.size()
    table["matmul share"] = [operations(run) / seconds / speed for (run, _), seconds in table["fit"].items()]
    table["matmul GFLOPS"] = speed / 1e9
    return table.round({"memory": 0, "matmul GFLOPS": 0, "test_accuracy": 4}).round(4).reset_index()


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("runs", nargs="*", default=list(COMMANDS), metavar="RUN", help=", ".join(COMMANDS))
    parser.add_argument("--rounds", type=train.number(int, 1), default=5, help="how often to measure each side")
    parser.add_argument("--bfloat16", action="store_true", help="measure the scripts with --bfloat16 as well")
    args = parser.parse_args()
    for run in args.runs:
        if run not in COMMANDS:
            parser.error(f"there is no run {run}; there are: {', '.join(COMMANDS)}")
    data = mnist.DATA.resolve()
    mnist.read_mnist(data)

    sides = ["listing", "script"] + ["script --bfloat16"] * args.bfloat16
    rows = []
    for turn in range(1, args.rounds + 1):
        for run in args.runs:
            for name in sides:
                row = {"round": turn, **side(name, run, data)}
                print(f"round {turn}: {run}, {name}: fit {row['fit']:.1f} of {row['whole']:.1f} seconds", flush=True)
                rows.append(row)
    script.import_tensorflow()  # not before: a new process's peak memory counts what its parent holds
    table = summary(rows, matmul_speed())
    table["device"] = f"{train.device()}, {platform.machine()}"
    with script.whole_file(RESULTS) as part:
        table.to_csv(part, index=False)
    print(f"\n{table.drop(columns='device').round(2).to_string(index=False)}\nWritten: {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    script.run(main)
