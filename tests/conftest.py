"""What the tests share: the project's scripts run as a student runs them, in folders of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import preprocess
import script
from mnist import DATA, read_mnist

ROOT = Path(__file__).parent.parent
SCRIPTS = ["mlp.py", "mlp_dropout.py", "cnn.py"]


@pytest.fixture(scope="session", autouse=True)
def tensorflow():
    return script.import_tensorflow()


@pytest.fixture(scope="session")
def mnist_folder():
    """A folder that holds real MNIST; tests that ask for it are skipped where there is none."""
    try:
        read_mnist(DATA)
    except FileNotFoundError:
        pytest.skip("needs real MNIST: data/mnist.npz is not there (data/README.md says where to get it)")
    return DATA


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    return preprocess.load_data("mnist", mnist_folder)


def environment(home, **more):
    """Return an environment without a network, with a home of its own and nobody's TensorFlow settings."""
    closed = "http://127.0.0.1:9"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_", "MPL"))}
    return {**kept, "HOME": str(home), "http_proxy": closed, "https_proxy": closed, "no_proxy": "127.0.0.1"} | more


def run(folder, *command, **more):
    """Run `python <command>` in `folder`, without a network; return the finished process."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
    )


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """The folder that the whole test session trains in."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def clone(tmp_path):
    """A copy of the scripts without MNIST, as a new clone has them."""
    for path in ROOT.glob("*.py"):
        shutil.copy(path, tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path


def error_line(process, code):
    """Check that `process` ended with `code` and one line on stderr; return that line."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == code, process.stderr
    assert len(lines) == 1, process.stderr
    return lines[0]


def metrics(folder, run):
    """Return a run's metrics.json."""
    return json.loads((folder / "models" / run / "metrics.json").read_text())
