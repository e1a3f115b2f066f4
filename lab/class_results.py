"""What a class has handed in: everyone's metrics.json below a folder, in models/ folders, in ZIPs, or by itself.

In four steps: list the files, find out whose they are, judge each run by itself, compare the students.
"""

import contextlib
import io
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

from digits import deck, report
from digits.errors import UserError
from digits.files import atomic_write
from digits.runs import DRY, PLOTS
from lab.figures import plot_class

COLUMNS = ["number", "student", "experiment", "seed", "accuracy", "interval", "remark"]
FOLDER = PLOTS / "class"
TRAINING = {name: value for name, value in deck.TRAINING.items() if name != "seed"}
STUDIED = {  # the experiments that have an interval, in the order of their panels, and their arguments
    "mlp_256": TRAINING | deck.SCRIPTS["mlp"],
    "mlp_800": TRAINING | {"hidden": 800},
    "mlp_dropout": TRAINING | deck.SCRIPTS["mlp_dropout"],
    "cnn": TRAINING | deck.SCRIPTS["cnn"],
    "mlp_dropout_rate0.25": TRAINING | deck.SCRIPTS["mlp_dropout"] | {"dropout": 0.25},
    "cnn_kernel5": TRAINING | deck.SCRIPTS["cnn"] | {"kernel_size": 5},
}
SEEDS = {0, deck.TRAINING["seed"]}  # which a run's name does not tell: an earlier version's, and this one's
LABELS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # MNIST's test images of each digit

SYSTEM = re.compile(r"\..*|__MACOSX|desktop\.ini|thumbs\.db", re.I)
ENDING = re.compile(r"\.(zip|rar|7z|json|keras|docx?|pdf|txt|ipynb|py)$", re.I)
AGAIN = re.compile(r"( ?\(\d+\)|[ _-]+(late|copy|複製|遲交|補交))+$", re.I)  # after the name of a later file
ANYBODYS = re.compile(r"(models|metrics|mlp|cnn)(?![a-z])", re.I)
# Moodle's 王小明_12345_assignsubmission_file_models.zip, and Canvas's wangxiaoming_LATE_12345_678901_models.zip
PLATFORM = re.compile(r"(.+?)(?:_late)?_(\d+)_(?:assignsubmission_[a-z]+_?|\d{3,}_)(.*)", re.I)
# A student number, b12345 or 411012345, but no date, and not a photograph's
NUMBER = re.compile(r"(?<![a-z\d])(?!20\d{6}\b)([a-z]{1,2}\d{5,9}|\d{7,10})(?![a-z\d])(?!.*\.(jpe?g|png|heic)$)", re.I)


def compare(folder):
    """Print what a class has handed in, and write it as plots/class/class.csv and class.png. See `read_submissions`."""
    table = read_submissions(folder)
    print_submissions(table)
    students = f"{table['key'].nunique()} students"
    print(f"\n{students}; inside or outside the range of 99 of 100 runs of the study")
    with atomic_write(FOLDER / "class.csv") as part:
        table[COLUMNS].to_csv(part, index=False, encoding="utf-8-sig")  # by its signature, Excel knows that it is UTF-8
    counted = dict(list(table[table["counts"]].groupby("experiment")))
    groups = {}
    for name in filter(counted.__contains__, STUDIED):
        groups[name] = counted[name], report.read_study_accuracies(name), report.find_interval(name)[:2]
        lowest, mean, highest = counted[name]["accuracy"].agg(["min", "mean", "max"])
        outside = sum(counted[name]["interval"] == "outside")
        print(f"{name}: {outside} of {len(counted[name])} outside; {lowest:.4f} to {highest:.4f}, mean {mean:.4f}")
    if groups:
        plot_class(groups, FOLDER / "class.png", f"Test accuracies of a class of {students}")
    print(f"\nWritten: {FOLDER}/ (class.csv{' and class.png' if groups else ''})")


