"""The models against the slides that draw them: the shape after each layer, and the parameters that follow from it."""

import pytest

import cnn
import mlp
import mlp_dropout

pytestmark = pytest.mark.usefixtures("tensorflow")


def shapes(model):
    return [layer.output.shape[1:] for layer in model.layers]


@pytest.mark.parametrize("hidden", [256, 800])
def test_slides_7_and_13_mlp(hidden):
    import keras

    model = mlp.build_model(hidden)
    assert model.input_shape == (None, 784)
    assert shapes(model) == [(hidden,), (10,)]
    assert model.count_params() == 784 * hidden + hidden + hidden * 10 + 10
    assert [layer.activation.__name__ for layer in model.layers] == ["relu", "softmax"]
    assert all(type(layer.kernel_initializer) is keras.initializers.RandomNormal for layer in model.layers)


def test_slide_12_is_the_default():
    assert shapes(mlp.build_model())[0] == (256,)


def test_slide_16_mlp_with_dropout():
    model = mlp_dropout.build_model()
    assert shapes(model) == [(800,), (800,), (10,)]
    assert model.layers[1].rate == 0.5
    assert model.count_params() == mlp.build_model(800).count_params()


@pytest.mark.parametrize(("kernel_size", "parameters"), [(3, 160 + 5220), (5, 416 + 14436)])
def test_slides_27_and_28_cnn(kernel_size, parameters):
    import keras

    model = cnn.build_model(kernel_size)
    assert model.input_shape == (None, 784)
    assert shapes(model) == [
        (28, 28, 1),
        (28, 28, 16),
        (14, 14, 16),
        (14, 14, 36),
        (7, 7, 36),
        (7, 7, 36),
        (1764,),
        (128,),
        (10,),
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.25]
    assert model.count_params() == parameters + (1764 * 128 + 128) + (128 * 10 + 10)
