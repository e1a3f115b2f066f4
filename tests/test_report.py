"""What is printed of a run beside the deck, the table of all, and `python evaluate.py` on good and damaged runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import FAST, RUN, error_line, read_metrics, run_script
from digits import metrics, report, runs
from digits.figures import layers
from digits.figures import runs as figures

CNN = "cnn_dryrun"


def make_run(name="cnn", **changes):
    values = {"test_accuracy": 0.9907, "test_loss": 0.03, "check": "standard"}
    values |= {"train_accuracy": 0.995, "validation_accuracy": 0.99}
    return runs.Run(name, values | changes, pd.DataFrame())


def test_the_table_compares_the_decks_runs_only():
    table = report.compare_table([make_run("mlp_256", test_accuracy=0.97), make_run(), make_run("cnn_epochs3")])
    table = table.set_index("run")
    assert table.loc["cnn", "deck"] == 0.9902 and table.loc["cnn", "slide"] == "29"
    assert table.loc["mlp_256", "difference"] == pytest.approx(0.97 - 0.9762)
    assert pd.isna(table.loc["cnn_epochs3", "deck"]) and pd.isna(table.loc["cnn_epochs3", "difference"])
    assert table.loc["cnn", "training - validation"] == pytest.approx(0.005)


def test_the_table_fits_a_terminal(capsys):
    report.print_table([make_run("mlp_dropout_rate0.25"), make_run()])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "accuracy", "place", "following"),
    [
        ("cnn", 0.9902, "inside", "\nNext: python evaluate.py\n"),
        ("mlp_256", 0.97, "outside", "\nNext: python mlp.py --hidden 800\n"),
        ("cnn_seed7", 0.999, "outside", ".png)\n"),
    ],
)
def test_a_run_is_placed_beside_the_deck_and_the_study(capsys, name, accuracy, place, following):
    run = make_run(name, test_accuracy=accuracy)
    report.print_summary(run, [Path("cnn.png")])
    out, reference = capsys.readouterr().out, run.reference
    assert f"{name}: test accuracy {accuracy:.4f}, test loss 0.0300" in out
    difference = f"{reference.accuracy}, a difference of {accuracy - reference.accuracy:+.4f}"
    assert f"The deck (slide {reference.slide}): {difference}" in out
    assert "Judging by 20 seeds, " in out and f"This one is {place}: " in out
    assert out.endswith(following)


@pytest.mark.parametrize(
    ("name", "changes", "is_judged", "is_told"),
    [
        ("mlp_800_seed7", {}, True, False),  # for which the deck has no number
        ("cnn_kernel5_seed7", {}, True, False),  # of an exercise
        ("cnn_kernel5_seed7", {"check": "other pixels"}, False, False),
        ("cnn_kernel5_epochs3", {}, False, False),
        ("cnn", {"deck_model": False}, False, True),
    ],
)
def test_only_what_the_study_has_trained_has_its_interval(capsys, name, changes, is_judged, is_told):
    report.print_summary(make_run(name, **changes), [])
    out = capsys.readouterr().out
    assert ("Judging by 20 seeds" in out) is is_judged and ("Not trained as in the deck" in out) is is_told
    assert "The deck (" not in out


def test_a_dry_run_ends_with_what_it_was_for(capsys, monkeypatch):
    monkeypatch.setattr(report.options, "dry_run", True)
    report.print_summary(make_run("mlp_256_dryrun"), [])
    assert capsys.readouterr().out.endswith("\nEverything works\n")


def test_intervals_of_one_value_of_none_and_of_equal_ones():
    assert np.isnan([metrics.mean_interval([0.5]), metrics.prediction_interval([])]).all()
    assert metrics.mean_interval([0.02, 0.02, 0.02]) == pytest.approx((0.02, 0.02))


def test_labels_and_predictions_in_every_form_give_the_same_numbers():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (200, 10)).astype("float32"), rng.integers(0, 10, 200)
    probabilities = metrics.to_probabilities(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(metrics.to_probabilities(probabilities), probabilities)
    for form in (labels, labels[:, None], np.eye(10)[labels], labels.tolist()):
        found = metrics.measure(metrics.to_labels(form), probabilities)
        assert found["test_accuracy"] == np.mean(logits.argmax(axis=1) == labels)
        expected = -np.log(probabilities[np.arange(200), labels]).mean()
        assert found["test_loss"] == pytest.approx(expected, rel=1e-5)
        assert found["confusion_matrix"].to_numpy().sum() == 200
    sigmoids = rng.random((200, 1))
    assert np.array_equal(metrics.to_probabilities(sigmoids).argmax(axis=1), (sigmoids[:, 0] > 0.5).astype(int))


def test_a_number_that_was_measured_is_not_replaced(trained_copy, without_figures):
    path = trained_copy / "models" / RUN / "metrics.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(before | {"test_accuracy": 0.5}), encoding="utf-8-sig")  # as some editors save it
    line = error_line(run_script(trained_copy, "evaluate.py", RUN), 0)
    assert f"it has {before['test_accuracy']:.4f}; the test accuracy 0.5000 of its script stays" in line
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["test_accuracy"] == 0.5 and after["test_loss"] == before["test_loss"]
    assert after["evaluated_again"] == {name: before[name] for name in ("test_accuracy", "test_loss")}


def test_a_run_of_an_earlier_version_is_evaluated_with_a_line(trained_copy, without_figures):
    path = trained_copy / "models" / RUN / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["flags"] = metrics.pop("arguments")
    del metrics["check"]
    path.write_text(json.dumps(metrics), encoding="utf-8")
    line = error_line(run_script(trained_copy, "evaluate.py", RUN), 0)
    assert "was never checked: it is taken for a network of pixels from 0 to 1" in line


def test_confusion_matrix_recall_and_precision_worked_by_hand():
    matrix = metrics.confusion_matrix([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 0, 1])
    assert (matrix.index.name, matrix.columns.name, matrix.shape) == ("label", "predict", (10, 10))
    assert matrix.loc[:2, :1].to_numpy().tolist() == [[3, 1], [1, 1], [0, 1]] and matrix.to_numpy().sum() == 7
    scores = metrics.recall_and_precision(matrix)
    assert scores["recall"][:3].tolist() == [3 / 4, 1 / 2, 0]
    assert scores["precision"][:2].tolist() == [3 / 4, 0.3333] and np.isnan(scores["precision"][2])
    assert scores[3:].isna().all(axis=None) and list(scores.index) == list(range(10))


def test_any_test_image_goes_through_a_trained_network(trained_copy, monkeypatch):
    titles, filters = [], []
    chosen = {name: figures.FIGURES[name] for name in ("feature_maps", "filters")}
    monkeypatch.setattr(figures, "FIGURES", chosen)
    monkeypatch.setattr(layers, "plot_filters", lambda *arguments: filters.append(arguments[-1]) or arguments[-2])
    monkeypatch.setattr(layers, "plot_feature_maps", lambda *arguments: titles.append(arguments[-1]) or arguments[-2])
    for flags in ([], ["--image", 5], ["--image", 0]):
        assert run_script(trained_copy, "evaluate.py", CNN, RUN, *flags).returncode == 0
    first, *others = [title.split("test image ")[1] for title in titles]
    assert first.endswith("(label 3, predicted 3)") and [text.split()[0] for text in others] == ["5", "0"]
    assert all("Ink on orange raises the activation" in title for title in filters) and len(filters) == 3


def test_no_option_is_ignored_in_silence(trained_copy, without_figures):
    line = error_line(run_script(trained_copy, "evaluate.py", RUN, "--image", 5), 0)
    assert "--image is ignored: it is for a CNN" in line
    for flags in (["cnn"], ["--image", "5"]):
        assert "--class stands alone" in error_line(run_script(trained_copy, "evaluate.py", "--class", ".", *flags), 2)
    assert run_script(trained_copy, "mlp.py", *FAST, "--epochs", "2").returncode == 0
    assert read_metrics(trained_copy, "mlp_256_epochs2_dryrun")["epochs"] == 2
    line = error_line(run_script(trained_copy, "reproduce.py", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), 2)
    assert "not allowed with" in line


def test_each_damaged_run_is_one_line_and_the_others_are_still_evaluated(trained_copy, without_figures):
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
