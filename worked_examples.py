"""Slides 22-26: the deck's two examples worked by hand, by the layers themselves.

python worked_examples.py      prints and draws both, and the flow chart of slides 8-9
"""

from digits import flags, keras_start
from digits.figures import worked_examples as figures

keras_start.import_tensorflow()  # quietly, and in Keras's own settings

from pathlib import Path

import numpy as np
from keras import layers

IMAGE = np.array([[1, 1, 8], [5, 3, 7], [2, 9, 6]], "float32")  # slide 22
FILTER = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], "float32")
POOLED = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], "float32")  # slide 24


def convolution(image=IMAGE, kernel=FILTER):
    """Slides 22 and 23: what `Conv2D` makes of (n, n) pixels, by a (3, 3) filter: (n, n)."""
    layer = layers.Conv2D(1, kernel.shape, padding="same", use_bias=False)
    layer.build((None, *image.shape, 1))
    layer.set_weights([kernel[:, :, None, None]])
    return np.asarray(layer(image[None, :, :, None]))[0, :, :, 0]


def max_pooling(image=POOLED):
    """Slides 24 to 26: what `MaxPooling2D` makes of (n, n) pixels: (n / 2, n / 2) float32."""
    return np.asarray(layers.MaxPooling2D()(image[None, :, :, None]))[0, :, :, 0]


def main(args):
    convolved, pooled = convolution(), max_pooling()
    print(f"Slides 22-23: the image\n{IMAGE}\nand the filter\n{FILTER}")
    print(f"give, by Keras's Conv2D,\n{convolved}\nEach number is the sum of nine products:")
    for products, output in zip(figures.list_products(IMAGE, FILTER), convolved.flat):
        print(f"  {' + '.join(products)} = {output:g}")
    print(f"\nSlides 24-26: the numbers\n{POOLED}\ngive, by Keras's MaxPooling2D,\n{pooled}")
    figures.plot_convolution(IMAGE, FILTER, convolved, "plots/layers/convolution.png")
    figures.plot_max_pooling(POOLED, pooled, "plots/layers/max_pooling.png")
    script = Path(__file__).with_name("mlp.py").read_text(encoding="utf-8")
    figures.plot_flow_chart(script, "plots/flow_chart.png")
    print("\nWritten: plots/flow_chart.png, plots/layers/ (convolution.png, max_pooling.png)")


parser = flags.argument_parser(__doc__)

if __name__ == "__main__":
    flags.run_command(main, parser)
