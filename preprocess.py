"""Step 1 of the deck (slides 2-6): MNIST, from wherever it is, as the numbers that a network takes.

python preprocess.py      shows what slides 2-6 show and writes plots/data/samples.png
"""

import argparse
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

import figures
import mnist
import script
import synthetic


class Digits(NamedTuple):
    """Preprocessed digits. Row i of an `x` is one picture, row i of its `y` the digit that it shows."""

    x_train: np.ndarray  # (60000, 784) float32 in [0, 1]
    y_train: np.ndarray  # (60000, 10) float32, one-hot
    x_test: np.ndarray  # (10000, 784) float32 in [0, 1]
    y_test: np.ndarray  # (10000, 10) float32, one-hot
    dataset: str  # "mnist", or "synthetic" for the drawn stand-in
    sha256: str  # of the bytes of the four raw arrays, one after the other


def features(images):
    """Slides 4 and 5: pictures (n, 28, 28) uint8 0..255 -> (n, 784) float32 in [0, 1]."""
    return images.reshape(len(images), 784) / np.float32(255)


def one_hot(labels):
    """Slide 6: labels (n,) 0..9 -> (n, 10) float32 with a single 1: 3 -> 0001000000."""
    return np.eye(10, dtype="float32")[labels]  # what keras.utils.to_categorical does; loading Keras takes seconds


def load_data(dataset="auto", folder=None):
    """Return the `Digits` to train on and test with.

    dataset: "mnist", "synthetic" (drawn stand-in digits), or "auto": MNIST, and the stand-in where MNIST can't be had.
    folder: a folder to look in before all others, and to keep a download in (default: data/).
    Raises OSError where `dataset` is "mnist" and it can't be had.
    """
    if dataset == "synthetic":
        raw = synthetic.draw_digits()
    else:
        try:
            raw, dataset = mnist.find_mnist(folder), "mnist"
        except OSError as error:
            if dataset == "mnist":
                raise
            script.warn(f"{error}. Going on with SYNTHETIC stand-in digits: every result will say so.")
            raw, dataset = synthetic.draw_digits(), "synthetic"
    sha256 = hashlib.sha256(b"".join(raw[name].tobytes() for name in mnist.MNIST)).hexdigest()
    x_train, y_train, x_test, y_test = (raw[name] for name in mnist.MNIST)
    name = "MNIST" if dataset == "mnist" else "SYNTHETIC digits, not MNIST"
    print(f"{name}: {len(x_train)} pictures to train with, {len(x_test)} to test with", flush=True)
    return Digits(features(x_train), one_hot(y_train), features(x_test), one_hot(y_test), dataset, sha256)


def add_flags(parser):
    """Add the two flags that say which digits to take."""
    parser.add_argument(
        "--dataset",
        choices=["auto", "mnist", "synthetic"],
        default="auto",
        help="auto: MNIST, or stand-in digits where it can't be had; mnist: MNIST or an error; synthetic: the stand-in",
    )
    add_folder_flag(parser)


def add_folder_flag(parser):
    """Add the flag that says where MNIST is."""

    def folder(text):
        if not Path(text).is_dir():
            raise argparse.ArgumentTypeError(f"there is no folder {text}; make it first, or leave --data out")
        return text

    parser.add_argument("--data", metavar="DIR", type=folder, help="folder to look for MNIST in before data/")


def main():
    parser = script.argument_parser(__doc__)
    add_flags(parser)
    args = parser.parse_args()
    data = load_data(args.dataset, args.data)
    print("\nSlide 2: four arrays")
    for name, (shape, _) in mnist.MNIST.items():
        print(f"  {name:8}{shape!s:16} uint8, {'0 to 255' if name[0] == 'x' else 'the digits 0 to 9'}")
    print("\nSlides 3-5: features, a 28x28 picture as 784 numbers, and slide 6: labels, a digit as ten")
    for name, array in data._asdict().items():
        if isinstance(array, np.ndarray):
            print(f"  {name:8}{array.shape!s:16} {array.dtype}, {array.min():g} to {array.max():g}")
    labels = data.y_train.argmax(axis=1)
    for digit in (3, 7):
        row = labels.tolist().index(digit)
        print(f"\nThe first {digit} of the training set, its 784 numbers as 28 rows (in hundredths, 0 left blank):")
        for line in np.rint(100 * data.x_train[row]).astype(int).reshape(28, 28):
            print("  " + " ".join(f"{value or '':>3}" for value in line).rstrip())
        print(f"Its label: {digit} -> {''.join(str(int(value)) for value in data.y_train[row])}")
    path = figures.samples(
        data.x_train,
        labels,
        f"plots/data/samples{'_synthetic' * (data.dataset != 'mnist')}.png",
        f"Ten of each digit ({data.dataset} training set)",
    )
    print(f"\nWritten: {path}")


if __name__ == "__main__":
    script.run(main)
