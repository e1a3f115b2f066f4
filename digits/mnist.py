"""MNIST itself: found on this machine or downloaded, and verified by its SHA-256."""

import gzip
import hashlib
import re
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from digits import environment, synthetic
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
IDX = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
# What files and folders of MNIST are called: Keras's mnist.npz, also as "mnist (1).npz"; its authors' IDX files, also
# as train-images.idx3-ubyte, zipped, or unpacked into a folder of their name; torchvision's MNIST/raw/; Kaggle's CSV.
FILES = [  # the likelier first
    re.compile(pattern, re.I)
    for pattern in (r"mnist\.npz", r".*mnist.*\.npz", r".*ubyte", r".*ubyte\.gz", r"(.*mnist.*|train)\.csv")
]
ARCHIVES = tuple(suffix for _, suffixes, _ in shutil.get_unpack_formats() for suffix in suffixes)
OTHERS = {
    b"<": "is a web page: download the file itself",
    b"version https://git-lfs": "is only Git LFS's pointer to the file: `git lfs pull` fetches it",
    b"\x80": "is a Python pickle, which is not opened: use mnist.npz",
}
FOLDERS = re.compile(r"mnist|raw|.*ubyte.*", re.I)
SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"  # of the four, one after the other
# Tried in this order: the file that Keras uses, then the mirrors that PyTorch and TensorFlow Datasets use.
SOURCES = [
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", ["mnist.npz"]),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", [f"{name}.gz" for name in IDX]),
    ("https://storage.googleapis.com/cvdf-datasets/mnist/", [f"{name}.gz" for name in IDX]),
]


def load_arrays(dataset="auto", path=None):
    """Return the raw arrays to train and test with, and what they are.

    Args:
        dataset: "mnist", "synthetic" (synthetic digits), or "auto": MNIST, or synthetic digits if it is unavailable.
        path: where MNIST is; see `find_mnist`.

    Returns:
        A dict of x_train, y_train, x_test, y_test (uint8), shaped as on slide 2; "mnist" or "synthetic"; and the
        SHA-256 of the bytes of the four arrays, one after the other.

    Raises:
        UserError: MNIST is not at `path`; or `dataset` is "mnist", and it is unavailable.
    """
    if dataset != "synthetic":
        try:
            return find_mnist(path), "mnist", SHA256
        except UserError as error:
            if dataset == "mnist" or path:
                raise
            warn(f"{error}. Continuing with SYNTHETIC digits: every result will say so.")
    arrays = synthetic.draw_digits()
    return arrays, "synthetic", hashlib.sha256(b"".join(arrays[name].tobytes() for name in MNIST)).hexdigest()


def find_mnist(path=None):
    """Return MNIST's raw arrays by name.

    Args:
        path: the folder or file that holds them. Without it: data/, then Keras's cache, then the network.

    Raises:
        UserError: MNIST is not there, or without a `path` in none of these.
    """
    if path:
        try:
            return read_mnist(Path(path))
        except (FileNotFoundError, ValueError) as error:
            raise UserError(f"{error}. Name a folder that holds MNIST, or leave --data out") from error
    places = [DATA, environment.keras_home() / "datasets"]
    for place in places:
        try:
            return read_mnist(place)
        except FileNotFoundError:
            continue
        except ValueError as error:
            warn(error)
    return download_mnist(places)


def read_mnist(path):
    """Return MNIST's raw arrays by name, out of a file, or of the files in a folder, whatever they are called.

    Raises:
        FileNotFoundError: no file there is named as MNIST's are.
        ValueError: the files there differ from MNIST, even by one bit; the message says which.
    """
    if path.is_file() and path.name.endswith(ARCHIVES):
        with tempfile.TemporaryDirectory() as folder:
            shutil.unpack_archive(path, folder)
            return read_mnist(Path(folder))
    found, problems = {}, []
    for file in [path] if path.is_file() else list_files(path):
        try:
            arrays = read_arrays(file)
        except Exception as error:  # a damaged archive can raise nearly anything
            problems.append(f"{file.name} {describe_content(file) or describe_error(error)}")
            continue
        for array in arrays:
            name = recognize(array)
            if name:
                found[name] = array
            else:
                problems.append(f"{file.name} holds {array.dtype} {array.shape}, which is not MNIST's")
        if len(found) == len(MNIST):
            return found
    if not found and not problems:
        raise FileNotFoundError(f"{path} holds neither mnist.npz, nor {IDX[0]} and its like, nor mnist_train.csv")
    missing = ", ".join(name for name in MNIST if name not in found)
    reason = "; ".join(dict.fromkeys(problems)) or "no file there has it"
    raise ValueError(f"{path} does not hold MNIST's {missing}: {reason}")


