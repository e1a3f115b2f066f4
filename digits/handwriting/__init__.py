"""Step 1 for your own digits: an image file becomes what MNIST's authors made of theirs, 28x28, light ink on black.

reading.py (the file) -> segmentation.py (the digits in it) -> normalization.py (one digit). Lengths that say "of the
image" are fractions of its longer side.
"""

from digits.handwriting.reading import read_image
from digits.handwriting.segmentation import find_digits

__all__ = ["find_digits", "read_image"]
