"""What a class has handed in: `python evaluate.py --class FOLDER`."""

import json
import zipfile

import pandas as pd
import pytest
from PIL import Image

import evaluate
from digits import flags, submissions
from digits.errors import UserError


def write_run(place, run="mlp_256", accuracy=0.9765, **changes):
    """Write a metrics.json into a folder, and what else a run's folder holds."""
    place.mkdir(parents=True, exist_ok=True)
    metrics = {"run": run, "seed": 0, "deck_model": True, "test_accuracy": accuracy} | changes
    (place / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (place / "model.keras").write_bytes(b"a ZIP, but not of submissions")
    return place / "metrics.json"


def read(folder):
    """Return what is read of a folder, as a list of tuples."""
    return [tuple(row) for row in submissions.read_submissions(folder).astype(object).fillna("-").to_numpy()]


def test_models_folders_single_files_and_zips_are_read(tmp_path):
    write_run(tmp_path / "s1" / "models" / "mlp_256")
    write_run(tmp_path / "s2_王小明", run="mlp_256_seed7", seed=7, accuracy=0.95)
    write_run(tmp_path / "s3", run="cnn", accuracy=0.9905).rename(tmp_path / "s3.json")
    (tmp_path / "s3" / "model.keras").unlink()
    (tmp_path / "s3").rmdir()
    write_run(tmp_path / "other" / "models" / "cnn", run="cnn", accuracy=0.991)
    with zipfile.ZipFile(tmp_path / "s4.zip", "w") as archive:
        archive.write(tmp_path / "other" / "models" / "cnn" / "metrics.json", "models/cnn/metrics.json")
        archive.writestr("__MACOSX/models/cnn/._metrics.json", "of the system")
    expected = [
        ("other", "cnn", 0, 0.991, "inside", "same file as s4"),
        ("s1", "mlp_256", 0, 0.9765, "inside", ""),
        ("s2_王小明", "mlp_256", 7, 0.95, "outside", ""),
        ("s3", "cnn", 0, 0.9905, "inside", ""),
        ("s4", "cnn", 0, 0.991, "inside", "same file as other"),
    ]
    assert read(tmp_path) == expected
    with zipfile.ZipFile(tmp_path.parent / "all.zip", "w") as archive:  # as a learning platform hands it out
        for path in tmp_path.rglob("*.*"):
            archive.write(path, f"Lab 1/{path.relative_to(tmp_path).as_posix()}")
    assert read(tmp_path.parent / "all.zip") == expected


def test_what_is_missing_damaged_edited_or_is_said(tmp_path):
    write_run(tmp_path / "a" / "models" / "mlp_256", deck_model=False)
    write_run(tmp_path / "c").write_text("{", encoding="utf-8")
    write_run(tmp_path / "g", accuracy="very good")
    for name in ("d/report.docx", "e.zip", "f.rar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no ZIP")
    remarks = {student: remark for student, *_, remark in read(tmp_path)}
    assert "edited" in remarks["a"] and "damaged" in remarks["c"]
    assert "damaged" in remarks["g"]
    assert remarks["d"] == "no metrics.json, but report.docx" and "e.zip (damaged)" in remarks["e"]
    assert "f.rar" in remarks["f"] and len(remarks) == 6
    assert all(row[4] in ("-", "") for row in read(tmp_path))  # none is compared with the study


def test_one_file_that_cannot_be_read_does_not_keep_the_others_from_being_compared(tmp_path):
    write_run(tmp_path / "a")
    for student, change in (("b", {"seed": 2**70}), ("c", {"test_accuracy": 97.6})):
        write_run(tmp_path / student, **change)
    path = write_run(tmp_path / "d")
    path.write_text(path.read_text(encoding="utf-8").replace("deck_model", "other"), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "f.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metrics.json", "1234567890" * 99)
    content = (tmp_path / "f.zip").read_bytes()
    (tmp_path / "f.zip").write_bytes(content[:42] + b"\xff" * 8 + content[50:])  # an upload that broke off
    remarks = {student: remark for student, *_, remark in read(tmp_path)}
    assert remarks.pop("a") == "" and "cannot be read" in remarks.pop("f")
    assert set(remarks.values()) == {"metrics.json is damaged: it is no run's metrics.json"} and len(remarks) == 3


def test_runs_of_one_student_only(tmp_path):
    for run in ("mlp_256", "cnn"):
        write_run(tmp_path / "s1" / "models" / run, run=run)
    assert [row[:2] for row in read(tmp_path)] == [("s1", "cnn"), ("s1", "mlp_256")]


def test_the_table_and_the_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in range(40):
        run = "cnn" if seed % 2 else "mlp_256"
        write_run(tmp_path / "class" / f"s{seed}", f"{run}_seed{seed}", 0.97 + seed / 2000, seed=seed)
    flags.run_command(evaluate.main, evaluate.parser, ["--class", "class"])
    out = capsys.readouterr().out
    assert "40 students, 40 runs" in out and max(map(len, out.splitlines())) <= 80
    table = pd.read_csv("plots/class/class.csv", encoding="utf-8-sig")
    assert len(table) == 40 and set(table["interval"]) == {"inside", "outside"}
    assert Image.open("plots/class/class.png").width > 1000


def test_a_folder_that_is_missing_or_empty_is_one_line(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match=folder.name):
            submissions.read_submissions(folder)
