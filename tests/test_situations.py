"""Wherever it is started: the situations that people report of such scripts, counted.

1   a notebook's MPLBACKEND, unknown here          9   no home folder, strange settings files, huge numbers, -P, -W
2   streams that are no files, or closed           10  a run is whole or absent, whenever the process is killed
3   `main` called from a notebook, in a thread     11  what cannot be saved is found out before training
4   the wrong working folder                       12  SIGTERM and SIGHUP, as Ctrl-C
5   MNIST under the names that people have         13  a damaged metrics.json; a model of another Keras
6   --data means what it says                      14  a study's rows by other code
7   another course's settings of Keras             15  several studies at once
8   names that nobody else can have                16  test_study_claims.py: the deck's number among the seeds
"""

import contextlib
import errno
import gzip
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import HOME, ROOT, environment, error_line, read_metrics, run_python
from digits import files, mnist, runs
from digits.errors import UserError
from study import experiments, report
from test_download import MNIST, RAW, npz

FAST = ["--dataset", "synthetic", "--dry-run"]
RUN = "mlp_256_dryrun_synthetic"
SAMPLES = "plots/data/samples_synthetic.png"


def test_01_a_notebooks_backend(tmp_path):
    backend = {"MPLBACKEND": "module://nowhere.backend"}
    for command in ([ROOT / "preprocess.py", "--dataset", "synthetic"], ["-m", "digits.worked_examples"]):
        process = run_python(tmp_path, *command, PYTHONPATH=str(ROOT), **backend)
        assert process.returncode == 0 and process.stderr == "", process.stderr
    assert (tmp_path / SAMPLES).exists() and (tmp_path / "plots/layers/convolution.png").exists()


NOTEBOOK = """
import runpy, sys
class Stream:
    def __init__(self): self.text = ""
    def write(self, text): self.text += text
    def flush(self): pass
out = sys.stdout
sys.stdout = stream = Stream()
sys.argv = ["mlp.py", "--dataset", "synthetic", "--dry-run"]
sys.path.insert(0, sys.argv[0])
for _ in range(2):
    runpy.run_path(f"{ROOT}/mlp.py", run_name="__main__")
print(stream.text, file=out)
"""


