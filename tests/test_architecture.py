"""Where the code lives: the lesson at the top level, imports that only go down, what the deck says in one file."""

import ast

import pytest

from conftest import ROOT
from digits import deck

LESSON = {"preprocess", "mlp", "mlp_dropout", "cnn", "evaluate", "predict", "worked_examples", "reproduce"}
ROOMS = [  # a file imports only what stands before it
    *("errors", "deck", "process", "files", "mnist", "metrics", "interrupts", "keras_start", "networks"),
    *("acceleration", "training", "runs", "flags", "figures", "handwriting", "pages", "report"),
]
# A package or a script may import what stands beside it here, and itself.
BELOW = {"digits": set(), "study": {"digits", *LESSON}, "benchmarks": {"digits", "study", *LESSON}}
BELOW["lab"] = {"digits", "study", *LESSON}
BELOW |= {name: {"digits", *LESSON} for name in LESSON} | {"reproduce": {"digits", "study"}}
BELOW["evaluate"] |= {"lab"}
BELOW["benchmarks/plain_keras"] = set()


def find_files(name):
    """Return the Python files of a package or a script."""
    return [*ROOT.glob(f"{name}.py"), *(ROOT / name).rglob("*.py")]


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
    assert imported_names(ROOT / "digits" / "__init__.py") == ["sys", "digits.errors"]  # which it installs
    for path in set((ROOT / "digits").rglob("*.py")) - {ROOT / "digits" / "__init__.py"}:
        room = path.relative_to(ROOT / "digits").parts[0].removesuffix(".py")
        for name in imported_names(path):
            if name.startswith("digits.") and (other := name.split(".")[1]) != room:
                assert ROOMS.index(other) < ROOMS.index(room), f"{path} imports {name}, which does not stand before it"


@pytest.mark.parametrize("name", sorted(BELOW))
def test_a_package_or_a_script_imports_nothing_above_it(name):
    above = {*BELOW, "tests"} - BELOW[name] - {name}
    files = find_files(name)
    assert files
    for path in files:
        assert not above & {imported.split(".")[0] for imported in imported_names(path)}, path


def test_the_lesson_fits_a_projector():
    assert {path.stem for path in ROOT.glob("*.py")} == LESSON
    for path in ROOT.glob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 100, f"{path.name}, line {number}"


def test_the_accuracies_of_the_deck_stand_once():
    """In digits/deck.py; the docstring of a lesson script may quote them."""
    accuracies = [run.accuracy for run in deck.RUNS.values() if run.accuracy]
    assert accuracies == [0.9762, 0.9902]
    for path in [path for name in BELOW for path in find_files(name)]:
        text = path.read_text(encoding="utf-8")
        if path.parent == ROOT:
            _, _, text = text.split('"""', 2)
        assert not any(str(accuracy) in text for accuracy in accuracies) or path.name == "deck.py", path
