"""From an image file to an image as it is to be looked at: upright, on paper, RGB, no larger than needed."""

import contextlib
import warnings

import numpy as np
import skimage  # its modules load when they are first used
from PIL import Image, ImageOps, UnidentifiedImageError

from digits.errors import UserError, warn

with contextlib.suppress(ImportError):  # an option: see ADVICE
    import pillow_heif

    pillow_heif.register_heif_opener()

ADVICE = {  # what Pillow cannot open
    ".heic": "is an iPhone's HEIC: save it as JPEG, or `python -m pip install pillow-heif`",
    ".dng": "is a camera's raw file: save it as JPEG",
    ".svg": "is a drawing made of lines: export it as PNG",
    ".pdf": "is a document: save its page as PNG",
}
SIDE = 1400  # longest side of an image that is kept; a phone's 4000 pixels hold nothing more of a digit
VARIED = 0.2  # of white: what is opaque varies more where it is ink on paper


def read_image(path):
    """Return the image in the file `path` as it is to be looked at: a PIL image, RGB, no side above SIDE.

    Raises UserError, naming the file, where it can't be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks about odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                if getattr(image, "n_frames", 1) > 1:
                    warn(f"{path}: only the first of its {image.n_frames} pages is read; save the others separately")
                image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at a half or a quarter of its size: faster
                image = ImageOps.exif_transpose(image)
                if image.mode[0] in "IF":  # 16 or 32 bits, of whatever range
                    values = np.asarray(image, np.float32)
                    image = Image.fromarray(skimage.exposure.rescale_intensity(values, out_range=np.uint8))
                image = lay_on_paper(image.convert("RGBA")) if image.has_transparency_data else image.convert("RGB")
        except (FileNotFoundError, PermissionError) as error:
            raise UserError(f"{path}: {error.strerror}") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise UserError(f"{path} has too many pixels: make it smaller") from error
        except UnidentifiedImageError as error:
            unknown = ADVICE.get(path.suffix.lower(), "is in no image format that is known here")
            what = unknown if path.stat().st_size else "is empty"
            raise UserError(f"{path} {what}") from error
        except Exception as error:  # a damaged file can raise nearly anything
            reason = str(error) or type(error).__name__
            raise UserError(f"{path} is not an image that can be read, or is damaged ({reason})") from error
        image.thumbnail((SIDE, SIDE))
    return image


def lay_on_paper(image):
    """Lay an image with transparency on paper: its own, or white under dark ink, black under light ink. RGBA -> RGB."""
    grey, alpha = (np.asarray(band, np.float32) / 255 for band in (image.convert("L"), image.getchannel("A")))
    solid = grey[alpha >= min(0.5, alpha.max())]
    # If it varies, paper and ink are both there already, and only corners are missing.
    paper = np.median(solid) if np.ptp(solid) > VARIED else float(solid.mean() < 0.5)
    below = Image.new("RGBA", image.size, (round(255 * paper),) * 3 + (255,))
    return Image.alpha_composite(below, image).convert("RGB")
