"""lab/lesson.ipynb: it is committed with its outputs, and runs from top to bottom."""

import json

import pytest

from conftest import ROOT, run_python

LESSON = ROOT / "lab" / "lesson.ipynb"


def test_the_lesson_is_committed_with_its_outputs():
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    assert len(cells) <= 40 and LESSON.stat().st_size < 1.5e6
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 7


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(clone):
    lesson = clone / "lab" / "lesson.ipynb"
    lesson.write_text(lesson.read_text(encoding="utf-8").replace("epochs=10", "epochs=1"), encoding="utf-8")
    process = run_python(clone, "-m", "jupyter", "execute", "--inplace", "lab/lesson.ipynb")
    assert process.returncode == 0, process.stderr
    text = lesson.read_text(encoding="utf-8")
    assert "It is a 7" in text and "lesson_cnn: test accuracy 0.9" in text
