"""The deck's experiments, trained on MNIST with the deck's recipe, as a student trains them."""

import contextlib
import functools

import pytest

from benchmarks import handwriting
from benchmarks.speed import COMMANDS
from conftest import read_metrics, run_script, succeed
from digits import runs
from digits.deck import RUNS
from digits.report import read_study_accuracies


@pytest.fixture(scope="module")
def train(tmp_path_factory, tensorflow):
    """A function that trains a run of the deck in its `folder`, once; it returns what the script printed."""
    folder = tmp_path_factory.mktemp("runs")

    @functools.cache
    def train(name):
        return succeed(run_script(folder, *COMMANDS[name]))

    train.folder = folder
    return train


@pytest.mark.parametrize("name", ["mlp_256", pytest.param("cnn", marks=pytest.mark.slow)])
def test_slides_10_12_and_29(train, name):
    """The deck's recipe reaches the deck's accuracy."""
    printed, reference = train(name), RUNS[name]
    assert "48000 images for training, 12000 for validation" in printed
    assert "10 epochs of 240 batches of 200" in printed
    accuracy, seeds = read_metrics(train.folder, name)["test_accuracy"], read_study_accuracies(name)
    assert seeds.min() - 0.001 <= accuracy <= seeds.max() + 0.001
    assert f"The deck (slide {reference.slide}): {reference.accuracy}" in printed
    assert "This one is inside" in printed


@pytest.mark.slow
def test_slides_13_17_and_29_overfitting_dropout_the_best_and_the_table_of_all(train):
    for name in COMMANDS:
        train(name)
    found = {name: read_metrics(train.folder, name) for name in COMMANDS}
    gap = {name: metrics["train_accuracy"] - metrics["validation_accuracy"] for name, metrics in found.items()}
    assert gap["mlp_800"] > gap["mlp_256"] > 0.01
    assert gap["mlp_dropout"] < gap["mlp_800"] / 2
    accuracy = {name: metrics["test_accuracy"] for name, metrics in found.items()}
    assert all(accuracy["cnn"] > accuracy[name] + 0.005 for name in COMMANDS if name != "cnn")
    process = run_script(train.folder, "evaluate.py")
    assert process.returncode == 0 and process.stderr == ""
    written = {path.name for path in train.folder.glob("plots/*")}
    assert {"learning_curves.png", "index.html"} <= written


@pytest.mark.slow
@pytest.mark.parametrize("name", ["thin pen, 28x28", "photograph"])
def test_other_images_keep_the_accuracy(train, name):
    train("cnn")
    with contextlib.chdir(train.folder):
        model, accuracy = runs.load_model("cnn"), runs.load_run("cnn").metrics["test_accuracy"]
    images = handwriting.draw_images(name, 30)
    for single in (True, False):
        found, _ = handwriting.measure(model, images, single)
        assert found >= accuracy - 0.04
