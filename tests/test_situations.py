"""Wherever it is started: other courses' settings, other versions, folders and disks that refuse."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import FAST, ROOT, read_metrics, run_python, succeed
from digits import files, keras_start
from digits.errors import UserError
from study import experiments


def test_another_courses_settings_change_nothing(tmp_path, trained_folder):
    """float16 would be silently wrong, channels_first and JAX would not run."""
    settings = {"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 0.1}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(json.dumps(settings))
    succeed(run_python(tmp_path, ROOT / "cnn.py", *FAST, HOME=str(tmp_path), KERAS_MAX_STEPS_PER_EPOCH="1"))
    found, expected = (read_metrics(folder, "cnn_dryrun") for folder in (tmp_path, trained_folder))
    for name in ("test_loss", "test_accuracy", "train_accuracy"):
        assert found[name] == expected[name]


def test_a_full_disk_and_a_program_that_holds_a_file_open_leave_what_was_there(tmp_path, monkeypatch):
    def refuse(*paths):
        raise PermissionError(13, "Access is denied", *map(str, paths))

    path = tmp_path / "predictions.csv"
    path.write_text("earlier", encoding="utf-8")
    with pytest.raises(OSError, match="No space left on device"), files.atomic_write(path) as part:
        part.write_text("new", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "replace", refuse)  # as Windows does while Excel has the table open
    closing = pytest.raises(UserError, match=r"predictions.csv cannot be replaced: close the program")
    with closing, files.atomic_write(path) as part:
        part.write_text("new", encoding="utf-8")
    assert os.listdir(tmp_path) == ["predictions.csv"] and path.read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize("refused", [1, 2])
def test_a_folder_that_windows_does_not_let_us_rename(tmp_path, monkeypatch, refused):
    """A virus scanner or OneDrive reads it: the first rename fails, or the second one. The earlier run stays."""
    path, rename, calls = tmp_path / "cnn", Path.rename, []

    def refuse(self, target):
        calls.append(target)
        if len(calls) == refused:
            raise PermissionError(13, "Access is denied", str(self))
        return rename(self, target)

    path.mkdir()
    (path / "metrics.json").write_text("earlier")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError), files.atomic_folder(path) as folder:
        (folder / "metrics.json").write_text("new")
    assert (path / "metrics.json").read_text() == "earlier" and os.listdir(tmp_path) == ["cnn"]


# Of TensorFlow 2.16 to 2.19 on Colab and Linux.
CHATTER = """\
2026-11-28 19:12:14.92: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:479] Unable to register cuFFT factory
E0000 00:00:1764357134.1 41 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to register factory
W0000 00:00:1764357134.2 41 computation_placer.cc:177] computation placer already registered. Please check linkage
2026-11-28 19:12:17.78: W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT Warning: Could not find TensorRT
"""


def test_only_the_chatter_of_tensorflows_start_is_dropped():
    words = "free(): invalid pointer\n"
    command = [sys.executable, "-c", keras_start.FILTER]
    process = subprocess.run(command, input=CHATTER + words, capture_output=True, encoding="utf-8", check=True)
    assert process.stderr == words


def test_a_disk_that_is_nearly_full(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"less than 30 MB are free on the disk of .*models"):
        files.check_folder(tmp_path / "models")


@pytest.mark.parametrize(
    ("name", "runs"), [("evaluate.py", []), ("mlp.py", ["mlp_256"]), ("digits/training.py", ["mlp_256", "cnn"])]
)
def test_other_code_is_what_a_run_executes(clone, monkeypatch, name, runs):
    monkeypatch.setattr(experiments, "ROOT", clone)
    (clone / name).write_text("# changed\n", encoding="utf-8")
    after = experiments.hash_code()
    assert [run for run in ("mlp_256", "cnn") if after[run] != experiments.CODE[run]] == runs
