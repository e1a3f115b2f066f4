"""The study on Dask: the same rows as without it; nothing is lost; one line when it cannot go on."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import dask.sizeof
import pandas as pd
import psutil
import pytest

from conftest import HOME, ROOT, environment, error_line, run_python
from digits.errors import UserError
from study import cluster, experiments, report

STUDY = ["reproduce.py", "--experiments", "mlp_800_of_3000"]  # runs of seconds


@contextlib.contextmanager
def start_python(folder, *command):
    """Yield a `python <command>` that is running in `folder`; it and its children are killed at the end."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment(HOME.name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    )
    try:
        yield process
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


def wait_until(condition, process, seconds=120):
    """Wait until `condition()`, while `process` runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)


def read_rows(folder):
    """Return the rows of the study in `folder`, without what no two runs have in common."""
    found = pd.read_csv(folder / experiments.ROWS).drop(columns=["seconds", "commit"])
    return found.sort_values(["experiment", "seed"], ignore_index=True)


def find_workers(process):
    """Return the worker processes of a study that runs on this machine."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture
def scheduler(tmp_path):
    """The address of a Dask scheduler without workers, and its process; it knows nothing of this project."""
    file = tmp_path / "elsewhere" / "scheduler.json"
    file.parent.mkdir()
    command = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    with start_python(file.parent, "-m", "dask", "scheduler", *command) as process:
        wait_until(file.exists, process)
        time.sleep(0.2)  # it is written in a moment
        yield json.loads(file.read_text())["address"], process


def start_worker(folder, address, threads=1):
    return start_python(folder, "-m", "dask", "worker", address, "--no-dashboard", "--nthreads", str(threads))


@pytest.mark.slow
def test_dask_gives_the_rows_that_one_process_gives(tmp_path, mnist_folder, scheduler):
    """Three times the same study: in one process, on a cluster of its own, on one that was there."""
    address, _ = scheduler
    ways = {
        "alone": ["--workers", "1", "--threads", "1"],
        "local": ["--workers", "2"],
        "remote": ["--scheduler", address],
    }
    with start_worker(ROOT, address):
        for name, flags in ways.items():
            (tmp_path / name).mkdir()
            process = run_python(tmp_path / name, ROOT / STUDY[0], *STUDY[1:], "--seeds", "2", *flags)
            assert process.returncode == 0 and process.stderr == "", process.stderr
    assert len(read_rows(tmp_path / "alone")) == 2 and set(read_rows(tmp_path / "alone")["threads"]) == {1}
    for name in ("local", "remote"):
        pd.testing.assert_frame_equal(read_rows(tmp_path / name), read_rows(tmp_path / "alone"), check_exact=True)
        assert (tmp_path / name / report.MARKDOWN).exists()


@pytest.mark.slow
def test_the_runs_of_a_dead_worker_are_done_again(tmp_path, mnist_folder):
    with start_python(tmp_path, ROOT / STUDY[0], *STUDY[1:], "--seeds", "3", "--workers", "2") as process:
        wait_until((tmp_path / experiments.ROWS).exists, process)
        find_workers(process)[0].kill()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0 and errors == "", errors
    assert list(read_rows(tmp_path)["seed"]) == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1])
def test_a_killed_study_goes_on_where_it_stopped(tmp_path, mnist_folder, finished):
    file = tmp_path / experiments.ROWS
    command = [ROOT / STUDY[0], *STUDY[1:], "--seeds", "3", "--workers", "2"]
    with start_python(tmp_path, *command) as process:
        if finished == 0:
            wait_until(lambda: len(find_workers(process)) == 2, process)
        else:
            wait_until(lambda: file.exists() and len(file.read_text().splitlines()) > finished, process)
        left = find_workers(process)
        process.kill()
    before = file.read_text() if file.exists() else ""
    assert len(before.splitlines()) <= 4
    process = run_python(tmp_path, *command)
    assert process.returncode == 0 and process.stderr == "", process.stderr
    assert file.read_text().startswith(before)
    rows = read_rows(tmp_path)
    assert list(rows["seed"]) == [0, 1, 2] and rows["test_accuracy"].between(0.9, 0.95).all()
    assert "mlp_800_of_3000 | 3 " in (tmp_path / report.MARKDOWN).read_text(encoding="utf-8")
    assert "3 runs, 0 of them to do" in run_python(tmp_path, *command).stdout
    assert not psutil.wait_procs(left, timeout=30)[1]  # the workers went with it


