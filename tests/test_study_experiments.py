"""The study's rows: what a run gives, and the file that keeps them."""

import subprocess

import numpy as np
import pytest

import preprocess
from conftest import make_row
from digits import training
from digits.errors import UserError
from study import experiments


@pytest.fixture
def rows_file(tmp_path, monkeypatch):
    """results/runs.csv with three finished runs, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1, 2):
        experiments.add_row(make_row(seed=seed, test_accuracy=0.97 + seed / 1000))
    return tmp_path / experiments.ROWS


def test_without_a_file_or_with_an_emptied_one_there_are_no_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(experiments.read_rows()) == 0 and list(experiments.read_rows()) == experiments.COLUMNS
    experiments.ROWS.parent.mkdir()
    experiments.ROWS.write_text(",".join(experiments.COLUMNS) + "\n", encoding="utf-8")
    assert len(experiments.read_rows()) == 0 and experiments.read_rows()["seconds"].dtype == float


def test_rows_come_back_as_they_were_and_the_later_one_of_a_run_counts(rows_file):
    before = rows_file.read_text(encoding="utf-8")
    experiments.add_row(make_row("cnn", 7, test_accuracy=1 / 3))
    experiments.add_row(make_row(seed=1, test_accuracy=0.5))
    assert rows_file.read_text(encoding="utf-8").startswith(before)
    rows = experiments.read_rows()
    assert list(rows["seed"]) == [0, 2, 7, 1] and list(rows["test_accuracy"]) == [0.97, 0.972, 1 / 3, 0.5]
    assert list(rows) == experiments.COLUMNS and list(rows["host"]) == ["x"] * 4
    assert [path.name for path in rows_file.parent.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.971", "good", 3),
        ("0.971", "0.971,1", 3),
        ("0.971", "0.971\n", 3),  # as where a disk was full
        ("mlp_256,2", "mlp_255,2", 4),
        ("experiment,seed", "experiment", 1),
    ],
)
def test_a_damaged_line_is_named_and_left_alone(rows_file, old, new, line):
    damaged = rows_file.read_text(encoding="utf-8").replace(old, new)
    rows_file.write_text(damaged, encoding="utf-8")
    with pytest.raises(UserError, match=rf"runs.csv.* line {line}\b") as raised:
        experiments.read_rows()
    assert "\n" not in str(raised.value).strip()
    assert rows_file.read_text(encoding="utf-8") == damaged


def make_noise(count):
    """Return `count` training images of noise, and a hundred of them to test with, as `load_data` does."""
    generator = np.random.default_rng(0)
    x, y = generator.random((count, 784), "float32"), preprocess.one_hot(generator.integers(0, 10, count))
    return (x, y), (x[:100], y[:100])


def test_a_run_fills_its_row_unless_it_is_interrupted(tensorflow, monkeypatch):
    """The same seed gives the same numbers, whatever was trained before."""
    monkeypatch.setattr(experiments, "TRAINING_IMAGES", 400)  # the other 200 validate
    data = make_noise(600)
    first, other, again = (experiments.run_once("mlp_256", seed, data) for seed in (0, 1, 0))
    assert set(first) == set(experiments.COLUMNS) and first["threads"] == experiments.num_threads()
    assert first["accuracy_10"] == first["train_accuracy"]
    assert first["val_accuracy_10"] == first["validation_accuracy"]
    numbers = [name for name in experiments.NUMBERS if name != "seconds"]
    assert [first[name] for name in numbers] == [again[name] for name in numbers]
    assert first["loss_1"] != other["loss_1"]
    real = training.fit
    monkeypatch.setattr(training, "fit", lambda *arguments, **options: real(*arguments, **options | {"epochs": 1}))
    with pytest.raises(KeyboardInterrupt):
        experiments.run_once("mlp_256", 0, data)


def test_all_sizes_validate_on_the_same_images(tensorflow, monkeypatch):
    calls = []

    def fit(model, x, y, validation_data, **options):
        calls.append((len(x), *validation_data, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", fit)
    data = make_noise(60000)
    for name in ("mlp_800", "mlp_800_of_3000"):
        with pytest.raises(KeyboardInterrupt):
            experiments.run_once(name, 0, data)
    assert [call[0] for call in calls] == [48000, 3000]
    (x_train, y_train), _ = data
    for _, x, y, options in calls:
        assert np.array_equal(x, x_train[48000:]) and np.array_equal(y, y_train[48000:])
        assert options["epochs"] == 10 and options["batch_size"] == 200


def test_the_commit_tells_whether_python_files_have_changed(tensorflow, tmp_path, monkeypatch):
    def read_commit(changed):
        with (tmp_path / changed).open("a", encoding="utf-8") as file:
            file.write("changed\n")
        return experiments.code_version.__wrapped__("cnn")["commit"]

    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    monkeypatch.setattr(experiments, "hash_code", lambda _: "code")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_commit("cnn.py") == "unknown"
    author = ["-c", "user.name=A", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *author, *command], cwd=tmp_path, check=True)
    commit = read_commit("README.md")
    assert len(commit) == 12 and read_commit("cnn.py") == commit + "+"
