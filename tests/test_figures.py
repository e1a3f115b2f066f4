"""Every kind of picture is written, whole, in its size, also from awkward numbers."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import figures
import figures_layers


def size(path):
    with Image.open(path) as picture:
        picture.load()  # whole
        assert picture.format == "PNG"
        return picture.size


CURVE = [0.8, 0.9, 0.95]


@pytest.mark.parametrize(
    "columns",
    [
        {"accuracy": CURVE, "val_accuracy": [0.85, 0.9, 0.91], "loss": CURVE, "val_loss": CURVE},
        {"accuracy": CURVE, "val_accuracy": [0.85, 0.92, 0.99], "loss": CURVE, "val_loss": CURVE},  # the gap below zero
        {"accuracy": CURVE, "loss": CURVE},  # no validation
        {"accuracy": [0.1], "val_accuracy": [0.1], "loss": [np.nan], "val_loss": [np.nan]},  # diverged at once
    ],
)
def test_accuracy(tmp_path, columns):
    assert size(figures.accuracy(pd.DataFrame(columns), tmp_path / "a.png", "title")) == (1100, 550)


def test_the_gap_is_explained():
    above, below = pd.Series([0.9, 0.99]), pd.Series([0.85, 0.97])
    assert "training is +0.0200 above validation" in figures.gap_note(above, below)
    assert "no mistake" not in figures.gap_note(above, below)
    assert "no mistake" in figures.gap_note(below, above)


@pytest.mark.parametrize("matrix", [np.eye(10, dtype=int) * 1000, np.arange(100).reshape(10, 10)])
def test_confusion_matrix(tmp_path, matrix):
    share = np.linspace(0.9, 1, 10)
    share[3] = np.nan
    assert size(figures.confusion_matrix(matrix, share, share, tmp_path / "c.png", "title")) == (1056, 902)


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_digits(tmp_path, count):
    images = np.random.default_rng(0).random((count, 784))
    width, height = size(figures.digits(images, ["label"] * count, tmp_path / "d.png", "title", columns=6))
    assert width == 1100 and height > 150


def test_a_picture_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "p.png"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        figures.draw(path, (1, 1), lambda figure: 1 / 0)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("count", [2, 4])
def test_learning_curves(tmp_path, count):
    history = pd.DataFrame({"accuracy": CURVE, "val_accuracy": CURVE[::-1]})
    path = figures.learning_curves({f"run {i}": history for i in range(count)}, tmp_path / "l.png")
    assert size(path) == (round(110 * (3.3 * count + 0.6)), 462)


@pytest.mark.parametrize("count", [0, 3, 30])
def test_disagreements(tmp_path, count):
    group = np.zeros((count, 784)), ["label"] * count
    assert size(figures.disagreements({"a": group, "b": group}, tmp_path / "d.png", "title")) == (1210, 869)


def test_mosaic_worked_by_hand():
    maps = np.arange(12).reshape(2, 2, 3)  # three maps of 2x2
    _ = np.nan
    expected = [
        [_, _, _, _, _, _, _],
        [_, 0, 3, _, 1, 4, _],
        [_, 6, 9, _, 7, 10, _],
        [_, _, _, _, _, _, _],
        [_, 2, 5, _, _, _, _],
        [_, 8, 11, _, _, _, _],
        [_, _, _, _, _, _, _],
    ]
    np.testing.assert_array_equal(figures_layers.mosaic(maps), expected)
    np.testing.assert_array_equal(figures_layers.block(np.arange(3.0)), [[0, 1], [2, _]])


@pytest.mark.parametrize("width", [1, 3, 5])
def test_filters(tmp_path, width):
    kernels = [np.ones((width, width, 1, 16)), np.ones((width, width, 16, 36))]
    assert size(figures_layers.filters(kernels, tmp_path / "f.png", "title"))[0] == 1320


@pytest.mark.parametrize("hidden", [1, 39, 256])
def test_hidden_neurons(tmp_path, hidden):
    rng = np.random.default_rng(0)
    kernel, outgoing = rng.normal(size=(784, hidden)), rng.normal(size=(hidden, 10))
    assert size(figures_layers.hidden_neurons(kernel, outgoing, tmp_path / "h.png", "title")) == (1320, 682)
