"""Writes images to try own folders with: python examples/own_parts/my_photos.py photos."""

import sys
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits


def write(folder: Path) -> None:
    """Write each class of the digits as a folder of images of 8 x 8 pixels."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / f"digit_{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype("uint8")).save(place / f"{number}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
