"""What a class has handed in: everyone's metrics.json below a folder, in models/ folders, in ZIPs, or by itself."""

import hashlib
import io
import json
import zipfile

from digits import deck, report
from digits.errors import UserError
from digits.figures.submissions import plot_class
from digits.files import atomic_write
from digits.runs import PLOTS

COLUMNS = ["student", "experiment", "seed", "accuracy", "interval", "remark"]
FOLDER = PLOTS / "class"


def compare(folder):
    """Print what a class has handed in below a folder, and write it as plots/class/class.csv and class.png.

    Raises:
        UserError: see `read_submissions`.
    """
    table = read_submissions(folder)
    print_submissions(table)
    runs = table.dropna(subset="accuracy")
    students = table["student"].nunique()
    print(f"\n{students} students, {len(runs)} runs; inside or outside the range of 99 of 100 runs of the study")
    with atomic_write(FOLDER / "class.csv") as part:
        table.to_csv(part, index=False, encoding="utf-8-sig")  # by its signature, Excel knows that it is UTF-8
    if len(runs):
        found = dict(list(runs.groupby("experiment")))
        names = [*(name for name in deck.RUNS if name in found), *(name for name in found if name not in deck.RUNS)]
        print(f"\n{summarize(runs).loc[names].to_string(float_format='{:.4f}'.format)}")
        experiments = [name if name in deck.RUNS else None for name in names]  # the others have no study
        study = [(report.read_study_accuracies(name), report.find_interval(name)[:2]) for name in experiments]
        title = f"Test accuracies of a class: {students} students, {len(runs)} runs"
        groups = {name: (found[name], *seeds) for name, seeds in zip(names, study)}
        plot_class(groups, FOLDER / "class.png", title)
    print(f"\nWritten: {FOLDER}/ (class.csv{' and class.png' if len(runs) else ''})")


def print_submissions(table):
    """Print what `read_submissions` returns, long names of students shortened."""
    import pandas as pd

    accuracy = table["accuracy"].map("{:.4f}".format, na_action="ignore")
    shown = table.assign(student=table["student"].str.slice(0, 24), accuracy=accuracy)[COLUMNS[:-1]]
    with pd.option_context("display.unicode.east_asian_width", True):
        lines = shown.astype(object).where(shown.notna(), "-").to_string(index=False).splitlines()
    for line, remark in zip(lines, ["remark", *table["remark"]]):
        print(f"{line}  {remark}".rstrip())


def read_submissions(folder):
    """Return a DataFrame of `COLUMNS`: one row per run that was handed in, and one per student who handed in none.

    `student` is the name of the folder or ZIP in which students differ, or of a metrics.json that was renamed.
    `interval` is "inside" or "outside" of the study's interval, "" where there is none for this run.

    Args:
        folder: pathlib.Path of a folder or a ZIP.

    Raises:
        UserError: it is missing or empty.
    """
    import pandas as pd

    if not folder.exists():
        raise UserError(f"there is no {folder}: name the folder, or the ZIP, with everyone's files", 2)
    rows = [describe_file(names, file) for names, file in find_files(folder.resolve())]
    if not rows:
        raise UserError(f"{folder} is empty: no student's files are in it")
    files = pd.DataFrame(rows, columns=["owner", "file", "hash", *COLUMNS])
    is_run = files["hash"].notna()
    level = find_level(files.loc[is_run, "owner"])
    files["student"] = [owner[min(level, len(owner) - 1)] if owner else folder.name for owner in files["owner"]]

    handed_in = files[is_run].drop_duplicates(["student", "hash"])
    for _, same in handed_in.groupby("hash"):
        for index, student in same["student"].items():
            others = sorted(set(same["student"]) - {student})
            if others:
                handed_in.loc[index, "remark"] += f" same file as {', '.join(others)}"
    without = files[~files["student"].isin(handed_in["student"])].groupby("student")["file"].agg(", ".join)
    missing = [{"student": student, "remark": f"no metrics.json, but {names}"} for student, names in without.items()]
    table = pd.DataFrame([*handed_in[COLUMNS].to_dict("records"), *missing], columns=COLUMNS)
    table = table.assign(remark=table["remark"].str.strip(), seed=table["seed"].astype("Int64"))
    return table.sort_values(["student", "experiment", "seed"], ignore_index=True)


def find_files(place, names=()):
    """Yield every file below a folder and in the ZIPs there: the names on the way to it, and its path.

    place: a pathlib.Path or a zipfile.Path. A damaged ZIP is a file like any other; the system's own are left out.
    """
    if place.is_dir():
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
            if not entry.name.startswith((".", "__MACOSX")):
                yield from find_files(entry, (*names, entry.name))
        return
    if place.name.lower().endswith(".zip"):
        try:
            archive = zipfile.Path(io.BytesIO(place.read_bytes()))
        except Exception:  # damaged or encrypted
            pass
        else:
            yield from find_files(archive, names)
            return
    yield names or (place.name,), place


def describe_file(names, file):
    """Return what is known of a file that was handed in, as a dict; a JSON file has a hash, and should be a run's.

    Its `owner` is a list of names, one of which is the student's: those on the way to it but models/ and the run's.
    """
    *folders, name = names
    row = {"file": f"{name} (damaged)" if name.lower().endswith(".zip") else name}
    if name.lower().endswith(".json"):
        try:
            content = file.read_bytes()
        except Exception as error:  # an encrypted or damaged ZIP, a broken link: the others are compared all the same
            row["file"] = f"{name} (cannot be read: {error})"
        else:
            row |= {"hash": hashlib.sha256(content).hexdigest()} | describe_run(name, content)
    row["owner"] = [
        folder.removesuffix(".zip") for folder in folders if folder not in ("models", "models.zip", row.get("run"))
    ]
    if name != "metrics.json":
        row["owner"].append(name.rpartition(".")[0] or name)
    return row


def describe_run(name, content):
    """Return what a metrics.json, of this name and content (bytes), says of `COLUMNS` and of its "run", as a dict."""
    try:
        metrics = json.loads(content)
        run, accuracy, seed = metrics["run"], float(metrics["test_accuracy"]), int(metrics["seed"])
        deck_model = metrics["deck_model"]
        experiment = deck.find_experiment(run)
        if not (0 <= accuracy <= 1 and 0 <= seed < 2**32):
            raise ValueError("out of range")
    except (ValueError, LookupError, TypeError):
        return {"remark": f"{name} is damaged: it is no run's metrics.json"}
    row = {"run": run, "experiment": experiment, "seed": seed, "accuracy": accuracy, "interval": "", "remark": ""}
    if experiment in deck.RUNS and not deck_model:
        return row | {"remark": "the script was edited: not the deck's model"}
    if experiment in deck.RUNS:
        low, high, _ = report.find_interval(experiment)
        row["interval"] = report.compare_with_interval(accuracy, low, high)
    return row


def find_level(owners):
    """Return the place at which students' names stand in `owners`, lists of names: the first that tells them apart."""
    owners = list(owners)
    deepest = min(map(len, owners), default=1) - 1
    for level in range(deepest):
        if len({owner[level] for owner in owners}) > 1:
            return level
    return max(deepest, 0)


def summarize(runs):
    """Return a DataFrame, one row per experiment: its number of runs, their accuracies, and how many are outside."""
    return runs.groupby("experiment").agg(
        runs=("accuracy", "size"),
        lowest=("accuracy", "min"),
        mean=("accuracy", "mean"),
        highest=("accuracy", "max"),
        outside=("interval", lambda places: sum(places == "outside")),
    )
