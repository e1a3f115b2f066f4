"""Step 1 of the deck (slides 2-6): MNIST's images and labels become what a network takes.

python preprocess.py      shows what slides 2-6 show, and draws it in plots/data/
"""

from typing import NamedTuple

from digits import cli, environment, mnist
from digits.figures.preprocessing import plot_preprocessing, plot_samples

environment.import_tensorflow()  # quietly, and in Keras's own settings

import keras
import numpy as np

DRY_RUN_IMAGES = 2000  # training images that a --dry-run keeps


class Dataset(NamedTuple):
    """Preprocessed digits. Row i of an `x` is an image, row i of its `y` that image's label."""

    x_train: np.ndarray  # (60000, 784) float32 in [0, 1]
    y_train: np.ndarray  # (60000, 10) float64, one-hot
    x_test: np.ndarray  # (10000, 784) float32 in [0, 1]
    y_test: np.ndarray  # (10000, 10) float64, one-hot
    dataset: str  # "mnist" or "synthetic"
    sha256: str  # of the bytes of the four raw arrays, one after the other

    @property
    def suffix(self):
        """What the names of runs and figures end with, so that none is taken for one of MNIST."""
        return "" if self.dataset == "mnist" else "_synthetic"


def flatten_and_normalize(images):
    """Slides 4 and 5: images (n, 28, 28) uint8, 0 to 255 -> features (n, 784) float32, 0 to 1."""
    features = images.reshape(len(images), 784).astype("float32")
    features /= 255  # in place, which is faster
    return features


def one_hot(labels):
    """Slide 6: labels (n,) from 0 to 9 -> (n, 10), in each row a single 1: 3 -> 0001000000."""
    return keras.utils.to_categorical(labels, 10)


def load_data(dataset="auto", path=None, dry_run=False):
    """Return the `Dataset` to train on and test with. Arguments: see `mnist.load_arrays`."""
    arrays, dataset, sha256 = mnist.load_arrays(dataset, path)
    kept = DRY_RUN_IMAGES if dry_run else None
    x_train = flatten_and_normalize(arrays["x_train"][:kept])
    y_train = one_hot(arrays["y_train"][:kept])
    x_test = flatten_and_normalize(arrays["x_test"])
    y_test = one_hot(arrays["y_test"])
    name = "MNIST" if dataset == "mnist" else "SYNTHETIC digits, not MNIST"
    print(f"{name}: {len(x_train)} training images, {len(x_test)} test images", flush=True)
    return Dataset(x_train, y_train, x_test, y_test, dataset, sha256)


def main(args):
    data = load_data(args.dataset, args.data)
    print("\nSlide 2, uint8:")
    for name, (shape, _) in mnist.MNIST.items():
        print(f"  {name:8}{shape}")
    print("\nSlides 3-6: an image becomes 784 features, a label 10 numbers")
    for name in mnist.MNIST:
        array = getattr(data, name)
        print(f"  {name:8}{array.shape!s:12} {array.dtype}, {array.min():g} to {array.max():g}")
    for digit in (3, 7):
        print(f"  label {digit} -> {''.join(f'{value:g}' for value in one_hot(digit))}")
    labels = data.y_train.argmax(axis=1)
    first = np.flatnonzero(labels == 3)[0]
    normalized = data.x_train[first].reshape(28, 28)
    raw = np.rint(255 * normalized).astype("uint8")
    print(f"\nSlide 4: training image {first}, a 3, raw (rows 4 to 25 and columns 7 to 22 of 28)")
    for row in raw[3:25, 6:22]:
        print(" ".join(f"{value:3}" for value in row))
    print("\nSlide 5: the same, divided by 255")
    for row in normalized[3:25, 6:22]:
        print(" ".join(f"{value:.2f}" for value in row))
    name = data.dataset.upper()
    samples = f"plots/data/samples{data.suffix}.png"
    preprocessing = f"plots/data/preprocessing{data.suffix}.png"
    plot_samples(data.x_train, labels, samples, f"{name}: ten training images of each digit")
    title = f"{name}: training image {first}, a 3, and its preprocessing"
    plot_preprocessing(raw, data.x_train[first], data.y_train[first], preprocessing, title)
    print(f"\nWritten: {samples},\n  {preprocessing}\nNext: python mlp.py")


parser = cli.argument_parser(__doc__)
cli.add_dataset_flags(parser)

if __name__ == "__main__":
    cli.run(main, parser)
