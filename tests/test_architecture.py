"""Where the code lives: the lesson at the top level, imports that only go down, what the deck says in one file."""

import ast

import pytest

from conftest import ROOT
from digits import slides

LESSON = {"preprocess", "mlp", "mlp_dropout", "cnn", "evaluate", "predict", "worked_examples", "reproduce"}
ROOMS = [
    *("cli", "results", "drawing", "pages", "training", "runs", "predictions", "handwriting", "mnist"),
    *("synthetic", "figures", "slides", "intervals", "acceleration", "files", "environment", "interrupts", "errors"),
]
# A package may import what stands beside it here, and itself.
PACKAGES = {"digits": set(), "study": {"digits", *LESSON}, "benchmarks": {"digits", "study", *LESSON}}
FILES = [*ROOT.glob("*.py"), *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]


def imported_names(path):
    """Return the dotted names of what the file at `path` imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def test_imports_inside_digits_only_go_down():
    found = {path.stem if path.is_file() else path.name for path in (ROOT / "digits").iterdir() if path.name[0] != "_"}
    assert found == set(ROOMS)
    for path in (ROOT / "digits").rglob("*.py"):
        room = path.relative_to(ROOT / "digits").parts[0].removesuffix(".py")
        for name in imported_names(path):
            if name.startswith("digits.") and (other := name.split(".")[1]) != room:
                assert ROOMS.index(other) > ROOMS.index(room), f"{path} imports {name}, which is not below it"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_no_package_above_it(package):
    above = {*LESSON, *PACKAGES, "tests"} - PACKAGES[package] - {package}
    for path in (ROOT / package).rglob("*.py"):
        assert not above & {name.split(".")[0] for name in imported_names(path)}, path


def test_a_lesson_script_imports_no_package_but_the_workshop_and_fits_a_projector():
    assert {path.stem for path in ROOT.glob("*.py")} == LESSON
    for name in LESSON:
        path = ROOT / f"{name}.py"
        allowed = {"study"} if name == "reproduce" else set()
        imported = {name.split(".")[0] for name in imported_names(path)}
        assert not imported & ({"study", "benchmarks", "tests"} - allowed), name
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 100, f"{path.name}, line {number}"


def test_the_accuracies_of_the_deck_stand_once():
    """In digits/slides.py; the docstring of a lesson script may quote them."""
    accuracies = [run.accuracy for run in slides.RUNS.values() if run.accuracy]
    assert accuracies == [0.9762, 0.9902]
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.parent == ROOT and ast.get_docstring(tree):
            del tree.body[0]
        values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        quoted = [value for value in values if any(str(accuracy) in str(value) for accuracy in accuracies)]
        assert not quoted or path == ROOT / "digits" / "slides.py", f"{path}: {quoted}"
