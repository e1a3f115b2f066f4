"""Step 1 for your own digits: an image file becomes what MNIST's authors made of theirs, 28x28, light ink on black.

paths.py lists the files. Each goes through reading.py (file -> image), ink.py and rulings.py (image -> ink: no paper,
shadows and printed lines), segmentation.py (ink -> digits, in reading order) and normalization.py (digit -> 28x28).
"""

from digits.handwriting.paths import list_images, name_figures
from digits.handwriting.reading import read_image
from digits.handwriting.segmentation import Digits, find_digits

__all__ = ["Digits", "find_digits", "list_images", "name_figures", "read_image"]
