"""What the deck says of the runs that it shows, and what many seeds of each gave here."""

from typing import NamedTuple


class Run(NamedTuple):
    """What the deck says of a run, and what this project measured of it over many seeds."""

    slide: int
    accuracy: float | None = None  # on the test set; None where the deck prints no number
    band: tuple[float, float] | None = None  # where 99 of 100 runs are expected


# The bands are 99% prediction intervals (Student's t) from the 20 seeds of the study, results/summary.md.
RUNS = {
    "mlp_256": Run(12, 0.9762, (0.9739, 0.9798)),
    "mlp_800": Run(13),
    "mlp_dropout": Run(17),
    "cnn": Run(29, 0.9902, (0.9880, 0.9925)),
}
