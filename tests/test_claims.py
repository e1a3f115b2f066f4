"""Statistics against cases worked by hand, and verdicts on rows whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import claims
import deck
import reproduce
import study
from conftest import ROOT


@pytest.mark.parametrize(  # Student's t of any table of it: the number of values, the confidence, the quantile
    ("n", "confidence", "quantile"),
    [(2, 0.95, 12.706), (3, 0.95, 4.303), (5, 0.9, 2.132), (10, 0.99, 3.250), (20, 0.95, 2.093)],
)
def test_the_interval_is_students(n, confidence, quantile):
    values = np.arange(n) + 7.0
    error = quantile * np.sqrt(n * (n + 1) / 12) / np.sqrt(n)  # the variance of n whole numbers in a row
    expected = [values.mean() - error, values.mean() + error]
    np.testing.assert_allclose(claims.interval(values, confidence), expected, atol=0.0005 * error)


def test_the_interval_of_little():
    assert claims.interval([3, 3, 3]) == (3, 3)
    assert np.isnan(claims.interval([3])).all() and np.isnan(claims.interval([])).all()


def test_the_interval_is_that_of_scipys_test():
    values = np.random.default_rng(0).normal(3, 2, 9)
    for confidence in (0.9, 0.95, 0.99):
        reference = stats.ttest_1samp(values, 0).confidence_interval(confidence)
        np.testing.assert_allclose(claims.interval(values, confidence), reference)


def test_the_band_holds_the_next_run():
    samples = np.random.default_rng(0).normal(0.98, 0.001, (4000, 6))
    bands = [claims.band(sample[:5], 0.9) for sample in samples]
    inside = [low < sample[5] < high for sample, (low, high) in zip(samples, bands)]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)
    low, high = claims.band([1, 3], 0.95)  # by hand: 2 +- 12.706 * sqrt(2) * sqrt(1 + 1/2)
    assert (low, high) == pytest.approx((2 - 22.008, 2 + 22.008), abs=0.01)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([2, 3, 4], "holds"), ([-2, -3, -4], "does not hold"), ([1, 2], "undecided"), ([1], "undecided")],
)
def test_a_difference_is_decided_by_its_interval(values, verdict):
    claim = claims.positive("13", "", "", pd.Series(values, dtype=float))
    assert claim.verdict == verdict and claim.mean == np.mean(values) and claim.seeds == len(values)


@pytest.mark.parametrize(
    ("number", "percentile", "verdict"),
    [(0.5, "0", "holds"), (2, "38", "holds"), (2.5, "50", "holds"), (5, "100", "does not hold")],
)
def test_where_the_decks_number_falls(number, percentile, verdict):
    claim = claims.reaches("12", "MLP 256", number, pd.Series([1.0, 2.0, 3.0, 4.0]))
    assert f"at percentile {percentile}," in claim.effect and claim.verdict == verdict and claim.mean == 2.5


def rows():
    """Five seeds of some experiments; the gap and the test accuracy of each are known."""
    gaps = {"mlp_256": 0.01, "mlp_800": 0.02, "mlp_dropout": 0.03, "cnn": 0.0, "mlp_800_of_24000": 0.04}
    accuracies = {"mlp_256": 0.97, "mlp_800": 0.97, "mlp_dropout": 0.98, "cnn": 0.99, "mlp_800_of_24000": 0.9}
    return pd.DataFrame(
        {
            "experiment": name,
            "seed": seed,
            "test_accuracy": accuracies[name] + seed / 1000,
            "train_accuracy": 0.9 + gaps[name] + (-1) ** seed * 0.001 * (name == "mlp_256"),
            "validation_accuracy": 0.9,
        }
        for name in gaps
        for seed in range(5)
    )


def test_verdicts():
    found = {claim.statement: claim for claim in claims.judge(rows())}
    assert found["800 neurons overfit more than 256"].verdict == "holds"
    assert found["800 neurons overfit more than 256"].mean == pytest.approx(0.0098)
    assert found["800 neurons read the test set better"].verdict == "undecided"
    assert found["Dropout(0.5) lowers overfitting"].verdict == "does not hold"
    assert found["48000 pictures overfit less than 24000"].verdict == "holds"
    assert found["the CNN beats Dropout(0.5)"].mean == pytest.approx(0.01)
    assert found["Dropout(0.25) lowers overfitting"].seeds == 0


def test_differences_are_paired_by_seed():
    table = rows()
    table = table[~((table["experiment"] == "cnn") & (table["seed"] == 0))]
    claim = {claim.statement: claim for claim in claims.judge(table)}["the CNN beats MLP 256"]
    assert claim.seeds == 4 and claim.mean == pytest.approx(0.02) and claim.high - claim.low < 1e-9


def test_the_summary_has_a_row_an_experiment_and_a_claim():
    lines = claims.summary(rows()).splitlines()
    assert "| mlp_256 | 5 | 0.9720 ± 0.0016 | 0.9700 to 0.9740 | 0.9640 to 0.9800 | +0.0102 |" in lines
    assert any("the CNN beats MLP 256" in line and line.endswith("| 5 | holds |") for line in lines)
    assert not any("Dropout(0.25)" in line for line in lines)  # no seed of it has run


def test_a_summary_without_any_claim():
    assert claims.summary(rows().query("experiment == 'mlp_800_of_24000'")).count("\n| ---") == 1


@pytest.fixture
def committed(monkeypatch):
    """The rows of the study that this project has run."""
    monkeypatch.chdir(ROOT)
    return reproduce.in_order(study.read_runs())


def test_the_committed_study_is_whole(committed):
    assert set(committed["experiment"]) == set(study.EXPERIMENTS)
    assert (committed.groupby("experiment").size() == 20).all()
    assert committed[["dataset_sha256", "commit", "threads"]].nunique().tolist() == [1, 1, 1]
    assert "+" not in committed["commit"].iloc[0]


def test_the_bands_come_from_the_committed_study(committed):
    for name in ("mlp_256", "cnn"):
        values = committed.loc[committed["experiment"] == name, "test_accuracy"]
        assert deck.RUNS[name].band == tuple(np.round(claims.band(values), 4))


def test_the_summary_and_the_readme_show_the_committed_study(committed):
    text = claims.summary(committed)
    assert (ROOT / reproduce.SUMMARY).read_text(encoding="utf-8") == text
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [line for line in text.splitlines() if line.startswith("|") and line not in readme]
    assert not missing
