"""How fast are the scripts, compared with plain Keras, TensorFlow, PyTorch and JAX, and with the machine's own limit?

python -m benchmarks.speed               five rounds of every run: an hour or more on two cores
python -m benchmarks.speed --bfloat16    the scripts with --bfloat16 as well
python -m benchmarks.speed cnn --without plain_jax     only this run; JAX's convolutions take long on a CPU

Every measurement is a process of its own, and the implementations take turns. PyTorch and JAX are measured where they
are installed (requirements-peers.txt). The matmul share counts only the multiply-adds of the model, forward and backward.
Writes results/benchmark.csv, where the rows of other runs stay as they are. Ctrl-C ends it with the rounds that are
finished. Needs Unix and MNIST in data/.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from digits import acceleration, cli, environment, mnist
from digits.errors import UserError
from digits.files import atomic_write
from study.report import format_markdown

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "benchmark.csv"
IMPLEMENTATIONS = {  # the module that each needs; those with plain_*.py are written without anything of this project
    "plain_keras": "keras",
    "script": "keras",
    "plain_tensorflow": "tensorflow",
    "plain_pytorch": "torch",
    "plain_jax": "optax",
}
LIBRARIES = "tensorflow", "keras", "torch", "jax", "optax"
COMMANDS = {
    "mlp_256": ["mlp.py"],
    "mlp_800": ["mlp.py", "--hidden", "800"],
    "mlp_dropout": ["mlp_dropout.py"],
    "cnn": ["cnn.py"],
}


def measure_process(command, folder):
    """Run `python command` in `folder` and measure it.

    Returns:
        Its seconds, its peak memory in MiB, and a list of (second, line): when it wrote each line to stdout.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
    )
    lines = [(time.perf_counter() - start, line) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise UserError(f"{' '.join(map(str, command))} failed; run it by itself to see why")
    memory = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return seconds, memory, lines


def measure_implementation(implementation, run, data):
    """Measure one implementation once.

    Args:
        implementation: a key of `IMPLEMENTATIONS`; flags may follow "script": "script --bfloat16".
        run: a key of `COMMANDS`.
        data: the folder that holds mnist.npz.

    Returns:
        A dict, one row of the measurements: seconds of `fit` and of the whole process, peak memory, test accuracy,
        and the versions of what computed it.
    """
    with tempfile.TemporaryDirectory() as folder:
        if implementation.startswith("plain_"):
            command = [ROOT / "benchmarks" / f"{implementation}.py", run, data]
            seconds, memory, lines = measure_process(command, folder)
            metrics = json.loads(lines[-1][1])
            fit = metrics["fit_seconds"]
        else:
            script, *flags = COMMANDS[run]
            flags += implementation.split()[1:]
            command = [ROOT / script, *flags, "--dataset", "mnist", "--data", data]
            seconds, memory, lines = measure_process(command, folder)
            start, end = (next(at for at, line in lines if line.startswith(step)) for step in ("3. ", "4. "))
            fit = end - start  # of step 3, in which the model is compiled and trained
            (path,) = Path(folder).glob("models/*/metrics.json")
            metrics = json.loads(path.read_text(encoding="utf-8"))
    row = {"run": run, "implementation": implementation, "fit": fit, "whole": seconds, "memory": memory}
    versions = " ".join(f"{name} {metrics['versions'][name]}" for name in LIBRARIES if name in metrics["versions"])
    return row | {"test_accuracy": metrics["test_accuracy"], "versions": versions}


def measure_matmul():
    """Return the floating-point operations per second of a large matrix product in TensorFlow: the best of 10."""
    import tensorflow as tf

    size, best = 2000, 0.0
    a, b = tf.random.normal((size, size)), tf.random.normal((size, size))
    for _ in range(10):
        start = time.perf_counter()
        tf.matmul(a, b).numpy()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def count_operations(run, training=48000, validation=12000, epochs=10):
    """Return the floating-point operations of a whole training: 2 for each multiply-add of its Dense and Conv2D layers.

    Forward once; backward once for the weights and, except in the first layer, once for the inputs.

    Args:
        run: a key of `COMMANDS`.
        training, validation: numbers of images.
    """
    import cnn
    import mlp
    import mlp_dropout

    special = {"cnn": cnn.build_model, "mlp_dropout": mlp_dropout.build_model}
    model = special[run]() if run in special else mlp.build_model(int(run.removeprefix("mlp_")))
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


def summarize(rows, speed):
    """Return medians over the rounds, and how many times as fast as plain Keras each implementation is.

    Args:
        rows: dicts as `measure_implementation` returns them, each with its `round`.
        speed: as `measure_matmul` returns it.

    Returns:
        A pandas.DataFrame with one row per run and implementation.
    """
    import pandas as pd

    rows = pd.DataFrame(rows)
    plain = rows[rows["implementation"] == "plain_keras"].set_index(["run", "round"])[["fit", "whole"]]
    rows = rows.join(plain, on=["run", "round"], suffixes=("", " of plain Keras"))
    for column in ("fit", "whole"):
        rows[f"{column} ratio"] = rows.pop(f"{column} of plain Keras") / rows[column]
    groups = rows.groupby(["run", "implementation"], sort=False)
    table = groups.median(numeric_only=True).drop(columns="round")
    for column in ("whole", "fit"):
        for name in ("max", "min"):
            table.insert(table.columns.get_loc(column) + 1, f"{column} {name}", getattr(groups[column], name)())
    table["rounds"] = groups.size()
    table["versions"] = groups["versions"].first()
    table["matmul share"] = [count_operations(run) / seconds / speed for (run, _), seconds in table["fit"].items()]
    table["matmul GFLOPS"] = speed / 1e9
    return table.round({"memory": 0, "matmul GFLOPS": 0, "test_accuracy": 4}).round(4).reset_index()


def format_table(table):
    """Return the README's table, as Markdown: medians, in parentheses the least and the most of the rounds.

    Args:
        table: as `summarize` returns it.
    """
    import pandas as pd

    def spread(column):
        return [
            f"{middle:.1f} s ({least:.1f}-{most:.1f})"
            for middle, least, most in zip(table[column], table[f"{column} min"], table[f"{column} max"])
        ]

    rows = {
        "run": table["run"],
        "implementation": table["implementation"],
        "training": spread("fit"),
        "whole command": spread("whole"),
    }
    for name, column in (("training", "fit ratio"), ("whole command", "whole ratio")):
        rows[f"{name}, plain Keras = 1"] = [f"{1 / ratio:.2f}" for ratio in table[column]]
    rows["test accuracy"] = [f"{accuracy:.4f}" for accuracy in table["test_accuracy"]]
    return format_markdown(pd.DataFrame(rows))


def main(args):
    for run in args.runs:
        if run not in COMMANDS:
            parser.error(f"there is no run {run}; there are: {', '.join(COMMANDS)}")
    data = mnist.DATA.resolve()
    if not (data / "mnist.npz").exists():
        raise UserError("data/mnist.npz is not there: data/README.md says where to get it")

    implementations = [
        implementation for implementation, module in IMPLEMENTATIONS.items() if importlib.util.find_spec(module)
    ]
    implementations = [
        implementation for implementation in implementations if implementation not in (args.without or [])
    ]
    implementations += ["script --bfloat16"] * args.bfloat16
    rows = []
    try:
        for turn in range(1, args.rounds + 1):
            for run in args.runs:
                for implementation in implementations:
                    row = {"round": turn, **measure_implementation(implementation, run, data)}
                    print(
                        f"round {turn}: {run}, {implementation}: {row['fit']:.1f} of {row['whole']:.1f} seconds",
                        flush=True,
                    )
                    rows.append(row)
    except KeyboardInterrupt:
        rows = [row for row in rows if row["round"] < turn]
        if not rows:
            raise
    import pandas as pd

    environment.import_tensorflow()  # not before: a new process's peak memory counts what its parent holds
    table = summarize(rows, measure_matmul())
    table["device"] = f"{acceleration.device_name()}, {platform.machine()}"
    if RESULTS.exists():
        earlier = pd.read_csv(RESULTS)
        table = pd.concat([earlier[~earlier["run"].isin(args.runs)], table])
    with atomic_write(RESULTS) as part:
        table.to_csv(part, index=False)
    print(f"\n{format_table(table)}\nWritten: {RESULTS.relative_to(ROOT)}")


parser = cli.argument_parser(__doc__, "-m benchmarks.speed")
parser.add_argument("runs", nargs="*", default=list(COMMANDS), metavar="RUN", help=", ".join(COMMANDS))
parser.add_argument("--rounds", type=cli.bounded_int(1), default=5, help="measurements of each implementation")
optional = [
    implementation for implementation in IMPLEMENTATIONS if implementation != "plain_keras"
]  # which all are compared with
parser.add_argument("--without", action="append", choices=optional, help="leave this one out")
parser.add_argument("--bfloat16", action="store_true", help="measure the scripts with --bfloat16 as well")

if __name__ == "__main__":
    cli.run(main, parser)
