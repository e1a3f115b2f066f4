"""Step 1 of the deck (slides 2-6): MNIST's images and labels become what a network takes.

python preprocess.py      shows what slides 2-6 show, and draws it in plots/data/
"""

from digits import flags, keras_start, mnist
from digits.figures.preprocessing import plot_preprocessing, plot_samples
from digits.process import options

keras_start.import_tensorflow()  # quietly, and in Keras's own settings

import keras
import numpy as np

DRY_RUN_IMAGES = 2000  # training images that a --dry-run keeps


def flatten_and_normalize(images):
    """Slides 4 and 5: images (n, 28, 28) uint8, 0 to 255 -> features (n, 784) float32, 0 to 1."""
    features = images.reshape(len(images), 784).astype("float32")
    features /= 255  # in place, which is faster
    return features


def one_hot(labels):
    """Slide 6: labels (n,) from 0 to 9 -> (n, 10), in each row a single 1: 3 -> 0001000000."""
    return keras.utils.to_categorical(labels, 10)


def load_data():
    """Return MNIST, preprocessed as on slides 4 to 6: (x_train, y_train), (x_test, y_test).

    Returns:
        x_train (60000, 784) and x_test (10000, 784): float32 in [0, 1], a row per image.
        y_train (60000, 10) and y_test (10000, 10): float64, the labels one-hot.

    Raises:
        UserError: data/mnist.npz is missing or damaged.
    """
    raw = mnist.load_arrays()
    kept = DRY_RUN_IMAGES if options.dry_run else None
    x_train = flatten_and_normalize(raw["x_train"][:kept])
    y_train = one_hot(raw["y_train"][:kept])
    x_test = flatten_and_normalize(raw["x_test"])
    y_test = one_hot(raw["y_test"])
    print(f"MNIST: {len(x_train)} training images, {len(x_test)} test images", flush=True)
    return (x_train, y_train), (x_test, y_test)


def main(args):
    (x_train, y_train), (x_test, y_test) = load_data()
    raw = mnist.load_arrays()
    print("\nSlide 2, uint8:")
    for name, array in raw.items():
        print(f"  {name:8}{array.shape}")
    print("\nSlides 3-6: an image becomes 784 features, a label 10 numbers")
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    for name, array in arrays.items():
        print(f"  {name:8}{array.shape!s:12} {array.dtype}, {array.min():g} to {array.max():g}")
    for digit in (3, 7):
        print(f"  label {digit} -> {''.join(f'{value:g}' for value in one_hot(digit))}")
    first = np.flatnonzero(raw["y_train"] == 3)[0]
    image = raw["x_train"][first]
    print(f"\nSlide 4: training image {first}, a 3, raw (rows 4 to 25 and columns 7 to 22 of 28)")
    for row in image[3:25, 6:22]:
        print(" ".join(f"{value:3}" for value in row))
    print("\nSlide 5: the same, divided by 255")
    for row in x_train[first].reshape(28, 28)[3:25, 6:22]:
        print(" ".join(f"{value:.2f}" for value in row))
    samples, preprocessing = "plots/data/samples.png", "plots/data/preprocessing.png"
    plot_samples(x_train, raw["y_train"], samples, "MNIST: ten training images of each digit")
    title = f"MNIST: training image {first}, a 3, and its preprocessing"
    plot_preprocessing(image, x_train[first], y_train[first], preprocessing, title)
    print(f"\nWritten: {samples}, {preprocessing}\nNext: python mlp.py")


parser = flags.argument_parser(__doc__)

if __name__ == "__main__":
    flags.run_command(main, parser)
