"""The synthetic digits: MNIST's shapes, the same every time, readable, and never taken for MNIST."""

import numpy as np
import pytest

from conftest import RUN, error_line, read_metrics, run_script
from digits import mnist, synthetic


@pytest.fixture(scope="module")
def digits():
    return synthetic.draw_digits()


def test_shapes_are_mnists(digits):
    assert {name: (array.shape, array.dtype) for name, array in digits.items()} == {
        "x_train": ((60000, 28, 28), np.uint8),
        "y_train": ((60000,), np.uint8),
        "x_test": ((10000, 28, 28), np.uint8),
        "y_test": ((10000,), np.uint8),
    }


def test_same_seed_same_digits(digits):
    again = synthetic.draw_digits.__wrapped__()  # not the ones that all tests share
    assert all(np.array_equal(digits[name], again[name]) for name in digits)
    assert not np.array_equal(digits["x_test"], synthetic.draw_digits(seed=1)["x_test"])


def test_every_digit_is_drawn_about_as_often_and_in_many_ways(digits):
    counts = np.bincount(digits["y_train"])
    assert len(counts) == 10 and counts.min() > 5500 and counts.max() < 6500
    assert len(np.unique(digits["x_train"][:5000].reshape(5000, -1), axis=0)) == 5000


def test_they_look_like_their_labels(digits):
    """The nearest of the ten mean images is correct far more often than chance: images and labels belong together."""
    x, y = digits["x_train"].reshape(60000, 784).astype(np.float32), digits["y_train"]
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    test = digits["x_test"].reshape(10000, 784).astype(np.float32)
    nearest = ((means**2).sum(axis=1) - 2 * test @ means.T).argmin(axis=1)
    assert np.mean(nearest == digits["y_test"]) > 0.6


@pytest.fixture
def offline(tmp_path, monkeypatch, tensorflow):
    """A folder to work in on a computer without MNIST and without a network."""
    monkeypatch.setattr(mnist, "DATA", tmp_path / "data")
    monkeypatch.setattr(mnist, "SOURCES", [("http://127.0.0.1:9/", ["mnist.npz"])])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


def test_offline_every_result_says_synthetic(offline):
    process = run_script(offline, "mlp.py", "--dry-run")
    warning = error_line(process, 0)
    assert "could not be downloaded" in warning and "SYNTHETIC" in warning
    assert f"{RUN}: test accuracy" in process.stdout and "not comparable with the deck" in process.stdout
    assert read_metrics(offline, RUN)["dataset"] == "synthetic"
    assert [path.name for path in (offline / "models").iterdir()] == [RUN]
    process = run_script(offline, "evaluate.py")
    assert process.returncode == 0 and RUN in process.stdout and "0.9762" not in process.stdout


def test_dataset_mnist_refuses_synthetic_digits(offline):
    line = error_line(run_script(offline, "mlp.py", "--dataset", "mnist"), 1)
    assert "could not be downloaded" in line and "data/README.md" in line
    assert f"{offline / 'data'} or {offline / 'keras' / 'datasets'}" in line
    assert not list(offline.glob("models/*")) and not list(offline.glob("plots/*"))
