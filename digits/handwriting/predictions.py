"""Predictions for image files: their table, reasons for doubt, and how far they are from the files' names."""

import textwrap

import numpy as np

from digits.figures.style import format_percent

CONFIDENCE = 0.9  # below it, a prediction is doubtful: above, 98 of 100 were correct on other people's digits
ON_ITS_SIDE = 4, 0.95, 0.05  # digits at least; mean confidence of a page turned upright, and by how much it is higher


def find_doubts(digits, probabilities):
    """Return the reason to doubt each prediction, (n,) texts, or "".

    digits: `handwriting.Digits`, n of them; probabilities: (n, 10) float32.
    """
    confident = probabilities.max(axis=1) >= CONFIDENCE
    return np.select([digits.touching, ~confident], ["touches another digit, or is none", "low confidence"], "")


def find_turn(images, predict):
    """Return by how many quarter turns, counterclockwise, a page on its side must be turned: 0 where it need not be.

    images: (n, 28, 28) uint8, the digits as they lie on the page; predict: from such images to (n, 10) probabilities.
    """
    least, upright, clearly = ON_ITS_SIDE
    if len(images) < least:
        return 0
    confidence = {turn: predict(np.rot90(images, turn, (1, 2))).max(axis=1).mean() for turn in (0, 1, 3)}
    best = max((1, 3), key=confidence.get)
    return best if confidence[best] > max(upright, confidence[0] + clearly) else 0


def tabulate(path, digits, probabilities):
    """Return a DataFrame, one row per digit: its file, its position there, the prediction, and the doubt.

    digits, probabilities: see `find_doubts`.
    """
    import pandas as pd

    columns = {"file": str(path), "position": np.arange(len(probabilities)) + 1}
    columns |= {"digit": probabilities.argmax(axis=1), "probability": probabilities.max(axis=1)}
    columns |= {f"p{digit}": probabilities[:, digit] for digit in range(10)}
    return pd.DataFrame(columns | {"doubt": find_doubts(digits, probabilities)})


def print_predictions(table):
    """Print the predictions for a file, as `tabulate` returns them, each with the two that come next."""
    line = f"{table.loc[0, 'file']}: {' '.join(map(str, table['digit']))}"
    print("\n" + textwrap.fill(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
    for row in table.to_dict("records"):
        values = np.array([row[f"p{digit}"] for digit in range(10)])
        others = np.argsort(-values, kind="stable")[1:3]
        then = ", ".join(f"{other} {format_percent(values[other])}" for other in others)
        doubt = f"   ? {row['doubt']}" if row["doubt"] else ""
        print(f"  {row['position']}. {row['digit']}  {format_percent(row['probability']):>6}   then {then}{doubt}")
    if all(table["doubt"]):
        print("  ? there may be no digit in this image")


def print_scores(table, labels):
    """Print which rows of digits are not correct, and how many files are.

    table: see `tabulate`; a file without a digit is not in it.
    labels: a dict of file to the digits that it shows, as text.
    """
    found = table.groupby("file")["digit"].agg(lambda digits: "".join(map(str, digits)))
    wrong = {file: found.get(file, "nothing") for file, label in labels.items() if found.get(file) != label}
    for file, digits in wrong.items():
        if len(labels[file]) > 1:
            print(f"{file}: {labels[file]} was predicted as {digits}")
    correct, files = len(labels) - len(wrong), len(labels)
    print(f"{correct} of {files} correct, accuracy {correct / files:.4f} on your own handwriting")
