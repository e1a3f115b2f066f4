"""The study on Dask: the same rows as without it; nothing is lost; one line when it cannot go on."""

import os
import random
import re
import signal
import sys
import time

import pandas as pd
import pytest

from conftest import ROOT, error_line, run_python, run_script, start_python, succeed
from study import cluster, experiments, report

sizeof = pytest.importorskip("dask.sizeof", reason="needs Dask: requirements-study.txt installs it")
psutil = pytest.importorskip("psutil")  # which comes with it

STUDY = [ROOT / "reproduce.py", "--experiments", "mlp_800_of_3000"]  # runs of seconds


def wait_for_rows(folder, count, process):
    """Wait until the study in `folder`, which `process` runs, has `count` rows; for two minutes at most."""
    file = folder / experiments.ROWS
    for _ in range(2400):
        if file.exists() and file.read_text(encoding="utf-8").count("\n") > count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    pytest.fail("the study does not go on")


def read_rows(folder):
    """Return the rows of the study in `folder`, by seed and without what no two runs have in common."""
    rows = pd.read_csv(folder / experiments.ROWS)
    return rows.drop(columns=["seconds", "commit"]).sort_values("seed", ignore_index=True)


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
    """The same study twice: in one process, and on a cluster that was there."""
    address, _ = scheduler
    ways = {"alone": "--workers 1 --threads 1", "remote": f"--scheduler {address}"}
    with start_worker(ROOT, address):
        for name, flags in ways.items():
            (tmp_path / name).mkdir()
            succeed(run_python(tmp_path / name, *STUDY, "--seeds", "2", *flags.split()))
        more = ["--seeds", "3", "--scheduler", address, "--threads", "2"]
        line = error_line(run_python(tmp_path / "remote", *STUDY, *more), 1)
        assert "it has computed with --threads 1 already: restart it for --threads 2" in line
    alone = read_rows(tmp_path / "alone")
    assert len(alone) == 2 and set(alone["threads"]) == {1}
    pd.testing.assert_frame_equal(read_rows(tmp_path / "remote"), alone, check_exact=True)
    assert (tmp_path / "remote" / report.MARKDOWN).exists()


@pytest.mark.slow
def test_nothing_is_lost_after_ctrl_c_and_the_death_of_a_worker(tmp_path):
    file, command = tmp_path / experiments.ROWS, [*STUDY, "--workers", "2", "--seeds", "4"]
    with start_python(tmp_path, *command) as process:
        wait_for_rows(tmp_path, 1, process)
        workers = find_workers(process)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends Ctrl-C to the workers too
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130 and errors.count("\n") == 1 and "goes on from there" in errors, errors
        assert len(workers) == 2 and not psutil.wait_procs(workers, timeout=30)[1]
    interrupted = file.read_text(encoding="utf-8")
    finished = interrupted.count("\n") - 1
    with start_python(tmp_path, *command) as process:
        wait_for_rows(tmp_path, finished + 1, process)
        find_workers(process)[0].kill()
        out, errors = process.communicate(timeout=300)
    assert process.returncode == 0 and errors == "" and f"4 runs, {4 - finished} of them to do" in out, errors
    assert file.read_text(encoding="utf-8").startswith(interrupted)
    assert list(read_rows(tmp_path)["seed"]) == list(range(4)) and (tmp_path / report.MARKDOWN).exists()


@pytest.mark.slow
def test_a_scheduler_that_goes_away(tmp_path, scheduler):
    address, process = scheduler
    with start_worker(ROOT, address), start_python(tmp_path, *STUDY, "--seeds", "9", "--scheduler", address) as client:
        wait_for_rows(tmp_path, 1, client)
        process.kill()
        _, errors = client.communicate(timeout=120)
    assert client.returncode == 1 and errors.count("\n") == 1 and "run the command again to continue" in errors, errors


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch, address):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    line = error_line(run_script(tmp_path, "reproduce.py", "--scheduler", address), 1)
    assert f"no Dask scheduler answers at {address}" in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("place", "threads", "changed", "words"),
    [
        ("elsewhere", 1, "README.md", "a worker cannot load this project (No module named 'study')"),
        (".", 2, "README.md", "start it with --nthreads 1"),
        (".", 1, "data/mnist.npz", "mnist.npz is missing or damaged"),
        (".", 1, "mlp.py", "version mismatch: it has code"),
    ],
)
def test_a_worker_that_cannot_do_its_part(tensorflow, clone, scheduler, place, threads, changed, words):
    (clone / changed).write_text("# changed\n", encoding="utf-8")
    address, _ = scheduler
    with start_worker(clone / place, address, threads):
        line = error_line(run_script(clone, *STUDY, "--scheduler", address), 1)
    assert words in line and not (clone / experiments.ROWS).exists()


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


def test_without_dask(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    for flags in (["--workers", "2"], ["--scheduler", "tcp://127.0.0.1:9"]):
        line = error_line(run_script(tmp_path, "reproduce.py", *flags), 1)
        assert "`python -m pip install -r requirements-study.txt`" in line
    monkeypatch.setattr(experiments, "run_once", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # in this process
        run_script(tmp_path, "reproduce.py")
