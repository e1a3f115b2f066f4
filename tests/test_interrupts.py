"""Ctrl-C and its like, whenever and however often they come: a training ends with its batch, and is saved."""

import io
import re
import signal
import sys
import time

import pandas as pd
import pytest

from conftest import FAST, ROOT, RUN, error_line, read_metrics, run_script, start_python
from digits import interrupts, runs
from test_lesson import edit

INTERRUPTED = f"{RUN}_interrupted"
LONG = "mlp_256_epochs500"


class InterruptingStream(io.StringIO):
    """A stdout that sends `signals` signals to this process: one with `after`, the others with what is written next."""

    def __init__(self, after, signals, number):
        super().__init__()
        self.after, self.signals, self.number = after, signals, number

    def write(self, text):
        super().write(text)
        self.interrupt()
        return len(text)

    def interrupt(self):
        if self.signals and self.after in self.getvalue():
            self.signals -= 1
            signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("after", "signals", "number", "words", "kept"),
    [
        ("1. Preprocess", 1, signal.SIGINT, "interrupted: nothing was saved", None),
        ("Epoch 1/4", 1, signal.SIGINT, "interrupted: nothing was saved", None),
        ("Epoch 3/4", 1, signal.SIGTERM, "interrupted in epoch 3 of 4: what was trained is in", INTERRUPTED),
        ("Epoch 3/4", 2, signal.SIGINT, "interrupted in epoch 3 of 4: what was trained is in", INTERRUPTED),
        ("4. Evaluate", 1, signal.SIGTERM, "what was trained is in", RUN),
        ("5. Predict", 3, signal.SIGINT, "what was trained is in", RUN),
        ("Drawing", 2, getattr(signal, "SIGXCPU", signal.SIGINT), "what was trained is in", RUN),
    ],
)
def test_whenever_and_however_often(tmp_path, monkeypatch, without_figures, after, signals, number, words, kept):
    edit(tmp_path, {"epochs=epochs": "epochs=4"})
    stdout, save_model = InterruptingStream(after, signals, number), runs.save_model
    monkeypatch.setattr(runs, "save_model", lambda *arguments: stdout.interrupt() or save_model(*arguments))

    def come_through(number, frame):
        raise KeyError(number)

    handler = signal.signal(number, come_through)  # and not ignored, as Ctrl-C is in a shell's background job
    try:
        process = run_script(tmp_path, "mlp.py", *FAST, stdout=stdout)
    except KeyboardInterrupt:
        pytest.fail("a signal came through")
    finally:
        signal.signal(number, handler)
    line = error_line(process, 130)
    assert words in line and [path.name for path in tmp_path.glob("models/*")] == ([kept] if kept else [])
    if kept:
        assert f"models/{kept}" in line.replace("\\", "/")
        metrics, history = read_metrics(tmp_path, kept), pd.read_csv(tmp_path / "models" / kept / "history.csv")
        assert metrics["epochs"] == len(history) == (3 if "Epoch" in after else 4)  # as many as the weights have seen
        assert metrics["interrupted"] == (kept != RUN)


def test_a_network_that_is_called_by_itself_is_interrupted_at_once():
    """As in evaluate.py, where there is nothing to lose."""
    names = {"__name__": "keras.src.layers.layer", "signal": signal}
    exec("def call():\n    signal.raise_signal(signal.SIGINT)", names)
    with pytest.raises(KeyboardInterrupt), interrupts.handled():
        names["call"]()


# The same in processes of their own, where a signal finds TensorFlow at work.
def interrupt(folder, after, signals=1):
    """Send Ctrl-C to mlp.py once it has printed `after`, `signals` times; return its exit code and its stderr."""
    script = folder / "mlp.py" if (folder / "mlp.py").exists() else ROOT / "mlp.py"
    with start_python(folder, "-u", script, "--epochs", "500", PYTHONPATH=str(ROOT)) as process:
        for line in process.stdout:
            if after in line:
                break
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")


@needs_signals
@pytest.mark.parametrize("accelerated", [True, False])
def test_ctrl_c_keeps_what_was_trained_and_the_last_finished_run(tmp_path, accelerated):
    if not accelerated:
        edit(tmp_path, {"training.accelerate(model)": ""})
    earlier = tmp_path / "models" / LONG
    earlier.mkdir(parents=True)
    (earlier / "model.keras").write_bytes(b"an earlier run's")
    code, line = interrupt(tmp_path, after="Epoch 3/500")
    assert code == 130 and line.count("\n") == 1
    assert re.search(r"interrupted in epoch \d+ of 500", line) and f"{LONG}_interrupted" in line
    assert [path.name for path in earlier.iterdir()] == ["model.keras"]
    assert (earlier / "model.keras").read_bytes() == b"an earlier run's"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [LONG, f"{LONG}_interrupted"]
    found = read_metrics(tmp_path, f"{LONG}_interrupted")
    assert found["epochs"] >= 3 and found["test_accuracy"] > 0.9 and found["check"] == "standard"
    assert (tmp_path / "plots" / f"{LONG}_interrupted" / "accuracy.png").exists()


@needs_signals
def test_a_third_ctrl_c_ends_the_process(tmp_path):
    code, stderr = interrupt(tmp_path, after="Epoch 2/500", signals=3)
    assert code in (130, -signal.SIGINT) and stderr.count("\n") <= 1


@needs_signals
def test_ctrl_c_while_tensorflow_starts(tmp_path):
    code, line = interrupt(tmp_path, "Starting TensorFlow")
    assert code in (130, -signal.SIGINT) and line.count("\n") == 1 and not list(tmp_path.glob("models/*"))
