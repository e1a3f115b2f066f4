"""What the deck says: its runs, their slides, and the two test accuracies that it prints."""

from typing import NamedTuple


class Reference(NamedTuple):
    """What the deck says of one of its runs."""

    title: str
    slide: int
    accuracy: float | None = None  # on the test set; None where the deck prints no number


RUNS = {
    "mlp_256": Reference("MLP, 256 units", 12, 0.9762),
    "mlp_800": Reference("MLP, 800 units", 13),
    "mlp_dropout": Reference("MLP, 800 units, Dropout 0.5", 17),
    "cnn": Reference("CNN", 29, 0.9902),
}


def find_title(run_name):
    """Return what a run is called in figures: its title in the deck, or the name of a run that isn't the deck's."""
    return RUNS[run_name].title if run_name in RUNS else run_name
