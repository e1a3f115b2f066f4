"""Step 4 of the deck (slides 12, 18-19): how good is a trained model, and where does it err?

python evaluate.py                 evaluates every saved run again, and compares all with the deck
python evaluate.py cnn mlp_256     only these
python evaluate.py cnn --image 18  slide 27: this test image on its way through the layers
python evaluate.py --class FOLDER  what a class has handed in: everyone's models/ or metrics.json
"""

from digits import flags, keras_start, mnist, networks, report, runs
from digits.errors import UserError, print_error, warn
from digits.figures.runs import plot_comparison
from digits.metrics import confusion_matrix
from lab import class_results

import sys
from pathlib import Path


def evaluate_run(name, image=None):
    """Evaluate a saved run on the test images, and draw its figures.

    A run of another kind, whose pixels are scaled otherwise say, is shown with its own numbers.

    Args:
        name: of the run.
        image: index of the test image in a CNN's feature_maps.png (default: the first correct 3).

    Returns:
        Its `runs.Run`.

    Raises:
        UserError: it is missing or damaged.
    """
    run = runs.load_run(name)
    if run.check not in (runs.STANDARD, runs.UNCHECKED):
        print(f"Not evaluated again, but shown with its own numbers: {run.check}")
        report.print_summary(run, sorted((runs.PLOTS / name).glob("*.png")))
        return run
    model = runs.load_standard(run)
    raw = mnist.load_arrays()
    probabilities = networks.predict(model, raw["x_test"])
    matrix = confusion_matrix(raw["y_test"], probabilities.argmax(axis=1))
    print(f"\nConfusion matrix 混淆矩陣:\n{matrix}")
    return report.show_again(run, model, raw["y_test"], probabilities, image)


def main(args):
    if args.class_folder:
        if args.runs or args.image is not None:
            raise UserError("--class stands alone: it evaluates no model again", 2)
        class_results.compare(args.class_folder.expanduser())
        return
    names = [Path(run).name for run in args.runs] or runs.list_runs()  # models/cnn/ means cnn
    if not names:
        raise UserError(f"no saved run in {runs.MODELS.absolute()}: `python cnn.py` makes one")
    keras_start.import_tensorflow()
    evaluated = []
    for name in names:
        print(f"\n=== {name}")
        try:
            evaluated.append(evaluate_run(name, args.image))
        except UserError as error:  # the other runs are evaluated all the same
            print_error(error)
    comparisons = plot_comparison(evaluated)
    maps = [runs.PLOTS / run.name / "feature_maps.png" for run in evaluated]
    if args.image is not None and not any(path.exists() for path in maps):
        warn("--image is ignored: it is for a CNN, and none of these runs is one")
    if evaluated:
        report.print_table(evaluated)
        page = report.write_index(comparisons)
        print(f"Figures: {runs.PLOTS}/<run>/; all of them on one page: {page}")
    if len(evaluated) < len(names):
        sys.exit(1)


parser = flags.argument_parser(__doc__)
add = parser.add_argument
add("runs", nargs="*", metavar="RUN", help="a folder in models/ (default: all)")
add("--image", type=flags.bounded(int, 0, 10000), help="the test image in a CNN's feature_maps.png")
add("--class", type=Path, metavar="FOLDER", dest="class_folder", help="a class's folder or ZIP")

if __name__ == "__main__":
    flags.run_command(main, parser)
