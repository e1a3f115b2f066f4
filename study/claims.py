"""What the deck claims, and what the rows of results/runs.csv say about it.

Claims about differences between two experiments are paired by seed.
"""

from typing import NamedTuple

import numpy as np

from digits import slides
from digits.intervals import mean_interval, prediction_interval

NAMES = {
    "mlp_256": "MLP 256",
    "mlp_800": "MLP 800",
    "mlp_dropout_rate0.25": "Dropout(0.25)",
    "mlp_dropout": "Dropout(0.5)",
    "cnn": "the CNN",
}
DROPOUT = ["mlp_dropout_rate0.25", "mlp_dropout"]
GAP, ACCURACY = "training minus validation accuracy", "test accuracy"
SIZES = {  # of the training set, for slide 14
    3000: "mlp_800_of_3000",
    6000: "mlp_800_of_6000",
    12000: "mlp_800_of_12000",
    24000: "mlp_800_of_24000",
    48000: "mlp_800",
}


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


def add_gap(rows):
    """Return `rows` with one more column, `gap`: training minus validation accuracy after the last epoch."""
    return rows.assign(gap=rows["train_accuracy"] - rows["validation_accuracy"])


def judge_difference(slides, statement, measured, differences):
    """Judge the claim that the mean of `differences` (a Series, one per seed) is above 0, by its 95% interval.

    Returns:
        The `Claim`.
    """
    low, high = mean_interval(differences)
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    return Claim(slides, statement, measured, differences.mean(), low, high, len(differences), verdict)


def judge_reference(name, reference, accuracies):
    """Judge the claim that a model reaches the deck's test accuracy: it could be that of one of these runs.

    So it must lie between percentiles 2.5 and 97.5 of them, where 95 of 100 runs lie: if it lies above
    them, the model does worse than the deck claims; if below, better: either way the claim fails.

    Args:
        name: of the model, for the statement.
        reference: `slides.Reference` with an accuracy.
        accuracies: Series of test accuracies, one per seed.

    Returns:
        The `Claim`.
    """
    from scipy.stats import percentileofscore

    number = reference.accuracy
    percentile = percentileofscore(accuracies, number, kind="mean") if len(accuracies) else np.nan
    verdict = "undecided" if len(accuracies) < 2 else "holds" if 2.5 <= percentile <= 97.5 else "does not hold"
    deviation = f"the standard deviation {accuracies.std():.4f}"
    measured = f"{ACCURACY}; {number} is at percentile {percentile:.0f}, {deviation}"
    statement = f"{name} reaches {number}"
    interval = mean_interval(accuracies)
    return Claim(str(reference.slide), statement, measured, accuracies.mean(), *interval, len(accuracies), verdict)


def judge_references(rows):
    """Return the list of `Claim`s that a model reaches the deck's test accuracy. rows: see `judge_claims`."""
    accuracies = rows.set_index("experiment")["test_accuracy"]
    return [
        judge_reference(NAMES[name], reference, accuracies[accuracies.index == name])
        for name, reference in slides.RUNS.items()
        if reference.accuracy
    ]


def judge_differences(rows):
    """Return the list of `Claim`s about a difference in GAP or in ACCURACY. rows: see `judge_claims`."""
    rows = add_gap(rows)
    gap = rows.pivot(index="seed", columns="experiment", values="gap")
    accuracy = rows.pivot(index="seed", columns="experiment", values="test_accuracy")

    def subtract(table, more, less):
        """Return the differences of the seeds that have both experiments."""
        pair = table.reindex(columns=[more, less]).dropna()
        return pair[more] - pair[less]

    claims = []
    slide = str(slides.RUNS["mlp_800"].slide)
    for statement, measured, table in (
        ("800 hidden units overfit more than 256", GAP, gap),
        ("800 hidden units reach a higher test accuracy", ACCURACY, accuracy),
    ):
        claims.append(judge_difference(slide, statement, measured, subtract(table, "mlp_800", "mlp_256")))
    for name in DROPOUT:
        statement, measured = f"{NAMES[name]} lowers overfitting", f"{GAP}, without minus with"
        claims.append(judge_difference("14-17", statement, measured, subtract(gap, "mlp_800", name)))
    for small, large in zip(list(SIZES)[:-1], list(SIZES)[1:]):
        statement, measured = f"{large} images overfit less than {small}", f"{GAP}, the decrease"
        claims.append(judge_difference("14", statement, measured, subtract(gap, SIZES[small], SIZES[large])))
    slide = str(slides.RUNS["cnn"].slide)
    for name in ("mlp_256", "mlp_800", *DROPOUT):
        statement = f"{NAMES['cnn']} beats {NAMES[name]}"
        claims.append(judge_difference(slide, statement, ACCURACY, subtract(accuracy, "cnn", name)))
    return claims


def judge_claims(rows):
    """Return the list of all `Claim`s, judged by the rows of runs.csv (a DataFrame); without a seed, `seeds` is 0."""
    return [*judge_references(rows), *judge_differences(rows)]


def group_differences(rows):
    """Return the claims about a difference that a seed says something about: a dict of GAP and ACCURACY to `Claim`s."""
    found = [claim for claim in judge_differences(rows) if claim.seeds]
    groups = {name: [claim for claim in found if claim.measured.startswith(name)] for name in (GAP, ACCURACY)}
    return {name: group for name, group in groups.items() if group}


def experiment_table(rows):
    """Return a DataFrame of texts, one row per experiment, from the rows of runs.csv (a DataFrame)."""
    import pandas as pd

    groups = add_gap(rows).groupby("experiment", sort=False)
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
    """Return a DataFrame of texts, one row per claim that a seed says something about, from the rows of runs.csv."""
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
        for claim in judge_claims(rows)
        if claim.seeds
    )
