"""The pieces that make training fast: they do what Keras's own do."""

import os
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, run_python
from digits import acceleration

FAST = ["--dataset", "synthetic", "--dry-run"]
pytestmark = pytest.mark.usefixtures("tensorflow")


def test_fused_adam_is_keras_adam():
    import keras

    gradients = np.random.default_rng(0).normal(size=(20, 50)).astype("float32")
    values = []
    for fuse in (acceleration.fuse_adam, lambda optimizer: None):
        optimizer, variable = keras.optimizers.Adam(0.01), keras.Variable(np.ones(50, "float32"))
        fuse(optimizer)
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        values.append(variable.numpy())
    np.testing.assert_allclose(*values, rtol=1e-5)
    assert np.abs(values[0] - 1).max() > 0.01


def test_batches_hold_every_row_once():
    x, y = np.arange(23.0).reshape(23, 1), -np.arange(23.0)
    for shuffle in (False, True):
        dataset = acceleration.batch_dataset(x, y, 10, shuffle)
        parts = [(a.numpy(), b.numpy()) for a, b in dataset]
        assert [len(a) for a, _ in parts] == [10, 10, 3] and len(dataset) == 3
        found = np.concatenate([a[:, 0] for a, _ in parts])
        assert np.array_equal(np.concatenate([b for _, b in parts]), -found)
        assert np.array_equal(np.sort(found), np.arange(23)) and np.array_equal(found, np.arange(23)) != shuffle


def test_the_flags_for_the_processor(tmp_path):
    process = run_python(tmp_path, ROOT / "mlp.py", *FAST, "--bfloat16")
    assert process.returncode == 0 and process.stderr == ""
    assert run_python(tmp_path, ROOT / "cnn.py", *FAST, "--deterministic").returncode == 0
    found = {path.name for path in (tmp_path / "models").iterdir()}
    assert found == {"mlp_256_bfloat16_dryrun_synthetic", "cnn_deterministic_dryrun_synthetic"}


def test_garbage_collection_passes_over_tensorflow_and_goes_on(tmp_path):
    code = (
        "import gc, sys; sys.path.insert(0, sys.argv[1]); from digits import environment\n"
        "environment.import_tensorflow(); print(); print(gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects()))"
    )
    enabled, frozen, collected = run_python(tmp_path, "-c", code, ROOT).stdout.split()[-3:]
    assert enabled == "True" and int(frozen) > 100_000 > int(collected)


def has_bfloat16():
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and {"avx512_bf16", "amx_bf16"} & set(cpu.read_text(encoding="utf-8").split())


MULTIPLY = """
import sys; sys.path.insert(0, sys.argv[1])
from digits import acceleration, environment
tensorflow = environment.import_tensorflow()
if sys.argv[2] == "16":
    acceleration.use_bfloat16()
multiply = tensorflow.function(tensorflow.matmul)
print(multiply(*[tensorflow.random.stateless_uniform((500, 500), (1, 2))] * 2).numpy().sum())
"""


@pytest.mark.skipif(not has_bfloat16(), reason="needs a CPU with AVX512_BF16 or AMX")
def test_bfloat16_multiplies_with_16_bits(tmp_path):
    found = [float(run_python(tmp_path, "-c", MULTIPLY, ROOT, bits).stdout.split()[-1]) for bits in ("32", "16")]
    assert found[0] != found[1] == pytest.approx(found[0], rel=0.01)


def test_the_device_is_named():
    name = acceleration.device_name()
    assert name == f"CPU ({os.cpu_count()} cores)" or name.startswith("GPU (")
