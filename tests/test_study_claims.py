"""Statistics against cases worked by hand, and verdicts on rows whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from digits.metrics import mean_interval, prediction_interval
from study import claims


@pytest.mark.parametrize(  # from any table of Student's t: the number of values, the confidence, the quantile
    ("n", "confidence", "quantile"), [(2, 0.95, 12.706), (5, 0.9, 2.132), (10, 0.99, 3.250), (20, 0.95, 2.093)]
)
def test_the_intervals_are_students(n, confidence, quantile):
    values = np.arange(n) + 7.0
    deviation = np.sqrt(n * (n + 1) / 12)  # of n consecutive whole numbers
    for interval, share in ((mean_interval, 1 / n), (prediction_interval, 1 + 1 / n)):
        error = quantile * deviation * np.sqrt(share)
        expected = [values.mean() - error, values.mean() + error]
        np.testing.assert_allclose(interval(values, confidence), expected, atol=0.0005 * error)


@pytest.mark.parametrize(
    ("accuracies", "percentile", "verdict"),
    [
        ([0.98, 0.99, 0.98, 0.99], "0", "does not hold"),
        ([0.97, 0.9762, 0.98, 0.99], "38", "holds"),
        ([0.96, 0.97, 0.98, 0.99], "50", "holds"),
        ([0.96, 0.97, 0.96, 0.97], "100", "does not hold"),
        ([0.9762], "50", "undecided"),
    ],
)
def test_the_decks_number_is_judged_by_its_percentile(accuracies, percentile, verdict):
    (claim,) = claims.judge_references(pd.DataFrame({"experiment": "mlp_256", "test_accuracy": accuracies}))
    assert f"at percentile {percentile}" in claim.measured and claim.verdict == verdict
    assert claim.mean == np.mean(accuracies) and claim.seeds == len(accuracies)
    assert claim.slides == "12" and claim.statement == "MLP 256 reaches 0.9762"


@pytest.fixture
def rows():
    """Five seeds of some experiments; the gap and the test accuracy of each are known."""
    gaps = {"mlp_256": 0.01, "mlp_800": 0.02, "mlp_dropout": 0.03, "cnn": 0.0, "mlp_800_of_24000": 0.04}
    accuracies = {"mlp_256": 0.97, "mlp_800": 0.97, "mlp_dropout": 0.98, "cnn": 0.99, "mlp_800_of_24000": 0.9}
    rows = pd.DataFrame([(name, seed) for name in gaps for seed in range(5)], columns=["experiment", "seed"])
    rows["test_accuracy"] = rows["experiment"].map(accuracies) + rows["seed"] / 1000
    rows["gap"] = rows["experiment"].map(gaps)
    rows.loc[:4, "gap"] += [0.001, -0.001, 0.001, -0.001, 0.001]  # of mlp_256
    return rows


def test_verdicts(rows):
    groups = claims.group_differences(rows)
    found = {claim.statement: claim.verdict for group in groups.values() for claim in group}
    assert found == {
        "800 hidden units overfit more than 256": "holds",
        "Dropout(0.5) lowers overfitting": "does not hold",
        "48000 images overfit less than 24000": "holds",
        "800 hidden units reach a higher test accuracy": "undecided",
        "the CNN beats MLP 256": "holds",
        "the CNN beats MLP 800": "holds",
        "the CNN beats Dropout(0.5)": "holds",
    }  # and nothing of experiments without a seed
    means = [[claim.mean for claim in groups[measured]] for measured in (claims.GAP, claims.ACCURACY)]
    assert means == [pytest.approx([0.0098, -0.01, 0.02]), pytest.approx([0, 0.02, 0.02, 0.01])]
    assert {claim.verdict for claim in claims.judge_differences(rows.query("seed == 0"))} == {"undecided"}


def test_differences_are_paired_by_seed(rows):
    rows = rows[~((rows["experiment"] == "cnn") & (rows["seed"] == 0))]
    claim = claims.group_differences(rows)[claims.ACCURACY][1]
    assert claim.statement == "the CNN beats MLP 256"
    assert claim.seeds == 4 and claim.mean == pytest.approx(0.02) and claim.high - claim.low < 1e-9


def test_the_tables_have_one_row_per_experiment_and_per_claim(rows):
    table = claims.experiment_table(rows)
    expected = ["mlp_256", 5, "0.9720 ± 0.0016", "0.9700 to 0.9740", "0.9640 to 0.9800", "+0.0102"]
    assert len(table) == 5 and table.iloc[0].tolist() == expected
    table = claims.claim_table(rows).set_index("claim")
    assert table.loc["the CNN beats MLP 256", ["slide", "seeds", "verdict"]].tolist() == ["29", 5, "holds"]
    assert len(table) == 2 + 7  # the deck's two accuracies
    assert len(claims.claim_table(rows.query("experiment == 'mlp_800_of_24000'"))) == 0
