"""Student's t intervals, by SciPy: where the mean lies, and where the next run is expected."""

import numpy as np


def mean_interval(values, confidence=0.95):
    """Return the (low, high) of the t interval of the mean of `values`, (n,) numbers; NaN for fewer than two."""
    return _t_interval(values, confidence, np.sqrt(1 / max(len(values), 1)))


def prediction_interval(values, confidence=0.99):
    """Return the (low, high) in which the next value is expected, by `values`, (n,) numbers; NaN for fewer than two."""
    return _t_interval(values, confidence, np.sqrt(1 + 1 / max(len(values), 1)))


def _t_interval(values, confidence, factor):
    from scipy.special import stdtrit  # what stats.t.ppf returns; importing scipy.stats takes two seconds

    if len(values) < 2:
        return np.nan, np.nan
    margin = stdtrit(len(values) - 1, (1 + confidence) / 2) * np.std(values, ddof=1) * factor
    return np.mean(values) - margin, np.mean(values) + margin
