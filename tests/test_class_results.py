"""What a class has handed in: `python evaluate.py --class FOLDER`."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import evaluate
from digits import deck, flags
from digits.errors import UserError
from lab import class_results as submissions


def make_matrix(accuracy, seed=0):
    """Return a confusion matrix of MNIST's test images with this accuracy, another one for each seed."""
    matrix = np.diag(submissions.LABELS)
    for label in np.random.default_rng(seed).integers(10, size=round(10000 * (1 - accuracy))):
        matrix[label, label] -= 1
        matrix[label, label - 1] += 1
    return matrix.tolist()


def make_run(seed=1, experiment="mlp_256", accuracy=0.9765, without=(), **changes):
    """Return the content of a metrics.json."""
    metrics = {"run": f"{experiment}_seed{seed}", "date": f"2026-12-01T10:00:{seed % 60:02d}", "seed": seed}
    metrics |= {"deck_model": experiment in deck.RUNS, "interrupted": False, "epochs": 10, "planned_epochs": 10}
    metrics |= {"arguments": submissions.STUDIED.get(experiment, {}) | {"seed": seed}, "test_loss": 0.08}
    metrics |= {"test_accuracy": accuracy, "confusion_matrix": make_matrix(accuracy, seed)}
    return json.dumps({name: value for name, value in (metrics | changes).items() if name not in without}).encode()


def make_zip(**files):
    """Return the content of a ZIP; a name is that of a file, or ends with / for an empty folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(folder, **files):
    """Write files into a folder and return what is read of it: a list of tuples."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_bytes(content)
    table = submissions.read_submissions(folder)[submissions.COLUMNS]
    return [tuple(row) for row in table.astype(object).fillna("-").to_numpy()]


RUN, UNEVALUATED = make_run(), ("test_accuracy", "test_loss", "confusion_matrix")


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"test_accuracy": 0.9999}, "accuracy 0.9999, but 0.9765 by its confusion matrix"),
        ({"confusion_matrix": make_matrix(0.97)}, "accuracy 0.9765, but 0.9700 by its confusion matrix"),
        ({"confusion_matrix": np.diag([1000] * 10).tolist(), "test_accuracy": 1}, "not of MNIST's test images"),
        ({"test_loss": 0.001}, "loss 0.0010, which its confusion matrix excludes"),
        ({"without": ["confusion_matrix"]}, "no confusion matrix"),
        ({"run": "mlp_256_seed8"}, "seed 1, but 8 in its name"),
        ({"arguments": {"seed": 8}}, "seed 1, but 8 in its arguments"),
        ({"flags": {"seed": 8}, "without": ["arguments"]}, "seed 1, but 8 in its arguments"),
        ({"run": "mlp_256", "seed": 4711, "arguments": {}}, "seed 4711, but none in its name"),
        ({"arguments": {"hidden": 2048}}, "hidden 256, but 2048 in its arguments"),
        ({"epochs": 3}, "epochs 10, but 3 in its arguments"),
        ({"deck_model": False}, "the script was edited"),
        ({"check": "other pixels"}, "other pixels"),
        ({"run": "mlp_256_seed1_interrupted", "interrupted": True, "epochs": 3}, "interrupted after 3 of 10 epochs"),
        ({"without": UNEVALUATED}, "not evaluated"),
        ({"run": "mlp_256_dryrun", "deck_model": False}, "a dry run: 2000 images"),
    ],
)
def test_a_run_that_contradicts_itself_or_is_of_another_kind_is_told_and_not_compared(tmp_path, changes, remark):
    (row,) = read(tmp_path, **{"b12345.json": make_run(**changes)})
    assert row[5] == "" and remark in row[6]


def test_a_dry_run_beside_other_runs_is_left_out(tmp_path):
    files = {f"b12345/models/{name}/metrics.json": make_run(run=name) for name in ("mlp_256_seed1", "mlp_256_dryrun")}
    ((_, _, experiment, *_),) = read(tmp_path, **files)
    assert experiment == "mlp_256"


def test_equal_confusion_matrices_of_two_students_are_told(tmp_path):
    files = {
        "a.json": RUN,
        "b.json": RUN.replace(b"T10", b"T11"),
        "c.json": make_run(2, confusion_matrix=make_matrix(0.9765, 1)),
    }
    constant = {"confusion_matrix": [[count, *[0] * 9] for count in submissions.LABELS], "test_accuracy": 0.098}
    files |= {f"failed{seed}.json": make_run(seed, "my_mlp", **constant) for seed in (1, 2)}
    remarks = {student: remark for _, student, *_, remark in read(tmp_path, **files)}
    assert "same seed and confusion matrix as b: may be honest" in remarks["a"]
    assert "copy: same confusion matrix as c, other seed" in remarks["a"]
    assert remarks["c"] == "copy: same confusion matrix as a, b, other seed"
    assert remarks["failed1"] == ""  # it takes all images for a 0, as others do


def test_nobody_vanishes(tmp_path):
    files = {"empty/": b"", "b12345.zip": make_zip(**{"models/": b""}), "keras/models/mlp_256/model.keras": b""}
    files |= {"b12346.rar": b"", "broken.zip": b"PK", "deep.json": b"[" * 100000, "half.json": RUN[:200]}
    files |= {"range.json": make_run(2**40), "dots.zip": make_zip(**{"../models/mlp_256/metrics.json": RUN})}
    files |= {"two/b12347.json": RUN, "two/b12347 (1).json": RUN, "list.json": b"[]"}
    remarks = {student: remark for _, student, *_, remark in read(tmp_path, **files)}
    assert remarks["empty"] == "no run: empty (nothing in it)" and "nothing in it" in remarks["b12345"]
    assert remarks["keras"] == "no run: model.keras" and remarks["b12346"] == "no run: b12346.rar (no ZIP: unpack it)"
    assert all("damaged" in remarks[student] for student in ("broken", "deep", "half", "range", "list"))
    assert "same seed" in remarks["dots"] and "same seed" in remarks["two"] and len(remarks) == 11