def print_submissions(table):
    """Print what `read_submissions` returns, names shortened so that all but the remarks fits into 80 columns."""
    import pandas as pd

    names = {name: table[name].str.slice(0, 20) for name in ("student", "experiment")}
    shown = table[COLUMNS[:-1]].assign(**names).astype(object)
    shown = shown.where(shown.notna() & (shown != ""), "-")
    with pd.option_context("display.unicode.east_asian_width", True):
        lines = shown.to_string(index=False, float_format="{:.4f}".format).splitlines()
    for line, remark in zip(lines, ["remark", *table["remark"]]):
        print(f"{line}  {remark}".rstrip())


def read_submissions(folder):
    """Return a DataFrame of `COLUMNS`, each student's key, and `counts`: whether the run is their one in the figure.

    It has a row for each run below a folder or in a ZIP, and one for each student with something else that should be a
    run, or without any. `interval` is "inside" or "outside" of the study's; "" for a run that is not compared.

    Raises:
        UserError: the folder is missing or empty.
    """
    import pandas as pd

    if not folder.exists():
        raise UserError(f"there is no {folder}: name the folder, or the ZIP, with everyone's files", 2)
    folder = folder.resolve()
    files = list_files(folder, sorted(folder.rglob("*"))) if folder.is_dir() else list_files(folder.parent, [folder])
    if not files:
        raise UserError(f"{folder} is empty: no student's files are in it")
    find_students(files, folder.name)
    table = pd.DataFrame(files, columns=[*COLUMNS, "key", "place", "file", "run", "date", "matrix"])
    table["number"] = table.groupby("key")["number"].transform("max")
    runs = table[table["run"].notna()].drop_duplicates(["key", "run", "date", "seed", "accuracy", "matrix"])
    is_dry = runs["run"].str.contains(DRY)
    runs = runs[~is_dry | ~runs["key"].isin(runs.loc[~is_dry, "key"])]  # told only of those who have nothing else
    others = table[table["run"].isna()]
    should_be_run = others["file"].str.match(r"metrics|.*\.(zip|rar|7z) ", case=False)
    others = others[should_be_run | ~others["key"].isin(runs["key"])]
    others = others.groupby(["key", "student", "number", "place"])["file"].agg(join).reset_index()
    others = others.assign(interval="", remark=[[f"no run: {names}"] for names in others["file"]])
    table = pd.DataFrame([*runs.to_dict("records"), *others.to_dict("records")], columns=table.columns)
    table = table.astype({"seed": "Int64", "accuracy": float, "experiment": "string"})
    compare_students(table)
    choose_runs(table)
    if table["place"].nunique() > 1:
        table["remark"] += table["place"].map(lambda place: [f"in {place}"] if place else [])
    table["remark"] = table["remark"].map("; ".join)
    return table.sort_values(["student", "key", "experiment", "seed"], ignore_index=True)


def list_files(place, members, above=()):
    """Return a list of dicts: of each file and empty folder, in ZIPs, too, its names, its problem, and its run.

    The names are of all that it is in, and its own. The place is a pathlib.Path, its members what is below it; or a
    zipfile.ZipFile, itself below the names `above`. The system's own files are left out.
    """
    files, on_disk = [], isinstance(place, Path)
    for member in members:
        path = clean_name(str(member.relative_to(place)) if on_disk else member.filename)
        parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")]
        if not parts or any(SYSTEM.fullmatch(part) for part in parts):
            continue
        ending, file = Path(path).suffix.lower(), {"names": (*above, *parts), "problem": ""}
        files.append(file)
        try:
            if member.is_dir():
                file["problem"] = "(nothing in it)"
            elif ending == ".json":
                file |= read_run(member.read_bytes() if on_disk else place.read(member))
            elif ending == ".zip" and len(file["names"]) < 20:  # a ZIP can contain itself
                archive = open_zip(member if on_disk else io.BytesIO(place.read(member)))
                file["problem"] = "(nothing in it)"
                files += list_files(archive, archive.infolist(), file["names"])
            elif ending in (".rar", ".7z"):
                file["problem"] = "(no ZIP: unpack it)"
        except Exception as error:  # damaged, encrypted, no run's: the others are read all the same
            file["problem"] = f"(damaged: {clean_name(str(error)):.60})"
    not_empty = {file["names"][:depth] for file in files for depth in range(1, len(file["names"]))}
    return [file for file in files if file["names"] not in not_empty]


