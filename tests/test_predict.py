"""`python predict.py`: what it prints and writes, and its errors."""

import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from conftest import error_line, run_script, succeed
from digits import mnist
from digits.figures import runs as figures
from digits.handwriting import predictions
from digits.metrics import confusion_matrix

COLUMNS = ["file", "position", "digit", "probability", *(f"p{digit}" for digit in range(10)), "doubt"]
GOOD, POOR = "mlp_256_epochs2", "mlp_256_dryrun"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with three saved runs: a good one, a poor one, and a damaged one that claims to be the best."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "FIGURES", {})
        for flags in (["--epochs", "2"], ["--dry-run"]):
            succeed(run_script(folder, "mlp.py", *flags))
    broken = folder / "models" / "cnn"
    shutil.copytree(folder / "models" / GOOD, broken)
    metrics = json.loads((broken / "metrics.json").read_text(encoding="utf-8"))
    (broken / "metrics.json").write_text(json.dumps(metrics | {"test_accuracy": 1}), encoding="utf-8")
    (broken / "model.keras").write_bytes(b"torn")
    return folder


@pytest.fixture
def folder(models, tmp_path):
    """A folder to work in with the good and the poor run."""
    shutil.copytree(models / "models", tmp_path / "models", ignore=shutil.ignore_patterns("cnn"))
    return tmp_path


def save(folder, *names, digits=None):
    """Save an image of `digits`, or of those that each name starts with, MNIST's, dark on light; return the names."""
    raw = mnist.load_arrays()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = digits or re.match(r"\d+", path.name)[0]
        image = Image.new("L", (20 + 70 * len(shown), 90))
        for place, digit in enumerate(shown):
            chosen = np.flatnonzero(raw["y_test"] == int(digit))[4]  # written clearly
            glyph = Image.fromarray(raw["x_test"][chosen]).resize((70, 70), Image.BICUBIC)
            image.paste(glyph, (10 + 70 * place, 5 + 10 * (place % 2)))
        ImageOps.invert(image).save(path)
    return names


def table(folder):
    return pd.read_csv(folder / "plots/predictions/predictions.csv")


def test_what_is_printed_and_written(folder):
    names = save(folder, "4.png", f"{3 * '5203147986'}.png")
    process = run_script(folder, "predict.py", *names)
    assert process.returncode == 0 and process.stderr == ""
    assert f"Predicted by {GOOD}" in process.stdout  # the better of the two
    assert "4.png: 4" in process.stdout and "then" in process.stdout
    assert max(map(len, process.stdout.splitlines())) <= 80  # a page of digits too
    rows = table(folder)
    assert list(rows.columns) == COLUMNS and rows["file"].tolist() == [names[0]] + 30 * [names[1]]
    assert rows["position"].tolist() == [1, *range(1, 31)]
    assert rows["digit"].tolist() == [4] + 3 * [5, 2, 0, 3, 1, 4, 7, 9, 8, 6]
    row = rows.iloc[0]
    assert row["probability"] == row["p4"] == row[COLUMNS[4:14]].max()
    assert row[COLUMNS[4:14]].sum() == pytest.approx(1, abs=1e-4)
    assert sorted(os.listdir(folder / "plots/predictions")) == [*names, "predictions.csv"]


def test_names_are_scored_when_that_is_asked_for(folder):
    save(folder, "mine/4_a.png", "mine/7 (1).png", "mine/0.png", "mine/314_row.png")
    save(folder, "mine/5_is_a_lie.jpg", digits="2")
    save(folder, "mine/trip.png", digits="6")  # names no digit
    save(folder, "mine/8/20261125_143022.png", digits="8")  # a class's folder names it
    save(folder, "mine/315_row.png", digits="314")
    process = run_script(folder, "predict.py", "mine", "mine/4_a.png", "--score")
    assert process.returncode == 0 and process.stderr == ""
    assert "mine/315_row.png: 315 was predicted as 314" in process.stdout
    assert process.stdout.splitlines()[-3].endswith("5 of 7 correct, accuracy 0.7143 on your own handwriting")
    assert str(confusion_matrix([4, 7, 0, 5, 8], [4, 7, 0, 2, 8])) in process.stdout
    assert "1 file is not scored: no digits in the name" in process.stdout
    assert len(table(folder)) == 6 + 6


def test_a_name_tells_digits_only_if_that_is_asked_for_and_it_has_some(folder):
    save(folder, "1.png", "photo.png", digits="425")  # the first row of three digits
    process = run_script(folder, "predict.py", "1.png")
    assert "1.png: 4 2 5" in process.stdout and "accuracy" not in process.stdout
    process = run_script(folder, "predict.py", "photo.png", "--score")
    assert process.returncode == 0 and "1 file is not scored" in process.stdout