def test_names_as_platforms_make_them_and_student_numbers(tmp_path):
    explorer = make_zip(**{f"NAME{i:02d}/models/mlp_256/metrics.json": make_run(i + 1) for i in range(2)})
    for i, name in enumerate(["王小明", "許功蓋"]):
        explorer = explorer.replace(f"NAME{i:02d}".encode(), name.encode("cp950"))
    late = make_zip(**{"models/cnn_seed5/metrics.json": make_run(5, "cnn", 0.99), "__MACOSX/models/._x.json": b""})
    both = make_zip(**{"anna/metrics.json": make_run(3), "ben.json": make_run(4)})
    files = {"explorer.zip": explorer, "both.zip": both, "b12346.json": make_run(8), "b12346_late.zip": late}
    files |= {"b12346 (1).zip": make_zip()}
    files |= {"Christopher Montgomery_1234567_assignsubmission_file_/B11902001.json": make_run(6)}
    files |= {"wangxiaoming_12345_678901_b12345.json": make_run(7), "wangxiaoming_LATE_12345_678999_models.zip": late}
    found = [(*row[:3], row[6].split("; ")[-1]) for row in read(tmp_path / "Lab 1", **files)]
    assert found == [
        ("B11902001", "Christopher Montgomery_1234567", "mlp_256", ""),
        ("", "anna", "mlp_256", "in both.zip"),
        ("b12346", "b12346", "cnn", "same seed and confusion matrix as wangxiaoming_12345: may be honest"),
        ("b12346", "b12346", "mlp_256", ""),
        ("b12346", "b12346", "-", "no run: b12346 (1).zip (nothing in it)"),
        ("", "ben", "mlp_256", "in both.zip"),
        ("b12345", "wangxiaoming_12345", "cnn", "same seed and confusion matrix as b12346: may be honest"),
        ("b12345", "wangxiaoming_12345", "mlp_256", ""),
        *(("", name, "mlp_256", "in explorer.zip") for name in ("王小明", "許功蓋")),
    ]
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    whole = make_zip(**{path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in paths})
    (tmp_path / "all.zip").write_bytes(whole)  # as a learning platform hands it out
    table = submissions.read_submissions(tmp_path / "all.zip")
    assert [(row.number, row.student) for row in table.itertuples()] == [row[:2] for row in found]


def test_a_student_with_several_runs_counts_once(tmp_path):
    runs = {"mlp_256": make_run(0, run="mlp_256"), "mlp_256_seed7": make_run(7), "mlp_256_seed8": make_run(8)}
    runs |= {"cnn_kernel5": make_run(0, "cnn_kernel5", 0.9905), "my_mlp": make_run(0, "my_mlp"), "mlp_800": RUN[:9]}
    read(tmp_path, **{f"models/{name}/metrics.json": content for name, content in runs.items()})
    table = submissions.read_submissions(tmp_path).sort_values("experiment", kind="stable")
    assert set(table["student"]) == {tmp_path.name}  # models/ is directly in it
    assert list(table.loc[table["counts"], "run"]) == ["cnn_kernel5_seed0", "mlp_256_seed7"]
    assert list(table["remark"].str.count("more than one mlp_256")) == [0, 1, 1, 1, 0, 0]
    assert "metrics.json (damaged" in table["remark"].iloc[-1]


def test_folders_of_the_same_names_in_two_places_are_not_taken_for_one_student(tmp_path):
    places = [f"{student}/exercise{number}" for student in ("anna", "ben") for number in (1, 2)]
    places += [f"class {name}/{student}" for name in "AB" for student in ("carl", f"doris{name}")]
    files = {f"{place}/metrics.json": make_run(seed) for seed, place in enumerate(places, 1)}
    found = [(row[1], row[6].split("; ")[-1]) for row in read(tmp_path, **files)]
    assert [name for name, _ in found] == ["anna", "anna", "ben", "ben", "carl", "carl", "dorisA", "dorisB"]
    assert [remark for _, remark in found[4:]] == ["in class A", "in class B"] * 2
    assert submissions.read_submissions(tmp_path)["key"].nunique() == 6


def test_the_table_and_the_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = {}
    for seed, accuracy in zip(range(4711, 4751), [0.5, 0.9999, *np.linspace(0.974, 0.9797, 38).round(4)]):
        run = make_run(seed, accuracy=accuracy, test_loss=1 - accuracy)
        files |= {f"{seed}_王小明_12345/1.json": run, f"{seed}_王小明_12345/2.json": make_run(seed, "my_mlp_256")}
    read(tmp_path / "class", **files)
    flags.run_command(evaluate.main, evaluate.parser, ["--class", "class"])
    out = capsys.readouterr().out
    assert "40 students;" in out and "mlp_256: 2 of 40 outside; 0.5000 to 0.9999" in out
    assert max(map(len, out.splitlines())) <= 80
    table = pd.read_csv("plots/class/class.csv", encoding="utf-8-sig")
    assert list(table) == ["number", "student", "experiment", "seed", "accuracy", "interval", "remark"]
    assert len(table) == 80 and sum(table["interval"] == "outside") == 2
    width, height = Image.open("plots/class/class.png").size
    assert width > 1000 and height < 700  # one panel


def test_a_folder_that_is_missing_or_empty_is_one_line(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match=folder.name):
            submissions.read_submissions(folder)
