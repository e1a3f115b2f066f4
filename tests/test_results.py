"""What is printed of a run beside the deck, and the table of all runs."""

import numpy as np
import pandas as pd
import pytest

from digits import intervals, results, runs, slides

METRICS = {
    **{"run": "cnn", "dataset": "mnist", "test_accuracy": 0.9907, "test_loss": 0.03, "train_accuracy": 0.995},
    "validation_accuracy": 0.99,
}


def make_run(name="cnn", **changes):
    return runs.Run(name, METRICS | {"run": name} | changes, pd.DataFrame())


def test_the_table_compares_the_decks_runs_only():
    table = results.compare_table([make_run("mlp_256", test_accuracy=0.97), make_run(), make_run("cnn_epochs3")])
    table = table.set_index("run")
    assert table.loc["cnn", "deck"] == 0.9902 and table.loc["cnn", "slide"] == "29"
    assert table.loc["mlp_256", "difference"] == pytest.approx(0.97 - 0.9762)
    assert pd.isna(table.loc["cnn_epochs3", "deck"]) and pd.isna(table.loc["cnn_epochs3", "difference"])
    assert table.loc["cnn", "training - validation"] == pytest.approx(0.005)


def test_figures_name_a_run_in_words():
    assert make_run("mlp_dropout").title == "MLP, 800 units, Dropout 0.5"
    assert make_run("cnn_epochs3").title == "cnn_epochs3"
    assert make_run(dataset="synthetic").title == "CNN on SYNTHETIC digits, not MNIST"
    assert make_run(deck_model=False).title == "cnn"


def test_an_edited_model_synthetic_digits_and_a_seed_of_ones_own(capsys):
    results.print_summary(make_run("cnn", deck_model=False), ["draw.html"])
    out = capsys.readouterr().out
    assert "Not the deck's model" in out and "0.9902" not in out
    results.print_summary(make_run(dataset="synthetic"), ["draw.html"])
    out = capsys.readouterr().out
    assert "SYNTHETIC" in out and "0.9902" not in out
    results.print_summary(make_run("cnn_seed7"), ["draw.html"])
    out = capsys.readouterr().out
    assert "The deck (slide 29): 0.9902" in out and "By 20 seeds, " in out


@pytest.mark.parametrize(("accuracy", "place"), [(0.9902, "inside"), (0.95, "outside"), (0.999, "outside")])
def test_a_run_is_placed_beside_the_deck_and_the_study(capsys, accuracy, place):
    results.print_summary(make_run(test_accuracy=accuracy), ["draw.html"])
    out = capsys.readouterr().out
    assert f"cnn: test accuracy {accuracy:.4f}, test loss 0.0300" in out
    assert f"The deck (slide 29): 0.9902, a difference of {accuracy - 0.9902:+.4f}" in out
    assert "By 20 seeds, " in out and f"this one is {place}" in out


def test_the_decks_numbers_lie_where_the_study_expects_runs():
    for name, reference in slides.RUNS.items():
        values = results.read_study_accuracies(name)
        low, high = intervals.prediction_interval(values)
        assert len(values) == 20 and low < values.mean() < high
        assert reference.accuracy is None or low < reference.accuracy < high


def test_intervals_of_one_value_of_none_and_of_equal_ones():
    assert np.isnan([intervals.mean_interval([0.5]), intervals.prediction_interval([])]).all()
    assert intervals.mean_interval([0.02, 0.02, 0.02]) == pytest.approx((0.02, 0.02))


def test_prediction_interval_worked_by_hand():
    """t(0.995, 2) = 9.9248; of 1, 2, 3 the mean is 2, the standard deviation 1."""
    low, high = intervals.prediction_interval([1, 2, 3])
    assert (low + high) / 2 == pytest.approx(2) and (high - low) / 2 == pytest.approx(9.9248 * (4 / 3) ** 0.5, rel=1e-4)