def test_nothing_in_a_folder_is_left_out_in_silence(folder):
    save(folder, "mine/4.png", "mine/more/7.png")
    with Image.open(folder / "mine/4.png") as page:
        page.save(folder / "mine/pages.tif", save_all=True, append_images=[page])
    for name in ("notes.txt", "more/notes.txt", "Thumbs.db", ".hidden.png", "a.HEIC", "b.svg", "c.pdf", "d.dng"):
        (folder / "mine" / name).write_text("no image", encoding="utf-8")
    process = run_script(folder, "predict.py", "mine")
    assert process.returncode == 1 and table(folder)["digit"].tolist() == [4, 7, 4]
    left_out, *others = process.stderr.splitlines()
    assert left_out == "WARNING: mine: left out, since they are no images: 1 .db, 2 .txt"
    expected = {"a.HEIC": "pillow-heif", "b.svg": "export it as PNG", "c.pdf": "as PNG", "d.dng": "as JPEG"}
    expected["pages.tif"] = "only the first of its 2 pages is read"
    for line, (name, advice) in zip(others, expected.items(), strict=True):
        assert name in line and advice in line


NAMES = ["我的手寫數字_簡體汉字", "$5_and_$6", "x$_$", "100%", "it's 'quoted'", "🙂", "é" * 100]
NAMES.append(os.fsdecode("數字".encode("big5")))  # as a ZIP from an older Windows unpacks it


@pytest.mark.skipif(os.name == "nt", reason="Windows forbids some of these names")
def test_any_name_is_predicted_and_drawn(folder):
    save(folder, "4.png")
    for name in NAMES:
        shutil.copy(folder / "4.png", folder / f"{name}.png")
    process = run_script(folder, "predict.py", *(f"{name}.png" for name in NAMES))
    assert process.returncode == 0 and process.stderr == ""
    assert table(folder)["digit"].tolist() == [4] * len(NAMES)
    assert len(list((folder / "plots/predictions").glob("*.png"))) == len(NAMES)


def test_images_of_one_name_do_not_overwrite_each_other_and_what_a_shell_has_not_expanded_is(folder, monkeypatch):
    names = save(folder, "a/7.png", "b/7.png", "7.bmp", "plots/predictions/7_3.png")
    before = (folder / names[-1]).read_bytes()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))  # on Windows
    assert run_script(folder, "predict.py", "a/*.png", "~/b", *names[2:]).returncode == 0
    assert (folder / names[-1]).read_bytes() == before  # an image given is never written to
    written = {"7.png", "7_2.png", "7_3.png", "7_3_2.png", "7_4.png", "predictions.csv"}
    assert set(os.listdir(folder / "plots/predictions")) == written
    assert table(folder)["file"].tolist() == ["a/7.png", str(folder / "b/7.png"), *names[2:]]


def test_a_damaged_run_is_one_line_and_the_next_best_is_used_or_the_one_that_is_asked_for(models):
    save(models, "4.png")
    process = run_script(models, "predict.py", "4.png")
    assert "models/cnn/model.keras is damaged" in error_line(process, 0)
    assert f"Predicted by {GOOD}" in process.stdout and "4.png: 4" in process.stdout
    process = run_script(models, "predict.py", "4.png", "--model", f"models/{POOR}/")
    assert process.returncode == 0 and f"Predicted by {POOR}" in process.stdout


def test_each_bad_image_is_one_line_and_the_others_are_answered(folder):
    save(folder, "4.png")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8))
    for name in ("cut.jpg", "cut.tif"):
        noise.save(folder / name)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    (folder / "text.png").write_text("I am no image", encoding="utf-8")
    (folder / "nothing.png").touch()
    Image.new("L", (300, 300), 255).save(folder / "blank.png")
    Image.new("1", (20000, 20000)).save(folder / "bomb.png")
    Image.new("1", (11000, 11000)).save(folder / "nearly_a_bomb.png")  # Pillow only warns of these
    (folder / "empty").mkdir()
    (folder / "locked").mkdir(mode=0)  # is only empty for who may read everything
    bad = [*sorted({path.name for path in folder.iterdir()} - {"4.png", "models"}), "missing.png"]
    process = run_script(folder, "predict.py", *bad, "4.png")
    lines = process.stderr.strip().splitlines()
    assert process.returncode == 1 and len(lines) == len(bad), process.stderr
    assert all(line.startswith("predict.py: ") for line in lines)
    assert all(any(name in line for line in lines) for name in bad)
    assert table(folder)["file"].tolist() == ["4.png"]

    before = (folder / "plots/predictions/predictions.csv").read_bytes()
    assert error_line(run_script(folder, "predict.py", "blank.png"), 1)
    assert (folder / "plots/predictions/predictions.csv").read_bytes() == before


def test_a_page_on_its_side_is_turned_where_that_reads_better_by_a_clear_margin():
    page = np.zeros((5, 28, 28), np.uint8)
    page[:, 0] = 255  # tells which side is up

    def predict(images):
        return np.where(images[:, 0].min(axis=1, keepdims=True) == 255, np.eye(10)[3], 0.1)

    assert [predictions.find_turn(np.rot90(page, -turn, (1, 2)), predict) for turn in (0, 1, 3)] == [0, 1, 3]
    assert predictions.find_turn(np.rot90(page[:3], 1, (1, 2)), predict) == 0  # too few to tell
