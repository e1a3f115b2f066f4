"""The pieces that make training fast: they do what Keras's own do."""

import os
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, read_metrics, run_python
from digits import acceleration

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


def test_bfloat16_is_for_training_alone(tmp_path):
    name = "mlp_256_bfloat16_dryrun_synthetic"
    process = run_python(tmp_path, ROOT / "mlp.py", "--dataset", "synthetic", "--dry-run", "--bfloat16")
    assert process.returncode == 0 and process.stderr == ""
    before = read_metrics(tmp_path, name)
    assert run_python(tmp_path, ROOT / "evaluate.py").returncode == 0
    assert read_metrics(tmp_path, name) == before


def test_garbage_collection_passes_over_tensorflow_and_goes_on(tmp_path):
    code = (
        "import gc, sys; sys.path.insert(0, sys.argv[1]); from digits import environment\n"
        "environment.import_tensorflow(); print(gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects()))"
    )
    enabled, frozen, collected = run_python(tmp_path, "-c", code, ROOT).stdout.split()
    assert enabled == "True" and int(frozen) > 100_000 > int(collected)


def has_bfloat16():
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and {"avx512_bf16", "amx_bf16"} & set(cpu.read_text().split())


@pytest.mark.skipif(not has_bfloat16(), reason="needs a CPU with AVX512_BF16 or AMX")
def test_bfloat16_multiplies_with_16_bits():
    import keras

    import cnn
    from digits import training

    x = np.random.default_rng(0).random((400, 784), np.float32)
    y = np.eye(10, dtype=np.float32)[np.arange(400) % 10]
    weights = []
    for wanted in (False, True):
        keras.utils.set_random_seed(0)
        acceleration.use_bfloat16(wanted)
        model = cnn.build_model()
        model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(), metrics=["accuracy"])
        training.fit(model, x, y, verbose=0)
        weights.append(model.get_weights()[0])
    assert not np.array_equal(*weights) and weights[1].dtype == np.float32
    np.testing.assert_allclose(*weights, atol=0.01)


def test_the_device_is_named():
    name = acceleration.device_name()
    assert name == f"CPU ({os.cpu_count()} cores)" or name.startswith("GPU (")