def test_02_a_notebooks_streams_and_a_second_run(tmp_path):
    process = run_python(tmp_path, "-c", NOTEBOOK.replace("{ROOT}", str(ROOT)))
    assert process.returncode == 0 and process.stderr == "", process.stderr
    first, second = map(float, re.findall(r"seconds: (\S+) to start", process.stdout))
    assert second < first  # TensorFlow is there already; and it does not count from the first one's start


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_02_closed_streams(tmp_path, closed):
    command = f"{sys.executable} {ROOT / 'preprocess.py'} --dataset synthetic {closed}"
    subprocess.run(command, shell=True, cwd=tmp_path, env=environment(HOME.name), check=True, timeout=120)
    with (tmp_path / SAMPLES).open("rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"  # and nothing that was printed


def test_02_without_streams(tmp_path):
    code = f"import runpy, sys; sys.stdout = sys.stderr = None; sys.argv[1:] = {FAST}; "
    code += f"runpy.run_path('{ROOT}/mlp.py', run_name='__main__')"
    assert run_python(tmp_path, "-c", code).returncode == 0  # as pythonw does
    assert read_metrics(tmp_path, RUN)["test_accuracy"] > 0.5


CELL = f"""
import sys, threading
sys.path.insert(0, {str(ROOT)!r})
import mlp
thread = threading.Thread(target=mlp.main, args=({FAST},))
thread.start()
thread.join()
"""


def test_03_main_takes_its_arguments_also_in_a_thread(tmp_path):
    process = run_python(tmp_path, "-c", CELL, "-f", "/kernel/v3.json")
    assert process.returncode == 0 and process.stderr == "", process.stderr
    assert read_metrics(tmp_path, RUN)["flags"]["dry_run"] is True


@pytest.mark.parametrize("command", [["evaluate.py"], ["evaluate.py", "cnn"], ["predict.py", "x.png"]])
def test_04_the_wrong_folder_is_named_in_full(tmp_path, command):
    Image = pytest.importorskip("PIL.Image")
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    assert str(tmp_path / "models") in error_line(run_python(tmp_path, ROOT / command[0], *command[1:]), 1)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_csv(path, images, labels, header=True):
    table = pd.DataFrame(images.reshape(len(images), 784), columns=[f"{i // 28}x{i % 28}" for i in range(784)])
    table.insert(0, "label", labels)
    table.to_csv(path, index=False, header=header)


def write_idx_as(path_of, compress=False):
    def write(folder):
        for array, name in zip(RAW.values(), mnist.IDX):
            path = folder / path_of(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(idx(array)) if compress else idx(array))

    return write


def write_kaggle_csv(folder, header=True):
    for part in ("train", "test"):
        write_csv(folder / f"mnist_{part}.csv", RAW[f"x_{part}"], RAW[f"y_{part}"], header)


LAYOUTS = {
    "as their authors name them": write_idx_as(str),
    "as Kaggle names them": write_idx_as(lambda name: name.replace("-idx", ".idx")),
    "unpacked into folders": write_idx_as(lambda name: f"{name}/{name}"),
    "Kaggle's, in folders": write_idx_as(lambda name: f"{name}/{name.replace('-idx', '.idx')}"),
    "torchvision's root": write_idx_as(lambda name: f"MNIST/raw/{name}"),
    "torchvision's root, zipped": write_idx_as(lambda name: f"MNIST/raw/{name}.gz", compress=True),
    "unpacked by a browser": write_idx_as(lambda name: f"{name}.gz"),
    "a second download": lambda folder: np.savez(folder / "mnist (1).npz", **RAW),
    "Kaggle's CSV": write_kaggle_csv,
    "CSV without a header": lambda folder: write_kaggle_csv(folder, header=False),
    "in two kinds": lambda folder: (np.savez(folder / "mnist.npz", x_train=RAW["x_train"]), write_kaggle_csv(folder)),
}


@pytest.fixture
def small_mnist(monkeypatch):
    monkeypatch.setattr(mnist, "MNIST", MNIST)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_05_names_of_mnist(tmp_path, small_mnist, layout):
    LAYOUTS[layout](tmp_path)
    found = mnist.find_mnist(tmp_path)
    assert all(np.array_equal(found[name], RAW[name]) for name in MNIST)


def full(mean):
    return np.full((60000, 28, 28), mean, np.uint8)


BALANCED = np.arange(10, dtype=np.uint8).repeat(6000)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", idx(full(73)), "train-images-idx3-ubyte seems to be Fashion-MNIST"),
        ("train-images-idx3-ubyte", idx(full(44)), "seems to be EMNIST"),
        ("train-images-idx3-ubyte", idx(full(33)), "holds uint8 (60000, 28, 28), which is not MNIST's"),
        ("train-labels-idx1-ubyte", idx(BALANCED), "every label equally often, as Fashion-MNIST"),
        ("mnist.npz", npz({"x_train": np.array([0.5]), "y_train": np.array(3)}), "holds float64 (1,), which is not"),
        ("mnist.npz", b"PK torn", "mnist.npz can't be read"),
        ("train.csv", b"a,b\n1,2\n", "train.csv can't be read (2 columns, not 785)"),
    ],
)
def test_05_what_is_not_mnist_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(words)):
        mnist.find_mnist(tmp_path)


def test_05_the_digit_recognizer_has_not_all_of_mnist(tmp_path):
    write_csv(tmp_path / "train.csv", np.zeros((42000, 28, 28), np.uint8), np.zeros(42000, np.uint8))
    with pytest.raises(UserError, match="only 42000 of MNIST's images: it is of Kaggle's digit-recognizer"):
        mnist.find_mnist(tmp_path)


