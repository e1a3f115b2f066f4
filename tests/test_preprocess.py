"""Slides 2-6: the arrays and their preprocessing."""

import hashlib

import numpy as np
import pytest

import preprocess
from conftest import ROOT, error_line, run_script
from digits import mnist


def test_the_arrays_are_mnists():
    described = (ROOT / "data/README.md").read_text(encoding="utf-8")
    for name, array in mnist.load_arrays().items():
        assert f"| `{name}` | {array.shape} | `{hashlib.sha256(array).hexdigest()}` |" in described
        assert array.dtype == np.uint8


@pytest.mark.parametrize("content", [None, b"", b"<html>log in first</html>", b"PK\x03\x04 torn"])
def test_a_missing_or_damaged_file_is_one_line_that_says_how_to_get_it_back(tmp_path, monkeypatch, content):
    monkeypatch.setattr(mnist, "PATH", tmp_path / "mnist.npz")
    monkeypatch.setattr(mnist, "load_arrays", mnist.load_arrays.__wrapped__)  # not the arrays of the other tests
    if content is not None:
        mnist.PATH.write_bytes(content)
    line = error_line(run_script(tmp_path, "mlp.py", "--dry-run"), 1)
    assert f"{mnist.PATH} is missing or damaged" in line and "`git checkout data/mnist.npz`" in line
    assert not list(tmp_path.glob("models/*"))


def test_slides_4_and_5_an_image_is_read_row_by_row_and_normalised():
    pixels = np.arange(784, dtype=np.uint8)
    x = preprocess.flatten_and_normalize(pixels.reshape(1, 28, 28))
    assert x.dtype == np.float32 and x[0, 0] == 0 and x[0, 255] == 1 and x[0, 51] == np.float32(0.2)
    np.testing.assert_array_equal(x, [pixels / np.float32(255)])


def test_the_script_shows_slides_2_to_6(tmp_path):
    process = run_script(tmp_path, "preprocess.py")
    assert process.returncode == 0 and process.stderr == ""
    for fact in (
        *("x_train (60000, 28, 28)", "y_test  (10000,)", "x_train (60000, 784) float32, 0 to 1"),
        *("y_test  (10000, 10)  float64, 0 to 1", "3 -> 0001000000", "7 -> 0000000100"),
        *("  0   0   0   0   0  38  43 105 255 253", "0.00 0.00 0.00 0.00 0.00 0.15 0.17 0.41 1.00 0.99"),
    ):
        assert fact in process.stdout
    assert max(map(len, process.stdout.splitlines())) <= 80
    for figure in ("samples", "preprocessing"):
        assert (tmp_path / f"plots/data/{figure}.png").stat().st_size > 10000
