"""The other side of pillow_test.cpp: resizes images by Pillow, or by a twin of the point kernel, and says what came out.

Usage: pillow_resize.py NOISE CASES. NOISE is a file of bytes that images are cut from; CASES has a line an image,
OFFSET HEIGHT WIDTH OUT_HEIGHT OUT_WIDTH EXTREME KERNEL, from which a line of output is made: the SHA-256 of its pixels. The
first line of output is Pillow's version."""

import hashlib
import sys

import numpy
import PIL
from PIL import Image

PILLOW = {"triangle": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC, "lanczos3": Image.Resampling.LANCZOS}
STEPS = 2048  # of a weight


def neighbours(size, out):
    """For each output: the two inputs about its centre, and the second one's weight in steps."""
    centre = (numpy.arange(out) + 0.5) * (size / out) - 0.5
    low = numpy.floor(centre).astype(int)
    weight = numpy.floor((centre - low) * STEPS + 0.5).astype(int)
    return numpy.clip(low, 0, size - 1), numpy.clip(low + 1, 0, size - 1), weight


def point(pixels, height, width):
    """Four neighbours whatever the scale; the product of both directions' weights, rounded once at the end."""
    if pixels.shape[:2] == (height, width):
        return pixels
    top, bottom, down = neighbours(pixels.shape[0], height)
    left, right, across = neighbours(pixels.shape[1], width)
    values, down, across = pixels.astype(int), down[:, None, None], across[None, :, None]
    upper = values[top][:, left] * (STEPS - across) + values[top][:, right] * across
    lower = values[bottom][:, left] * (STEPS - across) + values[bottom][:, right] * across
    return ((upper * (STEPS - down) + lower * down + STEPS * STEPS // 2) // (STEPS * STEPS)).astype(numpy.uint8)


def main():
    print(PIL.__version__)
    noise = numpy.fromfile(sys.argv[1], dtype=numpy.uint8)
    for line in open(sys.argv[2]):
        *numbers, kernel = line.split()
        offset, height, width, out_height, out_width, extreme = map(int, numbers)
        pixels = noise[offset : offset + height * width * 3].reshape(height, width, 3)
        if extreme:
            pixels = (pixels >> 7) * numpy.uint8(255)
        if kernel == "bilinear-point":
            resized = point(pixels, out_height, out_width)
        else:
            resized = numpy.asarray(Image.fromarray(pixels).resize((out_width, out_height), PILLOW[kernel]))
        print(hashlib.sha256(numpy.ascontiguousarray(resized)).hexdigest())


if __name__ == "__main__":
    main()
