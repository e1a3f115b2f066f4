"""Step 1 of the deck (slides 2-6): MNIST, from wherever it is, as the numbers that a network takes.

python preprocess.py      shows what slides 2-6 show and writes plots/data/samples.png
"""

import argparse
import gzip
import hashlib
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

import figures
import script
import synthetic

DATA = Path(__file__).parent / "data"
TIMEOUT = 30  # seconds without a byte after which a download counts as stalled

# Slide 2's four arrays (uint8), and the SHA-256 of their bytes.
MNIST = {
    "x_train": ((60000, 28, 28), "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"),
    "y_train": ((60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"),
    "x_test": ((10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "y_test": ((10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"),
}
IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# Tried in this order: the file that Keras uses, then the mirrors that PyTorch and TensorFlow Datasets use.
SOURCES = [
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", ["mnist.npz"]),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", [f"{name}.gz" for name in IDX.values()]),
    ("https://storage.googleapis.com/cvdf-datasets/mnist/", [f"{name}.gz" for name in IDX.values()]),
]


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
            raw, dataset = find_mnist(folder), "mnist"
        except OSError as error:
            if dataset == "mnist":
                raise
            warn(f"{error}. Going on with SYNTHETIC stand-in digits: every result will say so.")
            raw, dataset = synthetic.draw_digits(), "synthetic"
    sha256 = hashlib.sha256(b"".join(raw[name].tobytes() for name in MNIST)).hexdigest()
    x_train, y_train, x_test, y_test = (raw[name] for name in MNIST)
    name = "MNIST" if dataset == "mnist" else "SYNTHETIC digits, not MNIST"
    print(f"{name}: {len(x_train)} pictures to train with, {len(x_test)} to test with", flush=True)
    return Digits(features(x_train), one_hot(y_train), features(x_test), one_hot(y_test), dataset, sha256)


def find_mnist(folder=None):
    """Return MNIST's raw arrays by name, from `folder`, data/, Keras's cache, or the network. Raises OSError."""
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    places = [Path(folder or DATA), DATA, keras_home / "datasets"]
    for place in dict.fromkeys(places):
        try:
            return read_mnist(place)
        except FileNotFoundError:
            continue
        except ValueError as error:
            warn(error)
    return download_mnist(places)


def read_mnist(folder):
    """Return MNIST's raw arrays by name from `folder`'s mnist.npz or its four IDX files (gzipped or not).

    Raises FileNotFoundError where there is neither, ValueError where what is there is not MNIST, bit by bit.
    """
    problem = FileNotFoundError(f"{folder}: neither mnist.npz nor {IDX['x_train']}")
    for read in (read_npz, read_idx):
        try:
            arrays = read(folder)
            for name, (shape, sha256) in MNIST.items():
                array = arrays[name]
                if array.shape != shape or array.dtype != np.uint8 or hashlib.sha256(array).hexdigest() != sha256:
                    raise ValueError(f"{name} differs from MNIST's")
            return arrays
        except FileNotFoundError:
            continue
        except Exception as error:  # a damaged archive can raise nearly anything
            problem = ValueError(f"{folder}: the MNIST there is not used, it is damaged or another data set ({error})")
    raise problem


def read_npz(folder):
    """Return the raw arrays of `folder`/mnist.npz, unchecked."""
    with np.load(folder / "mnist.npz", allow_pickle=False) as file:
        return {name: file[name] for name in MNIST}


def read_idx(folder):
    """Return the raw arrays of `folder`'s IDX files, unchecked. An IDX file: 4 bytes of type, the shape, the bytes."""
    arrays = {}
    for name, file in IDX.items():
        plain = folder / file
        content = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{file}.gz").read_bytes())
        dimensions = content[3]
        shape = np.frombuffer(content, ">i4", dimensions, offset=4)
        arrays[name] = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    return arrays


def download_mnist(places):
    """Return MNIST's raw arrays from the first source that has them, kept in the first of `places` that takes them.

    Raises OSError, with what each source answered, where none has them.
    """
    script.import_tensorflow()
    from keras.utils import get_file

    answers = []
    for address, names in SOURCES:
        # A folder of its own, so that neither a half file nor two downloads at once can do harm.
        with tempfile.TemporaryDirectory(prefix="mnist-") as folder:
            patience = socket.getdefaulttimeout()
            socket.setdefaulttimeout(TIMEOUT)
            try:
                for name in names:
                    get_file(name, address + name, cache_dir=folder, cache_subdir="")
                arrays = read_mnist(Path(folder))
            except Exception as error:  # Keras raises a bare Exception for HTTP errors
                reason = str(error).rsplit(" -- ")[-1]  # of "URL fetch failure on <address>: None -- <reason>"
                answers.append(f"{urlsplit(address).netloc}: {reason or type(error).__name__}")
                continue
            finally:
                socket.setdefaulttimeout(patience)
            keep([Path(folder, name) for name in names], places)
            return arrays
    raise OSError(
        f"MNIST is not in data/ and could not be downloaded ({'; '.join(answers)}). "
        "Put mnist.npz into data/: data/README.md says where to get it"
    )


def keep(files, places):
    """Copy checked MNIST files into the first of `places` that takes them; a bad file of that name is put aside."""
    for place in places:
        try:
            try:
                read_mnist(place)  # another process was faster
            except FileNotFoundError:
                pass
            except ValueError:
                for file in files:
                    bad = place / file.name
                    if bad.exists():
                        bad.replace(place / f"{file.name}.rejected")
            for file in files:
                with script.whole_file(place / file.name) as part:
                    shutil.copyfile(file, part)
            print(f"MNIST is now in {place}")
            return
        except OSError as error:
            warn(f"MNIST can't be kept in {place}: {error}")


def warn(message):
    print(f"WARNING: {message}", file=sys.stderr, flush=True)


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
    for name, (shape, _) in MNIST.items():
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
