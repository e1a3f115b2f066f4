"""How well is handwriting read that does not come as MNIST's does? Prints the README's table on your own handwriting.

python tests/accuracy.py                  with the most accurate run in models/, 1000 digits of MNIST's test set a kind
python tests/accuracy.py --model mlp_256 --digits 200

Where scikit-learn is installed, its 1797 scans of 8x8 pixels, written by other people, are read too.
"""

import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from PIL import Image, ImageOps

import handwriting
import mnist
import pens
import predict
import preprocess
import script
import train


def read(model, pictures, single=True):
    """Return what `model` reads in each picture of one digit, (n,); -1 where no digit is found, or several are."""
    found = [handwriting.find_digits(picture.convert("RGB"), single)[1] for picture in pictures]
    images = np.stack([images[0] if len(images) else np.zeros((28, 28), np.uint8) for images in found])
    reading = model.predict_on_batch(preprocess.features(images)).argmax(axis=1)
    return np.where([len(images) == 1 for images in found], reading, -1)


def family(name, count, seed=0):
    """Return `count` pictures of one of the kinds in `pens`, drawn from MNIST's test digits, and their labels."""
    raw = mnist.find_mnist()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(10000, count, replace=False)
    labels = raw["y_test"][chosen]
    return [pens.FAMILIES[name](raw["x_test"][i], int(raw["y_test"][i]), rng) for i in chosen], labels


def other_people():
    """Yield a name, pictures and labels of scikit-learn's digits, enlarged; nothing where it is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return
    data = load_digits()
    scans = [Image.fromarray(np.minimum(16 * scan, 255).astype(np.uint8)) for scan in data.images]
    for name, how in (("repeated", Image.NEAREST), ("blended", Image.BICUBIC)):
        yield f"scikit-learn, pixels {name}", [scan.resize((160, 160), how) for scan in scans], data.target
    margin = [ImageOps.expand(scan, 4).resize((320, 320), Image.BILINEAR) for scan in scans]
    yield "scikit-learn, with a margin", margin, data.target


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
    parser.add_argument("--digits", type=train.number(int, 1, 10001), default=1000, help="pictures of each kind")
    args = parser.parse_args()
    script.import_tensorflow()
    run, model = next(iter(predict.choose_models(args.model).items()))
    print(f"| pictures | read rightly by {run}, known to be one digit | not known |\n|---|---|---|")
    kinds = ((name, *family(name, args.digits)) for name in pens.FAMILIES)
    for name, pictures, labels in itertools.chain(kinds, other_people()):
        shares = [100 * np.mean(read(model, pictures, single) == labels) for single in (True, False)]
        print(f"| {name} ({len(labels)}) | {shares[0]:.1f}% | {shares[1]:.1f}% |", flush=True)


if __name__ == "__main__":
    script.run(main)
