"""What the tests share: scripts run as a student runs them, in folders of their own, and what they leave there."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from benchmarks.speed import COMMANDS

ROOT = Path(__file__).parent.parent
SCRIPTS = ["mlp.py", "mlp_dropout.py", "cnn.py"]
HOME = tempfile.TemporaryDirectory(prefix="home-")  # of the processes here: Keras and matplotlib write into it


@pytest.fixture(scope="session")
def tensorflow():
    """TensorFlow; the tests that need none of it do not ask for it, and do not wait for its import."""
    from digits import environment

    return environment.import_tensorflow()


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder that holds real MNIST; tests that ask for it are skipped if there is none."""
    from digits import mnist

    try:
        mnist.read_mnist(mnist.DATA)
    except FileNotFoundError:
        pytest.skip("needs real MNIST: data/mnist.npz is not there (data/README.md says where to get it)")
    return mnist.DATA


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    """MNIST as a preprocess.Dataset."""
    import preprocess

    return preprocess.load_data("mnist", mnist_folder)


def environment(home, **more):
    """Return an environment without a network, with a home of its own and nobody's TensorFlow settings.

    Args:
        home: an existing folder outside the checkout, for the caches that libraries write into the home folder.
        more: further variables.
    """
    home = Path(home).resolve()
    assert home != ROOT and ROOT not in home.parents, "nothing may write caches into the checkout"
    closed = "http://127.0.0.1:9"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_", "MPL", "XDG_"))}
    return {**kept, "HOME": str(home), "http_proxy": closed, "https_proxy": closed, "no_proxy": "127.0.0.1"} | more


def run_python(folder, *command, **env):
    """Run `python <command>` in `folder`, without a network; return the finished process.

    Args:
        folder: the working directory.
        command: the arguments of Python.
        env: environment variables to add.
    """
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(HOME.name, **env),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
    )


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The folder that all processes of a test session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def trained_folder(shared):
    """A folder in which mlp.py and cnn.py have run on synthetic digits; for reading only, all tests share it."""
    folder = shared / "trained"
    with FileLock(shared / "trained.lock"):
        if not folder.exists():
            folder.mkdir()
            for script, *flags in (["mlp.py"], ["cnn.py", "--digit", "3"]):
                process = run_python(folder, ROOT / script, *flags, "--dataset", "synthetic", "--dry-run")
                assert process.returncode == 0 and process.stderr == "", process.stderr
    return folder


@pytest.fixture(scope="session")
def train(mnist_folder, shared):
    """A function that trains a run of the deck on MNIST, once in a test session; it returns what the script printed.

    All of them are trained in one folder, which is the function's `folder`.
    """
    folder = shared / "runs"
    folder.mkdir(exist_ok=True)

    def train(name):
        output = folder / f"{name}.txt"
        with FileLock(folder / f"{name}.lock"):
            if not output.exists():
                script, *flags = COMMANDS[name]
                process = run_python(folder, ROOT / script, *flags, "--dataset", "mnist")
                assert process.returncode == 0, process.stderr
                output.write_text(process.stdout, encoding="utf-8")
        return output.read_text(encoding="utf-8")

    train.folder = folder
    return train


@pytest.fixture(scope="session")
def cnn(train):
    """The folder in which the deck's CNN is trained, once in a test session."""
    train("cnn")
    return train.folder


@pytest.fixture
def clone(tmp_path):
    """A copy of the code without MNIST, as a new clone is."""
    for path in ROOT.glob("*.py"):
        shutil.copy(path, tmp_path)
    for package in ("digits", "study"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").mkdir()
    return tmp_path


def error_line(process, code):
    """Check that `process` ended with `code` and one line on stderr; return that line."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == code, process.stderr
    assert len(lines) == 1, process.stderr
    return lines[0]


def read_metrics(folder, run_name):
    """Return the metrics.json of a run in `folder`."""
    return json.loads((Path(folder) / "models" / run_name / "metrics.json").read_text())


def write_idx(folder, arrays, compress):
    """Write MNIST's raw arrays as the four IDX files of its authors."""
    from digits.mnist import IDX, MNIST

    for name, file in zip(MNIST, IDX):
        header = bytes([0, 0, 8, arrays[name].ndim]) + np.array(arrays[name].shape, ">i4").tobytes()
        content = header + arrays[name].tobytes()
        if compress:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (folder / file).write_bytes(content)
