"""What a class has handed in: `python evaluate.py --class FOLDER`."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evaluate
from digits import deck, flags
from digits.errors import UserError
from lab import class_results


def make_matrix(accuracy, seed=0):
    """Return a confusion matrix of MNIST's test images with this accuracy, another one for each seed."""
    matrix = np.diag(class_results.LABELS)
    for label in np.random.default_rng(seed).integers(10, size=round(10000 * (1 - accuracy))):
        matrix[label, label] -= 1
        matrix[label, label - 1] += 1
    return matrix.tolist()


def make_run(seed=1, experiment="mlp_256", accuracy=0.9765, **changes):
    """Return the content of a metrics.json; a change to None leaves out."""
    metrics = {"run": f"{experiment}_seed{seed}", "date": f"2026-12-01T10:00:{seed % 60:02d}", "seed": seed}
    metrics |= {"deck_model": experiment in deck.RUNS, "interrupted": False, "epochs": 10, "planned_epochs": 10}
    metrics |= {"arguments": class_results.STUDIED.get(experiment, {}) | {"seed": seed}, "test_loss": 0.08}
    metrics |= {"test_accuracy": accuracy, "confusion_matrix": make_matrix(accuracy, seed)}
    return json.dumps({name: value for name, value in (metrics | changes).items() if value is not None}).encode()


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
    table = class_results.read_submissions(folder)[class_results.COLUMNS]
    return [tuple(row) for row in table.astype(object).fillna("-").to_numpy()]


RUN = make_run()


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"test_accuracy": 0.9999}, "accuracy 0.9999, but 0.9765 by its confusion matrix"),
        ({"confusion_matrix": np.diag([1000] * 10).tolist(), "test_accuracy": 1}, "not of MNIST's test images"),
        ({"test_loss": 0.001}, "loss 0.0010, which its confusion matrix excludes"),
        ({"confusion_matrix": None}, "no confusion matrix"),
        ({"run": f"mlp_256_seed{2**40}", "seed": 2**40}, "which no run can have"),
        ({"run": "mlp_256_seed8"}, "seed 1, but 8 in its name"),
        ({"flags": {"seed": 8}, "arguments": None}, "seed 1, but 8 in its arguments"),
        ({"run": "mlp_256", "seed": 4711, "arguments": {}}, "seed 4711, but none in its name"),
        ({"arguments": {"hidden": 2048}}, "hidden 256, but 2048 in its arguments"),
        ({"epochs": 3}, "epochs 10, but 3 in its arguments"),
        ({"deck_model": False}, "the script was edited"),
        ({"check": "other\x1bpixels"}, "other?pixels"),
        ({"run": "mlp_256_seed1_interrupted", "interrupted": True, "epochs": 3}, "interrupted after 3 of 10 epochs"),
        (dict.fromkeys(["test_accuracy", "test_loss", "confusion_matrix"]), "not evaluated"),
        ({"run": "mlp_256_dryrun", "deck_model": False}, "a dry run: 2000 images"),
    ],
)
def test_a_run_that_contradicts_itself_or_is_of_another_kind_is_told_and_not_compared(tmp_path, changes, remark):
    (row,) = read(tmp_path, **{"b12345.json": make_run(**changes)})
    assert row[5] == "" and remark in row[6]


def test_equal_runs_are_told(tmp_path):
    copy = make_run(2, confusion_matrix=make_matrix(0.9765, 1))
    files = {"a.json": RUN, "b.json": RUN.replace(b"T10", b"T11"), "c.json": copy, "c (1).json": copy}
    constant = {"confusion_matrix": [[count, *[0] * 9] for count in class_results.LABELS], "test_accuracy": 0.098}
    files |= {f"failed{seed}.json": make_run(seed, "my_mlp", **constant) for seed in (1, 2)}
    remarks = {student: remark for _, student, *_, remark in read(tmp_path, **files)}
    assert "same seed and confusion matrix as b: may be honest" in remarks["a"]
    assert "copy: same confusion matrix as c, other seed" in remarks["a"]
    assert remarks["c"] == "handed in twice; copy: same confusion matrix as a, b, other seed"
    assert remarks["failed1"] == ""  # it takes all images for a 0, as others do


def test_nobody_vanishes(tmp_path):
    files = {"empty/": b"", "b12345.zip": make_zip(**{"models/": b""}), "keras/models/mlp_256/model.keras": b""}
    files |= {"b12346.rar": b"", "broken.zip": b"PK", "deep.json": b"[" * 100000, "half.json": RUN[:200]}
    files |= {"list.json": b"[]", "two/b12347.json": RUN}
    files["dots.zip"] = make_zip(**{"../models/mlp_256/metrics.json": RUN})
    remarks = {student: remark for _, student, *_, remark in read(tmp_path, **files)}
    assert remarks["empty"] == "no run: empty (nothing in it)" and "nothing in it" in remarks["b12345"]
    assert remarks["keras"] == "no run: model.keras" and remarks["b12346"] == "no run: b12346.rar (no ZIP: unpack it)"
    assert all("damaged" in remarks[student] for student in ("broken", "deep", "half", "list"))
    assert "same seed" in remarks["dots"] and "same seed" in remarks["two"]


