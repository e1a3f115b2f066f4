"""The deck's experiments, trained on real MNIST with the deck's recipe, from the command line as a student does."""

import pytest

from conftest import ROOT, read_metrics, run_python
from digits.results import read_study_accuracies
from digits.slides import RUNS

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def deck(mnist_folder, runs):
    """Train all four of the deck's runs once; return each script's finished process by its run."""
    commands = {
        "mlp_256": ["mlp.py"],
        "mlp_800": ["mlp.py", "--hidden", "800"],
        "mlp_dropout": ["mlp_dropout.py"],
        "cnn": ["cnn.py"],
    }
    processes = {}
    for name, (script, *flags) in commands.items():
        processes[name] = run_python(runs, ROOT / script, *flags, "--dataset", "mnist")
        assert processes[name].returncode == 0, processes[name].stderr
    return processes


def test_slide_10(deck):
    for process in deck.values():
        assert "48000 images for training, 12000 for validation" in process.stdout
        assert "10 epochs of 240 batches of 200" in process.stdout


@pytest.mark.parametrize("name", ["mlp_256", "cnn"])
def test_slides_12_and_29_the_decks_accuracy_is_reached(deck, runs, name):
    accuracy, reference = read_metrics(runs, name)["test_accuracy"], RUNS[name]
    seeds = read_study_accuracies(name)
    assert seeds.min() - 0.001 <= accuracy <= seeds.max() + 0.001
    assert f"The deck (slide {reference.slide}): {reference.accuracy}" in deck[name].stdout
    assert "this one is inside" in deck[name].stdout


def gap(runs, name):
    found = read_metrics(runs, name)
    return found["train_accuracy"] - found["validation_accuracy"]


def test_slide_13_800_hidden_units_overfit_more_than_256(deck, runs):
    assert gap(runs, "mlp_800") > gap(runs, "mlp_256") > 0.01


def test_slide_17_dropout_overfits_less(deck, runs):
    assert gap(runs, "mlp_dropout") < gap(runs, "mlp_800") / 2


def test_slide_29_the_cnn_is_best(deck, runs):
    best = read_metrics(runs, "cnn")["test_accuracy"]
    assert all(
        best > read_metrics(runs, name)["test_accuracy"] + 0.005 for name in ("mlp_256", "mlp_800", "mlp_dropout")
    )


def test_evaluate_prints_them_all_against_the_deck(deck, runs):
    process = run_python(runs, ROOT / "evaluate.py")
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
