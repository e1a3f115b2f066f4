"""The benchmark of speed: its table, and how it measures a process."""

import ast

from benchmarks import speed
from conftest import ROOT, run_python


def test_the_table(tensorflow):
    rows = []
    for turn, (fit, whole) in enumerate([(10, 20), (20, 40), (30, 30)]):
        row = {"round": turn, "run": "mlp_256", "test_accuracy": 1, "versions": "keras 3"}
        rows.append(row | {"implementation": "plain_keras", "fit": 60, "whole": 120, "memory": 5})
        rows.append(row | {"implementation": "script", "fit": fit, "whole": whole, "memory": 4})
    table = speed.summarize(rows)
    plain, script = table.to_dict("records")
    assert (plain["implementation"], script["implementation"]) == ("plain_keras", "script")
    assert plain["fit ratio"] == plain["whole ratio"] == 1 and plain["memory"] == 5 and plain["versions"] == "keras 3"
    assert (script["fit"], script["fit min"], script["fit max"]) == (20, 10, 30)
    assert (script["whole"], script["whole min"], script["whole max"]) == (30, 20, 40)
    assert (script["fit ratio"], script["whole ratio"], script["rounds"]) == (3, 4, 3)
    cells = [cell.strip() for cell in speed.format_table(table).splitlines()[-1].strip("|").split("|")]
    assert cells == ["mlp_256", "script", "20.0 s (10.0-30.0)", "30.0 s (20.0-40.0)", "0.33", "0.25", "1.0000"]


MEASURE = """
import itertools, os
from benchmarks import speed
reading, writing = os.pipe()
os.dup2(reading, 0)
count = itertools.count()
def clock():  # and let the process go on, once its first line is timed
    os.write(writing, b"\\n")
    return next(count)
speed.time.perf_counter = clock
program = "import signal, sys; signal.alarm(60); print(len(bytes([1]) * 2**28)); sys.stdin.read(2); print(2)"
print(speed.measure_process(["-c", program], "."))
"""


def test_a_process_is_measured():
    """By a clock that counts, in a process without TensorFlow: a new one's peak memory counts its parent's."""
    seconds, memory, lines = ast.literal_eval(run_python(ROOT, "-B", "-c", MEASURE).stdout)
    assert seconds == 3 and lines == [(1, f"{2**28}\n"), (2, "2\n")] and 256 < memory < 600
