"""The synthetic digits: MNIST's shapes, the same every time, readable, and never taken for MNIST."""

import numpy as np
import pytest

from conftest import RUN, error_line, read_metrics, run_script
from digits import mnist, synthetic


def test_they_are_like_mnists_and_the_same_every_time():
    digits = synthetic.draw_digits()
    shapes = {name: (shape, np.uint8) for name, (shape, _) in mnist.MNIST.items()}
    assert {name: (array.shape, array.dtype) for name, array in digits.items()} == shapes
    counts = np.bincount(digits["y_train"])
    assert len(counts) == 10 and counts.min() > 5500 and counts.max() < 6500
    assert len(np.unique(digits["x_train"][:5000].reshape(5000, -1), axis=0)) == 5000
    again = synthetic.draw_digits.__wrapped__()  # not the ones that all tests share
    assert all(np.array_equal(digits[name], again[name]) for name in digits)


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
    assert "SYNTHETIC digits, not MNIST: 2000 training images, 10000 test images" in process.stdout
    assert f"{RUN}: test accuracy" in process.stdout and "not comparable with the deck" in process.stdout
    assert f"\nDraw a digit yourself: open plots/{RUN}/draw.html in a browser\nNext: " in process.stdout
    metrics = read_metrics(offline, RUN)
    assert metrics["dataset"] == "synthetic" and metrics["test_accuracy"] > 0.5
    assert [path.name for path in (offline / "models").iterdir()] == [RUN]
    process = run_script(offline, "evaluate.py")
    assert process.returncode == 0 and RUN in process.stdout and "0.9762" not in process.stdout


def test_dataset_mnist_refuses_synthetic_digits(offline):
    line = error_line(run_script(offline, "mlp.py", "--dataset", "mnist"), 1)
    assert "could not be downloaded" in line and "data/README.md" in line
    assert f"{offline / 'data'} or {offline / 'keras' / 'datasets'}" in line
    assert not list(offline.glob("models/*")) and not list(offline.glob("plots/*"))
