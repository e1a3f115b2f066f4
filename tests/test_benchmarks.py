"""The benchmark of speed: its arithmetic, its table, and how it measures a process."""

import ast

import pytest

from benchmarks import speed
from conftest import ROOT, error_line, run_python


def test_operations_are_counted(tensorflow):
    assert speed.count_operations("mlp_256", 1, 0, 1) == 2 * (2 * 784 * 256 + 3 * 256 * 10)
    assert speed.count_operations("mlp_256", 0, 1, 1) == 2 * (784 * 256 + 256 * 10)
    later = 14 * 14 * 9 * 16 * 36 + 1764 * 128 + 128 * 10
    assert speed.count_operations("cnn", 3, 0, 10) == 10 * 3 * 2 * (2 * 28 * 28 * 9 * 16 + 3 * later)


def test_the_table(tensorflow):
    rows = []
    for turn, (fit, whole) in enumerate([(10, 20), (20, 40), (30, 30)]):
        row = {"round": turn, "run": "mlp_256", "test_accuracy": 1, "versions": "keras 3"}
        rows.append(row | {"implementation": "plain_keras", "fit": 60, "whole": 120, "memory": 5})
        rows.append(row | {"implementation": "script", "fit": fit, "whole": whole, "memory": 4})
    table = speed.summarize(rows, speed=speed.count_operations("mlp_256") / 5)
    plain, script = table.to_dict("records")
    assert (plain["implementation"], script["implementation"]) == ("plain_keras", "script")
    assert plain["fit ratio"] == plain["whole ratio"] == 1 and plain["memory"] == 5 and plain["versions"] == "keras 3"
    assert (script["fit"], script["fit min"], script["fit max"]) == (20, 10, 30)
    assert (script["whole"], script["whole min"], script["whole max"]) == (30, 20, 40)
    assert (script["fit ratio"], script["whole ratio"], script["rounds"]) == (3, 4, 3)
    assert script["matmul share"] == 0.25
    cells = [cell.strip() for cell in speed.format_table(table).splitlines()[-1].strip("|").split("|")]
    assert cells[:4] == ["mlp_256", "script", "20.0 s (10.0-30.0)", "30.0 s (20.0-40.0)"]
    assert cells[4:] == ["0.33", "0.25", "1.0000"]


def test_a_process_is_measured():
    """In a process of its own: a new one's peak memory counts what its parent holds, here TensorFlow."""
    command = ["-c", "import time; print(len(bytes([1]) * 2**28)); time.sleep(0.5); print(2)"]
    code = f"from benchmarks import speed; print(speed.measure_process({command}, '.'))"
    seconds, memory, lines = ast.literal_eval(run_python(ROOT, "-B", "-c", code).stdout)
    (first, one), (second, two) = lines
    assert (one, two) == (f"{2**28}\n", "2\n") and 256 < memory < 600
    assert 0 < first < second - 0.4 < seconds < 60


def test_an_unknown_run_is_one_line():
    line = error_line(run_python(ROOT, "-m", "benchmarks.speed", "cnn5"), 2)
    assert "there is no run cnn5" in line and "python -m benchmarks.speed -h" in line


PEERS = {
    "plain_keras": {"keras", "tensorflow"},
    "plain_tensorflow": {"tensorflow"},
    "plain_pytorch": {"torch"},
    "plain_jax": {"functools", "jax", "optax"},
}


@pytest.mark.parametrize("implementation", PEERS)
def test_a_plain_script_imports_nothing_of_the_project(implementation):
    code = (ROOT / "benchmarks" / f"{implementation}.py").read_text(encoding="utf-8")
    imports = {line.split()[1].split(".")[0] for line in code.splitlines() if line.startswith(("import ", "from "))}
    assert imports == {"argparse", "json", "time", "numpy"} | PEERS[implementation]


@pytest.mark.slow
@pytest.mark.parametrize(
    "implementation",
    [implementation for implementation in speed.IMPLEMENTATIONS if implementation not in ("script", "plain_keras")],
)
def test_a_peer_learns_the_same(implementation, mnist_folder):
    pytest.importorskip(speed.IMPLEMENTATIONS[implementation])
    row = speed.measure_implementation(implementation, "mlp_256", mnist_folder.resolve())
    assert 0 < row["fit"] < row["whole"] and 0.970 < row["test_accuracy"] < 0.982
    assert row["versions"]
