"""What the exercises of lab/lab.md give, over several seeds: the ranges in lab/answers.md.

python -m lab.exercises      five seeds of every exercise that trains an MLP

Each is run as a student runs it. A finished run is one row of results/exercises.csv and is not run
again. Those of the CNN are in the study: `python reproduce.py`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from digits import flags
from digits.errors import UserError
from study.report import format_markdown

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "results" / "exercises.csv"
COMMANDS = [
    "mlp.py",
    "mlp.py --hidden 32",
    "mlp.py --hidden 800 --validation-split 0.95",
    *(f"mlp_dropout.py --dropout {rate}" for rate in (0, 0.25, 0.5, 0.8)),
    "my_mlp.py",
    "my_mlp.py --learning-rate 0.1",
]
SEEDS = 5
EDIT = "keras.optimizers.Adam(", "keras.optimizers.SGD("  # which makes my_mlp.py of mlp.py
COLUMNS = ["command", "seed", "test_accuracy", "train_accuracy", "validation_accuracy", "fives_as_threes"]


def run_exercise(command, seed):
    """Train as `python command --seed seed` does; return its row of exercises.csv, a dict."""
    script, *flags = command.split()
    with tempfile.TemporaryDirectory() as folder:
        path = ROOT / script
        if script == "my_mlp.py":
            path = Path(folder, script)
            path.write_text((ROOT / "mlp.py").read_text(encoding="utf-8").replace(*EDIT), encoding="utf-8")
        process = subprocess.run(
            [sys.executable, path, *flags, "--seed", f"{seed}"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{ROOT}"},
            stdout=subprocess.DEVNULL,
        )
        if process.returncode:
            raise UserError(f"`python {command} --seed {seed}` failed")
        (file,) = Path(folder).glob("models/*/metrics.json")
        metrics = json.loads(file.read_text(encoding="utf-8"))
    row = {"command": command, "seed": seed} | metrics | {"fives_as_threes": metrics["confusion_matrix"][5][3]}
    return {column: row[column] for column in COLUMNS}


def read_rows():
    """Return results/exercises.csv as a DataFrame; empty if there is no such file."""
    import pandas as pd

    return pd.read_csv(ROWS) if ROWS.exists() else pd.DataFrame(columns=COLUMNS)


def format_table(rows):
    """Return the rows as a table in Markdown: of each exercise the lowest and the highest values."""
    import pandas as pd

    rows = rows.assign(gap=rows["train_accuracy"] - rows["validation_accuracy"])
    table = [
        {
            "command": f"`python {command}`",
            "seeds": len(runs),
            "test accuracy": describe_range(runs["test_accuracy"], "{:.4f}"),
            "training - validation": describe_range(runs["gap"], "{:+.4f}"),
            "5 read as 3": describe_range(runs["fives_as_threes"], "{:.0f}"),
        }
        for command, runs in rows.groupby("command", sort=False)
    ]
    return format_markdown(pd.DataFrame(table))


def describe_range(values, form):
    """Return the lowest and the highest of `values`, each in the format `form`, as a text."""
    return f"{form.format(values.min())} to {form.format(values.max())}"


def main(args):
    import pandas as pd

    done = set(read_rows()[["command", "seed"]].itertuples(index=False, name=None))
    missing = [(command, seed) for seed in range(SEEDS) for command in COMMANDS if (command, seed) not in done]
    for number, (command, seed) in enumerate(missing, start=1):
        print(f"{number} of {len(missing)}: python {command} --seed {seed}", flush=True)
        row = pd.DataFrame([run_exercise(command, seed)])
        row.to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)
    print(f"\n{format_table(read_rows())}\n\nWritten: {ROWS}")


parser = flags.argument_parser(__doc__, "-m lab.exercises")

if __name__ == "__main__":
    flags.run_command(main, parser)
