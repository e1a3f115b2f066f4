"""The recipe of slide 10, the names of runs, and training that is repeated, interrupted, or can't be written down."""

import os
import re
import signal
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

import script
import train
from conftest import ROOT, environment, error_line, metrics, run

FAST = ["--dataset", "synthetic", "--dry-run"]


def begin(monkeypatch, *flags, run="cnn"):
    monkeypatch.setattr(sys, "argv", ["cnn.py", *flags])
    parser = script.argument_parser("")
    parser.add_argument("--hidden", type=train.number(int, 1), default=256)
    parser.add_argument("--dropout", type=train.number(float, 0, 1), default=0.5)
    return train.begin(parser, run)


def test_slide_10_is_the_default(monkeypatch):
    args = begin(monkeypatch)
    assert (args.epochs, args.batch_size, args.validation_split) == (10, 200, 0.2)


@pytest.mark.parametrize(
    ("run", "flags", "name"),
    [
        ("cnn", [], "cnn"),
        ("cnn", ["--epochs", "3"], "cnn_epochs3"),
        ("cnn", ["--epochs", "10", "--show", "--dataset", "mnist"], "cnn"),
        ("mlp_{hidden}", ["--hidden", "800"], "mlp_800"),
        ("mlp_{hidden}", ["--seed", "7"], "mlp_256_seed7"),
        ("mlp_{hidden}", ["--seed", "1234567890"], "mlp_256_seed1234567890"),
        ("mlp_dropout", ["--dropout", "0.25", "--hidden", "800"], "mlp_dropout_hidden800_rate0.25"),
        ("cnn", ["--batch-size", "100", "--validation-split", "0", "--learning-rate", "1e-2"],
         "cnn_batch100_validation0.0_lr0.01"),
        ("cnn", ["--deterministic", "--dry-run"], "cnn_deterministic_dryrun"),
        ("cnn", ["--bfloat16"], "cnn_bfloat16"),
    ],
)  # fmt: skip
def test_a_runs_name_tells_its_experiment(monkeypatch, run, flags, name):
    monkeypatch.setattr("tensorflow.config.experimental.enable_op_determinism", lambda: None)  # it would last
    assert begin(monkeypatch, *flags, run=run).run == name


def test_dry_run_of_every_script(tmp_path):
    for name, run_name in [("mlp.py", "mlp_256"), ("mlp_dropout.py", "mlp_dropout"), ("cnn.py", "cnn")]:
        process = run(tmp_path, ROOT / name, *FAST)
        assert process.returncode == 0 and process.stderr == ""
        assert "1600 pictures for training, 400 for validation" in process.stdout
        assert "1 epoch of 8 batches of 200" in process.stdout
        for step in ("1. Preprocess", "2. Build", "3. Train", "4. Evaluate", "5. Predict"):
            assert f"\n{step}" in process.stdout
        assert "Total params" in process.stdout  # model.summary()
        times = re.search(r"(.+) seconds: (.+) to start, (.+) to train, (.+) to evaluate and draw", process.stdout)
        total, *parts = map(float, times.groups())
        assert min(parts) > 0 and abs(total - sum(parts)) < 0.25
        made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(f"*/{run_name}_dryrun_synthetic/*"))
        assert made == [f"models/{run_name}_dryrun_synthetic/{file}" for file in FILES] + [
            f"plots/{run_name}_dryrun_synthetic/{file}" for file in sorted(PICTURES + INSIDE[run_name])
        ]


FILES = ["history.csv", "metrics.json", "model.keras"]
PICTURES = ["accuracy.png", "confusion_matrix.png", "mistakes.png", "predictions.png"]
INSIDE = {
    "mlp_256": ["hidden_neurons.png"],
    "mlp_dropout": ["hidden_neurons.png"],
    "cnn": ["feature_maps.png", "filters.png"],
}


