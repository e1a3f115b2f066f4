"""Step 1 for your own digits: an image file becomes what MNIST's authors made of theirs, 28x28, light ink on black.

paths.py lists the files. Each goes through reading.py (file -> image), ink.py and rulings.py (image -> ink: without
paper, shadows and printed lines), segmentation.py (ink -> the digits, in reading order) and normalization.py (one
digit -> 28x28). `find_digits` takes them all. Lengths that are fractions are of the image's longer side, or of a
digit's, as said there.
"""

from digits.handwriting.paths import list_images, name_figures
from digits.handwriting.reading import read_image
from digits.handwriting.segmentation import Digits, find_digits

__all__ = ["Digits", "find_digits", "list_images", "name_figures", "read_image"]
