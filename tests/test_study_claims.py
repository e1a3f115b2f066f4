"""Statistics against cases worked by hand, and verdicts on rows whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from digits.intervals import mean_interval, prediction_interval
from digits.slides import Reference
from study import claims


@pytest.mark.parametrize(  # from any table of Student's t: the number of values, the confidence, the quantile
    ("n", "confidence", "quantile"),
    [(2, 0.95, 12.706), (3, 0.95, 4.303), (5, 0.9, 2.132), (10, 0.99, 3.250), (20, 0.95, 2.093)],
)
def test_the_interval_of_the_mean_is_students(n, confidence, quantile):
    values = np.arange(n) + 7.0
    error = quantile * np.sqrt(n * (n + 1) / 12) / np.sqrt(n)  # the variance of n consecutive whole numbers
    expected = [values.mean() - error, values.mean() + error]
    np.testing.assert_allclose(mean_interval(values, confidence), expected, atol=0.0005 * error)


def test_the_intervals_of_equal_values():
    assert mean_interval([3, 3, 3]) == prediction_interval([3, 3, 3]) == (3, 3)


def test_the_intervals_of_few_values():
    for interval in (mean_interval, prediction_interval):
        assert interval([3]) == pytest.approx((np.nan, np.nan), nan_ok=True)
        assert interval([]) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_the_prediction_interval_holds_the_next_value():
    samples = np.random.default_rng(0).normal(0.98, 0.001, (2000, 6))
    intervals = [prediction_interval(sample[:5], 0.9) for sample in samples]
    inside = [low < sample[5] < high for sample, (low, high) in zip(samples, intervals)]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)
    low, high = prediction_interval([1, 3], 0.95)  # by hand: 2 +- 12.706 * sqrt(2) * sqrt(1 + 1/2)
    assert (low, high) == pytest.approx((2 - 22.008, 2 + 22.008), abs=0.01)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [([2, 3, 4], "holds"), ([-2, -3, -4], "does not hold"), ([1, 2], "undecided"), ([1], "undecided")],
)
def test_a_difference_is_judged_by_its_interval(differences, verdict):
    claim = claims.judge_difference("13", "", "", pd.Series(differences, dtype=float))
    assert claim.verdict == verdict and claim.mean == np.mean(differences) and claim.seeds == len(differences)


@pytest.mark.parametrize(
    ("number", "percentile", "verdict"),
    [
        (0.5, "0", "does not hold"),
        (1, "12", "holds"),
        (2, "38", "holds"),
        (2.5, "50", "holds"),
        (5, "100", "does not hold"),
    ],
)
def test_the_decks_number_is_judged_by_its_percentile(number, percentile, verdict):
    claim = claims.judge_reference("MLP 256", Reference("", 12, number, []), pd.Series([1.0, 2.0, 3.0, 4.0]))
    assert f"at percentile {percentile}," in claim.measured and claim.verdict == verdict and claim.mean == 2.5
    assert claim.slides == "12" and claim.statement == f"MLP 256 reaches {number}"


@pytest.fixture
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


def test_verdicts(rows):
    found = {claim.statement: claim for claim in claims.judge_claims(rows)}
    assert found["800 hidden units overfit more than 256"].verdict == "holds"
    assert found["800 hidden units overfit more than 256"].mean == pytest.approx(0.0098)
    assert found["800 hidden units reach a higher test accuracy"].verdict == "undecided"
    assert found["Dropout(0.5) lowers overfitting"].verdict == "does not hold"
    assert found["48000 images overfit less than 24000"].verdict == "holds"
    assert found["the CNN beats Dropout(0.5)"].mean == pytest.approx(0.01)
    assert found["Dropout(0.25) lowers overfitting"].seeds == 0


def test_differences_are_paired_by_seed(rows):
    rows = rows[~((rows["experiment"] == "cnn") & (rows["seed"] == 0))]
    claim = {claim.statement: claim for claim in claims.judge_claims(rows)}["the CNN beats MLP 256"]
    assert claim.seeds == 4 and claim.mean == pytest.approx(0.02) and claim.high - claim.low < 1e-9


def test_the_tables_have_one_row_per_experiment_and_per_claim(rows):
    table = claims.experiment_table(rows)
    expected = ["mlp_256", 5, "0.9720 ± 0.0016", "0.9700 to 0.9740", "0.9640 to 0.9800", "+0.0102"]
    assert len(table) == 5 and table.iloc[0].tolist() == expected
    table = claims.claim_table(rows).set_index("claim")
    assert table.loc["the CNN beats MLP 256", ["slide", "seeds", "verdict"]].tolist() == ["29", 5, "holds"]
    assert "the CNN beats Dropout(0.25)" not in table.index  # no seed of it has run


def test_differences_are_grouped_by_what_is_measured(rows):
    groups = claims.group_differences(rows)
    statements = {measured: [claim.statement for claim in group] for measured, group in groups.items()}
    assert statements == {
        claims.GAP: [
            "800 hidden units overfit more than 256",
            "Dropout(0.5) lowers overfitting",
            "48000 images overfit less than 24000",
        ],
        claims.ACCURACY: [
            "800 hidden units reach a higher test accuracy",
            "the CNN beats MLP 256",
            "the CNN beats MLP 800",
            "the CNN beats Dropout(0.5)",
        ],
    }  # and no deck's number, and nothing of experiments without a seed
    assert claims.group_differences(rows.query("experiment == 'mlp_256'")) == {}


def test_there_may_be_no_claim(rows):
    assert len(claims.claim_table(rows.query("experiment == 'mlp_800_of_24000'"))) == 0
