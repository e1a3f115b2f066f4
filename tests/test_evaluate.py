"""The numbers of slide 18 against cases worked by hand, and `python evaluate.py` on good, damaged and missing runs."""

import shutil

import numpy as np

from conftest import FAST, RUN, error_line, read_metrics, run_script
from digits import metrics
from digits.figures import layers

CNN = "cnn_dryrun"


def test_confusion_matrix_recall_and_precision_worked_by_hand():
    matrix = metrics.confusion_matrix([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 0, 1])
    assert (matrix.index.name, matrix.columns.name, matrix.shape) == ("label", "predict", (10, 10))
    assert matrix.loc[:2, :1].to_numpy().tolist() == [[3, 1], [1, 1], [0, 1]] and matrix.to_numpy().sum() == 7
    scores = metrics.recall_and_precision(matrix)
    assert scores["recall"][:3].tolist() == [3 / 4, 1 / 2, 0]
    assert scores["precision"][:2].tolist() == [3 / 4, 0.3333] and np.isnan(scores["precision"][2])
    assert scores[3:].isna().all(axis=None) and list(scores.index) == list(range(10))


def test_the_script_finds_again_what_training_found(trained_copy):
    before, figures = read_metrics(trained_copy, RUN), sorted((trained_copy / "plots" / RUN).iterdir())
    shutil.rmtree(trained_copy / "plots")
    process = run_script(trained_copy, "evaluate.py", f"models/{RUN}/")  # a path names a run too
    assert process.returncode == 0 and process.stderr == ""
    assert read_metrics(trained_copy, RUN) == before
    assert sorted((trained_copy / "plots" / RUN).iterdir()) == figures
    assert f"{before['test_accuracy']:.4f}" in process.stdout.splitlines()[-2]


def test_any_test_image_goes_through_a_trained_network(trained_copy, monkeypatch):
    titles, filters = [], []
    monkeypatch.setattr(layers, "plot_filters", lambda *arguments: filters.append(arguments[-1]) or arguments[-2])
    monkeypatch.setattr(layers, "plot_feature_maps", lambda *arguments: titles.append(arguments[-1]) or arguments[-2])
    for flags in ([], ["--image", 5], ["--image", 0]):
        assert run_script(trained_copy, "evaluate.py", CNN, RUN, *flags).returncode == 0
    first, *others = [title.split("test image ")[1] for title in titles]
    assert first.endswith("(label 3, predicted 3)") and [text.split()[0] for text in others] == ["5", "0"]
    assert all("Ink on orange raises the activation" in title for title in filters) and len(filters) == 3


def test_no_option_is_ignored_in_silence(trained_copy):
    line = error_line(run_script(trained_copy, "evaluate.py", RUN, "--image", 5), 0)
    assert "--image is ignored: it is for a CNN" in line
    for flags in (["cnn"], ["--image", "5"]):
        assert "--class stands alone" in error_line(run_script(trained_copy, "evaluate.py", "--class", ".", *flags), 2)
    assert run_script(trained_copy, "mlp.py", *FAST, "--epochs", "2").returncode == 0
    assert read_metrics(trained_copy, "mlp_256_epochs2_dryrun")["epochs"] == 2
    line = error_line(run_script(trained_copy, "reproduce.py", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), 2)
    assert "not allowed with" in line


def test_each_damaged_run_is_one_line_and_the_others_are_still_evaluated(trained_copy):
    models, broken = trained_copy / "models", ["nope"]
    for file in ("model.keras", "history.csv", "metrics.json"):
        broken.append(f"broken_{file}")
        shutil.copytree(models / RUN, models / broken[-1])
        (models / broken[-1] / file).write_bytes(b"")
    process = run_script(trained_copy, "evaluate.py", *broken, RUN)
    lines = process.stderr.strip().splitlines()
    assert process.returncode == 1 and len(lines) == len(broken), process.stderr
    for name, line in zip(broken, lines):
        assert line.startswith("evaluate.py: ") and name in line
    assert process.stdout.splitlines()[-2].split()[0] == RUN
