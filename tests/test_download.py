"""MNIST in every layout, and downloads from a server on this machine. MNIST is small here, so that it takes no time."""

import gzip
import hashlib
import http.server
import io
import os
import re
import shutil
import socket
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT, start_python
from digits import mnist
from digits.errors import UserError

RAW = {
    "x_train": np.arange(6 * 784, dtype=np.uint8).reshape(6, 28, 28),
    "y_train": np.arange(6, dtype=np.uint8),
    "x_test": np.full((2, 28, 28), 7, np.uint8),
    "y_test": np.array([1, 2], np.uint8),
}
MNIST = {name: (array.shape, hashlib.sha256(array).hexdigest()) for name, array in RAW.items()}


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **RAW | arrays)
    return content.getvalue()


def to_idx(array):
    """The content of an IDX file, the format of MNIST's authors."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_idx(path_of, compress=False):
    """A function that writes MNIST as its authors' four files, at the paths that `path_of` makes of their names."""

    def write(folder):
        for file, array in zip(mnist.IDX, RAW.values()):
            path = folder / path_of(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(to_idx(array), 1) if compress else to_idx(array))

    return write


def write_csv(folder, header=True):
    for part in ("train", "test"):
        table = pd.DataFrame(RAW[f"x_{part}"].reshape(-1, 784)).add_prefix("pixel")
        table.insert(0, "label", RAW[f"y_{part}"])
        table.to_csv(folder / f"mnist_{part}.csv", index=False, header=header)


GOOD = npz()
WRONG = npz(y_test=np.array([1, 3], np.uint8))
BODIES = {"html": b"<html>log in first</html>" * 500, "wrong": WRONG}