def open_zip(file):
    """Return a zipfile.ZipFile, its names in UTF-8, which macOS does not declare, or in cp950, as Windows has them."""
    for encoding in ("utf-8", "cp950"):
        with contextlib.suppress(UnicodeDecodeError):
            return zipfile.ZipFile(file, metadata_encoding=encoding)
    return zipfile.ZipFile(file)


def clean_name(name):
    """Return a name as macOS and Windows both have it, with "?" for each character that a terminal cannot show."""
    return "".join(each if each.isprintable() else "?" for each in unicodedata.normalize("NFC", name))


def read_run(content):
    """Return what is known of a run by its metrics.json, as a dict. Raises nearly anything if it is none."""
    metrics = json.loads(content)
    run = {"run": clean_name(metrics["run"]), "seed": int(metrics["seed"]), "date": str(metrics.get("date"))}
    run |= {"experiment": deck.find_experiment(run["run"]), "matrix": None, "interval": ""}
    run |= {"accuracy": float(np.float64(metrics.get("test_accuracy"))), "loss": np.float64(metrics.get("test_loss"))}
    if not 0 <= run["seed"] < 2**32 or run["accuracy"] < 0 or run["accuracy"] > 1:
        raise ValueError("a number is out of range")
    matrix = metrics.get("confusion_matrix") and np.array(metrics["confusion_matrix"], float)
    if matrix is not None and np.count_nonzero(matrix.sum(axis=0)) > 1:  # not all images are taken for the same digit
        run["matrix"] = matrix.tobytes()
    run["remark"] = [*check_metrics(run, metrics), *check_matrix(run, matrix)]
    if not run["remark"] and run["experiment"] in STUDIED:
        low, high, _ = report.find_interval(run["experiment"])
        run["interval"] = report.compare_with_interval(run["accuracy"], low, high)
    return run


def check_metrics(run, metrics):
    """Yield why a run is none of the study's kind, and what in its name, seed and arguments does not fit together."""
    if DRY in run["run"]:
        yield "a dry run: 2000 images"
    elif metrics.get("interrupted"):
        yield f"interrupted after {metrics.get('epochs', '?')} of {metrics.get('planned_epochs', '?')} epochs"
    elif metrics.get("check", "standard") != "standard":
        yield clean_name(str(metrics["check"]))
    elif run["experiment"] in deck.RUNS and metrics.get("deck_model") is not True:
        yield "the script was edited: not the deck's model"
    seed, in_name = run["seed"], re.search(r"_seed(\d+)", run["run"])
    if in_name and int(in_name[1]) != seed:
        yield f"seed {seed}, but {in_name[1]} in its name"
    if not in_name and run["experiment"] in STUDIED and seed not in SEEDS:
        yield f"seed {seed}, but none in its name"
    expected = STUDIED.get(run["experiment"], {}) | {"seed": seed}
    arguments = metrics.get("arguments", metrics.get("flags", {}))
    for name, value in [("epochs", metrics.get("epochs", 10)), *arguments.items()]:
        if value != expected.get(name, value):
            yield f"{name} {expected[name]}, but {clean_name(str(value)):.20} in its arguments"


def check_matrix(run, matrix):
    """Yield what in a run's accuracy, loss and confusion matrix is missing, or does not fit together."""
    accuracy, loss = run["accuracy"], run["loss"]
    if np.isnan(accuracy):
        yield "not evaluated"
        return
    if matrix is None:
        yield "no confusion matrix"
        return
    correct = float(matrix.trace()) / float(matrix.sum())
    if abs(accuracy - correct) > 0.5 / 10000:
        yield f"accuracy {accuracy:.4f}, but {correct:.4f} by its confusion matrix"
    if run["experiment"] in STUDIED:
        if matrix.min() < 0 or matrix.sum(axis=1).tolist() != LABELS:
            yield "its confusion matrix is not of MNIST's test images"
        # A cross-entropy: that of a misclassified image is from ln 2 to 16, where Keras clips it; of others, to ln 10.
        if loss < (1 - correct) * np.log(2) or loss > np.log(10) + (1 - correct) * 16.2:
            yield f"loss {loss:.4f}, which its confusion matrix excludes"


