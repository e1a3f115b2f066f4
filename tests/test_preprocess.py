"""Slides 2-6: the arrays, their preprocessing, and the containers that MNIST may come in."""

import shutil

import numpy as np
import pytest

import preprocess
from conftest import run_script, write_idx
from digits.mnist import read_mnist


def test_slide_2_shapes(mnist_folder):
    raw = read_mnist(mnist_folder)
    assert {name: array.shape for name, array in raw.items()} == {
        "x_train": (60000, 28, 28),
        "y_train": (60000,),
        "x_test": (10000, 28, 28),
        "y_test": (10000,),
    }


def test_slides_3_to_6_on_mnist(mnist):
    assert mnist.x_train.shape == (60000, 784) and mnist.x_test.shape == (10000, 784)
    assert mnist.x_train.dtype == mnist.x_test.dtype == np.float32
    assert mnist.x_train.min() == 0 and mnist.x_train.max() == 1
    assert mnist.y_train.shape == (60000, 10) and mnist.y_test.shape == (10000, 10)
    assert (mnist.y_train.sum(axis=1) == 1).all()
    assert mnist.dataset == "mnist"


def test_slide_4_an_image_is_read_row_by_row():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 1, 2] = 255
    assert np.flatnonzero(preprocess.flatten_and_normalize(image)[0]).tolist() == [28 + 2]


def test_slide_5_normalises_to_between_0_and_1():
    x = preprocess.flatten_and_normalize(np.arange(784, dtype=np.uint8).reshape(1, 28, 28))
    assert x.dtype == np.float32 and x[0, 0] == 0 and x[0, 255] == 1 and x[0, 51] == np.float32(0.2)


@pytest.mark.parametrize(("digit", "row"), [(3, "0001000000"), (7, "0000000100")])
def test_slide_6_one_hot(digit, row):
    assert "".join(f"{value:g}" for value in preprocess.one_hot(np.array([digit], np.uint8))[0]) == row


@pytest.mark.parametrize("compress", [True, False])
def test_idx_files_are_mnist_too(mnist_folder, tmp_path, compress):
    raw = read_mnist(mnist_folder)
    write_idx(tmp_path, raw, compress)
    again = read_mnist(tmp_path)
    for name, array in raw.items():
        np.testing.assert_array_equal(again[name], array)


def test_good_idx_files_beside_a_damaged_npz_are_used(mnist_folder, tmp_path):
    write_idx(tmp_path, read_mnist(mnist_folder), compress=False)
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04 torn")
    assert read_mnist(tmp_path)["x_train"].shape == (60000, 28, 28)


def test_keras_cache_is_searched(mnist_folder, tmp_path, monkeypatch):
    (tmp_path / "datasets").mkdir()
    shutil.copy(mnist_folder / "mnist.npz", tmp_path / "datasets")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("digits.mnist.DATA", tmp_path / "none")
    monkeypatch.setattr("digits.mnist.SOURCES", [])
    assert preprocess.load_data("mnist").dataset == "mnist"


def test_a_dry_run_keeps_the_first_training_images(mnist, mnist_folder, capsys):
    data = preprocess.load_data("mnist", mnist_folder, dry_run=True)
    assert "MNIST: 2000 training images, 10000 test images" in capsys.readouterr().out
    np.testing.assert_array_equal(data.x_train, mnist.x_train[:2000])
    np.testing.assert_array_equal(data.y_train, mnist.y_train[:2000])
    assert len(data.x_test) == len(data.y_test) == 10000 and data.sha256 == mnist.sha256


def test_the_script_shows_slides_2_to_6(mnist_folder, tmp_path):
    process = run_script(tmp_path, "preprocess.py")
    assert process.returncode == 0 and process.stderr == ""
    for fact in ("(60000, 28, 28)", "(60000, 784)", "float32, 0 to 1", "3 -> 0001000000", "7 -> 0000000100"):
        assert fact in process.stdout
    assert (tmp_path / "plots/data/samples.png").stat().st_size > 10000