class Handler(http.server.BaseHTTPRequestHandler):
    """/good/mnist.npz is MNIST; the first part of every other path says what is wrong with it."""

    def do_GET(self):
        case = self.path.split("/")[1]
        if case == "404":
            self.send_error(404)
            return
        body = BODIES.get(case, GOOD)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:3000])
        if case == "truncated":
            return
        if case == "stalled":
            self.server.half_sent.release()
            self.server.go_on.wait(20)
        self.wfile.write(body[3000:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.half_sent, server.go_on = threading.Semaphore(0), threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.go_on.set()
        server.shutdown()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, with small arrays for MNIST and no other place to find them in."""
    monkeypatch.setattr(mnist, "MNIST", MNIST)
    monkeypatch.setattr(mnist, "TIMEOUT", 1)
    monkeypatch.setattr(mnist, "DATA", tmp_path / "data")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "data").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path / "data"


def sources(monkeypatch, server, *cases):
    monkeypatch.setattr(mnist, "SOURCES", [(f"{server.address}/{case}/", ["mnist.npz"]) for case in cases])


def assert_is_mnist(arrays):
    np.testing.assert_equal({name: arrays[name] for name in RAW}, RAW)


LAYOUTS = {
    "as their authors name them": write_idx(str),
    "as Kaggle names them": write_idx(lambda name: name.replace("-idx", ".idx")),
    "Kaggle's, in folders": write_idx(lambda name: f"{name}/{name.replace('-idx', '.idx')}"),
    "torchvision's root, zipped": write_idx("MNIST/raw/{}.gz".format, compress=True),
    "unpacked by a browser": write_idx("{}.gz".format),
    "a second download": lambda folder: np.savez(folder / "mnist (1).npz", **RAW),
    "Kaggle's CSV": write_csv,
    "CSV without a header": lambda folder: write_csv(folder, header=False),
    "in two kinds": lambda folder: (np.savez(folder / "mnist.npz", x_train=RAW["x_train"]), write_csv(folder)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_mnist(data, layout):
    LAYOUTS[layout](data)
    assert_is_mnist(mnist.find_mnist(data))


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_is_read(data, tmp_path, kind):
    LAYOUTS["torchvision's root, zipped"](tmp_path)
    assert_is_mnist(mnist.find_mnist(shutil.make_archive(tmp_path / "mnist", kind, tmp_path, "MNIST")))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("mnist.npz", b"<!DOCTYPE html><html>log in first</html>", "is a web page"),
        ("mnist.npz", b"version https://git-lfs.github.com/spec/v1\noid sha256:06b0", "`git lfs pull` fetches it"),
        ("mnist.npz", b"\x80\x04\x95" + GOOD, "is a Python pickle"),
        ("mnist.npz", b"anything else", "is no archive of NumPy's"),
        ("mnist.npz", npz(x_train=np.array([0.5]), y_train=np.array(3)), "holds float64 (1,), which is not"),
        ("train-images-idx3-ubyte", to_idx(np.zeros((6, 9, 28), np.uint8)), "holds uint8 (6, 9, 28), which is not"),
        ("train.csv", b"a,b\n1,2\n", "train.csv can't be read (2 columns, not 785)"),
    ],
)
def test_what_is_no_mnist_is_said_to_be_what_it_is(data, name, content, words):
    (data / name).write_bytes(content)
    for path in (data, data / name):
        with pytest.raises(UserError, match=re.escape(words)) as error:
            mnist.find_mnist(path)
        assert "allow_pickle" not in str(error.value)


BAD = {
    "404": "Not Found",
    "truncated": "got only 3000",
    "stalled": "timed out",
    "html": "is a web page",
    "wrong": "which is not MNIST's",
}


def test_bad_sources_leave_nothing_and_a_good_download_is_kept(server, data, tmp_path, monkeypatch):
    sources(monkeypatch, server, *BAD)
    with pytest.raises(UserError, match=r"could not be downloaded \(127.0.0.1:\d+: .+\)") as error:
        mnist.find_mnist()
    answers = str(error.value).split("127.0.0.1:")[1:]
    for reason, answer in zip(BAD.values(), answers, strict=True):
        assert reason in answer
    assert not list(data.iterdir()) and not list((tmp_path / "tmp").iterdir())
    assert socket.getdefaulttimeout() is None
    sources(monkeypatch, server, "wrong", "good")
    assert_is_mnist(mnist.find_mnist())
    assert [path.name for path in data.iterdir()] == ["mnist.npz"]
    sources(monkeypatch, server)  # and not asked for again
    assert_is_mnist(mnist.find_mnist())


def test_idx_mirror(data, tmp_path, monkeypatch):
    write_idx("{}.gz".format, compress=True)(tmp_path)
    monkeypatch.setattr(mnist, "SOURCES", [(f"{tmp_path.as_uri()}/", [f"{file}.gz" for file in mnist.IDX])])
    assert_is_mnist(mnist.find_mnist())
    assert len(list(data.iterdir())) == 4
    monkeypatch.setattr(mnist, "SOURCES", [])
    assert_is_mnist(mnist.find_mnist())


@pytest.mark.parametrize("bad", [b"", GOOD[:-500], GOOD[:5000] + b"?" + GOOD[5001:], WRONG])
def test_a_damaged_file_is_named_never_used_and_never_lost(server, data, tmp_path, capsys, monkeypatch, bad):
    (data / "mnist.npz").write_bytes(bad)
    sources(monkeypatch, server, "good")
    assert_is_mnist(mnist.find_mnist())
    assert f"{data} does not hold MNIST's " in capsys.readouterr().err
    assert (tmp_path / "keras/datasets/mnist.npz").read_bytes() == GOOD
    monkeypatch.setattr(mnist, "SOURCES", [])
    assert_is_mnist(mnist.find_mnist())
    (tmp_path / "keras/datasets/mnist.npz").unlink()
    with pytest.raises(UserError, match="could not be downloaded"):
        mnist.find_mnist()
    assert (data / "mnist.npz").read_bytes() == bad


def test_a_read_only_folder_is_passed_over(server, data, tmp_path, capsys, monkeypatch):
    data.chmod(0o555)
    if os.access(data, os.W_OK):  # root writes everywhere, but not here
        monkeypatch.setattr(mnist, "DATA", Path("/proc/self/fdinfo"))
    sources(monkeypatch, server, "good")
    assert_is_mnist(mnist.find_mnist())
    assert "can't be saved" in capsys.readouterr().err
    assert (tmp_path / "keras/datasets/mnist.npz").read_bytes() == GOOD


CHILD = """
import sys, test_download
from digits import mnist
mnist.MNIST = test_download.MNIST
mnist.DATA = mnist.Path(sys.argv[1])
mnist.SOURCES = [(sys.argv[2], ["mnist.npz"])]
test_download.assert_is_mnist(mnist.find_mnist())
"""


def test_killed_in_mid_download_then_two_at_once(server, data, tmp_path):
    env = {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, ROOT / "tests"])), "TMPDIR": str(tmp_path / "tmp")}
    command = ["-c", CHILD, data, f"{server.address}/stalled/"]
    with start_python(tmp_path, *command, **env):
        assert server.half_sent.acquire(timeout=60)
    assert not list(data.iterdir())
    with start_python(tmp_path, *command, **env) as one, start_python(tmp_path, *command, **env) as other:
        for _ in (one, other):
            assert server.half_sent.acquire(timeout=60)
        server.go_on.set()
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert [path.name for path in data.iterdir()] == ["mnist.npz"]
    assert (data / "mnist.npz").read_bytes() == GOOD
