"""The study on Dask: the same rows as without it; nothing is lost; one line when it cannot go on."""

import os
import random
import re
import shutil
import signal
import sys
import time

import pandas as pd
import pytest

from conftest import ROOT, error_line, run_python, run_script, start_python, succeed
from digits.errors import UserError
from study import cluster, experiments, report

sizeof = pytest.importorskip("dask.sizeof", reason="needs Dask: requirements-study.txt installs it")
psutil = pytest.importorskip("psutil")  # which comes with it

STUDY = ["reproduce.py", "--experiments", "mlp_800_of_3000"]  # runs of seconds


def wait_for_rows(folder, count, process):
    """Wait until the study in `folder`, which `process` runs, has `count` rows; for two minutes at most."""
    file = folder / experiments.ROWS
    for _ in range(2400):
        if file.exists() and len(file.read_text(encoding="utf-8").splitlines()) > count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    pytest.fail("the study does not go on")


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
    (tmp_path / "elsewhere").mkdir()
    command = ["-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with start_python(tmp_path / "elsewhere", *command) as process:
        log = (re.search(r"Scheduler at: +(tcp://\S+)", line) for line in process.stderr)
        yield next(match[1] for match in log if match), process


def start_worker(folder, address, threads=1):
    return start_python(folder, "-m", "dask", "worker", address, "--no-dashboard", "--nthreads", str(threads))


@pytest.mark.slow
def test_dask_gives_the_rows_that_one_process_gives(tmp_path, scheduler):
    """Three times the same study: in one process, on a cluster of its own, on one that was there."""
    address, _ = scheduler
    ways = {"alone": "--workers 1 --threads 1", "local": "--workers 2", "remote": f"--scheduler {address}"}
    with start_worker(ROOT, address):
        for name, flags in ways.items():
            (tmp_path / name).mkdir()
            succeed(run_python(tmp_path / name, ROOT / STUDY[0], *STUDY[1:], "--seeds", "2", *flags.split()))
    alone = read_rows(tmp_path / "alone")
    assert len(alone) == 2 and set(alone["threads"]) == {1}
    for name in ("local", "remote"):
        pd.testing.assert_frame_equal(read_rows(tmp_path / name), alone, check_exact=True)
        assert (tmp_path / name / report.MARKDOWN).exists()


@pytest.mark.slow
def test_nothing_is_lost_after_ctrl_c_a_kill_and_the_death_of_a_worker(tmp_path):
    file, command = tmp_path / experiments.ROWS, [ROOT / STUDY[0], *STUDY[1:], "--workers", "2", "--seeds", "8"]
    with start_python(tmp_path, *command) as process:
        wait_for_rows(tmp_path, 1, process)
        workers = find_workers(process)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends Ctrl-C to the workers too
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130 and errors.count("\n") == 1 and "goes on from there" in errors, errors
        assert len(workers) == 2 and not psutil.wait_procs(workers, timeout=30)[1]
    interrupted = file.read_text(encoding="utf-8")
    with start_python(tmp_path, *command) as process:
        wait_for_rows(tmp_path, len(interrupted.splitlines()), process)
        workers = find_workers(process)
        process.kill()
        assert not psutil.wait_procs(workers, timeout=30)[1]  # they end with it
    killed = file.read_text(encoding="utf-8")
    finished = len(killed.splitlines()) - 1
    with start_python(tmp_path, *command) as process:
        wait_for_rows(tmp_path, finished + 1, process)
        find_workers(process)[0].kill()
        out, errors = process.communicate(timeout=300)
    assert process.returncode == 0 and errors == "" and f"8 runs, {8 - finished} of them to do" in out, errors
    assert killed.startswith(interrupted) and file.read_text(encoding="utf-8").startswith(killed)
    rows = read_rows(tmp_path)
    assert list(rows["seed"]) == [0, 1, 2, 3, 4, 5, 6, 7] and rows["test_accuracy"].between(0.9, 0.95).all()
    assert "mlp_800_of_3000 | 8 " in (tmp_path / report.MARKDOWN).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_scheduler_that_goes_away(tmp_path, scheduler):
    address, process = scheduler
    command = [ROOT / STUDY[0], *STUDY[1:], "--seeds", "9", "--scheduler", address]
    with start_worker(ROOT, address), start_python(tmp_path, *command) as client:
        wait_for_rows(tmp_path, 1, client)
        process.kill()
        _, errors = client.communicate(timeout=120)
    assert client.returncode == 1 and errors.count("\n") == 1 and "run the command again to continue" in errors, errors
    assert len(read_rows(tmp_path)) >= 1


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch, address):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    line = error_line(run_script(tmp_path, "reproduce.py", "--scheduler", address), 1)
    assert f"no Dask scheduler answers at {address}" in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("place", "threads", "words"),
    [
        ("elsewhere", 1, "a worker cannot load this project (No module named 'study')"),
        ("clone", 2, "start it with --nthreads 1"),
        ("clone", 1, "mnist.npz is missing or damaged"),
        ("other", 1, "version mismatch: it has code"),
    ],
)
def test_a_worker_that_cannot_do_its_part(tmp_path, clone, scheduler, place, threads, words):
    if place == "other":
        shutil.copytree(clone, tmp_path / place, ignore=shutil.ignore_patterns("other", "elsewhere"))
        with (tmp_path / place / "mlp.py").open("a", encoding="utf-8") as file:
            file.write("# changed\n")
    (clone / "data/mnist.npz").write_bytes(b"torn")
    address, _ = scheduler
    with start_worker(tmp_path if place == "clone" else tmp_path / place, address, threads):
        line = error_line(run_python(clone, *STUDY, "--scheduler", address), 1)
    assert words in line and not (clone / experiments.ROWS).exists()
    assert "a worker cannot load" in line or "the worker tcp://" in line


def test_dask_leaves_pythons_random_numbers_alone(monkeypatch):
    monkeypatch.setattr(sizeof, "random", random)  # as it is in a new process

    def draw():
        random.seed(0)
        sizeof.sizeof({number: number for number in range(999)})
        return random.random()

    undisturbed = random.Random(0).random()
    assert draw() != undisturbed
    cluster.give_dask_its_own_random_numbers()
    assert draw() == undisturbed


def test_other_versions_of_dask_are_named():
    packages = {"python": "3.11.7", "dask": "1", "distributed": "1", "tornado": "1"}
    found = {"client": {"packages": packages}, "scheduler": {"packages": packages | {"tornado": "2"}}}
    cluster.check_versions(found | {"workers": {"tcp://a": {"packages": packages}}})
    with pytest.raises(UserError, match="version mismatch: tcp://b has dask 2, this machine 1"):
        cluster.check_versions(found | {"workers": {"tcp://b": {"packages": packages | {"dask": "2"}}}})


def test_without_dask(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    for flags in (["--workers", "2"], ["--scheduler", "tcp://127.0.0.1:9"]):
        line = error_line(run_script(tmp_path, "reproduce.py", *flags), 1)
        assert "`python -m pip install -r requirements-study.txt`" in line
    assert "with 1 at a time" in succeed(run_script(tmp_path, "reproduce.py", "--dry-run"))
