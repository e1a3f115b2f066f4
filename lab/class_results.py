"""What a class has handed in: everyone's metrics.json below a folder, in models/ folders, in ZIPs, or by itself."""

import io
import json
import re
import textwrap
import unicodedata
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from digits import deck, report
from digits.errors import UserError
from digits.files import atomic_write
from digits.runs import DRY, PLOTS
from lab.figures import plot_class
from study.experiments import EXPERIMENTS

COLUMNS = ["number", "student", "experiment", "seed", "accuracy", "interval", "remark"]
FOLDER = PLOTS / "class"
STUDIED = {  # the experiments that have an interval, in the order of their panels, and their arguments
    name: deck.TRAINING | deck.SCRIPTS[experiment.script] | experiment.arguments
    for name, experiment in EXPERIMENTS.items()
    if experiment.images == deck.TRAINING_IMAGES
}
SEEDS = {0, deck.TRAINING["seed"]}  # which a run's name does not tell: an earlier version's, and this one's
LABELS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # MNIST's test images of each digit

SYSTEM = re.compile(r"\..*|__MACOSX|desktop\.ini|thumbs\.db", re.I)
ENDING = re.compile(r"\.(zip|rar|7z|json|keras|docx?|pdf|txt|ipynb|py)$", re.I)
LATER = re.compile(r"(?<=\S)( ?\(\d+\)|[ _-]+(late|copy|複製|遲交|補交))+$", re.I)
ANYBODYS = re.compile(r"(models|metrics|mlp|cnn)(?![a-z])", re.I)
# Moodle's 王小明_12345_assignsubmission_file_models.zip, and Canvas's wangxiaoming_LATE_12345_678901_models.zip
PLATFORM = re.compile(r"^(.+?)(?:_late)?_(\d+)_(?:assignsubmission_[a-z]+_?|\d{3,}_)(.*)$", re.I)
# A student number, b12345 or 411012345, but no date, and not a photograph's
NUMBER = re.compile(r"(?<![a-z\d])(?!20\d{6}\b|.*\.(?:jpe?g|png|heic)$)([a-z]{1,2}\d{5,9}|\d{7,10})(?![a-z\d])", re.I)


def compare(folder):
    """Print what a class has handed in, and write it as plots/class/class.csv and class.png. See `read_submissions`."""
    import pandas as pd

    table = read_submissions(folder)
    shown = table[COLUMNS[:-1]].astype(object).where(lambda cells: cells.notna() & (cells != ""), "-")
    shown["experiment"] = shown["experiment"].str.slice(0, 24)
    form = {"index": False, "float_format": "{:.4f}".format}
    room = 79 - len(shown.drop(columns="student").to_string(**form).splitlines()[0])
    shown["student"] = shown["student"].str.slice(0, room)  # all but the remarks fits into 80 columns
    with pd.option_context("display.unicode.east_asian_width", True):
        lines = shown.to_string(**form).splitlines()
    for line, remark in zip(lines, ["remark", *table["remark"]]):
        print(f"{line}  {remark}".rstrip())
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


def read_submissions(folder):
    """Return a DataFrame of `COLUMNS`, each student's key, and `counts`: whether the run is their one in the figure.

    It has a row for each run below a folder or in a ZIP, and one for each student with something else that should be a
    run, or without any. `interval` is "" for a run that is not compared. Raises UserError if there is nothing.
    """
    import pandas as pd

    folder = folder.resolve()
    above = folder.parent if folder.is_file() or (folder / "models").exists() else folder
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    files = [file for path in paths for file in list_files(str(path.relative_to(above)), path)]
    containers = {file["names"][:depth] for file in files for depth in range(1, len(file["names"]))}
    files = [file for file in files if file["names"] not in containers]
    if not files:
        raise UserError(f"nothing is in {folder}: name the folder, or the ZIP, with everyone's files", 2)
    find_students(files)
    table = pd.DataFrame(files, columns=[*COLUMNS, "key", "place", "file", "run", "date", "matrix"], dtype=object)
    table["number"] = table.groupby("key")["number"].transform("max")
    # Of dry runs, and of files that are no runs but need not be, only those who have nothing better are told
    kind = 2 * table["run"].isna() + table["run"].str.contains(DRY, na=False)
    should_be_run = (kind == 2) & table["file"].str.match(r"metrics|.*\.(zip|rar|7z) ", case=False)
    table = table[should_be_run | (kind == kind.groupby(table["key"]).transform("min"))].astype({"accuracy": float})
    is_run = table["run"].notna()
    same = ["key", "run", "date", "seed", "accuracy", "matrix"]
    table.loc[is_run & table.duplicated(same, keep=False), "remark"] += "; handed in twice"
    for _, names in table[~is_run].groupby("key")["file"]:
        table.loc[names.index, "remark"] = "; no run: " + textwrap.shorten(", ".join(sorted(set(names))), 100)
    table = table.drop_duplicates(same).assign(default=table["run"] == table["experiment"])
    table = table.sort_values(["student", "key", "experiment", "default", "date"], ignore_index=True)
    compare_students(table)
    if table["place"].nunique() > 1:
        table.loc[table["place"] != "", "remark"] += "; in " + table["place"]
    return table.assign(remark=table["remark"].str.removeprefix("; "))


