"""The deck's experiments, trained on real MNIST with the deck's recipe, as a student trains them."""

import pytest

from benchmarks.speed import COMMANDS
from conftest import read_metrics, run_script
from digits.results import read_study_accuracies
from digits.slides import RUNS


@pytest.fixture(scope="module")
def runs(train):
    """The folder in which all four of the deck's runs are trained."""
    for name in COMMANDS:
        train(name)
    return train.folder


@pytest.mark.parametrize("name", ["mlp_256", "cnn"])
def test_slide_10(train, name):
    printed = train(name)
    assert "48000 images for training, 12000 for validation" in printed
    assert "10 epochs of 240 batches of 200" in printed


@pytest.mark.parametrize("name", ["mlp_256", "cnn"])
def test_slides_12_and_29_the_decks_accuracy_is_reached(train, name):
    printed, reference = train(name), RUNS[name]
    accuracy = read_metrics(train.folder, name)["test_accuracy"]
    seeds = read_study_accuracies(name)
    assert seeds.min() - 0.001 <= accuracy <= seeds.max() + 0.001
    assert f"The deck (slide {reference.slide}): {reference.accuracy}" in printed
    assert "this one is inside" in printed


def gap(runs, name):
    found = read_metrics(runs, name)
    return found["train_accuracy"] - found["validation_accuracy"]


@pytest.mark.slow
def test_slide_13_800_hidden_units_overfit_more_than_256(runs):
    assert gap(runs, "mlp_800") > gap(runs, "mlp_256") > 0.01


@pytest.mark.slow
def test_slide_17_dropout_overfits_less(runs):
    assert gap(runs, "mlp_dropout") < gap(runs, "mlp_800") / 2


@pytest.mark.slow
def test_slide_29_the_cnn_is_best(runs):
    best = read_metrics(runs, "cnn")["test_accuracy"]
    assert all(
        best > read_metrics(runs, name)["test_accuracy"] + 0.005 for name in ("mlp_256", "mlp_800", "mlp_dropout")
    )


@pytest.mark.slow
def test_evaluate_prints_them_all_against_the_deck(runs):
    process = run_script(runs, "evaluate.py")
    assert process.returncode == 0 and process.stderr == ""
    rows = [line.split() for line in process.stdout.splitlines()[-5:-1]]
    assert [row[:3] for row in rows] == [
        ["mlp_256", "12", "0.9762"],
        ["mlp_800", "13", "-"],
        ["mlp_dropout", "17", "-"],
        ["cnn", "29", "0.9902"],
    ]
    for name, *_, accuracy in [row[:4] for row in rows]:
        assert accuracy == f"{read_metrics(runs, name)['test_accuracy']:.4f}"