def test_metrics_hold_what_the_design_names(tmp_path):
    process = run(tmp_path, ROOT / "mlp.py", *FAST)
    found = metrics(tmp_path, "mlp_256_dryrun_synthetic")
    assert process.returncode == 0
    assert {
        *("run", "dataset", "dataset_sha256", "seed", "epochs", "batch_size", "validation_split", "parameters"),
        *("test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "recall", "precision"),
        *("confusion_matrix", "flags", "fit_seconds", "total_seconds", "versions", "device"),
    } <= set(found)
    assert found["parameters"] == 203530 and found["epochs"] == 1 and found["flags"]["hidden"] == 256
    matrix = np.array(found["confusion_matrix"])
    assert matrix.shape == (10, 10) and matrix.sum() == 10000
    assert found["test_accuracy"] == matrix.trace() / 10000
    assert 0 < found["fit_seconds"] < found["total_seconds"]


def test_without_validation(tmp_path):
    process = run(tmp_path, ROOT / "mlp.py", *FAST, "--validation-split", "0")
    assert process.returncode == 0 and process.stderr == ""
    assert "2000 pictures for training, 0 for validation" in process.stdout
    assert metrics(tmp_path, "mlp_256_validation0.0_dryrun_synthetic")["validation_accuracy"] is None
    assert run(tmp_path, ROOT / "evaluate.py").returncode == 0


@pytest.mark.parametrize("share", ["1e-17", "0.9999"])
def test_a_split_with_an_empty_side(tmp_path, share):
    line = error_line(run(tmp_path, ROOT / "mlp.py", *FAST, "--validation-split", share), 2)
    assert "leaves no picture on one side" in line
    assert not list(tmp_path.glob("models/*"))


def test_batches_that_do_not_divide_the_pictures(tmp_path):
    process = run(tmp_path, ROOT / "mlp.py", *FAST, "--batch-size", "37")
    assert process.returncode == 0 and "1 epoch of 44 batches of 37" in process.stdout


def test_diverged_training_is_reported_not_crashed(tmp_path):
    process = run(tmp_path, ROOT / "mlp.py", *FAST, "--learning-rate", "1e30")
    assert process.returncode == 0, process.stderr
    text = (tmp_path / "models/mlp_256_lr1e+30_dryrun_synthetic/metrics.json").read_text()
    assert "NaN" not in text and "Infinity" not in text  # neither is JSON


def weights(folder, name):
    return keras.saving.load_model(folder / "models" / name / "model.keras").get_weights()


def test_same_seed_same_weights_bit_by_bit(tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        assert run(tmp_path / folder, ROOT / "cnn.py", *FAST).returncode == 0
    assert run(tmp_path / "first", ROOT / "cnn.py", *FAST, "--seed", "1").returncode == 0
    first, second = (weights(tmp_path / folder, "cnn_dryrun_synthetic") for folder in ("first", "second"))
    other = weights(tmp_path / "first", "cnn_seed1_dryrun_synthetic")
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert not np.array_equal(first[0], other[0])


def test_deterministic_runs_too(tmp_path):
    assert run(tmp_path, ROOT / "cnn.py", *FAST, "--deterministic").returncode == 0


RUN = "mlp_256_epochs500_synthetic"


def interrupted(folder, after):
    process = subprocess.Popen(
        [sys.executable, "-u", ROOT / "mlp.py", "--dataset", "synthetic", "--epochs", "500"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )
    for line in process.stdout:
        if after in line:
            break
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(stderr.strip().splitlines()) == 1, stderr
    return stderr


def test_ctrl_c_keeps_the_finished_epochs_and_the_last_finished_run(tmp_path):
    earlier = tmp_path / "models" / RUN
    earlier.mkdir(parents=True)
    (earlier / "model.keras").write_bytes(b"an earlier run's")
    line = interrupted(tmp_path, after="Epoch 4/500")
    assert "interrupted in epoch" in line and f"{RUN}_interrupted" in line
    assert [path.name for path in earlier.iterdir()] == ["model.keras"]
    assert (earlier / "model.keras").read_bytes() == b"an earlier run's"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [RUN, f"{RUN}_interrupted"]
    history = pd.read_csv(tmp_path / "models" / f"{RUN}_interrupted" / "history.csv")
    assert len(history) >= 3 and metrics(tmp_path, f"{RUN}_interrupted")["epochs"] == len(history)
    process = run(tmp_path, ROOT / "evaluate.py", f"{RUN}_interrupted")
    assert process.returncode == 0, process.stderr


def test_ctrl_c_before_the_first_epoch_ends_leaves_nothing(tmp_path):
    assert "nothing of it was kept" in interrupted(tmp_path, after="Epoch 1/500")
    assert not list((tmp_path / "models").iterdir())


def test_ctrl_c_while_starting(tmp_path):
    assert interrupted(tmp_path, after="1. Preprocess")


LIMITED = """
import resource, runpy, sys
size, sys.argv = int(sys.argv[1]), sys.argv[2:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("size", [0, 5000, 200_000])
def test_disk_full_is_one_line_and_the_earlier_run_stays(tmp_path, size):
    name = "mlp_256_dryrun_synthetic"
    assert run(tmp_path, ROOT / "mlp.py", *FAST).returncode == 0
    files = sorted((tmp_path / "models" / name).iterdir())
    before = [path.read_bytes() for path in files]
    process = run(tmp_path, "-c", LIMITED, str(size), str(ROOT / "mlp.py"), *FAST)
    line = error_line(process, 1)
    assert line.startswith("mlp.py: "), line
    assert [path.read_bytes() for path in files] == before
    assert [path.name for path in (tmp_path / "models").iterdir()] == [name]


def test_a_file_where_the_models_folder_should_be(tmp_path):
    (tmp_path / "models").write_text("")
    assert "models" in error_line(run(tmp_path, ROOT / "mlp.py", *FAST), 1)


def test_device_is_named():
    assert train.device() == f"CPU ({os.cpu_count()} cores)" or train.device().startswith("GPU (")
