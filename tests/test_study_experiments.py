"""The study's rows: what a run gives, and the file that keeps them."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial

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


def test_every_experiment_has_a_title_of_its_own():
    titles = [experiment.title for experiment in experiments.EXPERIMENTS.values()]
    assert len(set(titles)) == len(titles) and "MLP, 800 units, Dropout 0.25" in titles


def test_rows_come_back_as_they_were(rows_file):
    rows = experiments.read_rows()
    assert list(rows["seed"]) == [0, 1, 2] and list(rows["test_accuracy"]) == [0.97, 0.971, 0.972]
    assert list(rows) == experiments.COLUMNS and list(rows["host"]) == ["x"] * 3


def test_without_a_file_there_are_no_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(experiments.read_rows()) == 0 and list(experiments.read_rows()) == experiments.COLUMNS


def test_adding_a_row_leaves_the_others_as_they_were(rows_file):
    before = rows_file.read_text()
    experiments.add_row(make_row("cnn", 7, test_accuracy=1 / 3))
    assert rows_file.read_text().startswith(before)
    assert experiments.read_rows()["test_accuracy"].iloc[-1] == 1 / 3
    assert [path.name for path in rows_file.parent.iterdir()] == ["runs.csv"]


def test_of_two_rows_of_a_run_the_later_one_counts(rows_file):
    experiments.add_row(make_row(seed=1, test_accuracy=0.5))
    assert experiments.read_rows().set_index("seed")["test_accuracy"].to_dict() == {0: 0.97, 1: 0.5, 2: 0.972}


def test_several_studies_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiments.add_row(make_row(seed=100))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: experiments.add_row(make_row(seed=seed)), range(40)))
    assert sorted(experiments.read_rows()["seed"]) == [*range(40), 100]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("0.971", "97.1"), lines[3]], "line 3 is damaged"),
        (lambda lines: [*lines[:2], lines[2].replace("0.971", "good"), lines[3]], "line 3 is damaged"),
        (lambda lines: [*lines[:3], lines[3][:40]], "line 4 is damaged"),
        (lambda lines: [*lines[:2], lines[2] + ",1", lines[3]], "line 3"),
        (lambda lines: [*lines[:3], lines[3].replace("mlp_256", "mlp_255")], "line 4 is damaged"),
        (lambda lines: [*lines[:3], lines[3].replace("mlp_256,2", "mlp_256,2.5")], "line 4 is damaged"),
        (lambda lines: [*lines[:3], lines[3].replace(",1,x", ",,x")], "line 4 is damaged"),
        (lambda lines: lines[1:], "line 1"),
        (lambda lines: [], "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_and_left_alone(rows_file, damage, complaint):
    rows_file.write_text("\n".join(damage(rows_file.read_text().splitlines())) + "\n")
    before = rows_file.read_bytes()
    with pytest.raises(UserError, match=complaint) as raised:
        experiments.read_rows()
    assert "runs.csv" in str(raised.value) and "\n" not in str(raised.value).strip()
    assert rows_file.read_bytes() == before


def make_noise(count):
    """Return a Dataset of `count` training images of noise."""
    generator = np.random.default_rng(0)
    x, y = generator.random((count, 784), "float32"), preprocess.one_hot(generator.integers(0, 10, count))
    return preprocess.Dataset(x, y, x[:100], y[:100], "mnist", "sha")


def test_a_run_fills_its_row(tensorflow, monkeypatch):
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
    for _, x, y, options in calls:
        assert np.array_equal(x, data.x_train[48000:]) and np.array_equal(y, data.y_train[48000:])
        assert options["epochs"] == 10 and options["batch_size"] == 200


def test_an_interrupted_training_gives_no_row(tensorflow, monkeypatch):
    monkeypatch.setattr(experiments, "TRAINING_IMAGES", 400)
    real = training.fit
    monkeypatch.setattr(training, "fit", lambda *arguments, **options: real(*arguments, **options | {"epochs": 1}))
    with pytest.raises(KeyboardInterrupt):
        experiments.run_once("mlp_256", 0, make_noise(600))


def test_the_commit_tells_whether_python_files_have_changed(tensorflow, tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    for name in ("cnn.py", "study/experiments.py", "README.md"):
        (tmp_path / name).write_text("1\n")
    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    monkeypatch.setattr(experiments, "hash_code", lambda _: "code")
    read = partial(experiments.code_version.__wrapped__, "cnn")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read()["commit"] == "unknown"
    author = ["-c", "user.name=A", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *author, *command], cwd=tmp_path, check=True)
    (tmp_path / "README.md").write_text("2\n")
    commit = read()["commit"]
    assert len(commit) == 12
    (tmp_path / "cnn.py").write_text("2\n")
    assert read()["commit"] == commit + "+"
