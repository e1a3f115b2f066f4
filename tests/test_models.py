"""The models against the slides that draw them: the shape after each layer, and the parameters that follow from it."""

import pytest

import cnn
import mlp
import mlp_dropout

pytestmark = pytest.mark.usefixtures("tensorflow")
CNN = [(28, 28, 1), (28, 28, 16), (14, 14, 16), (14, 14, 36), (7, 7, 36), (7, 7, 36), (1764,), (128,), (10,)]


@pytest.mark.parametrize(
    ("build", "arguments", "shapes", "rates", "parameters"),
    [
        (mlp.build_model, [], [(256,), (10,)], [], 784 * 256 + 256 + 256 * 10 + 10),
        (mlp.build_model, [800], [(800,), (10,)], [], 784 * 800 + 800 + 800 * 10 + 10),
        (mlp_dropout.build_model, [], [(800,), (800,), (10,)], [0.5], 784 * 800 + 800 + 800 * 10 + 10),
        (cnn.build_model, [3], CNN, [0.25], 160 + 5220 + (1764 * 128 + 128) + (128 * 10 + 10)),
        (cnn.build_model, [5], CNN, [0.25], 416 + 14436 + (1764 * 128 + 128) + (128 * 10 + 10)),
    ],
    ids=["slide 12", "slide 13", "slide 16", "slide 27", "slide 28"],
)
def test_a_model_is_the_slides(build, arguments, shapes, rates, parameters):
    model = build(*arguments)
    assert model.input_shape == (None, 784) and model.count_params() == parameters
    assert [layer.output.shape[1:] for layer in model.layers] == shapes
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == rates
    hidden, output = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert (hidden.activation.__name__, output.activation.__name__) == ("relu", "softmax")
