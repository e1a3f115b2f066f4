"""How accurate are predictions for handwriting that does not come as MNIST's does? Prints the README's table.

python -m benchmarks.handwriting                with the most accurate run in models/, 1000 test digits of each kind
python -m benchmarks.handwriting --model mlp_256 --digits 200
python -m benchmarks.handwriting my_digits/     other images, in files named after their digits: 7_a.png, 2026_b.png
"""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import pens
from digits import flags, handwriting, keras_start, mnist, networks, runs
from digits.errors import UserError
from digits.handwriting.predictions import find_doubts


def draw_images(name, count):
    """Return `count` images of one of the kinds in `pens`, drawn from MNIST's test digits, each with its label."""
    raw = mnist.load_arrays()
    rng = np.random.default_rng(0)
    digits = [(Image.fromarray(raw["x_test"][i]), raw["y_test"][i]) for i in rng.choice(10000, count, replace=False)]
    return [(pens.FAMILIES[name](digit, label, rng), str(label)) for digit, label in digits]


def load_named(path):
    """Return the images of a folder, each with the digits that it shows, as text."""
    files, _ = handwriting.list_images([str(path)], score=True)
    named = [(handwriting.read_image(file), label) for file, label in files if label]
    if not named:
        raise UserError(f"{path}: there is no image that is named after its digits")
    return named


def measure(model, named, single):
    """Return how many images are predicted without a mistake, and how many of the digits that are not marked.

    Args:
        model: keras.Model.
        named: a list of images, each with the digits that it shows, as text.
        single: whether it is known of an image of one digit that it shows only one.

    Returns:
        Two shares of 1.
    """
    correct, unmarked = [], []
    for image, label in named:
        digits = handwriting.find_digits(image, single and len(label) == 1)
        probabilities = networks.predict(model, digits.images) if len(digits.images) else np.empty((0, 10))
        predictions = "".join(str(values.argmax()) for values in probabilities)
        correct.append(predictions == label)
        if len(predictions) == len(label):
            doubts = find_doubts(digits, probabilities)
            unmarked += [a == b for a, b, doubt in zip(predictions, label, doubts) if not doubt]
    return np.mean(correct), np.mean(unmarked)


def main(args):
    keras_start.import_tensorflow()
    run, model = runs.choose_model(args.model)
    print(f"| images, predicted by {run} | known to be one digit | digits not marked | number of digits unknown |")
    print("|---|---|---|---|")
    for kind in args.paths or pens.FAMILIES:
        named = load_named(kind) if args.paths else draw_images(kind, args.digits)
        known, unmarked = measure(model, named, single=True)
        unknown, _ = measure(model, named, single=False)
        shares = " | ".join(f"{share:.1%}" for share in (known, unmarked, unknown))
        print(f"| {kind} ({len(named)}) | {shares} |", flush=True)


parser = flags.argument_parser(__doc__, "-m benchmarks.handwriting")
parser.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
parser.add_argument("--digits", type=flags.bounded(int, 1, 10001), default=1000, help="images of each kind")
parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a folder to measure")

if __name__ == "__main__":
    flags.run_command(main, parser)
