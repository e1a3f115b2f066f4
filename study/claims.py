"""What the deck claims, and what the rows of results/runs.csv say about it.

The functions take these rows as a DataFrame with one more column, `gap`: training minus validation accuracy.
A claim that no seed says anything about is left out.
"""

from itertools import pairwise
from typing import NamedTuple

from digits import deck
from digits.metrics import mean_interval, prediction_interval
from study.experiments import EXPERIMENTS

NAMES = {
    "mlp_256": "MLP 256",
    "mlp_800": "MLP 800",
    "mlp_dropout_rate0.25": "Dropout(0.25)",
    "mlp_dropout": "Dropout(0.5)",
    "cnn": "the CNN",
}
GAP, ACCURACY = "training minus validation accuracy", "test accuracy"
# Slide 14: the number of training images and its experiment, the smallest first
SIZES = dict(sorted((EXPERIMENTS[name].images, name) for name in EXPERIMENTS if name.startswith("mlp_800")))


class Claim(NamedTuple):
    """A claim of the deck, what is measured to judge it, and the verdict."""

    slides: str
    statement: str
    measured: str
    mean: float  # of what is measured, over the seeds
    low: float  # of the mean's 95% interval
    high: float
    seeds: int
    verdict: str  # "holds", "does not hold" or "undecided"


def judge_difference(slides, statement, measured, differences):
    """Judge the claim that the mean of `differences` (a Series, one per seed) is above 0, by its 95% interval."""
    low, high = mean_interval(differences)
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    return Claim(slides, statement, measured, differences.mean(), low, high, len(differences), verdict)


def judge_references(rows):
    """Return the `Claim`s that a model reaches the deck's test accuracy: it could be that of one of these runs.

    So it must lie between their percentiles 2.5 and 97.5, where 95 of 100 runs lie. Above them, the model does worse
    than the deck claims; below, better: either way the claim fails.
    """
    from scipy.stats import percentileofscore

    claims = []
    for name, accuracies in rows.groupby("experiment", sort=False)["test_accuracy"]:
        reference = deck.RUNS.get(name)
        if reference is None or reference.accuracy is None:
            continue
        number, seeds = reference.accuracy, len(accuracies)
        percentile = percentileofscore(accuracies, number, kind="mean")
        verdict = "undecided" if seeds < 2 else "holds" if 2.5 <= percentile <= 97.5 else "does not hold"
        deviation = f"the standard deviation {accuracies.std():.4f}"
        measured = f"{ACCURACY}; {number} is at percentile {percentile:.0f}, {deviation}"
        result = (accuracies.mean(), *mean_interval(accuracies), seeds, verdict)
        claims.append(Claim(str(reference.slide), f"{NAMES[name]} reaches {number}", measured, *result))
    return claims


def judge_differences(rows):
    """Return the `Claim`s about a difference in GAP or in ACCURACY, which is paired by seed."""
    table = rows.pivot(index="seed", columns="experiment", values=["gap", "test_accuracy"])
    claims = []

    def compare(slide, statement, measured, more, less):
        """Judge the claim that the experiment `more` has larger values than `less`, by the seeds that have both."""
        values = table["test_accuracy" if measured == ACCURACY else "gap"].reindex(columns=[more, less]).dropna()
        if len(values):
            claims.append(judge_difference(slide, statement, measured, values[more] - values[less]))

    compare("13", "800 hidden units overfit more than 256", GAP, "mlp_800", "mlp_256")
    compare("13", "800 hidden units reach a higher test accuracy", ACCURACY, "mlp_800", "mlp_256")
    for name in ("mlp_dropout_rate0.25", "mlp_dropout"):
        compare("14-17", f"{NAMES[name]} lowers overfitting", f"{GAP}, without minus with", "mlp_800", name)
    for small, large in pairwise(SIZES):
        statement = f"{large} images overfit less than {small}"
        compare("14", statement, f"{GAP}, the decrease", SIZES[small], SIZES[large])
    for name in ("mlp_256", "mlp_800", "mlp_dropout_rate0.25", "mlp_dropout"):
        compare("29", f"{NAMES['cnn']} beats {NAMES[name]}", ACCURACY, "cnn", name)
    return claims


def group_differences(rows):
    """Return the claims about a difference as a dict of GAP and ACCURACY to `Claim`s; none of the lists is empty."""
    claims = judge_differences(rows)
    groups = {name: [claim for claim in claims if claim.measured.startswith(name)] for name in (GAP, ACCURACY)}
    return {name: group for name, group in groups.items() if group}


def experiment_table(rows):
    """Return a DataFrame of texts, one row per experiment."""
    import pandas as pd

    groups = rows.groupby("experiment", sort=False)
    accuracy = groups["test_accuracy"]
    columns = {
        "seeds": groups.size(),
        "test accuracy": [f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in zip(accuracy.mean(), accuracy.std())],
        "lowest to highest": [f"{low:.4f} to {high:.4f}" for low, high in zip(accuracy.min(), accuracy.max())],
        "99% prediction interval": ["{:.4f} to {:.4f}".format(*prediction_interval(values)) for _, values in accuracy],
        "training - validation": groups["gap"].mean().map("{:+.4f}".format),
    }
    return pd.DataFrame(columns).reset_index()


def claim_table(rows):
    """Return a DataFrame of texts, one row per claim."""
    import pandas as pd

    return pd.DataFrame(
        {
            "slide": claim.slides,
            "claim": claim.statement,
            "measured": claim.measured,
            "mean": f"{claim.mean:.4f}",
            "95% interval": f"{claim.low:.4f} to {claim.high:.4f}",
            "seeds": claim.seeds,
            "verdict": claim.verdict,
        }
        for claim in (*judge_references(rows), *judge_differences(rows))
    )
