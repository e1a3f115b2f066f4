"""What is printed of a run beside the deck, and the table of all runs."""

import numpy as np
import pandas as pd
import pytest

from digits import intervals, results, runs


def make_run(name="cnn", **changes):
    metrics = {"test_accuracy": 0.9907, "test_loss": 0.03}
    metrics |= {"train_accuracy": 0.995, "validation_accuracy": 0.99}
    return runs.Run(name, metrics | changes, pd.DataFrame())


def test_the_table_compares_the_decks_runs_only():
    table = results.compare_table([make_run("mlp_256", test_accuracy=0.97), make_run(), make_run("cnn_epochs3")])
    table = table.set_index("run")
    assert table.loc["cnn", "deck"] == 0.9902 and table.loc["cnn", "slide"] == "29"
    assert table.loc["mlp_256", "difference"] == pytest.approx(0.97 - 0.9762)
    assert pd.isna(table.loc["cnn_epochs3", "deck"]) and pd.isna(table.loc["cnn_epochs3", "difference"])
    assert table.loc["cnn", "training - validation"] == pytest.approx(0.005)


def test_the_table_fits_a_terminal(capsys):
    results.print_table([make_run("mlp_dropout_rate0.25"), make_run()])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_figures_name_a_run_in_words():
    assert make_run("mlp_dropout").title == "MLP, 800 units, Dropout 0.5"
    assert make_run("cnn_epochs3").title == "cnn_epochs3"
    assert make_run(deck_model=False).title == "cnn"


def test_an_edited_model_is_not_compared(capsys):
    results.print_summary(make_run(deck_model=False), [])
    out = capsys.readouterr().out
    assert "Not the deck's model" in out and "0.9902" not in out


@pytest.mark.parametrize(
    ("name", "accuracy", "place"),
    [("cnn", 0.9902, "inside"), ("cnn_seed7", 0.95, "outside"), ("cnn", 0.999, "outside")],
)
def test_a_run_is_placed_beside_the_deck_and_the_study(capsys, name, accuracy, place):
    results.print_summary(make_run(name, test_accuracy=accuracy), [])
    out = capsys.readouterr().out
    assert f"{name}: test accuracy {accuracy:.4f}, test loss 0.0300" in out
    assert f"The deck (slide 29): 0.9902, a difference of {accuracy - 0.9902:+.4f}" in out
    assert "Judging by 20 seeds, " in out and f"This one is {place}: " in out
    assert out.endswith("\nNext: python evaluate.py\n")


def test_a_run_for_which_the_deck_has_no_number_has_the_studys_interval(capsys):
    results.print_summary(make_run("mlp_800_seed7", test_accuracy=0.9746), [])
    out = capsys.readouterr().out
    assert "Judging by 20 seeds, 99 of 100 runs lie between 0.9744 and 0.9841\nThis one is inside" in out
    assert "The deck" not in out and "\nNext: python mlp_dropout.py\n" in out


def test_intervals_of_one_value_of_none_and_of_equal_ones():
    assert np.isnan([intervals.mean_interval([0.5]), intervals.prediction_interval([])]).all()
    assert intervals.mean_interval([0.02, 0.02, 0.02]) == pytest.approx((0.02, 0.02))


def test_a_table_without_a_run_is_empty():
    assert len(results.compare_table([])) == 0
