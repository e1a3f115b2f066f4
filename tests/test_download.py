"""Downloads that go wrong, against a server on this machine. MNIST is small here, so that each case takes no time."""

import builtins
import hashlib
import http.server
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, environment, write_idx
from digits import mnist
from digits.errors import UserError

RAW = {
    "x_train": np.arange(6 * 784, dtype=np.uint8).reshape(6, 28, 28),
    "y_train": np.arange(6, dtype=np.uint8),
    "x_test": np.full((2, 28, 28), 7, np.uint8),
    "y_test": np.array([1, 2], np.uint8),
}
MNIST = {name: (array.shape, hashlib.sha256(array).hexdigest()) for name, array in RAW.items()}


def npz(arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


GOOD = npz(RAW)
WRONG = npz({**RAW, "y_test": np.array([1, 3], np.uint8)})


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return exec, ("import builtins; builtins.trapped = True",)


PICKLED = npz({**RAW, "y_test": np.array([Trap(), 3], object)})


class Handler(http.server.BaseHTTPRequestHandler):
    """/good/mnist.npz is MNIST; the first part of every other path says what is wrong with it."""

    def do_GET(self):
        case = self.path.split("/")[1]
        if case.isdigit():
            self.send_error(int(case))
            return
        body = {"html": b"<html>log in first</html>" * 500, "wrong": WRONG, "pickled": PICKLED}.get(case, GOOD)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if case in ("truncated", "stalled", "slow"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if case == "truncated":
                return
            self.server.half_sent.set()
            self.server.released.wait(20)
            body = body[len(body) // 2 :]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.half_sent, server.released = threading.Event(), threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, with small arrays for MNIST and no other place to find them in."""
    monkeypatch.setattr(mnist, "MNIST", MNIST)
    monkeypatch.setattr(mnist, "TIMEOUT", 1)
    monkeypatch.setattr(mnist, "DATA", tmp_path / "data")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "data").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path / "data"


def sources(monkeypatch, server, *cases):
    monkeypatch.setattr(mnist, "SOURCES", [(f"{server.address}/{case}/", ["mnist.npz"]) for case in cases])


def assert_is_mnist(arrays):
    for name, array in RAW.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_a_good_download_is_kept(server, data, monkeypatch):
    sources(monkeypatch, server, "good")
    assert_is_mnist(mnist.find_mnist())
    assert [path.name for path in data.iterdir()] == ["mnist.npz"]
    sources(monkeypatch, server)  # and not asked for again
    assert_is_mnist(mnist.find_mnist())


BAD = ["404", "500", "truncated", "stalled", "html", "wrong", "pickled"]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_source_leaves_nothing(server, data, tmp_path, monkeypatch, case):
    sources(monkeypatch, server, case)
    with pytest.raises(UserError, match=r"could not be downloaded \(127.0.0.1:\d+: .+\)"):
        mnist.find_mnist()
    assert not list(data.iterdir()) and not list((tmp_path / "tmp").iterdir())
    assert not hasattr(builtins, "trapped")
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("case", BAD)
def test_the_next_source_is_tried(server, data, monkeypatch, case):
    sources(monkeypatch, server, case, "good")
    assert_is_mnist(mnist.find_mnist())


def test_connection_refused(data, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(mnist, "SOURCES", [(f"http://127.0.0.1:{port}/", ["mnist.npz"])])
    with pytest.raises(UserError, match="Connection refused"):
        mnist.find_mnist()


def test_idx_mirror(data, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    write_idx(mirror, RAW, compress=True)
    monkeypatch.setattr(mnist, "SOURCES", [(f"{mirror.as_uri()}/", [f"{file}.gz" for file in mnist.IDX])])
    assert_is_mnist(mnist.find_mnist())
    assert len(list(data.iterdir())) == 4
    monkeypatch.setattr(mnist, "SOURCES", [])
    assert_is_mnist(mnist.find_mnist())


@pytest.mark.parametrize("bad", [b"", b"PK\x03\x04", GOOD[:-500], GOOD[:5000] + b"?" + GOOD[5001:], WRONG, PICKLED])
def test_a_damaged_file_is_named_never_used_and_never_lost(server, data, tmp_path, capsys, monkeypatch, bad):
    (data / "mnist.npz").write_bytes(bad)
    sources(monkeypatch, server, "good")
    assert_is_mnist(mnist.find_mnist())
    assert f"{data} does not hold MNIST's " in capsys.readouterr().err
    assert (data / "mnist.npz").read_bytes() == bad
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


# The same in processes of their own, which a test can starve, kill, or start twice.
CHILD = """
import sys, test_download
from digits import environment, mnist
mnist.MNIST = test_download.MNIST
mnist.DATA = mnist.Path(sys.argv[1])
mnist.SOURCES = [(sys.argv[2], ["mnist.npz"])]
if len(sys.argv) > 3:
    import resource
    environment.import_tensorflow()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
test_download.assert_is_mnist(mnist.find_mnist())
"""


def child(data, address, *limit):
    home = data.parent
    path = os.pathsep.join(map(str, [ROOT, ROOT / "tests"]))
    more = {"PYTHONPATH": path, "TMPDIR": str(home / "tmp"), "KERAS_HOME": str(home / "keras")}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, data, address, *limit],
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_disk_full(server, data):
    process = child(data, f"{server.address}/good/", str(len(GOOD) // 2))
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0 and "File too large" in output, output
    assert not list(data.iterdir())


def test_two_first_downloads_at_once(server, data):
    server.released.clear()
    both = [child(data, f"{server.address}/slow/") for _ in range(2)]
    server.half_sent.wait(60)
    time.sleep(1)
    server.released.set()
    for process in both:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert [path.name for path in data.iterdir()] == ["mnist.npz"]
    assert (data / "mnist.npz").read_bytes() == GOOD


def test_killed_in_mid_download_then_run_again(server, data):
    process = child(data, f"{server.address}/slow/")
    assert server.half_sent.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(data.iterdir())
    server.released.set()
    process = child(data, f"{server.address}/good/")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert (data / "mnist.npz").read_bytes() == GOOD
