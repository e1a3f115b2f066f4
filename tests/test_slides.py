"""Slides 2-28 but for the trainings: the arrays, their preprocessing, the networks, the examples worked by hand."""

import hashlib

import numpy as np
import pytest

import cnn
import mlp
import mlp_dropout
import preprocess
import worked_examples
from conftest import ROOT, error_line, run_script
from digits import mnist

pytestmark = pytest.mark.usefixtures("tensorflow")


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


CNN = [(28, 28, 1), (28, 28, 16), (14, 14, 16), (14, 14, 36), (7, 7, 36), (7, 7, 36), (1764,), (128,), (10,)]


@pytest.mark.parametrize(
    ("build", "arguments", "shapes", "rates", "parameters"),
    [
        (mlp.build_model, [], [(256,), (10,)], [], 784 * 256 + 256 + 256 * 10 + 10),
        (mlp.build_model, [800], [(800,), (10,)], [], 784 * 800 + 800 + 800 * 10 + 10),
        (mlp_dropout.build_model, [], [(800,), (800,), (10,)], [0.5], 784 * 800 + 800 + 800 * 10 + 10),
        (cnn.build_model, [3], CNN, [0.25], 160 + 5220 + (1764 * 128 + 128) + (128 * 10 + 10)),
        (cnn.build_model, [5], CNN, [0.25], 416 + 14436 + (1764 * 128 + 128) + (128 * 10 + 10)),
    ],
    ids=["slide 12", "slide 13", "slide 16", "slide 27", "slide 28"],
)
def test_a_model_is_the_slides(build, arguments, shapes, rates, parameters):
    model = build(*arguments)
    assert model.input_shape == (None, 784) and model.count_params() == parameters
    assert [layer.output.shape[1:] for layer in model.layers] == shapes
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == rates
    hidden, output = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert (hidden.activation.__name__, output.activation.__name__) == ("relu", "softmax")


def test_the_layers_give_the_decks_numbers():
    assert worked_examples.convolution().tolist() == [[7, 13, 16], [11, 25, 24], [16, 20, 22]]
    right = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]], "float32")  # no filter is turned around
    assert worked_examples.convolution(kernel=right).tolist() == [[1, 8, 0], [3, 7, 0], [9, 6, 0]]
    assert worked_examples.max_pooling().tolist() == [[6, 8], [3, 4]]


def test_the_script_prints_and_draws_the_worked_examples(tmp_path):
    process = run_script(tmp_path, "worked_examples.py")
    assert process.returncode == 0 and process.stderr == ""
    assert "[ 7. 13. 16.]" in process.stdout and "[6. 8.]" in process.stdout
    assert "0·0 + 0·1 + 0·0 + 0·1 + 1·1 + 1·1 + 0·0 + 5·1 + 3·0 = 7\n" in process.stdout
    assert process.stdout.count("·") == 9 * 9
    figures = {path.relative_to(tmp_path / "plots").as_posix() for path in tmp_path.rglob("*.png")}
    assert figures == {"layers/convolution.png", "layers/max_pooling.png", "flow_chart.png"}
