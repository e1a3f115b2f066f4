"""Where the code lives: the lesson at the top level, and imports that only go down."""

import ast

from conftest import ROOT

DIGITS = [
    *("errors", "deck", "process", "files", "mnist", "metrics", "interrupts", "keras_start", "networks"),
    *("acceleration", "training", "runs", "flags", "figures", "handwriting", "pages", "report"),
]
SCRIPTS = ["preprocess", "mlp", "mlp_dropout", "cnn", "worked_examples", "predict", "evaluate", "reproduce"]
# The rooms of the house: a file imports only what stands before its room, and its own.
ROOMS = ["digits", *(f"digits.{name}" for name in DIGITS), *SCRIPTS[:-2], "study", "lab", *SCRIPTS[-2:], "benchmarks"]
FILES = [
    *ROOT.glob("*.py"),
    *(path for room in ("digits", "study", "lab", "benchmarks") for path in (ROOT / room).rglob("*.py")),
]


def find_room(name):
    """Return the number of the room that a dotted name is in; -1 for what is none of this project's."""
    return max((at for at, room in enumerate(ROOMS) if f"{name}.".startswith(f"{room}.")), default=-1)


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


def test_imports_only_go_down():
    for path in FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        above = [other for other in imported_names(path) if find_room(other) > find_room(name)]
        assert above == (["digits.errors"] if name == "digits" else []), path  # which it installs
    assert not any(find_room(name) >= 0 for name in imported_names(ROOT / "benchmarks/plain_keras.py"))


def test_every_room_is_known():
    found = {path.stem for path in (ROOT / "digits").iterdir() if path.name[0] != "_"}
    assert found == set(DIGITS) and {path.stem for path in ROOT.glob("*.py")} == set(SCRIPTS)


def test_the_lesson_fits_a_projector():
    for path in ROOT.glob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 100, f"{path.name}, line {number}"
