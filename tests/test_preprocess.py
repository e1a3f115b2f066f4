"""Slides 2-6: the arrays, their preprocessing, and the containers that MNIST may come in."""

import numpy as np

import preprocess
from conftest import run_script, write_idx
from digits.mnist import read_mnist


def test_slide_2_in_idx_files_too_beside_a_damaged_npz(mnist_folder, tmp_path):
    raw = read_mnist(mnist_folder)
    shapes = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}
    assert {name: array.shape for name, array in raw.items()} == shapes
    write_idx(tmp_path, raw, compress=False)
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04 torn")
    again = read_mnist(tmp_path)
    for name, array in raw.items():
        np.testing.assert_array_equal(again[name], array)


def test_slides_3_to_6_on_mnist(mnist):
    assert mnist.x_train.shape == (60000, 784) and mnist.x_test.shape == (10000, 784)
    assert mnist.x_train.dtype == mnist.x_test.dtype == np.float32
    assert mnist.x_train.min() == 0 and mnist.x_train.max() == 1
    assert mnist.y_train.shape == (60000, 10) and mnist.y_test.shape == (10000, 10)
    assert (mnist.y_train.sum(axis=1) == 1).all()
    assert mnist.dataset == "mnist"


def test_slides_4_and_5_an_image_is_read_row_by_row_and_normalised():
    pixels = np.arange(784, dtype=np.uint8)
    x = preprocess.flatten_and_normalize(pixels.reshape(1, 28, 28))
    assert x.dtype == np.float32 and x[0, 0] == 0 and x[0, 255] == 1 and x[0, 51] == np.float32(0.2)
    np.testing.assert_array_equal(x, [pixels / np.float32(255)])


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