def test_names_as_platforms_make_them_and_student_numbers(tmp_path):
    explorer = make_zip(**{f"NAME{i:02d}/models/mlp_256/metrics.json": make_run(i + 1) for i in range(2)})
    for i, name in enumerate(["王小明", "許功蓋"]):
        explorer = explorer.replace(f"NAME{i:02d}".encode(), name.encode("cp950"))
    late = make_zip(**{"models/cnn_seed5/metrics.json": make_run(5, "cnn", 0.99), "__MACOSX/models/._x.json": b""})
    both = make_zip(**{"cafe\u0301/metrics.json": make_run(3), "ben\a.json": make_run(4)})
    files = {"explorer.zip": explorer, "both.zip": both, "b12346.json": make_run(8), "b12346_late.zip": late}
    files |= {"b12346 (1).zip": make_zip()}
    files |= {"Christopher Montgomery_1234567_assignsubmission_file_/B11902001.json": make_run(6)}
    files |= {"wangxiaoming_12345_678901_b12345.json": make_run(7), "wangxiaoming_LATE_12345_678999_models.zip": late}
    found = [(*row[:3], row[6].split("; ")[-1]) for row in read(tmp_path / "Lab 1", **files)]
    assert found == [
        ("B11902001", "Christopher Montgomery_1234567", "mlp_256", ""),
        ("b12346", "b12346", "cnn", "same seed and confusion matrix as wangxiaoming_12345: may be honest"),
        ("b12346", "b12346", "mlp_256", ""),
        ("b12346", "b12346", "-", "no run: b12346 (1).zip (nothing in it)"),
        ("", "ben?", "mlp_256", "in both.zip"),
        ("", "caf\u00e9", "mlp_256", "in both.zip"),
        ("b12345", "wangxiaoming_12345", "cnn", "same seed and confusion matrix as b12346: may be honest"),
        ("b12345", "wangxiaoming_12345", "mlp_256", ""),
        *(("", name, "mlp_256", "in explorer.zip") for name in ("王小明", "許功蓋")),
    ]
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    whole = make_zip(**{path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in paths})
    (tmp_path / "all.zip").write_bytes(whole)  # as a learning platform hands it out
    table = class_results.read_submissions(tmp_path / "all.zip")
    assert [(row.number, row.student) for row in table.itertuples()] == [row[:2] for row in found]


def test_a_student_with_several_runs_counts_once(tmp_path):
    runs = {"mlp_256": make_run(0, run="mlp_256"), "mlp_256_seed7": make_run(7), "mlp_256_seed8": make_run(8)}
    runs |= {"cnn_kernel5": make_run(0, "cnn_kernel5", 0.9905), "mlp_256_dryrun": make_run(run="mlp_256_dryrun")}
    read(tmp_path, **{f"models/{name}/metrics.json": content for name, content in (runs | {"mlp_800": b"{}"}).items()})
    table = class_results.read_submissions(tmp_path)
    assert set(table["student"]) == {tmp_path.name}  # models/ is directly in it
    assert list(table["run"].fillna("-")) == ["cnn_kernel5_seed0", "mlp_256_seed7", "mlp_256_seed8", "mlp_256", "-"]
    assert list(table["counts"]) == [True, True, False, False, False]
    assert list(table["remark"].str.count("more than one mlp_256")) == [0, 1, 1, 1, 0]
    assert "metrics.json (damaged" in table["remark"].iloc[-1]


def test_folders_of_the_same_names_in_two_places_are_not_taken_for_one_student(tmp_path):
    places = [f"{student}/exercise{number}" for student in ("anna", "ben") for number in (1, 2)]
    places += [f"class {name}/{student}" for name in "AB" for student in ("b12301", "carl", f"doris{name}")]
    places += ["b12302/first", "b12302/second"]
    files = {f"{place}/metrics.json": make_run(seed) for seed, place in enumerate(places, 1)}
    found = [(row[1], row[6].split("; ")[-1]) for row in read(tmp_path, **files)]
    assert {name for name, _ in found} == {"anna", "b12301", "b12302", "ben", "carl", "dorisA", "dorisB"}
    assert [remark for _, remark in found[8:]] == ["in class A", "in class B"] * 2
    assert class_results.read_submissions(tmp_path)["key"].nunique() == 8


def test_the_table_and_the_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = {}
    for seed, accuracy in zip(range(4711, 4751), [0.5, 0.9999, *np.linspace(0.974, 0.9797, 38).round(4)]):
        run = make_run(seed, accuracy=accuracy, test_loss=1 - accuracy)
        student = f"{seed}_王小明_Christopher Montgomery of class A"
        files |= {f"{student}/1.json": run, f"{student}/2.json": make_run(seed, "my_mlp_256")}
    read(tmp_path / "class", **files)
    flags.run_command(evaluate.main, evaluate.parser, ["--class", "class"])
    out = capsys.readouterr().out
    assert "40 students;" in out and "mlp_256: 2 of 40 outside; 0.5000 to 0.9999" in out
    assert 60 < max(len(line) for line in out.splitlines() if line.endswith("inside")) <= 80  # but for remarks
    table = pd.read_csv("plots/class/class.csv", encoding="utf-8-sig")
    assert list(table) == ["number", "student", "experiment", "seed", "accuracy", "interval", "remark"]
    assert len(table) == 80 and sum(table["interval"] == "outside") == 2
    assert Path("plots/class/class.png").exists()


def test_a_folder_that_is_missing_or_empty_is_one_line(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match=folder.name):
            class_results.read_submissions(folder)
