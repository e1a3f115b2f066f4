"""MNIST itself: found on this machine or downloaded, and verified by its SHA-256."""

import gzip
import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from digits import acceleration, synthetic
from digits.errors import UserError, warn
from digits.files import atomic_write

DATA = Path(__file__).parent.parent / "data"
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


def load_arrays(dataset="auto", folder=None):
    """Return the raw arrays to train and test with, and what they are.

    Args:
        dataset: "mnist", "synthetic" (synthetic digits), or "auto": MNIST, or synthetic digits if it is unavailable.
        folder: a folder to search first, and to keep a download in (default: data/).

    Returns:
        A dict of x_train, y_train, x_test, y_test (uint8), shaped as on slide 2; "mnist" or "synthetic"; and the
        SHA-256 of the bytes of the four arrays, one after the other.

    Raises:
        UserError: `dataset` is "mnist", and it is unavailable.
    """
    if dataset == "auto":
        try:
            arrays, dataset = find_mnist(folder), "mnist"
        except UserError as error:
            warn(f"{error}. Continuing with SYNTHETIC digits: every result will say so.")
            arrays, dataset = synthetic.draw_digits(), "synthetic"
    else:
        arrays = find_mnist(folder) if dataset == "mnist" else synthetic.draw_digits()
    sha256 = hashlib.sha256(b"".join(arrays[name].tobytes() for name in MNIST)).hexdigest()
    return arrays, dataset, sha256


def find_mnist(folder=None):
    """Return MNIST's raw arrays by name, from `folder`, data/, Keras's cache, or the network.

    Raises:
        UserError: MNIST is in none of these.
    """
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

    Raises:
        FileNotFoundError: neither is there.
        ValueError: what is there differs from MNIST, be it in a single bit.
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
    """Return the raw arrays of `folder`/mnist.npz, not verified."""
    with np.load(folder / "mnist.npz", allow_pickle=False) as file:
        return {name: file[name] for name in MNIST}


def read_idx(folder):
    """Return the raw arrays of `folder`'s IDX files, not verified.

    An IDX file holds 4 bytes of type, the last of them the number of dimensions, then the shape, then the values.
    """
    arrays = {}
    for name, file in IDX.items():
        plain = folder / file
        content = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{file}.gz").read_bytes())
        dimensions = content[3]
        shape = np.frombuffer(content, ">i4", dimensions, offset=4)
        arrays[name] = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    return arrays


def download_mnist(places):
    """Return MNIST's raw arrays from the first source that has them, and keep its files in one of `places`.

    Args:
        places: folders; the first one that can be written to is used.

    Raises:
        UserError: no source has them; the message holds what each one answered.
    """
    acceleration.import_tensorflow()
    from keras.utils import get_file

    answers = []
    for address, names in SOURCES:
        # A folder of its own, so that neither an incomplete file nor two downloads at once can do harm.
        with tempfile.TemporaryDirectory(prefix="mnist-") as folder:
            timeout = socket.getdefaulttimeout()
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
                socket.setdefaulttimeout(timeout)
            keep([Path(folder, name) for name in names], places)
            return arrays
    raise UserError(
        f"MNIST is not in data/ and could not be downloaded ({'; '.join(answers)}). "
        "Put mnist.npz into data/: data/README.md says where to get it"
    )


def keep(files, places):
    """Copy verified MNIST files into the first of `places` that can be written to."""
    for place in places:
        try:
            put_aside_damaged(files, place)
            for file in files:
                with atomic_write(place / file.name) as part:
                    shutil.copyfile(file, part)
        except OSError as error:
            warn(f"MNIST can't be kept in {place}: {error}")
        else:
            print(f"MNIST is now in {place}")
            return


def put_aside_damaged(files, place):
    """Rename the namesakes of `files` in `place` to *.rejected, unless they are MNIST: another process was faster."""
    try:
        read_mnist(place)
    except FileNotFoundError:
        return
    except ValueError:
        for file in files:
            damaged = place / file.name
            if damaged.exists():
                damaged.replace(place / f"{file.name}.rejected")