def list_files(path, file):
    """Yield a dict for a file or a folder, and if it is a ZIP for all in it: its names, its problem, and its run.

    The names are the parts of the path, which a ZIP is in, too. `file` is a pathlib.Path or a zipfile.Path.
    """
    names = tuple(name for name in re.split(r"[/\\]", clean_name(path)) if name.strip("."))
    if any(map(SYSTEM.fullmatch, names)):
        return
    found = {"names": names, "problem": "", "interval": "", "remark": ""}
    ending = Path(path).suffix.lower()
    try:
        if file.is_dir() or ending == ".zip":
            found["problem"] = "(nothing in it)"  # if nothing follows
        if ending in (".rar", ".7z"):
            found["problem"] = "(no ZIP: unpack it)"
        elif ending == ".json":
            found |= read_run(file.read_bytes())
        elif ending == ".zip":
            file = file if isinstance(file, Path) else io.BytesIO(file.read_bytes())
            try:  # macOS does not declare that it is UTF-8, and Windows has another encoding: in Taiwan, cp950
                archive = zipfile.ZipFile(file, metadata_encoding="utf-8")
            except UnicodeDecodeError:
                archive = zipfile.ZipFile(file, metadata_encoding="cp950")
            for name in archive.namelist():
                yield from list_files(f"{path}/{name}", zipfile.Path(archive, name))
    except Exception as error:  # damaged, encrypted, no run's: the others are read all the same
        found["problem"] = f"(damaged: {clean_name(str(error)):.60})"
    yield found


def clean_name(name):
    """Return a name as macOS and Windows both have it, with "?" for each character that a terminal cannot show."""
    return "".join(each if each.isprintable() else "?" for each in unicodedata.normalize("NFC", name))


def read_run(content):
    """Return what is known of a run by its metrics.json, as a dict. Raises nearly anything if it is none."""
    metrics = json.loads(content)
    run = {"run": clean_name(metrics["run"]), "seed": int(metrics["seed"]), "date": str(metrics.get("date"))}
    run |= {"experiment": deck.find_experiment(run["run"]), "accuracy": float(np.float64(metrics.get("test_accuracy")))}
    matrix = metrics.get("confusion_matrix") and np.array(metrics["confusion_matrix"], float)
    remarks = find_faults(run, metrics, matrix)
    if matrix is not None and np.count_nonzero(matrix.sum(axis=0)) > 1:  # not all images are taken for the same digit
        run["matrix"] = matrix.tobytes()
    if not remarks and run["experiment"] in STUDIED:
        run["interval"] = report.compare_with_interval(run["accuracy"], *report.find_interval(run["experiment"])[:2])
    return run | {"remark": clean_name("".join(f"; {remark}" for remark in remarks))}


