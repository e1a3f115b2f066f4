"""MNIST as it lies in data/mnist.npz: the raw arrays of slide 2."""

import functools
from pathlib import Path

import numpy as np

from digits.errors import UserError

PATH = Path(__file__).parent.parent / "data" / "mnist.npz"
ARRAYS = ["x_train", "y_train", "x_test", "y_test"]


@functools.cache
def load_arrays():
    """Slide 2: return MNIST's raw arrays by name, a dict.

    x_train (60000, 28, 28), y_train (60000,), x_test (10000, 28, 28), y_test (10000,); all uint8. In the images, 0 is
    paper and 255 is ink. All callers share these arrays.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with np.load(PATH) as file:
            return {name: file[name] for name in ARRAYS}
    except Exception as error:  # a damaged archive can raise nearly anything
        restore = "`git checkout data/mnist.npz` restores it, and so does unpacking the project again"
        raise UserError(f"{PATH} is missing or damaged ({type(error).__name__}): {restore}") from error
