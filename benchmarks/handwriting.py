"""How accurate are predictions for handwriting that does not come as MNIST's does? Prints the README's table.

python -m benchmarks.handwriting                  with the most accurate run in models/, 1000 test digits of each kind
python -m benchmarks.handwriting --model mlp_256 --digits 200
python -m benchmarks.handwriting my/digits scans.npz     instead, of other people's digits: in folders of files named
                                                         after them (7_a.png, 2026_b.png), or archives of images, labels
python -m benchmarks.handwriting my/digits --ablation    how many of these digits are lost without each step

With scikit-learn installed, its 1797 scans of 8x8 pixels, written by other people, are included.
"""

import itertools
import unittest.mock
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import preprocess
from benchmarks import pens
from digits import flags, handwriting, mnist, runs
from digits.errors import UserError
from digits.handwriting import ink, normalization, segmentation
from digits.predictions import edit_distance, find_doubts

# What each step is replaced by to leave it out: a module, a function there, and what does nothing in its place.
STEPS = {
    "turning light ink on dark into dark on light": (ink, "is_light_on_dark", lambda grey: False),
    "the closing and the median: paper of one grey": (ink, "remove_background", lambda grey: 1 - grey / grey.max()),
    "the median nearby": (ink, "local_median", lambda grey: np.ones_like(grey)),
    "removing rulings": (ink, "remove_rulings", lambda mask, dark: (mask, [])),
    "removing shadows and the desk": (ink, "along_frame", np.zeros_like),
    "removing what is pale": (ink, "remove_faint", lambda mask, darkness: mask),
    "cutting apart digits that touch": (segmentation, "cut_apart", lambda digit, *how: [(digit, False)]),
    "undoing repeated pixels": (segmentation, "undo_repetition", lambda grey: grey),
    "joining pieces of a digit": (segmentation, "group_pieces", lambda pieces: pieces),
    "joining the only digit's": (segmentation, "group_around_largest", lambda pieces: pieces),
    "leaving out dashes and specks": (segmentation, "choose_digits", lambda groups, shape: (groups, [])),
    "sorting by rows": (segmentation, "sort_by_rows", lambda groups: sorted(groups, key=segmentation.box_of)),
    "opening holes": (segmentation, "reopen_holes", lambda mask, darkness: mask),
    "MNIST's width of stroke": (normalization, "STROKE", (0, 99)),
}


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


def load_other_people():
    """Yield a name, images and labels of scikit-learn's digits, enlarged; nothing where it is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return
    data = load_digits()
    scans = [Image.fromarray(np.minimum(16 * scan, 255).astype(np.uint8)) for scan in data.images]
    yield "scikit-learn, pixels repeated", [scan.resize((160, 160), Image.NEAREST) for scan in scans], data.target
    yield "scikit-learn, pixels blended", [scan.resize((160, 160), Image.BICUBIC) for scan in scans], data.target
    margin = [ImageOps.expand(scan, 4).resize((320, 320), Image.BILINEAR) for scan in scans]
    yield "scikit-learn, with a margin", margin, data.target


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


def count_correct(model, named):
    """Return how many digits of the images from `load_named` are predicted correctly, each row in its order."""
    correct = 0
    for image, label in named:
        digits = handwriting.find_digits(image, single=len(label) == 1).images
        text = ""
        if len(digits):
            predictions = model.predict_on_batch(preprocess.flatten_and_normalize(digits)).argmax(axis=1)
            text = "".join(map(str, predictions))
        correct += max(0, len(label) - edit_distance(label, text))
    return correct


def print_ablation(run, model, paths):
    """Print how many digits are lost without each of STEPS."""
    named = {path: load_named(path) for path in paths}
    print(f"| without, predicted by {run} | {' | '.join(path.name for path in paths)} |\n|---|{'---|' * len(paths)}")
    whole = {path: count_correct(model, images) for path, images in named.items()}
    sizes = (f"{whole[path]} of {sum(len(label) for _, label in named[path])}" for path in paths)
    print(f"| nothing: digits correct | {' | '.join(sizes)} |", flush=True)
    for name, (module, function, substitute) in STEPS.items():
        with unittest.mock.patch.object(module, function, substitute):
            lost = [whole[path] - count_correct(model, named[path]) for path in paths]
        print(f"| {name} | {' | '.join(map(str, lost))} |", flush=True)


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
    if args.ablation and not args.paths:
        parser.error("--ablation needs a PATH to measure")
    run, model = runs.choose_model(args.model)
    if args.ablation:
        print_ablation(run, model, args.paths)
        return
    if args.paths:
        print(f"| images | predicted without a mistake by {run} | of the digits that it did not mark |\n|---|---|---|")
        for path in args.paths:
            measure_named(model, path)
        return
    print(f"| images | accuracy of {run}, known to be one digit | not known |\n|---|---|---|")
    kinds = ((name, *draw_images(name, args.digits)) for name in pens.FAMILIES)
    for name, images, labels in itertools.chain(kinds, load_other_people()):
        shares = [100 * np.mean(predict_images(model, images, single) == labels) for single in (True, False)]
        print(f"| {name} ({len(labels)}) | {shares[0]:.1f}% | {shares[1]:.1f}% |", flush=True)


parser = flags.argument_parser(__doc__, "-m benchmarks.handwriting")
parser.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
parser.add_argument("--digits", type=flags.bounded_int(1, 10001), default=1000, help="images of each kind")
parser.add_argument("--ablation", action="store_true", help="measure the PATHs without each step")
parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a folder or an .npz archive to measure")

if __name__ == "__main__":
    flags.run_command(main, parser)
