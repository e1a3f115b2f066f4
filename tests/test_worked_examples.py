"""Slides 22-26: Keras's layers against the numbers that the deck worked by hand."""

import numpy as np

import worked_examples
from conftest import run_script


def test_the_layers_give_the_decks_numbers():
    assert worked_examples.convolution().tolist() == [[7, 13, 16], [11, 25, 24], [16, 20, 22]]
    right = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]], "float32")  # no filter is turned around
    assert worked_examples.convolution(kernel=right).tolist() == [[1, 8, 0], [3, 7, 0], [9, 6, 0]]
    assert worked_examples.max_pooling().tolist() == [[6, 8], [3, 4]]


def test_the_script_prints_and_draws_them(tmp_path):
    process = run_script(tmp_path, "worked_examples.py")
    assert process.returncode == 0 and process.stderr == ""
    assert "[ 7. 13. 16.]" in process.stdout and "[6. 8.]" in process.stdout
    assert "0·0 + 0·1 + 0·0 + 0·1 + 1·1 + 1·1 + 0·0 + 5·1 + 3·0 = 7\n" in process.stdout
    assert process.stdout.count("·") == 9 * 9
    figures = {path.relative_to(tmp_path / "plots").as_posix() for path in tmp_path.rglob("*.png")}
    assert figures == {"layers/convolution.png", "layers/max_pooling.png", "flow_chart.png"}
