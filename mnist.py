"""MNIST itself: found on this machine or downloaded, and checked to the bit."""

import gzip
import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

import script

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
            script.warn(error)
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
            script.warn(f"MNIST can't be kept in {place}: {error}")
