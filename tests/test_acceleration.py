"""The pieces that make training fast: they do what Keras's own do."""

from pathlib import Path

import numpy as np
import pytest

from conftest import FAST, ROOT, run_python
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


def test_the_flags_for_the_processor(tmp_path):
    process = run_python(tmp_path, ROOT / "cnn.py", *FAST, "--bfloat16")
    assert process.returncode == 0 and process.stderr == ""
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["cnn_bfloat16_dryrun"]


PROCESS = """
import gc, sys; sys.path.insert(0, sys.argv[1])
from digits import acceleration, keras_start
tensorflow = keras_start.import_tensorflow()
print(gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects()))
for set_bits in (lambda: None, keras_start.use_bfloat16):
    set_bits()
    multiply = tensorflow.function(lambda matrix: tensorflow.matmul(matrix, matrix))
    print(multiply(tensorflow.random.stateless_uniform((500, 500), (1, 2))).numpy().sum())
"""


def test_what_is_set_for_a_whole_process(tmp_path):
    """Garbage collection passes over TensorFlow and goes on; matrices are multiplied with 16 bits."""
    *_, enabled, frozen, collected, found, found_16 = run_python(tmp_path, "-c", PROCESS, ROOT).stdout.split()
    assert enabled == "True" and int(frozen) > 100_000 > int(collected)
    assert float(found_16) == pytest.approx(float(found), rel=0.01)
    cpu = Path("/proc/cpuinfo")
    if cpu.exists() and {"avx512_bf16", "amx_bf16"} & set(cpu.read_text(encoding="utf-8").split()):
        assert found != found_16
