"""What the deck claims, and what the rows of results/runs.csv say of it."""

from typing import NamedTuple

import numpy as np

SIZES = {
    3000: "mlp_800_of_3000",
    6000: "mlp_800_of_6000",
    12000: "mlp_800_of_12000",
    24000: "mlp_800_of_24000",
    48000: "mlp_800",
}
DROPOUT = {"Dropout(0.25)": "mlp_dropout_rate0.25", "Dropout(0.5)": "mlp_dropout"}
MLPS = {"MLP 256": "mlp_256", "MLP 800": "mlp_800", **DROPOUT}


class Claim(NamedTuple):
    """A statement of the deck, the effect that decides it, and the verdict."""

    slide: str
    statement: str
    effect: str  # what is measured
    mean: float  # of the effect over the seeds
    low: float  # of its 95% interval
    high: float
    seeds: int
    verdict: str  # "holds", "does not hold" or "undecided"


def with_gap(runs):
    """Return `runs` with a column more, `gap`: training minus validation accuracy after the last epoch."""
    return runs.assign(gap=runs["train_accuracy"] - runs["validation_accuracy"])


def interval(values, confidence=0.95):
    """Return the lower and upper end of Student's t interval of the mean. NaN, NaN for fewer than two `values`.

    values: (n,) numbers, one a seed.
    """
    return student(values, confidence, 0)


def band(values, confidence=0.99):
    """Return the lower and upper end of Student's t prediction interval: the next run lies there with `confidence`.

    values: (n,) numbers, one a seed. NaN, NaN for fewer than two.
    """
    return student(values, confidence, 1)


def student(values, confidence, runs):
    """Return Student's t interval of the mean of `values` (`runs` 0), or of one more run of them (`runs` 1)."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return np.nan, np.nan
    error = t.ppf((1 + confidence) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(runs + 1 / n)
    return np.mean(values) - error, np.mean(values) + error


def positive(slide, statement, effect, values):
    """Return the claim that `values` (a series, one a seed) are above 0 in the mean; their 95% interval decides."""
    low, high = interval(values)
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    return Claim(slide, statement, effect, values.mean(), low, high, len(values), verdict)


def reaches(slide, model, number, values):
    """Return the claim that a run of `model` reaches the deck's test accuracy `number`: not only one of its best 2.5%.

    values: a series of test accuracies, one a seed.
    """
    low, high = interval(values)
    share = (np.sum(values < number) + np.sum(values <= number)) / 2 / len(values) if len(values) else np.nan
    statement = f"{model} reaches {number}"
    effect = f"test accuracy; {number} is at percentile {100 * share:.0f}, the standard deviation {values.std():.4f}"
    verdict = "undecided" if len(values) < 2 else "holds" if share <= 0.975 else "does not hold"
    return Claim(slide, statement, effect, values.mean(), low, high, len(values), verdict)


def judge(runs):
    """Return the list of claims, from the rows of runs.csv (a data frame); differences are paired by seed."""
    runs = with_gap(runs)
    gap = runs.pivot(index="seed", columns="experiment", values="gap")
    accuracy = runs.pivot(index="seed", columns="experiment", values="test_accuracy")

    def difference(table, more, less):
        """`more` minus `less`, for the seeds that have both."""
        return table.reindex(columns=[more, less]).dropna().pipe(lambda pair: pair[more] - pair[less])

    gaps = "training minus validation accuracy"
    claims = [
        reaches("12", "MLP 256", 0.9762, accuracy.reindex(columns=["mlp_256"])["mlp_256"].dropna()),
        reaches("29", "the CNN", 0.9902, accuracy.reindex(columns=["cnn"])["cnn"].dropna()),
        positive("13", "800 neurons overfit more than 256", gaps, difference(gap, "mlp_800", "mlp_256")),
        positive(
            "13", "800 neurons read the test set better", "test accuracy", difference(accuracy, "mlp_800", "mlp_256")
        ),
    ]
    for name, run in DROPOUT.items():
        less = difference(gap, "mlp_800", run)
        claims.append(positive("14-17", f"{name} lowers overfitting", f"{gaps}, without minus with", less))
    for small, large in zip(list(SIZES)[:-1], list(SIZES)[1:]):
        less = difference(gap, SIZES[small], SIZES[large])
        claims.append(positive("14", f"{large} pictures overfit less than {small}", f"{gaps}, the decrease", less))
    for name, run in MLPS.items():
        claims.append(positive("29", f"the CNN beats {name}", "test accuracy", difference(accuracy, "cnn", run)))
    return claims


def summary(runs):
    """Return results/summary.md: the experiments and the claims, a Markdown table each, from the rows of runs.csv."""
    import pandas as pd

    runs = with_gap(runs)
    groups = runs.groupby("experiment", sort=False)
    accuracy = groups["test_accuracy"]
    experiments = pd.DataFrame(
        {
            "seeds": groups.size(),
            "test accuracy": [f"{mean:.4f} ± {sd:.4f}" for mean, sd in zip(accuracy.mean(), accuracy.std())],
            "lowest to highest": [f"{low:.4f} to {high:.4f}" for low, high in zip(accuracy.min(), accuracy.max())],
            "99 of 100 runs": ["{:.4f} to {:.4f}".format(*band(values)) for _, values in accuracy],
            "training - validation": groups["gap"].mean().map("{:+.4f}".format),
        }
    ).reset_index()
    found = pd.DataFrame(
        {
            "slide": claim.slide,
            "claim": claim.statement,
            "measured": claim.effect,
            "mean": f"{claim.mean:.4f}",
            "95% interval": f"{claim.low:.4f} to {claim.high:.4f}",
            "seeds": claim.seeds,
            "verdict": claim.verdict,
        }
        for claim in judge(runs)
        if claim.seeds
    )
    return "\n".join(["# The study\n", *(markdown(table) for table in (experiments, found) if len(table))])


def markdown(table):
    """Return a data frame as a Markdown table."""
    rows = [table.columns, ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