@pytest.mark.parametrize("flags", [[], ["--dataset", "mnist"]])
def test_06_a_folder_without_mnist_is_an_error(tmp_path, flags):
    (tmp_path / "mine").mkdir()
    process = run_python(tmp_path, ROOT / "preprocess.py", "--data", "mine", *flags)
    assert f"{tmp_path / 'mine'} holds neither mnist.npz" in error_line(process, 1)
    assert not (tmp_path / "plots").exists()


def test_06_a_file_and_a_home_folder(mnist_folder, tmp_path):
    shutil.copy(mnist_folder / "mnist.npz", tmp_path / "download.npz")
    process = run_python(tmp_path, ROOT / "preprocess.py", "--data", "~/download.npz", HOME=str(tmp_path))
    assert process.returncode == 0 and "MNIST: 60000" in process.stdout, process.stderr


def test_06_every_place_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "DATA", tmp_path / "data")
    monkeypatch.setattr(mnist, "SOURCES", [])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(UserError, match=f"{tmp_path}/data or {tmp_path}/keras/datasets"):
        mnist.find_mnist()


def test_07_another_courses_settings(tmp_path, trained_folder):
    """float16 would be silently wrong, channels_first and JAX would not run."""
    settings = {"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 0.1}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(json.dumps(settings))
    process = run_python(tmp_path, ROOT / "cnn.py", *FAST, HOME=str(tmp_path), KERAS_MAX_STEPS_PER_EPOCH="1")
    line = error_line(process, 0)
    for words in ("backend=jax", "floatx=float16", "channels_first", "epsilon=0.1", "max_steps_per_epoch=1"):
        assert words in line
    found, expected = (read_metrics(folder, "cnn_dryrun_synthetic") for folder in (tmp_path, trained_folder))
    for name in ("test_loss", "test_accuracy", "train_accuracy"):
        assert found[name] == expected[name]


@pytest.mark.parametrize("content", ["[]", "{torn", '{"floatx": "float99"}'])
def test_07_settings_that_keras_cannot_use(tmp_path, content):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(content)
    process = run_python(tmp_path, "-m", "digits.worked_examples", HOME=str(tmp_path), PYTHONPATH=str(ROOT))
    assert process.returncode == 0 and "Traceback" not in process.stderr, process.stderr


def test_08_two_processes_of_one_number(tmp_path):
    with files.atomic_write(tmp_path / "a.txt") as first, files.atomic_write(tmp_path / "a.txt") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first" and os.listdir(tmp_path) == ["a.txt"]


NOBODY = """
import os, pwd, runpy, sys
def nobody(_): raise KeyError
pwd.getpwuid = nobody
os.environ.pop("HOME")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].removesuffix("mlp.py"))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_09_a_user_without_a_home(mnist_folder, tmp_path):
    process = run_python(tmp_path, "-c", NOBODY, ROOT / "mlp.py", "--dry-run")
    assert process.returncode == 0 and "MNIST: 2000" in process.stdout and "Traceback" not in process.stderr


@pytest.mark.parametrize("command", [["preprocess.py", "--dataset", "synthetic"], ["mlp.py", *FAST]])
def test_09_matplotlibs_settings_not_in_utf8(tmp_path, command):
    (tmp_path / "matplotlibrc").write_bytes(b"# caf\xe9\n")
    line = error_line(run_python(tmp_path, ROOT / command[0], *command[1:]), 1)
    assert "not UTF-8" in line and "matplotlibrc" in line


@pytest.mark.parametrize("flag", ["-P", "-I"])
@pytest.mark.parametrize("script", ["preprocess", "mlp", "mlp_dropout", "cnn", "evaluate", "predict", "reproduce"])
def test_09_a_safe_path(tmp_path, flag, script):
    process = run_python(tmp_path, flag, ROOT / f"{script}.py", "-h")
    assert process.returncode == 0 and process.stderr == ""


@pytest.mark.parametrize(
    ("script", "flag"),
    [("mlp", "--batch-size"), ("mlp", "--epochs"), ("mlp", "--hidden"), ("reproduce", "--seeds"),
     ("reproduce", "--workers"), ("reproduce", "--threads")],
)  # fmt: skip
def test_09_a_number_beyond_all_machines(tmp_path, script, flag):
    line = error_line(run_python(tmp_path, ROOT / f"{script}.py", flag, "99999999999999999999"), 2)
    assert f"{flag}: must be a whole number" in line


def test_09_warnings_as_errors(tmp_path):
    process = run_python(tmp_path, ROOT / "mlp.py", *FAST, PYTHONWARNINGS="error")
    assert process.returncode == 0, process.stderr
    assert read_metrics(tmp_path, RUN)["test_accuracy"] > 0.5


KILLED = """
import os, pathlib, signal, sys
from digits import files
count, rename = 0, pathlib.Path.rename
def die(self, target):
    global count
    count += 1
    if count > int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
pathlib.Path.rename = die
with files.atomic_folder("models/cnn") as folder:
    (folder / "metrics.json").write_text("new")
"""


@pytest.mark.parametrize("renames", [0, 1])
def test_10_killed_while_a_run_is_swapped_in(tmp_path, monkeypatch, renames):
    monkeypatch.chdir(tmp_path)
    Path("models/cnn").mkdir(parents=True)
    Path("models/cnn/metrics.json").write_text("earlier")
    process = run_python(tmp_path, "-c", KILLED, str(renames), PYTHONPATH=str(ROOT))
    assert process.returncode == -signal.SIGKILL
    (left,) = Path("models").glob(".*")
    time.sleep(files.NEW + 0.1)
    assert runs.list_runs() == ["cnn"] and Path("models/cnn/metrics.json").read_text() == "earlier"
    assert not left.exists()


def test_10_what_a_living_process_is_writing_stays(tmp_path):
    with files.part_folder(tmp_path) as folder:
        os.utime(folder, (0, 0))
        files.clear_leftovers(tmp_path)
        assert folder.exists()
    assert not list(tmp_path.iterdir())


def refuse(folder, words, *command):
    """Check that a script ends with one line that has `words`, before it trains."""
    process = run_python(folder, *(command or (ROOT / "mlp.py", *FAST)))
    assert words in error_line(process, 1) and "3. Train" not in process.stdout


@pytest.mark.parametrize("place", ["models", f"models/{RUN}", "plots", f"plots/{RUN}"])
def test_11_a_file_where_a_folder_must_be(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("")
    refuse(tmp_path, f"{tmp_path / place} must be a folder")
    assert (tmp_path / place).is_file()


def test_11_a_run_that_cannot_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models/cnn").mkdir(parents=True)
    runs.check_writable("cnn")
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "cnn")
    with pytest.raises(UserError, match="models/cnn can't be replaced: it is a mount point"):
        runs.check_writable("cnn")


def test_11_a_run_kept_on_another_disk_by_a_link(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/cnn").symlink_to(tmp_path / "disk/cnn")
    for text in ("first", "second"):
        with files.atomic_folder(tmp_path / "models/cnn") as folder:
            (folder / "metrics.json").write_text(text)
        assert (tmp_path / "disk/cnn/metrics.json").read_text() == text
    assert (tmp_path / "models/cnn").is_symlink() and os.listdir(tmp_path / "disk") == ["cnn"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
@pytest.mark.parametrize("place", ["models", "plots"])
def test_11_a_folder_to_read_only(tmp_path, place):
    (tmp_path / place).mkdir(mode=0o555)
    refuse(tmp_path, place)


def test_11_a_disk_that_is_nearly_full(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"less than 30 MB are free on the disk of .*models"):
        runs.check_writable("cnn")
    assert not list(tmp_path.iterdir())


def test_11_a_full_disk_is_named(tmp_path):
    words = re.escape(f"No space left on device: '{tmp_path}'")
    with pytest.raises(OSError, match=words), files.atomic_write(tmp_path / "metrics.json"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


SWAPPED = """
import contextlib, runpy, sys
from digits import runs
@contextlib.contextmanager
def full(path):
    raise OSError(28, "No space left on device", str(path))
    yield
runs.atomic_folder = full
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_11_what_was_trained_is_kept_elsewhere(tmp_path):
    (tmp_path / "tmp").mkdir()
    more = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")}
    line = error_line(run_python(tmp_path, "-c", SWAPPED, ROOT / "mlp.py", *FAST, **more), 1)
    kept = Path(re.search(r"The trained model is kept in (\S+)$", line)[1])
    assert "No space left on device: 'models/mlp_256_dryrun_synthetic'" in line
    assert sorted(os.listdir(kept)) == ["history.csv", "metrics.json", "model.keras"]


LONG = ["mlp.py", "--dataset", "synthetic", "--epochs", "500"]
KEPT = "mlp_256_epochs500_synthetic_interrupted"


def test_12_asked_to_end(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-u", ROOT / LONG[0], *LONG[1:]],
        cwd=tmp_path,
        env=environment(HOME.name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if "Epoch 3/500" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130 and len(stderr.strip().splitlines()) == 1, stderr
    assert KEPT in stderr and read_metrics(tmp_path, KEPT)["epochs"] >= 2


def test_12_a_terminal_that_is_closed(tmp_path):
    """Its processes get SIGHUP, and nothing can be printed any more."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, "-u", str(ROOT / LONG[0]), *LONG[1:]], environment(HOME.name))
    text = b""
    while b"Epoch 3/500" not in text:
        text += os.read(terminal, 10000)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert read_metrics(tmp_path, KEPT)["epochs"] >= 2


@pytest.fixture(scope="module")
def damaged_folder(tmp_path_factory, trained_folder):
    """A healthy run, and one whose metrics.json lacks the training accuracy."""
    folder = tmp_path_factory.mktemp("damaged")
    for name in (RUN, "mlp_800"):
        shutil.copytree(trained_folder / "models" / RUN, folder / "models" / name)
    change_metrics(folder / "models/mlp_800", lambda metrics: metrics.pop("train_accuracy"))
    return folder


def change_metrics(folder, change):
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text())
    change(metrics)
    path.write_text(json.dumps(metrics))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda metrics: metrics.pop("validation_accuracy"), "metrics.json has no validation_accuracy"),
        (lambda metrics: metrics.update(train_accuracy=None), "train_accuracy is null"),
        (lambda metrics: metrics.update(test_accuracy=None), "test_accuracy is null"),
        (lambda metrics: metrics.update(test_accuracy="0.97"), 'test_accuracy is "0.97"'),
        (lambda metrics: metrics.update(epochs=1.5), "epochs is 1.5"),
        (lambda metrics: metrics.update(flags=[]), r"flags is \[\]"),
        (lambda metrics: metrics.update(dataset="fashion"), "dataset is fashion"),
        (lambda metrics: metrics.update(confusion_matrix=[[1]]), "not of ten digits"),
        (lambda metrics: metrics.update(recall=["a"] * 10), "could not convert"),
        (lambda metrics: metrics.pop("precision"), "no precision"),
    ],
)
def test_13_metrics_that_lack_something(tmp_path, trained_folder, monkeypatch, change, words):
    shutil.copytree(trained_folder / "models" / RUN, tmp_path / "models" / RUN)
    monkeypatch.chdir(tmp_path)
    runs.load_run(RUN)
    change_metrics(tmp_path / "models" / RUN, change)
    with pytest.raises(UserError, match=f"models/{RUN} is damaged, train it again.*{words}"):
        runs.load_run(RUN)


def test_13_the_healthy_runs_are_evaluated(damaged_folder):
    process = run_python(damaged_folder, ROOT / "evaluate.py")
    assert "mlp_800 is damaged" in error_line(process, 1) and "train_accuracy" in process.stderr
    page = (damaged_folder / "plots/index.html").read_text(encoding="utf-8")
    assert f"<h2>{RUN}</h2>" in page and "mlp_800" not in page


def test_13_a_healthy_run_predicts(damaged_folder):
    shutil.copy(ROOT / "plots/predictions/photograph.png", damaged_folder)
    process = run_python(damaged_folder, ROOT / "predict.py", "photograph.png")
    assert "mlp_800 is damaged" in error_line(process, 0) and f"Predicted by {RUN}" in process.stdout


def test_13_a_model_of_another_keras(tmp_path, trained_folder, monkeypatch, tensorflow):
    import keras

    shutil.copytree(trained_folder / "models" / RUN, tmp_path / "models" / RUN)
    path = tmp_path / "models" / RUN / "model.keras"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["metadata.json"] = json.dumps({"keras_version": "4.0.0", "date_saved": ""}).encode()
    content["config.json"] = content["config.json"].replace(b'"Dense"', b'"Denser"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"Keras 4.0.0 wrote it, this is Keras {keras.__version__}"):
        runs.load_model(RUN)


def make_row(seed, **more):
    """Return a row of runs.csv, of mlp_256."""
    known = {"experiment": "mlp_256", "seed": seed, "threads": 1, "code": experiments.hash_code("mlp_256")}
    return dict.fromkeys(experiments.COLUMNS, "x") | dict.fromkeys(experiments.NUMBERS, 0.5) | known | more


def test_14_rows_by_other_code_are_named_and_replaced_one_by_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for row in (make_row(0), make_row(1, code="old", commit="abc"), make_row(2, code="old", commit="abc")):
        experiments.add_row(row)
    flags = ["--experiments", "mlp_256", "--seeds", "4", "--dry-run"]
    process = run_python(tmp_path, ROOT / "reproduce.py", *flags)
    assert "computed by other code: 2 by that of commit abc; --again" in process.stdout
    assert "4 runs, 1 of them to do" in process.stdout
    assert "4 runs, 3 of them to do" in run_python(tmp_path, ROOT / "reproduce.py", *flags, "--again").stdout
    experiments.add_row(make_row(1, test_accuracy=0.9))
    rows = experiments.read_rows().set_index("seed")
    assert rows["test_accuracy"].to_dict() == {0: 0.5, 1: 0.9, 2: 0.5} and rows["code"][2] == "old"
    assert "1 runs by commit abc" in report.describe_code(experiments.read_rows())


def test_14_other_code_is_what_a_run_executes(clone):
    code = "from study.experiments import hash_code; print(hash_code('mlp_256'), hash_code('cnn'))"

    def hashes(name=None):
        if name:
            with (clone / name).open("a") as file:
                file.write("# changed\n")
        return run_python(clone, "-c", code).stdout.split()

    mlp, cnn = hashes()
    (clone / "README.md").write_text("")
    assert hashes("evaluate.py") == [mlp, cnn]
    assert hashes("mlp.py")[1] == cnn and hashes()[0] != mlp
    assert hashes("digits/training.py")[1] != cnn


ADD = """
import sys
from study import experiments
from test_situations import make_row
for seed in range(int(sys.argv[1]), 40, 3):
    experiments.add_row(make_row(seed))
"""


def test_15_several_studies_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", ADD]
    env = environment(HOME.name, PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'tests'}")
    with contextlib.ExitStack() as stack:
        for first in range(3):
            stack.enter_context(subprocess.Popen([*command, str(first)], env=env))
    assert sorted(experiments.read_rows()["seed"]) == list(range(40))
