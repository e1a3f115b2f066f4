"""The scripts' training against the deck's programs as typed, and the arithmetic of the benchmark."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import benchmark
import cnn
import fast
import listing
import mlp
import mlp_dropout
import preprocess
import script
import synthetic
import train
from conftest import ROOT, error_line, metrics, run

BUILD = {
    "mlp_256": mlp.build_model,
    "mlp_800": lambda: mlp.build_model(800),
    "mlp_dropout": mlp_dropout.build_model,
    "cnn": cnn.build_model,
}


@pytest.fixture(scope="module")
def digits():
    """The first 2100 synthetic digits: 1680 to train with, in nine batches, the last one smaller."""
    raw = synthetic.draw_digits()
    x, y = preprocess.features(raw["x_train"][:2100]), preprocess.one_hot(raw["y_train"][:2100])
    return preprocess.Digits(x, y, x, y, "synthetic", "")


def trained_by_script(monkeypatch, folder, name, digits, *flags):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["script", "--epochs", "3", "--seed", "5", *flags])
    args = train.begin(script.argument_parser(""), name)
    model = BUILD[name]()
    train.fit(model, digits, args)
    return model


def trained_as_listed(name, digits):
    keras.utils.set_random_seed(5)
    model = listing.build(name)
    listing.fit(model, digits.x_train.reshape(-1, 28, 28, 1) if name == "cnn" else digits.x_train, digits.y_train, 3)
    return model


@pytest.mark.parametrize("name", BUILD)
def test_a_script_trains_as_the_listing_does_bit_by_bit(monkeypatch, tmp_path, digits, name):
    monkeypatch.setattr(fast, "adam", keras.optimizers.Adam)  # the one thing whose rounding differs
    script, listed = trained_by_script(monkeypatch, tmp_path, name, digits), trained_as_listed(name, digits)
    assert len(script.get_weights()) >= 4
    assert all(np.array_equal(a, b) for a, b in zip(script.get_weights(), listed.get_weights()))
    for curve in ("accuracy", "loss", "val_accuracy"):
        assert script.history.history[curve] == listed.history.history[curve]
    np.testing.assert_allclose(script.history.history["val_loss"], listed.history.history["val_loss"], rtol=1e-6)


@pytest.mark.parametrize("name", ["mlp_256", "cnn"])
def test_a_script_trains_as_the_listing_does_but_for_rounding(monkeypatch, tmp_path, digits, name):
    script, listed = trained_by_script(monkeypatch, tmp_path, name, digits), trained_as_listed(name, digits)
    np.testing.assert_allclose(script.history.history["loss"], listed.history.history["loss"], rtol=1e-3)


def test_adam_is_keras_adam():
    gradients = np.random.default_rng(0).normal(size=(20, 50)).astype("float32")
    values = []
    for optimizer in (fast.adam(0.01), keras.optimizers.Adam(0.01)):
        variable = keras.Variable(np.ones(50, "float32"))
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        values.append(variable.numpy())
    np.testing.assert_allclose(*values, rtol=1e-5)
    assert np.abs(values[0] - 1).max() > 0.01


def test_a_saved_model_continues_with_keras_adam(monkeypatch, tmp_path, digits):
    trained_by_script(monkeypatch, tmp_path, "mlp_256", digits)
    (path,) = tmp_path.glob("models/*/model.keras")
    model = keras.saving.load_model(path)
    assert type(model.optimizer) is keras.optimizers.Adam and model.optimizer.iterations == 3 * 9
    before = model.evaluate(digits.x_train, digits.y_train, verbose=0)[0]
    model.fit(digits.x_train, digits.y_train, verbose=0)
    assert model.evaluate(digits.x_train, digits.y_train, verbose=0)[0] < before


def test_batches_hold_every_row_once():
    x, y = np.arange(23.0).reshape(23, 1), -np.arange(23.0)
    for shuffle in (False, True):
        dataset = fast.batches(x, y, 10, shuffle)
        parts = [(a.numpy(), b.numpy()) for a, b in dataset]
        assert [len(a) for a, _ in parts] == [10, 10, 3] and len(dataset) == 3
        found = np.concatenate([a[:, 0] for a, _ in parts])
        assert np.array_equal(np.concatenate([b for _, b in parts]), -found)
        assert np.array_equal(np.sort(found), np.arange(23)) and np.array_equal(found, np.arange(23)) != shuffle


def test_bfloat16_is_for_training_alone(tmp_path):
    flags = ["--dataset", "synthetic", "--dry-run", "--bfloat16"]
    process = run(tmp_path, ROOT / "mlp.py", *flags)
    assert process.returncode == 0 and process.stderr == ""
    before = metrics(tmp_path, "mlp_256_bfloat16_dryrun_synthetic")
    assert run(tmp_path, ROOT / "evaluate.py").returncode == 0
    assert metrics(tmp_path, "mlp_256_bfloat16_dryrun_synthetic") == before


def has_bfloat16():
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and {"avx512_bf16", "amx_bf16"} & set(cpu.read_text().split())


@pytest.mark.skipif(not has_bfloat16(), reason="needs a CPU with AVX512_BF16 or AMX")
def test_bfloat16_multiplies_with_16_bits(monkeypatch, tmp_path, digits):
    full, short = (trained_by_script(monkeypatch, tmp_path, "cnn", digits, *flags) for flags in ([], ["--bfloat16"]))
    assert not np.array_equal(full.get_weights()[0], short.get_weights()[0])
    assert short.get_weights()[0].dtype == np.float32
    np.testing.assert_allclose(full.history.history["loss"], short.history.history["loss"], rtol=0.1)


def test_the_benchmarks_multiply_adds():
    assert benchmark.operations("mlp_256", 1, 0, 1) == 2 * (2 * 784 * 256 + 3 * 256 * 10)
    assert benchmark.operations("mlp_256", 0, 1, 1) == 2 * (784 * 256 + 256 * 10)
    later = 14 * 14 * 9 * 16 * 36 + 1764 * 128 + 128 * 10
    assert benchmark.operations("cnn", 3, 0, 10) == 10 * 3 * 2 * (2 * 28 * 28 * 9 * 16 + 3 * later)


def test_the_benchmarks_table():
    rows = []
    for turn, (fit, whole) in enumerate([(10, 20), (20, 40), (30, 30)]):
        row = {"round": turn, "run": "mlp_256", "test_accuracy": 1}
        rows.append(row | {"side": "listing", "fit": 60, "whole": 120, "memory": 5})
        rows.append(row | {"side": "script", "fit": fit, "whole": whole, "memory": 4})
    listed, ours = benchmark.summary(rows, speed=benchmark.operations("mlp_256") / 5).to_dict("records")
    assert listed["fit ratio"] == listed["whole ratio"] == 1 and listed["memory"] == 5
    assert (ours["fit"], ours["fit min"], ours["fit max"]) == (20, 10, 30)
    assert (ours["whole"], ours["whole min"], ours["whole max"]) == (30, 20, 40)
    assert (ours["fit ratio"], ours["whole ratio"], ours["rounds"]) == (3, 4, 3)
    assert ours["matmul share"] == 0.25


def test_the_benchmark_measures_a_process(tmp_path):
    measure = "import benchmark; print(*benchmark.measure(['-c', 'print(len(bytes([1]) * 2**28))'], '.'))"
    process = run(tmp_path, "-c", measure, PYTHONPATH=str(ROOT / "tests"))
    seconds, memory, output = process.stdout.split()
    assert 0 < float(seconds) < 60 and 256 < float(memory) < 600 and output == str(2**28)


def test_the_benchmark_refuses_an_unknown_run(tmp_path):
    assert "there is no run cnn5" in error_line(run(tmp_path, ROOT / "tests" / "benchmark.py", "cnn5"), 2)
