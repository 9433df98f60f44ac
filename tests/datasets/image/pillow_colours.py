"""The other side of colour_test.cpp: changes colours by Pillow and says what came out.

Usage: pillow_colours.py NOISE CASES. NOISE is a file of bytes that images are cut from; CASES has a line an image,
OFFSET HEIGHT WIDTH SHIFT CHANGE AMOUNT, from which a line of output is made: the SHA-256 of its pixels. Levels are those of
NOISE by 2^SHIFT, from 100 on where SHIFT is not 0."""

import hashlib
import sys

import numpy
from PIL import Image, ImageEnhance, ImageOps


def turned(image, amount):
    """torchvision's adjust_hue of an image of Pillow's."""
    hue, saturation, value = image.convert("HSV").split()
    levels = numpy.asarray(hue).astype(numpy.int64) + int(amount * 255)
    return Image.merge("HSV", (Image.fromarray((levels % 256).astype(numpy.uint8)), saturation, value)).convert("RGB")


CHANGES = [
    lambda image, amount: ImageEnhance.Brightness(image).enhance(amount),
    lambda image, amount: ImageEnhance.Contrast(image).enhance(amount),
    lambda image, amount: ImageEnhance.Color(image).enhance(amount),
    lambda image, amount: ImageEnhance.Sharpness(image).enhance(amount),
    turned,
    lambda image, amount: ImageOps.posterize(image, int(amount)),
    lambda image, amount: ImageOps.solarize(image, amount),
    lambda image, amount: ImageOps.autocontrast(image),
    lambda image, amount: ImageOps.equalize(image),
]


def main():
    noise = numpy.fromfile(sys.argv[1], dtype=numpy.uint8)
    for line in open(sys.argv[2]):
        *numbers, amount = line.split()
        offset, height, width, shift, change = map(int, numbers)
        pixels = noise[offset : offset + height * width * 3].reshape(height, width, 3)
        if shift:
            pixels = (pixels >> shift) + numpy.uint8(100)
        changed = numpy.asarray(CHANGES[change](Image.fromarray(pixels), float.fromhex(amount)))
        print(hashlib.sha256(numpy.ascontiguousarray(changed)).hexdigest())


if __name__ == "__main__":
    main()