def find_faults(run, metrics, matrix):
    """Return why a run is not compared: it is of another kind, something is missing, or does not fit together."""
    seed, accuracy, loss = run["seed"], run["accuracy"], np.float64(metrics.get("test_loss"))
    epochs, planned, check = metrics.get("epochs", "?"), metrics.get("planned_epochs", "?"), metrics.get("check")
    is_edited = run["experiment"] in deck.RUNS and metrics.get("deck_model") is not True
    is_studied, in_name = run["experiment"] in STUDIED, re.search(r"_seed(\d+)|$", run["run"])[1]
    expected = STUDIED.get(run["experiment"], {}) | {"seed": seed}
    arguments = [("epochs", epochs), *metrics.get("arguments", metrics.get("flags", {})).items()]
    wrong = [(name, value) for name, value in arguments if value not in ("?", expected.get(name, value))]
    correct = np.nan if matrix is None else float(matrix.trace()) / float(matrix.sum())
    is_mnist = matrix is None or (matrix.min() >= 0 and matrix.sum(axis=1).tolist() == LABELS)
    # A cross-entropy: that of a misclassified image is from ln 2 to 16, where Keras clips it; of others, to ln 10.
    is_possible = not (loss < (1 - correct) * np.log(2) or loss > np.log(10) + (1 - correct) * 16.2)
    checks = [
        (DRY in run["run"], "a dry run: 2000 images"),
        (metrics.get("interrupted"), f"interrupted after {epochs} of {planned} epochs"),
        (check not in (None, "standard"), check),
        (is_edited and check in (None, "standard"), "the script was edited: not the deck's model"),
        (not 0 <= seed < 2**32, f"seed {seed}, which no run can have"),
        (in_name not in (None, f"{seed}"), f"seed {seed}, but {in_name} in its name"),
        (is_studied and not in_name and seed not in SEEDS, f"seed {seed}, but none in its name"),
        *((True, f"{name} {expected[name]}, but {value!s:.20} in its arguments") for name, value in wrong),
        (np.isnan(accuracy), "not evaluated"),
        (matrix is None and not np.isnan(accuracy), "no confusion matrix"),
        (abs(accuracy - correct) > 0.5 / 10000, f"accuracy {accuracy:.4f}, but {correct:.4f} by its confusion matrix"),
        (is_studied and not is_mnist, "its confusion matrix is not of MNIST's test images"),
        (is_studied and not is_possible, f"loss {loss:.4f}, which its confusion matrix excludes"),
    ]
    return [remark for is_fault, remark in checks if is_fault]


def find_students(files):
    """Add to each of the files its student, that one's key and number, and the place of several students it is in."""
    inside = defaultdict(set)  # the students in a folder or a ZIP: those that names tell, others if they have runs
    for file in files:
        no_run = (name for name in file["names"] if ENDING.sub("", name) != file.get("run"))
        file["owner"] = tuple(name for name in no_run if not ANYBODYS.match(name)) or file["names"][:1]
        above = ""
        for depth, (student, _, told) in enumerate(map(identify, file["owner"])):
            if told or ("run" in file and not above):
                inside[file["owner"][:depth]].add((told, told or student))
            above += told
    count = Counter(student for students in inside.values() for student in students)
    several = {()}  # places; not one whose names are all elsewhere, too, as everyone's exercise1/ and exercise2/ are
    for place, students in inside.items():
        if len(students) > 1 and any(told or count[told, name] == 1 for told, name in students):
            several.add(place)
    for file in files:
        owner = file["owner"]
        level = max(depth for depth in range(len(owner)) if owner[:depth] in several)
        student, _, told = identify(owner[level])
        place = "".join(owner[level - 1 : level])
        number = max(identify(name)[1] for name in owner[level:])
        key = told if told == student.lower() else f"{place}/{student}"  # two places can have a student of one name
        file |= {"student": student, "number": number, "key": key, "place": place}
        file["file"] = f"{file['names'][-1]} {file['problem']}".strip()


def identify(name):
    """Return the student that the name of a file or folder tells, the number, and the key that only one has, or ""."""
    student = ENDING.sub("", PLATFORM.sub(r"\1_\2", name))
    if not ANYBODYS.match(student):  # of models.zip and models (1).zip, each is another student's
        student = LATER.sub("", student)
    number = next(iter(NUMBER.findall(PLATFORM.sub(r"\1 \3", name))), "")
    return student, number, (student if PLATFORM.match(name) else number).lower()


def compare_students(table):
    """Add to the table which runs count, the first of each experiment, and remarks on others and on equal matrices."""
    for _, same in table.groupby("matrix"):
        for index, run in same.iterrows():
            others = same[same["key"] != run["key"]]
            for is_same_seed, names in others["student"].groupby(others["seed"] == run["seed"]):
                start, end = ("same seed and", ": may be honest") if is_same_seed else ("copy: same", ", other seed")
                names = textwrap.shorten(", ".join(sorted(set(names))), 100)
                table.loc[index, "remark"] += f"; {start} confusion matrix as {names}{end}"
    table["counts"] = table.index.isin(table[table["interval"] != ""].drop_duplicates(["key", "experiment"]).index)
    several = table["run"].notna() & table.duplicated(["key", "experiment"], keep=False)
    words = table["counts"].map({True: ": this one counts", False: ""})
    table.loc[several, "remark"] += "; more than one " + table["experiment"] + words