def find_students(files, root):
    """Add to each of the files, as from `list_files`, its student, that one's key and number, and the place it is in.

    The place is a folder or a ZIP of several students, or "". `root` is the name of the folder that all are in: that of
    a student, if the runs, or models/, are directly in it.
    """
    is_own = [file["names"][0] in ("models", "metrics.json", file["run"]) for file in files if "run" in file]
    owners = [() if is_own and all(is_own) else find_owner(**file) for file in files]
    runs = [owner for file, owner in zip(files, owners) if "run" in file]
    places = {owner[:depth] for owner in owners for depth in range(1, len(owner))}
    places = {place for place in places if is_of_several(place, owners, runs)}
    for file, owner in zip(files, owners):
        level = max((depth for depth in range(1, len(owner)) if owner[:depth] in places), default=0)
        names = owner[level:] or (root,)
        student, _, told = identify(names[0])
        number = max(identify(name)[1] for name in (*names, file["names"][-1]))
        place = "".join(owner[level - 1 : level])
        key = told if told == student.lower() else f"{place}/{student}"  # two places can have a student of one name
        file |= {"key": key, "student": student, "number": number, "place": place}
        file["file"] = f"{file['names'][-1]} {file['problem']}".strip()


def find_owner(names, problem, run="", **_):
    """Return those names of a file that may tell whose it is, a tuple: no models/, no run's name, no report's."""
    first, *others = names
    if others and not run and not problem:
        others.pop()
    return (first, *(name for name in others if not ANYBODYS.match(name) and ENDING.sub("", name) != run))


def is_of_several(place, owners, runs):
    """Return whether a folder or a ZIP is of several students: names in it tell several, or its runs are in several.

    All are tuples of names, as from `find_owner`: the place, everything that was handed in, and the runs.
    """
    depth = len(place)
    told = {identify(owner[depth])[2] for owner in owners if owner[:depth] == place and len(owner) > depth} - {""}
    names = {identify("".join(owner[depth : depth + 1]))[0] for owner in runs if owner[:depth] == place}
    elsewhere = {identify(owner[depth])[0] for owner in runs if owner[:depth] != place and len(owner) > depth}
    are_students = len(names) > 1 and "" not in names and not names <= elsewhere  # as everyone's exercise1/ and 2/ are
    return len(told) > 1 or (are_students and not any(identify(name)[2] for name in place))


def identify(name):
    """Return what the name of a folder, a ZIP or a file tells: a student's name, number, and a key that only one has.

    The number and the key may be "".
    """
    platform = PLATFORM.fullmatch(name)
    number = NUMBER.search(f"{platform[1]} {platform[3]}" if platform else name)
    number = number[1] if number else ""
    if platform:
        return f"{platform[1]}_{platform[2]}", number, f"{platform[1]}_{platform[2]}".lower()
    student = ENDING.sub("", name)
    if not ANYBODYS.match(student):  # of models.zip and models (1).zip, each is another student's
        student = AGAIN.sub("", student) or student
    return student, number, number.lower()


def compare_students(table):
    """Add a remark to the runs whose confusion matrix another student has, too."""
    for _, same in table.groupby("matrix"):
        for _, run in same.iterrows():
            others = same[same["key"] != run["key"]]
            for is_same_seed, names in others["student"].groupby(others["seed"] == run["seed"]):
                start, end = ("same seed and", ": may be honest") if is_same_seed else ("copy: same", ", other seed")
                run["remark"].append(f"{start} confusion matrix as {join(names)}{end}")


def choose_runs(table):
    """Add the column `counts`, and a remark where a student has several runs of an experiment.

    The first that can be compared counts, one with a seed of the student's own before one with the default.
    """
    default = ~table["run"].astype(str).str.contains("_seed")
    runs = table.assign(default=default).sort_values(["default", "date"]).dropna(subset="run")
    chosen = runs[runs["interval"] != ""].drop_duplicates(["key", "experiment"]).index
    table["counts"] = table.index.isin(chosen)
    for index, run in runs[runs.duplicated(["key", "experiment"], keep=False)].iterrows():
        run["remark"].append(f"more than one {run['experiment']}{': this one counts' if index in chosen else ''}")


def join(names):
    """Return names as a text, the first three of them."""
    names = sorted(set(names))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
