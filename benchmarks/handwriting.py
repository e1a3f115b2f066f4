"""How accurate are predictions for handwriting that does not come as MNIST's does? Prints the README's table.

python -m benchmarks.handwriting                  with the most accurate run in models/, 1000 test digits of each kind
python -m benchmarks.handwriting --model mlp_256 --digits 200
python -m benchmarks.handwriting my/digits scans.npz     instead, of other people's digits: in folders of files named
                                                         after them (7_a.png, 2026_b.png), or archives of images, labels
"""

from pathlib import Path

import numpy as np
from PIL import Image

import preprocess
from benchmarks import pens
from digits import flags, handwriting, mnist, runs
from digits.errors import UserError
from digits.handwriting.predictions import find_doubts


def predict_images(model, images, single):
    """Return the prediction for each image of one digit, (n,); -1 where no digit is found, or several are."""
    found = [handwriting.find_digits(image, single).images for image in images]
    digits = np.stack([digits[0] if len(digits) else np.zeros((28, 28), np.uint8) for digits in found])
    predictions = model.predict_on_batch(preprocess.flatten_and_normalize(digits)).argmax(axis=1)
    return np.where([len(digits) == 1 for digits in found], predictions, -1)


def draw_images(name, count):
    """Return `count` images of one of the kinds in `pens`, drawn from MNIST's test digits, and their labels."""
    raw = mnist.load_arrays()
    rng = np.random.default_rng(0)
    chosen = rng.choice(10000, count, replace=False)
    labels = raw["y_test"][chosen]
    digits = [Image.fromarray(image) for image in raw["x_test"][chosen]]
    return [pens.FAMILIES[name](digit, label, rng) for digit, label in zip(digits, labels)], labels


def load_named(path):
    """Return the images of a folder or an archive, each with the digits that it shows, as text."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            named = [(Image.fromarray(image), str(label)) for image, label in zip(archive["images"], archive["labels"])]
    else:
        files, _ = handwriting.list_images([str(path)], score=True)
        named = [(handwriting.read_image(file), label) for file, label in files if label]
    if not named:
        raise UserError(f"{path}: there is no image that is named after its digits")
    return named


def measure_named(model, path):
    """Print how well the images of a folder or an archive are predicted, and how sure the unmarked predictions are."""
    named = load_named(path)
    correct, unmarked = [], []
    for image, label in named:
        digits = handwriting.find_digits(image, single=len(label) == 1)
        if not len(digits.images):
            correct.append(False)
            continue
        probabilities = model.predict_on_batch(preprocess.flatten_and_normalize(digits.images))
        predictions = "".join(str(values.argmax()) for values in probabilities)
        correct.append(predictions == label)
        if len(predictions) == len(label):
            doubts = find_doubts(digits, probabilities)
            unmarked += [a == b for a, b, doubt in zip(predictions, label, doubts) if not doubt]
    print(f"| {path} ({len(named)}) | {100 * np.mean(correct):.1f}% | {100 * np.mean(unmarked):.1f}% |", flush=True)


def main(args):
    run, model = runs.choose_model(args.model)
    if args.paths:
        print(f"| images | predicted without a mistake by {run} | of the digits that it did not mark |\n|---|---|---|")
        for path in args.paths:
            measure_named(model, path)
        return
    print(f"| images | accuracy of {run}, known to be one digit | not known |\n|---|---|---|")
    for name in pens.FAMILIES:
        images, labels = draw_images(name, args.digits)
        shares = [100 * np.mean(predict_images(model, images, single) == labels) for single in (True, False)]
        print(f"| {name} ({len(labels)}) | {shares[0]:.1f}% | {shares[1]:.1f}% |", flush=True)


parser = flags.argument_parser(__doc__, "-m benchmarks.handwriting")
parser.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
parser.add_argument("--digits", type=flags.bounded(int, 1, 10001), default=1000, help="images of each kind")
parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a folder or an .npz archive to measure")

if __name__ == "__main__":
    flags.run_command(main, parser)
