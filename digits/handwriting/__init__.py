"""Step 1 for your own digits: an image file becomes what MNIST's authors made of theirs, 28x28, light ink on black.

paths.py lists the files. Each goes through reading.py (file -> image), segmentation.py (image -> the digits in it) and
normalization.py (one digit -> 28x28); `find_digits` takes the steps in this order: undo_repetition, match_mnist (what
is as MNIST's already is done), remove_background, find_components, group_components; then for each digit reopen_holes,
normalize_stroke, center_by_mass. Lengths that say "of the image" are fractions of its longer side.
"""

from digits.handwriting.paths import list_images, name_figures
from digits.handwriting.reading import read_image
from digits.handwriting.segmentation import find_digits

__all__ = ["find_digits", "list_images", "name_figures", "read_image"]