@pytest.mark.slow
def test_ctrl_c_reaches_everybody_and_is_one_line(tmp_path, mnist_folder):
    """A terminal sends it to the workers too."""
    with start_python(tmp_path, ROOT / STUDY[0], *STUDY[1:], "--seeds", "9", "--workers", "2") as process:
        wait_until((tmp_path / experiments.ROWS).exists, process)
        left = find_workers(process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.count("\n") == 1 and "goes on from there" in errors, errors
    assert len(read_rows(tmp_path)) >= 1 and not psutil.wait_procs(left, timeout=30)[1]


@pytest.mark.slow
def test_a_scheduler_that_goes_away(tmp_path, mnist_folder, scheduler):
    address, process = scheduler
    with (
        start_worker(ROOT, address),
        start_python(tmp_path, ROOT / STUDY[0], *STUDY[1:], "--seeds", "9", "--scheduler", address) as client,
    ):
        wait_until((tmp_path / experiments.ROWS).exists, client)
        process.kill()
        _, errors = client.communicate(timeout=120)
    assert client.returncode == 1 and errors.count("\n") == 1 and "run the command again to continue" in errors, errors
    assert len(read_rows(tmp_path)) >= 1


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "foo://127.0.0.1:9"])
def test_a_scheduler_that_does_not_answer(tmp_path, address):
    line = error_line(run_python(tmp_path, ROOT / STUDY[0], "--scheduler", address), 1)
    assert f"no Dask scheduler answers at {address}" in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("place", "threads", "words"),
    [
        ("elsewhere", 1, "a worker cannot load this project (No module named 'study')"),
        ("clone", 2, "start it with --nthreads 1"),
        ("clone", 1, "could not be downloaded"),
        ("other", 1, "version mismatch: it has code"),
    ],
)
def test_a_worker_that_cannot_do_its_part(tmp_path, clone, scheduler, place, threads, words):
    if place == "other":
        shutil.copytree(clone, tmp_path / place, ignore=shutil.ignore_patterns("other", "elsewhere"))
        with (tmp_path / place / "mlp.py").open("a") as file:
            file.write("# changed\n")
    address, _ = scheduler
    with start_worker(tmp_path if place == "clone" else tmp_path / place, address, threads):
        line = error_line(run_python(clone, *STUDY, "--scheduler", address), 1)
    assert words in line and not (clone / experiments.ROWS).exists()
    assert "a worker cannot load" in line or "the worker tcp://" in line


def test_dask_leaves_pythons_random_numbers_alone(monkeypatch):
    monkeypatch.setattr(dask.sizeof, "random", random)  # as it is in a new process

    def draw():
        random.seed(0)
        dask.sizeof.sizeof({number: number for number in range(999)})
        return random.random()

    undisturbed = random.Random(0).random()
    assert draw() != undisturbed
    cluster.give_dask_its_own_random_numbers()
    assert draw() == undisturbed


def test_other_versions_of_dask_are_named():
    def node(**packages):
        return {"packages": {"python": "3.11.7", "dask": "1", "distributed": "1", **packages}}

    class Client:
        def get_versions(self):
            return {"client": node(), "scheduler": node(tornado="2"), "workers": {"tcp://a": node(), "tcp://b": other}}

    other = node()
    cluster.check_versions(Client())
    other = node(dask="2")
    with pytest.raises(UserError, match="version mismatch: tcp://b has dask 2, this machine 1"):
        cluster.check_versions(Client())


WITHOUT_DASK = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "distributed" else real(name, package)
"""


def test_without_dask(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_DASK)
    without = {"PYTHONPATH": str(tmp_path)}
    for flags in (["--workers", "2"], ["--scheduler", "tcp://127.0.0.1:9"]):
        line = error_line(run_python(tmp_path, ROOT / "reproduce.py", *flags, **without), 1)
        assert "`python -m pip install -r requirements-study.txt`" in line
    process = run_python(tmp_path, ROOT / "reproduce.py", "--dry-run", **without)
    assert process.returncode == 0 and "with 1 at a time" in process.stdout