def describe_content(file):
    """Return what a file is that is often saved under the name of one of MNIST's, and what to do; or None."""
    start = file.read_bytes()[:100].lstrip()
    return next((words for beginning, words in OTHERS.items() if start.startswith(beginning)), None)


def describe_error(error):
    """Return why a file can't be read."""
    reason = str(error) or type(error).__name__
    return "is no archive of NumPy's" if "pickle" in reason else f"can't be read ({reason})"


def list_files(folder):
    """Return the files that may hold MNIST, the likelier first: in `folder`, and below it in folders of such names."""
    paths = [path for depth in ("*", "*/*", "*/*/*") for path in sorted(folder.glob(depth)) if path.is_file()]
    paths = [path for path in paths if all(map(FOLDERS.fullmatch, path.relative_to(folder).parts[:-1]))]
    return list(dict.fromkeys(path for name in FILES for path in paths if name.fullmatch(path.name)))


def recognize(array):
    """Return which of MNIST's arrays this is, or None."""
    for name, (shape, sha256) in MNIST.items():
        if array.shape == shape and array.dtype == np.uint8 and hashlib.sha256(array).hexdigest() == sha256:
            return name
    return None


def read_arrays(file):
    """Return the arrays in a file, not verified."""
    if file.suffix.lower() == ".npz":
        with np.load(file, allow_pickle=False) as archive:
            return [archive[name] for name in archive.files]
    if file.suffix.lower() == ".csv":
        return read_csv(file)
    return [read_idx(file)]


def read_idx(file):
    """Return the array in an IDX file, gzipped or not.

    It holds 4 bytes of type, the last of them the number of dimensions, then the shape, then the values.
    """
    content = file.read_bytes()
    if content[:2] == b"\x1f\x8b":  # not by the name: a browser may have unpacked it, and left the .gz
        content = gzip.decompress(content)
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_csv(file):
    """Return images (n, 28, 28) and labels (n,), uint8, of a CSV file: in each row the label, then the 784 pixels."""
    import pandas as pd

    header = pd.read_csv(file, header=None, nrows=1, dtype=str).iloc[0]
    if len(header) != 1 + 784:
        raise ValueError(f"{len(header)} columns, not 785")
    table = pd.read_csv(file, header=None, skiprows=int(not header[0].isdigit()), dtype=np.uint8).to_numpy()
    return [np.ascontiguousarray(table[:, 1:]).reshape(-1, 28, 28), table[:, 0].copy()]


def download_mnist(places):
    """Return MNIST's raw arrays from the first source that has them, and keep its files in one of `places`.

    Args:
        places: folders; the first one that can be written to is used.

    Raises:
        UserError: no source has them; the message holds what each one answered.
    """
    environment.import_tensorflow()
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
        f"MNIST is not in {' or '.join(map(str, places))} and could not be downloaded ({'; '.join(answers)}). "
        "Put mnist.npz into data/: data/README.md says where to get it"
    )


def keep(files, places):
    """Copy verified MNIST files into the first of `places` that can be written to and has no files of these names."""
    for place in places:
        if any((place / file.name).exists() for file in files):
            continue  # damaged, or another data set: not ours to delete
        try:
            for file in files:
                with atomic_write(place / file.name) as part:
                    shutil.copyfile(file, part)
        except OSError as error:
            warn(f"MNIST can't be saved in {place}: {error}")
        else:
            print(f"MNIST is now in {place}")
            return
