"""How far the predictions for files are from the digits that the files are named after."""


def edit_distance(text, other):
    """Return how many characters must be changed, added or left out to make one text the other."""
    distances = list(range(len(other) + 1))
    for place, letter in enumerate(text, 1):
        before, distances = distances, [place]
        for column, character in enumerate(other):
            distances.append(min(before[column + 1] + 1, distances[-1] + 1, before[column] + (letter != character)))
    return distances[-1]


def score_files(table, labels):
    """Return a DataFrame, one row per file: its `label`, the predicted `digits`, and the edit `distance` of the two.

    Args:
        table: DataFrame with columns `file` and `digit`, the predictions of one run; a file that is not in it has none.
        labels: a dict of file to the digits that it shows, as text.
    """
    import pandas as pd

    digits = table.groupby("file")["digit"].agg(lambda found: "".join(map(str, found))).to_dict()
    files = pd.DataFrame([(file, label, digits.get(file, "")) for file, label in labels.items()])
    files.columns = ["file", "label", "digits"]
    files["distance"] = [edit_distance(label, found) for label, found in zip(files["label"], files["digits"])]
    return files
